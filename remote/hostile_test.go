package remote_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/frameiofs/frameiofs/remote"
	v2 "github.com/frameiofs/frameiofs/remote/v2"
	v4 "github.com/frameiofs/frameiofs/remote/v4"
)

// A Frame.io that means harm, or something in its place. It can refuse to serve us; it must not get at anything else.

const secretToken = "fio-u-0123456789-the-token-itself"

// hostile is a server and a client of one wire.
type hostile struct {
	client
	t    *testing.T
	wire string
	url  string

	mu    sync.Mutex
	asked []*http.Request
}

// onHostile runs a test on both wires, against what answer writes.
func onHostile(t *testing.T, answer func(h *hostile, w http.ResponseWriter, r *http.Request), test func(t *testing.T, h *hostile)) {
	for _, wire := range []string{"v2", "v4"} {
		t.Run(wire, func(t *testing.T) {
			h := &hostile{t: t, wire: wire}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.mu.Lock()
				h.asked = append(h.asked, r)
				h.mu.Unlock()
				w.Header().Set("Content-Type", "application/json")
				answer(h, w, r)
			}))
			t.Cleanup(s.Close)
			h.url = s.URL
			cfg := remote.Config{BaseURL: s.URL, Token: remote.StaticToken(secretToken), Patience: 100 * time.Millisecond}
			var err error
			if h.client, err = v2.New(cfg); wire == "v4" {
				h.client, err = v4.New(cfg)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(h.Close)
			test(t, h)
		})
	}
}

// folder and one are what the tests ask about.
var (
	hostileFolder = remote.Ref{Kind: remote.Folder, ID: "f1", Account: "acc"}
	hostileFile   = remote.Ref{Kind: remote.File, ID: "a1", Account: "acc"}
)

// good is a file as both wires tell it, with the given fields instead of its own.
func good(change map[string]any) map[string]any {
	m := map[string]any{
		"id": "a1", "type": "file", "_type": "file", "name": "take.mov", "filesize": 5, "file_size": 5, "filetype": "video/quicktime",
		"media_type": "video/quicktime", "status": "uploaded", "parent_id": "f1", "project_id": "p1", "account_id": "acc",
		"inserted_at": "2024-08-30T21:49:18Z", "created_at": "2024-08-30T21:49:18Z", "updated_at": "2024-08-30T21:49:18Z",
		"upload_completed_at": "2024-08-30T21:49:18Z",
	}
	for k, v := range change {
		m[k] = v
	}
	return m
}

