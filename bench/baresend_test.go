package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// piece is a slice of a file and where it is to be sent.
type piece struct {
	url       string
	off, size int64
}

// create makes a placeholder of a file in a folder, and answers where its bytes go (spec: frameio-v2.md §5, frameio-v4.md §5.1).
func (c *bareClient) create(ctx context.Context, r *rig, api, account, folder, name string, size int64) (kind string, pieces []piece, err error) {
	url, body := r.url+"/v2/assets/"+folder+"/children", map[string]any{"type": "file", "name": name, "filesize": size, "filetype": "application/octet-stream"}
	if api == "v4" {
		url = r.url + "/v4/accounts/" + account + "/folders/" + folder + "/files/local_upload"
		body = map[string]any{"data": map[string]any{"name": name, "file_size": size}}
	}
	var answer struct {
		Type string   `json:"filetype"`
		URLs []string `json:"upload_urls"`
	}
	var answer4 struct {
		Data struct {
			Type string `json:"media_type"`
			URLs []struct {
				URL  string `json:"url"`
				Size int64  `json:"size"`
			} `json:"upload_urls"`
		}
	}
	if api == "v4" {
		if err := c.post(ctx, url, body, &answer4); err != nil {
			return "", nil, err
		}
		var off int64
		for _, u := range answer4.Data.URLs {
			pieces = append(pieces, piece{u.URL, off, u.Size})
			off += u.Size
		}
		return answer4.Data.Type, pieces, nil
	}
	if err := c.post(ctx, url, body, &answer); err != nil {
		return "", nil, err
	}
	each := (size + int64(len(answer.URLs)) - 1) / int64(len(answer.URLs))
	for i, u := range answer.URLs {
		off := each * int64(i)
		pieces = append(pieces, piece{u, off, min(each, size-off)})
	}
	return answer.Type, pieces, nil
}

func (c *bareClient) post(ctx context.Context, url string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("x-frameio-legacy-token-auth", "true")
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %.300s", req.URL.Path, resp.Status, text)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// put sends one slice of a file.
func (c *bareClient) put(ctx context.Context, p piece, kind string, from io.ReaderAt) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, p.url, io.NewSectionReader(from, p.off, p.size))
	if err != nil {
		return err
	}
	req.ContentLength = p.size
	req.Header.Set("Content-Type", kind)
	req.Header.Set("x-amz-acl", "private")
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("put %s: %s: %.300s", req.URL.Path, resp.Status, text)
	}
	return err
}

// send uploads one large file over several connections.
func (c *bareClient) send(r *rig, api, folder, name, path string) time.Duration {
	c.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		c.t.Fatal(err)
	}
	account, in := r.account(), r.find(folder)
	began := time.Now()
	kind, pieces, err := c.create(context.Background(), r, api, account, in, name, st.Size())
	if err != nil {
		c.t.Fatal(err)
	}
	g, ctx := errgroup.WithContext(context.Background())
	g.SetLimit(bareConnections)
	for _, p := range pieces {
		g.Go(func() error { return c.put(ctx, p, kind, f) })
	}
	if err := g.Wait(); err != nil {
		c.t.Fatal(err)
	}
	return time.Since(began)
}

// sendAll uploads the files of a folder of this disk, each with a create call before its PUT, by several workers.
func (c *bareClient) sendAll(r *rig, api, folder, dir string, workers int) time.Duration {
	c.t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		c.t.Fatal(err)
	}
	c.transport.MaxIdleConnsPerHost = workers
	account, in := r.account(), r.find(folder)
	began := time.Now()
	g, ctx := errgroup.WithContext(context.Background())
	g.SetLimit(workers)
	for _, e := range list {
		g.Go(func() error {
			content, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			kind, pieces, err := c.create(ctx, r, api, account, in, "bare "+e.Name(), int64(len(content)))
			if err != nil {
				return err
			}
			for _, p := range pieces {
				if err := c.put(ctx, p, kind, bytes.NewReader(content)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		c.t.Fatal(err)
	}
	return time.Since(began)
}
