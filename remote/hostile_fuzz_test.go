package remote_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/frameiofs/frameiofs/remote"
	v2 "github.com/frameiofs/frameiofs/remote/v2"
	v4 "github.com/frameiofs/frameiofs/remote/v4"
)

// plainError checks an error's text: short, on one line, without what a terminal acts upon, and without the token.
func plainError(t *testing.T, err error) {
	t.Helper()
	if text := err.Error(); len(text) > 2500 || strings.Contains(text, secretToken) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("the error of %d bytes is %.300q", len(text), text)
	}
}

// FuzzAnswers has both wires read an answer as everything that they ask for: as lists, as one thing, and as a created file.
func FuzzAnswers(f *testing.F) {
	var body, pages, link atomic.Value
	var status atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Ratelimit-Limit", "1000000") // or it would wait for most calls' turns
		w.Header().Set("X-Ratelimit-Window", "1000")
		w.Header().Set("X-Ratelimit-Remaining", "999000")
		w.Header().Set("Total-Pages", pages.Load().(string))
		w.Header().Set("Total", link.Load().(string))
		w.WriteHeader(int(status.Load()))
		w.Write(body.Load().([]byte))
	}))
	f.Cleanup(s.Close)
	cfg := remote.Config{BaseURL: s.URL, Token: remote.StaticToken(secretToken), Patience: time.Nanosecond}
	c2, err2 := v2.New(cfg)
	c4, err4 := v4.New(cfg)
	if err := errors.Join(err2, err4); err != nil {
		f.Fatal(err)
	}
	clients := []client{c2, c4}
	add := func(doc any) {
		b, err := json.Marshal(doc)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "1", "1", 0)
	}
	upload := good(map[string]any{"status": "created", "upload_completed_at": nil, "filesize": 5, "file_size": 5,
		"upload_urls": []any{s.URL + "/1?X-Amz-Date=20240830T214918Z&X-Amz-Expires=86400"}})
	upload4 := good(map[string]any{"status": "created", "upload_urls": []any{map[string]any{"size": 3, "url": s.URL + "/1"}, map[string]any{"size": 2, "url": s.URL + "/2"}}})
	stack := map[string]any{"id": "s1", "type": "version_stack", "name": "s", "cover_asset_id": "a1", "cover_asset": good(nil), "head_version": good(nil)}
	for _, one := range []map[string]any{good(nil), upload, upload4, stack, {"id": "f2", "type": "folder", "name": "f"},
		good(map[string]any{"filesize": -1, "file_size": 1e300, "inserted_at": "0000-00-00", "properties": map[string]any{"frameiofs_mtime": 1}})} {
		add(one)
		add([]any{one, one})
		add(map[string]any{"data": one})
		add(map[string]any{"data": []any{one, one}, "links": map[string]any{"next": "/v4/x?after=abc"}, "total_count": 9})
	}
	f.Add([]byte(`{"errors":[{"title":"t","detail":"storage","source":{"pointer":"/data"}}],"code":403,"message":"m"}`), "x", "-1", 1)
	f.Add([]byte(`{"data":[[[[`), "99999999999", "0", 2)
	f.Fuzz(func(t *testing.T, answer []byte, total, count string, kind int) {
		if strings.ContainsAny(total+count, "\r\n\x00") || len(answer) > 1<<16 {
			return
		}
		body.Store(answer)
		pages.Store(total)
		link.Store(count)
		statuses := []int64{200, 403, 422, 404, 409}
		status.Store(statuses[uint(kind)%uint(len(statuses))])
		for _, c := range clients {
			for _, kind := range []remote.Kind{remote.Root, remote.Workspace, remote.Folder} {
				n := 0
				for it, err := range c.Children(t.Context(), remote.Ref{Kind: kind, ID: "f1", Account: "acc"}) {
					if err != nil {
						plainError(t, err)
						break
					}
					if again, err := it.Sane(); err != nil || again != it {
						t.Errorf("listed %+v, %v", it, err)
					}
					if n++; n > 100_000 {
						t.Fatal("the list does not end")
					}
				}
			}
			if it, err := c.Stat(t.Context(), hostileFile); err != nil {
				plainError(t, err)
			} else if again, err := it.Sane(); err != nil || again != it || it.ID != hostileFile.ID {
				t.Errorf("stat: %+v, %v", it, err)
			}
			up, err := c.CreateFile(t.Context(), remote.NewFile{Parent: hostileFolder, Name: "take.mov", Size: 5})
			if err != nil {
				plainError(t, err)
				continue
			}
			var off int64
			for i, p := range up.Parts {
				if p.Off != off || p.Size < 0 || p.Number != i+1 {
					t.Errorf("part %d of %+v", i, up.Parts)
				}
				off += p.Size
			}
			if off != 5 || !up.File.ID.Plain() {
				t.Errorf("%d bytes to be sent to %q", off, up.File.ID)
			}
		}
	})
}
