package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/frameiofs/frameiofs/sim/world"
)

// client talks to a running simulator the way any program would.
type client struct {
	t testing.TB
	*Server
	http *http.Client
}

func start(t testing.TB, cfg Config) *client {
	t.Helper()
	srv, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	c := &client{t: t, Server: srv, http: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(func() {
		c.http.CloseIdleConnections()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// call sends JSON and returns the status and the answer. Status 0: no answer.
func (c *client) call(method, path, body string, headers ...string) (int, string) {
	c.t.Helper()
	req, err := http.NewRequest(method, c.URL()+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token("full"))
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(raw)
}

// ok is call for what has to succeed; into takes the answer.
func (c *client) ok(method, path, body string, into any) {
	c.t.Helper()
	status, answer := c.call(method, path, body)
	if status != 200 {
		c.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(answer), into); err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
	}
}

// asset is what these tests read of a V2 asset.
type asset struct {
	ID                string
	Name              string
	Filesize          int64
	Filetype          string
	Status            string
	ParentID          string   `json:"parent_id"`
	UploadURLs        []string `json:"upload_urls"`
	Original          string
	UploadCompletedAt *string `json:"upload_completed_at"`
	UploadFailedAt    *string `json:"upload_failed_at"`
}

func (c *client) create(parent world.ID, name string, size int64) asset {
	c.t.Helper()
	var a asset
	c.ok("POST", "/v2/assets/"+string(parent)+"/children", fmt.Sprintf(`{"type":"file","name":%q,"filesize":%d}`, name, size), &a)
	return a
}

func (c *client) get(id string) asset {
	c.t.Helper()
	var a asset
	c.ok("GET", "/v2/assets/"+id, "", &a)
	return a
}

// put sends a part; status 0 if no answer came.
func (c *client) put(url, contentType string, body io.Reader, size int64) int {
	c.t.Helper()
	req, err := http.NewRequest("PUT", url, body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("x-amz-acl", "private")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// upload puts all parts of content, cut as a V2 client does.
func (c *client) upload(a asset, content []byte) {
	c.t.Helper()
	each := (len(content) + len(a.UploadURLs) - 1) / len(a.UploadURLs)
	for i, u := range a.UploadURLs {
		part := content[min(i*each, len(content)):min((i+1)*each, len(content))]
		if status := c.put(u, a.Filetype, bytes.NewReader(part), int64(len(part))); status != 200 {
			c.t.Fatalf("part %d: status %d", i+1, status)
		}
	}
}

func (c *client) download(url, byteRange string) (int, []byte) {
	c.t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if byteRange != "" {
		req.Header.Set("Range", byteRange)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, raw
	}
	return resp.StatusCode, raw
}

func (c *client) find(path string) world.ID {
	c.t.Helper()
	id, err := c.Find(path)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}
