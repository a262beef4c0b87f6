package sim

import (
	"io"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/frameiofs/frameiofs/sim/world"
)

// The simulator must not be what a client's speed is measured by: these show how fast loopback through it is.

const benchSize = 1 << 30

func BenchmarkUpload(b *testing.B) {
	c := benchClient(b)
	b.SetBytes(benchSize)
	for b.Loop() {
		c.benchUpload(b)
	}
}

func BenchmarkDownload(b *testing.B) {
	c := benchClient(b)
	id := c.benchUpload(b)
	url := c.get(id).Original
	b.SetBytes(benchSize)
	for b.Loop() {
		resp, err := c.http.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); n != benchSize || err != nil {
			b.Fatalf("%d bytes, %v", n, err)
		}
		resp.Body.Close()
	}
}

// BenchmarkList lists a folder of 10,000 in pages of 100.
func BenchmarkList(b *testing.B) {
	c := start(b, Config{Seed: "many:10000", NoLimits: true})
	path := "/v2/assets/" + string(c.find("Big/Many")) + "/children?page_size=100&page="
	for b.Loop() {
		for page := range 100 {
			var l []asset
			if c.ok("GET", path+strconv.Itoa(page+1), "", &l); len(l) != 100 {
				b.Fatalf("%d entries", len(l))
			}
		}
	}
}

func benchClient(b *testing.B) *client {
	return start(b, Config{Seed: "empty", NoLimits: true, Behaviour: world.Behaviour{PartSize: benchSize / 16, NoChecksum: true}})
}

func (c *client) benchUpload(b *testing.B) string {
	a := c.create(c.find("Untitled"), "big.mov", benchSize)
	done := make(chan int)
	for _, u := range a.UploadURLs {
		go func() { done <- c.put(u, a.Filetype, io.LimitReader(zeroes{}, benchSize/16), benchSize/16) }()
	}
	for range a.UploadURLs {
		if status := <-done; status != 200 {
			b.Fatalf("part: %d", status)
		}
	}
	return a.ID
}

// BenchmarkPage makes one page of a large folder without a network: the simulator's share of a client's listing.
func BenchmarkPage(b *testing.B) {
	c := start(b, Config{Seed: "many:10000", NoLimits: true})
	folder := string(c.find("Big/Many"))
	account := string(c.World().Accounts(world.Root())[0].ID)
	for name, path := range map[string]string{
		"v2":            "/v2/assets/" + folder + "/children?page_size=100&page=50",
		"v4":            "/v4/accounts/" + account + "/folders/" + folder + "/children?page_size=500&after=eyJvZmZzZXQiOjUwMDB9",
		"v4 with links": "/v4/accounts/" + account + "/folders/" + folder + "/children?page_size=500&include=media_links.original",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				req := httptest.NewRequest("GET", path, nil)
				req.Header.Set("Authorization", "Bearer "+c.Token("full"))
				if strings.HasPrefix(path, "/v4") {
					req.Header.Set("x-frameio-legacy-token-auth", "true")
				}
				rw := httptest.NewRecorder()
				c.servers[apiHost].Handler.ServeHTTP(rw, req)
				if rw.Code != 200 {
					b.Fatal(rw.Code, rw.Body)
				}
			}
		})
	}
}
