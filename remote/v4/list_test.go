package v4

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

// folder serves its listings, all children and those by type, paged by opaque cursors over offsets, as V4 does.
type folder struct {
	ids   []string
	after func(f *folder, page int) // called with the lock held when a page of the children has been cut
	fail  func(page int) int        // status of a page of the children
	typed int                       // status of the lists by type

	uncounted bool // total_count is null

	mu      sync.Mutex
	page    int // of the children
	asked   map[string]int
	queries []string
}

// calls answers how often each list was asked for.
func (f *folder) calls() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.asked)
}

// list answers the ids of one list, in the order that is asked for.
func (f *folder) list(name, sort string) []string {
	kind := map[string]string{"files": "file", "folders": "folder", "version_stacks": "version_stack"}[name]
	if kind == "" {
		return f.ids
	}
	var out []string
	for _, id := range f.ids {
		if strings.HasPrefix(id, kind+"-") {
			out = append(out, id)
		}
	}
	if sort != "" {
		slices.Sort(out)
	}
	if strings.HasSuffix(sort, "_desc") {
		slices.Reverse(out)
	}
	return out
}

func (f *folder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := r.URL.Query()
	f.queries = append(f.queries, r.URL.RawQuery)
	w.Header().Set("Content-Type", "application/json")
	name := path.Base(r.URL.Path)
	if f.asked == nil {
		f.asked = map[string]int{}
	}
	f.asked[name+q.Get("sort")]++
	status := f.typed
	if name == "children" {
		if f.page++; f.fail != nil {
			status = f.fail(f.page)
		} else {
			status = 0
		}
	}
	if status != 0 {
		w.WriteHeader(status)
		io.WriteString(w, `{"errors":[{"detail":"Forbidden"}]}`)
		return
	}
	from := 0
	if b, err := base64.StdEncoding.DecodeString(q.Get("after")); err == nil {
		from, _ = strconv.Atoi(string(b))
	}
	ids := f.list(name, q.Get("sort"))
	size, _ := strconv.Atoi(q.Get("page_size"))
	from = min(from, len(ids))
	to := min(from+size, len(ids))
	data := []map[string]any{}
	for _, id := range ids[from:to] {
		typ, _, _ := strings.Cut(id, "-")
		data = append(data, map[string]any{"id": id, "type": typ, "name": id, "status": "uploaded"})
	}
	answer := map[string]any{"data": data, "links": map[string]any{"next": nil}, "total_count": nil}
	if to < len(ids) {
		answer["links"] = map[string]any{"next": r.URL.Path + "?after=" + base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(to)))}
	}
	if q.Get("include_total_count") == "true" && !f.uncounted {
		answer["total_count"] = len(ids)
	}
	json.NewEncoder(w).Encode(answer)
	if f.after != nil && name == "children" {
		f.after(f, f.page)
	}
}

func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("file-%04d", i)
	}
	return ids
}

func TestChildrenListsEachThingOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     *folder
		want  []string
		pages int
	}{
		{"empty", &folder{}, nil, 1},
		{"one page", &folder{ids: []string{"file-1", "folder-2", "version_stack-3"}}, []string{"file-1", "folder-2", "version_stack-3"}, 1},
		{"many pages", &folder{ids: numbered(1700)}, numbered(1700), 4},
		{"unknown types are left out", &folder{ids: []string{"file-1", "hologram-2", "file-3"}}, []string{"file-1", "file-3"}, 1},
		{"something goes while listing", &folder{ids: numbered(1200), after: func(f *folder, page int) {
			if page == 1 {
				f.ids = f.ids[1:]
			}
		}}, numbered(1200), 6},
		{"something comes in front while listing", &folder{ids: numbered(1200), after: func(f *folder, page int) {
			if page == 1 {
				f.ids = append([]string{"file-new"}, f.ids...)
			}
		}}, append(numbered(1200), "file-new"), 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			ctx := remote.WithPriority(t.Context(), remote.Background) // which has no helpers
			for _, it := range collect(t, client(t, c.f).Children(ctx, ref(remote.Folder, "f1"))) {
				got = append(got, it.Name)
			}
			if strings.HasPrefix(c.name, "something") {
				slices.Sort(got) // what comes late is told late
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %d, want %d; first %.200q", len(got), len(c.want), got)
			}
			if c.f.page != c.pages {
				t.Errorf("%d pages were fetched, want %d", c.f.page, c.pages)
			}
			for _, q := range c.f.queries {
				if !strings.Contains(q, "page_size=500") {
					t.Errorf("a page was asked for with %q", q)
				}
			}
		})
	}
}

func TestChildrenStopsAtAnErrorOrACircle(t *testing.T) {
	count := func(h http.Handler) (n int, last error) {
		ctx := remote.WithPriority(t.Context(), remote.Background)
		for _, err := range client(t, h).Children(ctx, ref(remote.Folder, "f1")) {
			if last != nil {
				t.Error("the iterator went on after an error")
			}
			if last = err; err == nil {
				n++
			}
		}
		return n, last
	}
	n, err := count(&folder{ids: numbered(1200), fail: func(page int) int {
		if page == 2 {
			return http.StatusForbidden
		}
		return 0
	}})
	if n != 500 || !errors.Is(err, iofs.ErrPermission) {
		t.Errorf("got %d items and %v, want those of one page and a permission error", n, err)
	}
	n, err = count(&wire{answers: map[string]string{"GET /folders/f1/children": `{"data":[{"id":"a","type":"file"}],"links":{"next":"/v4/x?after=same"}}`}})
	if n != 1 || !errors.Is(err, remote.ErrNotFrameio) {
		t.Errorf("a cursor in circles: got %d items and %v", n, err)
	}
}