// page is a list's page.
func (h *hostile) page(items []map[string]any, next string) string {
	var doc any = items
	if h.wire == "v4" {
		links := map[string]any{"next": nil}
		if next != "" {
			links["next"] = next
		}
		doc = map[string]any{"data": items, "links": links}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

// one is an answer about one thing.
func (h *hostile) one(item map[string]any) string {
	var doc any = item
	if h.wire == "v4" {
		doc = map[string]any{"data": item}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

// lists collects a listing.
func (h *hostile) lists(ctx context.Context) (items []remote.Item, err error) {
	for it, err := range h.Children(ctx, hostileFolder) {
		if err != nil {
			return items, err
		}
		items = append(items, it)
	}
	return items, nil
}

var hostileIDs = []string{
	"../../x", "..", ".", "/", "a/b", "a\\b", "a\x00b", "a\nb", "\x1b[31mred", "id with blanks", "%2e%2e%2f", "a?b=c", "a#b", "é",
	"here-pending", strings.Repeat("a", 129), strings.Repeat("../", 400_000), "\u202eevil",
}

func TestHostileIDsAreLeftOut(t *testing.T) {
	onHostile(t, func(h *hostile, w http.ResponseWriter, r *http.Request) {
		items := []map[string]any{good(nil)}
		for _, id := range hostileIDs {
			items = append(items, good(map[string]any{"id": id}))
			items = append(items, good(map[string]any{"id": "a2", "project_id": id}), good(map[string]any{"id": "a3", "parent_id": id}))
			items = append(items, map[string]any{"id": "s1", "type": "version_stack", "name": "stack", "cover_asset_id": id,
				"cover_asset": good(map[string]any{"id": id}), "head_version": good(map[string]any{"id": id})})
		}
		items = append(items, good(map[string]any{"id": "a9"}))
		io.WriteString(w, h.page(items, ""))
	}, func(t *testing.T, h *hostile) {
		items, err := h.lists(t.Context())
		if err != nil || len(items) != 2 || items[0].ID != "a1" || items[1].ID != "a9" {
			t.Errorf("got %d items, %v; want the two good ones", len(items), err)
		}
	})
}

func TestHostileAnswersAboutOneThing(t *testing.T) {
	var say map[string]any
	onHostile(t, func(h *hostile, w http.ResponseWriter, r *http.Request) { io.WriteString(w, h.one(say)) },
		func(t *testing.T, h *hostile) {
			for what, change := range map[string]map[string]any{
				"another's id":     {"id": "a2"},
				"no id":            {"id": ""},
				"a path":           {"id": "../a1"},
				"too many bytes":   {"filesize": 1 << 60, "file_size": 1 << 60},
				"a hostile parent": {"parent_id": "../../etc"},
			} {
				say = good(change)
				if it, err := h.Stat(t.Context(), hostileFile); !errors.Is(err, remote.ErrNotFrameio) {
					t.Errorf("%s: got %+v, %v", what, it, err)
				}
			}
			for what, change := range map[string]map[string]any{
				"a negative size": {"filesize": -5, "file_size": -5},
				"2^63":            {"filesize": json.RawMessage("9223372036854775808"), "file_size": json.RawMessage("9223372036854775808")},
				"10^300":          {"filesize": 1e300, "file_size": 1e300},
				"words":           {"filesize": "many", "file_size": []int{1}},
				"year 0":          {"inserted_at": "0000-01-01T00:00:00Z", "created_at": "0000-01-01T00:00:00Z", "updated_at": "9999-12-31T23:59:59Z"},
				"no times":        {"inserted_at": "soon", "created_at": map[string]any{"a": 1}, "updated_at": -1},
				"escapes": {"filetype": "video/\x1b[31m", "media_type": "video/\x1b[31m", "label": "\u202eok", "view_url": "javascript:alert(1)",
					"checksums": map[string]any{"xx_hash": "\x1b]0;"}},
			} {
				say = good(change)
				it, err := h.Stat(t.Context(), hostileFile)
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				if it.Size < 0 || it.Size > remote.MaxSize || it.Created.UnixNano() > 0 && it.Created.Year() > 2200 || it.Created.Year() < 1 {
					t.Errorf("%s: got %+v", what, it)
				}
				if words := it.MediaType + it.Label + it.URL + it.Checksum; strings.ContainsFunc(words, func(r rune) bool { return !unicode.IsPrint(r) }) ||
					strings.Contains(words, "javascript") {
					t.Errorf("%s: it shows %q", what, words)
				}
			}
		})
}

// Whatever is asked about, nothing but a segment of the path becomes of it.
func TestHostileRefsStayInTheirPath(t *testing.T) {
	onHostile(t, func(h *hostile, w http.ResponseWriter, r *http.Request) { io.WriteString(w, h.one(good(nil))) },
		func(t *testing.T, h *hostile) {
			for _, id := range hostileIDs[:len(hostileIDs)-2] {
				ref := hostileFile
				ref.ID = remote.ID(id)
				if _, err := h.Stat(t.Context(), ref); err == nil {
					t.Errorf("%q has an answer", id)
				}
				_ = h.Delete(t.Context(), ref)
			}
			depth := map[string]int{"v2": 3, "v4": 5}[h.wire] // /v2/assets/ID, /v4/accounts/acc/files/ID
			for _, r := range h.asked {
				if got := strings.Count(r.URL.EscapedPath(), "/"); got != depth || strings.Contains(r.URL.EscapedPath(), "..") && got != depth {
					t.Errorf("asked for %s", r.URL.EscapedPath())
				}
			}
		})
}

func TestHostileBodiesAreBounded(t *testing.T) {
	bomb := new(bytes.Buffer)
	z := gzip.NewWriter(bomb)
	z.Write(bytes.Repeat([]byte{'['}, 1<<20))
	for range 400 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
	var body func(w http.ResponseWriter)
	onHostile(t, func(h *hostile, w http.ResponseWriter, r *http.Request) { body(w) }, func(t *testing.T, h *hostile) {
		for what, b := range map[string]func(w http.ResponseWriter){
			"a gzip bomb": func(w http.ResponseWriter) {
				w.Header().Set("Content-Encoding", "gzip")
				w.Write(bomb.Bytes())
			},
			"nesting": func(w http.ResponseWriter) { io.WriteString(w, strings.Repeat(`{"data":[`, 200_000)) },
			"no end": func(w http.ResponseWriter) {
				for range 1000 {
					if _, err := w.Write(make([]byte, 1<<20)); err != nil {
						return
					}
				}
			},
			"an announcement": func(w http.ResponseWriter) {
				w.Header().Set("Content-Length", "9000000000000000000")
				io.WriteString(w, "[")
			},
			"headers": func(w http.ResponseWriter) {
				w.Header().Set("X-A", strings.Repeat("a", 1<<20))
				io.WriteString(w, "[]")
			},
			"many headers": func(w http.ResponseWriter) {
				for i := range 100_000 {
					w.Header().Set(fmt.Sprint("X-", i), "a")
				}
				io.WriteString(w, "[]")
			},
			"HTML": func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "text/html")
				io.WriteString(w, "<html>log in</html>")
			},
			"nothing":  func(w http.ResponseWriter) {},
			"a number": func(w http.ResponseWriter) { io.WriteString(w, "7") },
			"a string of escapes": func(w http.ResponseWriter) {
				io.WriteString(w, `{"data":"`+strings.Repeat(`\u001b[31m`, 5000)+`"}`)
			},
			"cut": func(w http.ResponseWriter) { io.WriteString(w, `{"data":[{"id":"a1","na`) },
		} {
			body = b
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := h.lists(ctx)
			cancel()
			runtime.ReadMemStats(&after)
			if err == nil || time.Since(begun) > 8*time.Second {
				t.Errorf("%s: %v after %v", what, err, time.Since(begun))
				continue
			}
			if text := err.Error(); len(text) > 2000 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%s: the error has %d bytes: %.200q", what, len(text), text)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 1<<30 {
				t.Errorf("%s: it took %d MiB", what, took>>20)
			}
		}
	})
}

func TestHostileErrorsAreShortAndPlain(t *testing.T) {
	evil := strings.Repeat("\x1b]0;owned\a\u202e\r\nlevel=ERROR msg=forged ", 1000)
	onHostile(t, func(h *hostile, w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		json.NewEncoder(w).Encode(map[string]any{"code": 403, "message": evil, "errors": []any{map[string]any{
			"title": evil, "detail": evil, "code": 403, "status": 403, "source": map[string]any{"pointer": evil}}}})
	}, func(t *testing.T, h *hostile) {
		_, err := h.Stat(t.Context(), hostileFile)
		if err == nil {
			t.Fatal("no error")
		}
		if text := err.Error(); len(text) > 2000 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("the error has %d bytes: %.300q", len(text), text)
		}
	})
}

