package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// A bare client does what the mount does for a program, and nothing else: what the line allows on this machine, just now.

// bareConnections is how many it has to a host.
const bareConnections = 16

type bareClient struct {
	t         testing.TB
	token     string
	transport *http.Transport
}

func (r *rig) bareClient() *bareClient {
	c := &bareClient{t: r.t, token: r.token, transport: &http.Transport{MaxIdleConnsPerHost: bareConnections, ReadBufferSize: 64 << 10}}
	r.t.Cleanup(c.close)
	return c
}

func (c *bareClient) close() { c.transport.CloseIdleConnections() }

// get sends one request and gives the answer's body to take.
func (c *bareClient) get(ctx context.Context, url, byteRange string, take func(http.Header, io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if byteRange != "" {
		req.Header.Set("Range", byteRange)
	} else {
		req.Header.Set("Authorization", "Bearer "+c.token)
		req.Header.Set("x-frameio-legacy-token-auth", "true") // V4 wants it with developer tokens (spec: frameio-v4.md §1.5)
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", req.URL.Path, resp.Status)
	}
	if err := take(resp.Header, resp.Body); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// ranges reads [off, off+n) in pieces of a size, several at once, and writes them to a file, or nowhere if it is nil.
func (c *bareClient) ranges(url string, off, n, piece int64, into *os.File) time.Duration {
	c.t.Helper()
	var got atomic.Int64
	began := time.Now()
	g, ctx := errgroup.WithContext(context.Background())
	g.SetLimit(bareConnections)
	for at := off; at < off+n; at += piece {
		g.Go(func() error {
			end := min(at+piece, off+n)
			return c.get(ctx, url, fmt.Sprintf("bytes=%d-%d", at, end-1), func(_ http.Header, body io.Reader) error {
				var w io.Writer = discard{}
				if into != nil {
					w = onlyWriter{io.NewOffsetWriter(into, at)}
				}
				m, err := io.CopyBuffer(w, struct{ io.Reader }{body}, make([]byte, 256<<10))
				got.Add(m)
				return err
			})
		})
	}
	if err := g.Wait(); err != nil || got.Load() != n {
		c.t.Fatalf("bare client: %d of %d bytes: %v", got.Load(), n, err)
	}
	return time.Since(began)
}

// children is the address of a folder's listing, in the largest pages there are.
func (r *rig) children(api, account, folder string) string {
	if api == "v2" {
		return r.url + "/v2/assets/" + folder + "/children?page_size=100"
	}
	return r.url + "/v4/accounts/" + account + "/folders/" + folder + "/children?page_size=500"
}

// account is the id of the first account, which has everything.
func (r *rig) account() string {
	r.t.Helper()
	var state struct{ Accounts []struct{ ID string } }
	r.call(http.MethodGet, "/_sim/state", nil, &state)
	return state.Accounts[0].ID
}

// find is the id of what lies at a path that begins with a project.
func (r *rig) find(path string) string {
	r.t.Helper()
	var found struct{ ID string }
	r.call(http.MethodGet, "/_sim/find?path="+url.QueryEscape(path), nil, &found)
	return found.ID
}

// pages lists one folder as fast as the API lets: V2's pages side by side once the first tells how many there are, V4's one after
// another, because each tells the next.
func (c *bareClient) pages(r *rig, api, path string) time.Duration {
	c.t.Helper()
	next := r.children(api, r.account(), r.find(path))
	began := time.Now()
	g, ctx := errgroup.WithContext(context.Background())
	g.SetLimit(bareConnections)
	for first := next; next != ""; {
		var link struct{ Links struct{ Next *string } }
		var total string
		err := c.get(ctx, next, "", func(h http.Header, body io.Reader) error {
			total = h.Get("total-pages")
			if api == "v2" {
				return nil
			}
			return json.NewDecoder(body).Decode(&link)
		})
		if err != nil {
			c.t.Fatal(err)
		}
		next = ""
		if link.Links.Next != nil {
			next = r.url + *link.Links.Next + "&page_size=500"
		}
		for page := 2; page <= number(total); page++ {
			g.Go(func() error { return c.get(ctx, fmt.Sprint(first, "&page=", page), "", skip) })
		}
	}
	if err := g.Wait(); err != nil {
		c.t.Fatal(err)
	}
	return time.Since(began)
}

// tree lists a folder and then those in it, several at once.
func (c *bareClient) tree(r *rig, api, path string, folders []string) time.Duration {
	c.t.Helper()
	account, top := r.account(), r.find(path)
	began := time.Now()
	if err := c.get(context.Background(), r.children(api, account, top), "", skip); err != nil {
		c.t.Fatal(err)
	}
	g, ctx := errgroup.WithContext(context.Background())
	g.SetLimit(bareConnections)
	for _, id := range folders {
		g.Go(func() error { return c.get(ctx, r.children(api, account, id), "", skip) })
	}
	if err := g.Wait(); err != nil {
		c.t.Fatal(err)
	}
	return time.Since(began)
}

func skip(http.Header, io.Reader) error { return nil }

func number(s string) int {
	n, _ := strconv.Atoi(s) // "" counts as 0
	return n
}
