package v2

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

// folder serves a listing of ids, paged as V2 does.
type folder struct {
	ids     []string
	size    int                         // what page_size is clamped to
	headers bool                        // pages are told
	after   func(f *folder, page int)   // called with the lock held when a page has been cut
	fail    func(page int) (status int) // 0: no failure
	mu      sync.Mutex
	pages   []int
}

func (f *folder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, _ := strconv.Atoi(r.URL.Query().Get("page"))
	f.pages = append(f.pages, n)
	w.Header().Set("Content-Type", "application/json")
	if f.fail != nil {
		if s := f.fail(n); s != 0 {
			w.WriteHeader(s)
			io.WriteString(w, `{}`)
			return
		}
	}
	from := min((n-1)*f.size, len(f.ids))
	var out []map[string]any
	for _, id := range f.ids[from:min(from+f.size, len(f.ids))] {
		typ := "file"
		if strings.HasPrefix(id, "bundle") {
			typ = "bundle"
		}
		out = append(out, map[string]any{"id": id, "type": typ, "name": id, "filesize": 1})
	}
	if f.headers {
		w.Header().Set("page-number", fmt.Sprint(n))
		w.Header().Set("per-page", fmt.Sprint(f.size))
		w.Header().Set("total", fmt.Sprint(len(f.ids)))
		w.Header().Set("total-pages", fmt.Sprint((len(f.ids)+f.size-1)/f.size))
	}
	if out == nil {
		io.WriteString(w, "[]")
	} else {
		json.NewEncoder(w).Encode(out)
	}
	if f.after != nil {
		f.after(f, n)
	}
}

func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("id%04d", i)
	}
	return ids
}

func TestChildrenListsEachThingOnce(t *testing.T) {
	ref := remote.Ref{Kind: remote.Folder, ID: "f1", Account: "acc"}
	for _, c := range []struct {
		name  string
		f     *folder
		want  []string
		pages int // at least
	}{
		{"empty", &folder{size: 100, headers: true}, nil, 1},
		{"one page", &folder{ids: numbered(7), size: 100, headers: true}, numbered(7), 1},
		{"many pages, in order", &folder{ids: numbered(1050), size: 100, headers: true}, numbered(1050), 11},
		{"clamped pages", &folder{ids: numbered(120), size: 50, headers: true}, numbered(120), 3},
		{"no headers", &folder{ids: numbered(250), size: 100}, numbered(250), 3},
		{"no headers, full last page", &folder{ids: numbered(200), size: 100}, numbered(200), 3},
		{"unknown types are left out", &folder{ids: []string{"a", "bundle1", "b"}, size: 100, headers: true}, []string{"a", "b"}, 1},
		{"something goes while listing", &folder{ids: numbered(300), size: 100, headers: true, after: func(f *folder, page int) {
			if page == 1 && len(f.ids) == 300 {
				f.ids = f.ids[1:] // what was first on page 2 is now last on page 1 and would be missed
			}
		}}, append(append(numbered(300)[:100], numbered(300)[101:]...), "id0100"), 6},
		{"something comes in front while listing", &folder{ids: numbered(300), size: 100, headers: true, after: func(f *folder, page int) {
			if page == 1 && len(f.ids) == 300 {
				f.ids = append([]string{"new"}, f.ids...)
			}
		}}, append(numbered(300), "new"), 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, it := range collect(t, client(t, c.f).Children(t.Context(), ref)) {
				got = append(got, it.Name)
			}
			if strings.HasPrefix(c.name, "something") {
				slices.Sort(got) // what comes late is told late
				slices.Sort(c.want)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %d, want %d; first %.200q", len(got), len(c.want), got)
			}
			if len(c.f.pages) < c.pages {
				t.Errorf("pages %v were fetched, want at least %d", c.f.pages, c.pages)
			}
		})
	}
}

func TestChildrenEndsEarlyAndTellsErrors(t *testing.T) {
	ref := remote.Ref{Kind: remote.Folder, ID: "f1"}
	f := &folder{ids: numbered(2000), size: 100, headers: true}
	n := 0
	for _, err := range client(t, f).Children(t.Context(), ref) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 150 {
			break
		}
	}
	f.mu.Lock()
	if len(f.pages) > 2+ahead {
		t.Errorf("whoever stops on page 2 had %d pages fetched", len(f.pages))
	}
	f.mu.Unlock()

	f = &folder{ids: numbered(500), size: 100, headers: true, fail: func(page int) int {
		if page == 3 {
			return http.StatusForbidden
		}
		return 0
	}}
	n = 0
	var last error
	for _, err := range client(t, f).Children(t.Context(), ref) {
		if last != nil {
			t.Error("the iterator went on after an error")
		}
		if last = err; err == nil {
			n++
		}
	}
	if n != 200 || !errors.Is(last, iofs.ErrPermission) {
		t.Errorf("got %d items and %v, want those of two pages and a permission error", n, last)
	}
}