func TestHostileListsEnd(t *testing.T) {
	for what, answer := range map[string]func(h *hostile, n int, r *http.Request) (next string, items []map[string]any, pages string){
		"a page that leads to itself": func(h *hostile, n int, r *http.Request) (string, []map[string]any, string) {
			return "/v4/x?after=same", []map[string]any{good(nil)}, "1000000000"
		},
		"two that lead to each other": func(h *hostile, n int, r *http.Request) (string, []map[string]any, string) {
			return fmt.Sprint("/v4/x?after=", n%2), []map[string]any{good(nil), good(map[string]any{"id": "a2"})}, "99999999"
		},
		"ever new ones with nothing": func(h *hostile, n int, r *http.Request) (string, []map[string]any, string) {
			return fmt.Sprint("/v4/x?after=", n), nil, "99999999"
		},
		"a cursor of a MiB": func(h *hostile, n int, r *http.Request) (string, []map[string]any, string) {
			return fmt.Sprint("/v4/x?after=", n, strings.Repeat("a", 1<<20)), []map[string]any{good(map[string]any{"id": fmt.Sprint("b", n)})}, "-5"
		},
		"a link elsewhere": func(h *hostile, n int, r *http.Request) (string, []map[string]any, string) {
			return "https://elsewhere.example/v4?after=" + fmt.Sprint(n), []map[string]any{good(nil)}, "NaN"
		},
	} {
		t.Run(what, func(t *testing.T) {
			n := 0
			onHostile(t, func(h *hostile, w http.ResponseWriter, r *http.Request) {
				h.mu.Lock()
				n++
				next, items, pages := answer(h, n, r)
				h.mu.Unlock()
				w.Header().Set("Total-Pages", pages)
				w.Header().Set("Total", pages)
				io.WriteString(w, h.page(items, next))
			}, func(t *testing.T, h *hostile) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := h.lists(ctx)
				h.mu.Lock() // what was asked for ahead may still come
				defer h.mu.Unlock()
				if ctx.Err() != nil || len(h.asked) > 500 {
					t.Errorf("after %d pages: %v", len(h.asked), err)
				}
				for _, r := range h.asked {
					if !strings.HasPrefix(h.url, "http://"+r.Host) {
						t.Errorf("%s was asked", r.Host)
					}
				}
			})
		})
	}
}

// The token is for the API's host. Neither a redirect nor a link takes it, or a byte of ours, anywhere else.
func TestHostileRedirectsAreNotFollowed(t *testing.T) {
	var stolen []string
	var mu sync.Mutex
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		stolen = append(stolen, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization")+" "+string(body))
	}))
	t.Cleanup(thief.Close)
	for _, status := range []int{302, 307} {
		onHostile(t, func(h *hostile, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", thief.URL+r.URL.Path)
			w.WriteHeader(status)
		}, func(t *testing.T, h *hostile) {
			if _, err := h.Stat(t.Context(), hostileFile); !errors.Is(err, remote.ErrNotFrameio) {
				t.Errorf("%d: stat: %v", status, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := h.CreateFolder(ctx, hostileFolder, "new"); err == nil {
				t.Errorf("%d: a folder was made", status)
			}
			part := remote.Part{Number: 1, URL: h.url + "/part?X-Amz-Signature=secret", MediaType: "video/mp4", Size: 5}
			if err := h.PutPart(ctx, part, strings.NewReader("bytes")); err == nil {
				t.Errorf("%d: a part was put", status)
			} else if strings.Contains(err.Error(), "secret") {
				t.Errorf("%d: the error tells the signature: %v", status, err)
			}
		})
	}
	if len(stolen) > 0 {
		t.Errorf("sent to another host: %q", stolen)
	}
}

func TestOnlyTheAPIHostIsSentTheToken(t *testing.T) {
	upload := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, " "), secretToken) {
				t.Errorf("the upload host was sent the token in %s", name)
			}
		}
		if r.URL.User != nil || strings.Contains(r.URL.String(), secretToken) {
			t.Errorf("asked for %s", r.URL)
		}
	}))
	t.Cleanup(upload.Close)
	onHostile(t, func(h *hostile, w http.ResponseWriter, r *http.Request) {}, func(t *testing.T, h *hostile) {
		part := remote.Part{Number: 1, URL: upload.URL + "/part", MediaType: "video/mp4", Size: 5}
		if err := h.PutPart(t.Context(), part, strings.NewReader("bytes")); err != nil {
			t.Error(err)
		}
	})
}

// A server may ask for patience, but no call waits longer than its caller does.
func TestHostileWaitsEndWithTheCaller(t *testing.T) {
	for _, header := range []map[string]string{
		{"Retry-After": "1000000000"}, {"Retry-After": "-7"}, {"Retry-After": "99999999999999999999999"}, {"Retry-After": "Thu, 01 Jan 9999 00:00:00 GMT"},
		{"Retry-After": "Sat, 01 Jan 0000 00:00:00 GMT"},
		{"X-Ratelimit-Limit": "1", "X-Ratelimit-Window": "999999999", "X-Ratelimit-Remaining": "0"},
		{"X-Ratelimit-Limit": "-1", "X-Ratelimit-Window": "0", "X-Ratelimit-Remaining": "9223372036854775807"},
	} {
		onHostile(t, func(h *hostile, w http.ResponseWriter, r *http.Request) {
			for k, v := range header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(http.StatusTooManyRequests)
		}, func(t *testing.T, h *hostile) {
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := h.Stat(ctx, hostileFile); err == nil || time.Since(begun) > 3*time.Second {
				t.Errorf("%v: %v after %v", header, err, time.Since(begun))
			}
		})
	}
}

// Whatever the media host does, what is read is what was asked for, or an error.
func TestHostileMediaHost(t *testing.T) {
	film := []byte("0123456789")
	for what, serve := range map[string]func(w http.ResponseWriter, r *http.Request){
		"more than asked": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 2-5/10")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(film[2:])
		},
		"a range too long": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 2-9/10")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(film[2:])
		},
		"another range": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-3/10")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(film[:4])
		},
		"a range of 2^63": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 2-9223372036854775807/*")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(film[2:])
		},
		"no range": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusPartialContent)
			w.Write(film[:4])
		},
		"a packed one": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 2-5/10")
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(film[2:6])
		},
		"another length": func(w http.ResponseWriter, r *http.Request) { w.Write(film[:7]) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
		},
		"XML of a MiB": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, "<Error><Code>"+strings.Repeat("\x1b[31m", 200_000)+"</Code></Error>")
		},
		"XML without end": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, strings.Repeat("<Error>", 100_000))
		},
	} {
		t.Run(what, func(t *testing.T) {
			media := httptest.NewServer(http.HandlerFunc(serve))
			t.Cleanup(media.Close)
			onHostile(t, func(h *hostile, w http.ResponseWriter, r *http.Request) {
				link := media.URL + "/original?Signature=sealed"
				io.WriteString(w, h.one(good(map[string]any{"filesize": len(film), "file_size": len(film), "original": link,
					"media_links": map[string]any{"original": map[string]any{"download_url": link}}})))
			}, func(t *testing.T, h *hostile) {
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				r, err := h.OpenRange(ctx, hostileFile, 2, 4)
				var got []byte
				if err == nil {
					got, err = io.ReadAll(io.LimitReader(r, 100))
					r.Close()
				}
				if err == nil && string(got) != "2345" || len(got) > 4 || !strings.HasPrefix("2345", string(got)) {
					t.Errorf("got %q, %v", got, err)
				}
				if err == nil {
					return
				}
				if text := err.Error(); len(text) > 2000 || strings.Contains(text, "sealed") ||
					strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("the error: %.300q", text)
				}
			})
		})
	}
}
