package v4

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// wire answers from a map of "METHOD /path" to JSON, the account's part of the path left out, and notes what it was asked.
type wire struct {
	answers map[string]string
	status  map[string]int
	react   func(w *wire, key, body string) // called before answering

	mu    sync.Mutex
	asked []string // "METHOD /path?query body"
}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	path := strings.TrimPrefix(r.URL.Path, "/v4")
	if rest, ok := strings.CutPrefix(path, "/accounts/acc/"); ok {
		path = "/" + rest
	}
	key := r.Method + " " + path
	w.mu.Lock()
	defer w.mu.Unlock()
	query := ""
	if r.URL.RawQuery != "" {
		query = "?" + r.URL.RawQuery
	}
	w.asked = append(w.asked, strings.TrimSpace(key+query+" "+string(body)))
	if w.react != nil {
		w.react(w, key, string(body))
	}
	rw.Header().Set("Content-Type", "application/json")
	answer, ok := w.answers[key]
	if !ok {
		rw.WriteHeader(http.StatusNotFound)
		answer = `{"errors":[{"detail":"Not found"}]}`
	} else if s := w.status[key]; s != 0 {
		rw.WriteHeader(s)
	}
	if answer != "" {
		io.WriteString(rw, answer)
	}
}

// changes are the calls that were no reads.
func (w *wire) changes() []string {
	var out []string
	for _, s := range w.asked {
		if !strings.HasPrefix(s, "GET ") {
			out = append(out, s)
		}
	}
	return out
}

func client(t *testing.T, h http.Handler) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(remote.Config{BaseURL: s.URL, Token: remote.StaticToken("fio-u-x"), Patience: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func collect(t *testing.T, seq iter.Seq2[remote.Item, error]) []remote.Item {
	t.Helper()
	var out []remote.Item
	for it, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, it)
	}
	return out
}

func ref(kind remote.Kind, id string) remote.Ref {
	return remote.Ref{Kind: kind, ID: remote.ID(id), Account: "acc"}
}

// asset makes the envelope of one asset; the published example of a file with some keys replaced.
func one(t *testing.T, keys string) string {
	t.Helper()
	doc := map[string]any{
		"adobe_id": nil, "created_at": "2023-09-25T19:18:29.614189Z", "updated_at": "2024-02-07T16:44:41.986478Z", "id": "a1", "name": "asset.png",
		"parent_id": "f1", "project_id": "p1", "type": "file", "file_size": 1137444, "media_type": "image/png", "status": "transcoded",
		"view_url": "https://next.frame.io/project/p1/view/a1",
	}
	if err := json.Unmarshal([]byte(keys), &doc); err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(map[string]any{"data": doc})
	return string(b)
}

func TestAssetBecomesItem(t *testing.T) {
	base := remote.Item{
		Ref: ref(remote.File, "a1"), Parent: "f1", Project: "p1", Name: "asset.png", Size: 1137444, MediaType: "image/png",
		State: remote.Transcoded, Content: "a1", URL: "https://next.frame.io/project/p1/view/a1",
		Created: time.Date(2023, 9, 25, 19, 18, 29, 614189000, time.UTC), Updated: time.Date(2024, 2, 7, 16, 44, 41, 986478000, time.UTC),
	}
	const pending = `{"data":{"id":"a1","filetype":"image/png","upload_complete":false,"upload_failed":false,"upload_completed_at":null,"uploaded_at":null}}`
	for _, c := range []struct {
		name   string
		kind   remote.Kind
		json   string
		status string // answer of the status call
		change func(*remote.Item)
	}{
		{"transcoded", remote.File, `{}`, "", func(*remote.Item) {}},
		{"uploaded", remote.File, `{"status":"uploaded"}`, "", func(it *remote.Item) { it.State = remote.Uploaded }},
		{"created", remote.File, `{"status":"created"}`, pending, func(it *remote.Item) { it.State = remote.Created }},
		{"complete by the status call", remote.File, `{"status":"created"}`, strings.Replace(pending, `complete":false`, `complete":true`, 1), func(it *remote.Item) { it.State = remote.Uploaded }},
		{"failed", remote.File, `{"status":"created"}`, strings.Replace(pending, `failed":false`, `failed":true`, 1), func(it *remote.Item) { it.State, it.Failed = remote.Failed, true }},
		{"a status of the future", remote.File, `{"status":"polished","new_field":{}}`, "", func(it *remote.Item) { it.State = remote.Uploaded }},
		{"5 TB", remote.File, `{"file_size":5000000000000,"creator":{"id":"u1","email":"e"}}`, "", func(it *remote.Item) { it.Size, it.Creator = 5e12, "u1" }},
		{"folder", remote.Folder, `{"type":"folder","file_size":null,"media_type":null,"status":null,"cover_file_id":null}`, "", func(it *remote.Item) {
			it.Kind, it.Size, it.MediaType, it.State, it.Content = remote.Folder, 0, "", remote.Uploaded, ""
		}},
		{"stack", remote.Stack, `{"type":"version_stack","file_size":null,"media_type":null,"status":null,"head_version":{"id":"a9","type":"file","file_size":5,"media_type":"video/mp4","status":"uploaded"}}`, "", func(it *remote.Item) {
			it.Kind, it.Size, it.MediaType, it.State, it.Content = remote.Stack, 5, "video/mp4", remote.Uploaded, "a9"
		}},
		{"stack without versions", remote.Stack, `{"type":"version_stack","file_size":null,"media_type":null,"status":null,"head_version":null}`, "", func(it *remote.Item) {
			it.Kind, it.Size, it.MediaType, it.State, it.Content = remote.Stack, 0, "", remote.Created, ""
		}},
	} {
		w := &wire{answers: map[string]string{"GET /" + route(c.kind) + "/a1": one(t, c.json)}}
		if c.status != "" {
			w.answers["GET /files/a1/status"] = c.status
		}
		got, err := client(t, w).Stat(t.Context(), ref(c.kind, "a1"))
		want := base
		c.change(&want)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v, %v\nwant %+v", c.name, got, err, want)
		}
	}
}

func TestCreateFile(t *testing.T) {
	urls := func(sizes ...int) string {
		var out []string
		for i, s := range sizes {
			out = append(out, fmt.Sprintf(`{"size":%d,"url":"https://s3.example/parts/a1/part_%d?X-Amz-Date=20240830T214918Z&X-Amz-Expires=86400"}`, s, i+1))
		}
		return `{"status":"created","media_type":"video/mp4","file_size":50645990,"upload_urls":[` + strings.Join(out, ",") + `]}`
	}
	const call = "POST /folders/f1/files/local_upload"
	file := remote.NewFile{Parent: ref(remote.Folder, "f1"), Name: "asset.png", Size: 50645990, MediaType: "application/wrong", Mtime: time.Now()}
	w := &wire{answers: map[string]string{call: one(t, urls(16881997, 16881997, 16881996))}, status: map[string]int{call: 201}}
	u, err := client(t, w).CreateFile(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{call + ` {"data":{"file_size":50645990,"name":"asset.png"}}`}; !slices.Equal(w.asked, want) {
		t.Errorf("sent %q, want %q: the schema is closed", w.asked, want)
	}
	var off int64
	for i, p := range u.Parts {
		if p.Number != i+1 || p.Off != off || p.MediaType != "video/mp4" || !p.Expires.Equal(time.Date(2024, 8, 31, 21, 49, 18, 0, time.UTC)) {
			t.Errorf("part %d: %+v", i, p)
		}
		off += p.Size
	}
	if len(u.Parts) != 3 || off != 50645990 || u.File.ID != "a1" {
		t.Errorf("%d parts make up %d bytes of %s", len(u.Parts), off, u.File.ID)
	}
	for _, sizes := range [][]int{{}, {50645989}, {50645990, 1}, {50645991}, {50645990, 0}} {
		w := &wire{answers: map[string]string{call: one(t, urls(sizes...))}}
		if _, err := client(t, w).CreateFile(t.Context(), file); !errors.Is(err, remote.ErrNotFrameio) {
			t.Errorf("parts of %v: got %v, want an error: the file would be cut wrong", sizes, err)
		}
	}
}

// folder serves a listing, paged by opaque cursors over offsets, as V4 does.
type folder struct {
	ids   []string
	after func(f *folder, page int) // called with the lock held when a page has been cut
	fail  func(page int) int

	mu      sync.Mutex
	page    int
	queries []string
}

func (f *folder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := r.URL.Query()
	f.page++
	f.queries = append(f.queries, r.URL.RawQuery)
	w.Header().Set("Content-Type", "application/json")
	if f.fail != nil {
		if s := f.fail(f.page); s != 0 {
			w.WriteHeader(s)
			io.WriteString(w, `{"errors":[{"detail":"Forbidden"}]}`)
			return
		}
	}
	from := 0
	if b, err := base64.StdEncoding.DecodeString(q.Get("after")); err == nil {
		from, _ = strconv.Atoi(string(b))
	}
	size, _ := strconv.Atoi(q.Get("page_size"))
	from = min(from, len(f.ids))
	to := min(from+size, len(f.ids))
	data := []map[string]any{}
	for _, id := range f.ids[from:to] {
		typ, _, _ := strings.Cut(id, "-")
		data = append(data, map[string]any{"id": id, "type": typ, "name": id, "status": "uploaded"})
	}
	answer := map[string]any{"data": data, "links": map[string]any{"next": nil}, "total_count": nil}
	if to < len(f.ids) {
		answer["links"] = map[string]any{"next": r.URL.Path + "?after=" + base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(to)))}
	}
	if q.Get("include_total_count") == "true" {
		answer["total_count"] = len(f.ids)
	}
	json.NewEncoder(w).Encode(answer)
	if f.after != nil {
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
			for _, it := range collect(t, client(t, c.f).Children(t.Context(), ref(remote.Folder, "f1"))) {
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
		for _, err := range client(t, h).Children(t.Context(), ref(remote.Folder, "f1")) {
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

func TestTopOfTheTree(t *testing.T) {
	list := func(items string) string { return `{"data":[` + items + `],"links":{"next":null},"total_count":null}` }
	w := &wire{answers: map[string]string{
		"GET /accounts": list(`{"id":"acc","display_name":"Studio","roles":["admin"],"storage_limit":null,"storage_usage":300},
			{"id":"acc2","display_name":"Other","storage_limit":3000000000000,"storage_usage":5}`),
		"GET /workspaces":               list(`{"id":"w1","name":"Main","account_id":"acc"}`),
		"GET /workspaces/w1":            `{"data":{"id":"w1","name":"Main","account_id":"acc"}}`,
		"GET /workspaces/w1/projects":   list(`{"id":"p1","name":"Film","status":"active","storage":1,"workspace_id":"w1","root_folder_id":"r1","view_url":"https://next.frame.io/project/p1/"}`),
		"GET /invited_projects":         list(`{"id":"p8","name":"Guest","workspace_id":"w9","root_folder_id":"r8"}`),
		"GET /folders/r1":               one(t, `{"id":"r1","type":"folder","parent_id":null,"name":"root"}`),
		"GET /projects/p1":              `{"data":{"id":"p1","name":"Film","workspace_id":"w1","root_folder_id":"r1"}}`,
		"GET /me":                       `{"data":{"id":"u1","name":"Ed","email":"ed@example.com","avatar_url":null}}`,
		"GET /accounts/acc2/workspaces": list(``),
	}}
	c := client(t, w)
	for _, x := range []struct {
		ref  remote.Ref
		want string
	}{
		{remote.Ref{}, "account acc Studio, account acc2 Other"},
		{ref(remote.Account, "acc"), "workspace w1 Main, shared acc Shared with me"},
		{remote.Ref{Kind: remote.Account, ID: "acc2", Account: "acc2"}, ""}, // lacks invited_projects
		{ref(remote.Workspace, "w1"), "project r1 Film"},
		{ref(remote.Shared, "acc"), "project r8 Guest"},
	} {
		var got []string
		for _, it := range collect(t, c.Children(t.Context(), x.ref)) {
			got = append(got, fmt.Sprintf("%s %s %s", it.Kind, it.ID, it.Name))
		}
		if s := strings.Join(got, ", "); s != x.want {
			t.Errorf("in %v: got %q, want %q", x.ref, s, x.want)
		}
	}
	for id, want := range map[remote.ID]remote.Usage{"acc": {Used: 300}, "acc2": {Used: 5, Limit: 3e12}} {
		if u, err := c.Usage(t.Context(), id); u != want || err != nil {
			t.Errorf("usage of %s: %+v, %v", id, u, err)
		}
	}
	if _, err := c.Usage(t.Context(), "acc3"); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("usage of a stranger's account: %v", err)
	}
	if u, err := c.Me(t.Context()); u != (remote.User{ID: "u1", Name: "Ed", Email: "ed@example.com"}) || err != nil {
		t.Errorf("me: %+v, %v", u, err)
	}
	it, err := c.Stat(t.Context(), ref(remote.Project, "r1"))
	if err != nil || it.Kind != remote.Project || it.ID != "r1" || it.Project != "p1" || it.Name != "Film" || it.Parent != "w1" {
		t.Errorf("a root folder is told as its project: got %+v, %v", it, err)
	}
	if _, err := c.Stat(t.Context(), remote.Ref{Kind: remote.File, ID: "a1"}); !errors.Is(err, remote.ErrRefused) {
		t.Errorf("without an account: %v", err)
	}
}

func TestRenameOfAStack(t *testing.T) {
	stack := func(name string) string {
		return one(t, `{"id":"s1","type":"version_stack","name":"`+name+`","head_version":{"id":"v2","type":"file","name":"old.mov","status":"uploaded"}}`)
	}
	for _, c := range []struct {
		name    string
		follows bool
		want    []string
	}{
		{"follows its newest file", true, []string{`PATCH /files/v2 {"data":{"name":"new.mov"}}`}},
		{"keeps its own name", false, []string{`PATCH /files/v2 {"data":{"name":"new.mov"}}`, `PATCH /files/v2 {"data":{"name":"old.mov"}}`}},
	} {
		w := &wire{answers: map[string]string{"GET /version_stacks/s1": stack("old.mov"), "PATCH /files/v2": one(t, `{"id":"v2"}`)}}
		if c.follows {
			w.react = func(w *wire, key, body string) {
				if key == "PATCH /files/v2" {
					w.answers["GET /version_stacks/s1"] = stack("new.mov")
				}
			}
		}
		it, err := client(t, w).Rename(t.Context(), ref(remote.Stack, "s1"), "new.mov")
		if c.follows && (err != nil || it.Name != "new.mov" || it.ID != "s1") || !c.follows && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %+v, %v", c.name, it, err)
		}
		if got := w.changes(); !slices.Equal(got, c.want) {
			t.Errorf("%s: sent %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAddVersion(t *testing.T) {
	stack := func(id, head string) string {
		return one(t, fmt.Sprintf(`{"id":%q,"type":"version_stack","head_version":{"id":%q,"type":"file","status":"created"}}`, id, head))
	}
	moved := func(w *wire, key, body string) {
		if strings.HasSuffix(key, "/move") {
			w.answers["GET /version_stacks/s1"] = stack("s1", "b")
		}
	}
	const create = `POST /folders/f1/version_stacks {"data":{"file_ids":["a","b"]}}`
	const move = `PATCH /files/b/move {"data":{"parent_id":"s1"}}`
	for _, c := range []struct {
		name    string
		target  remote.Ref
		answers map[string]string
		want    []string
	}{
		{"onto a file", ref(remote.File, "a"), map[string]string{
			"GET /files/a": one(t, `{"id":"a"}`), "GET /files/b": one(t, `{"id":"b"}`), "POST /folders/f1/version_stacks": stack("s1", "b"),
		}, []string{create}},
		{"onto a file in another folder", ref(remote.File, "a"), map[string]string{
			"GET /files/a": one(t, `{"id":"a"}`), "GET /files/b": one(t, `{"id":"b","parent_id":"f2"}`),
			"PATCH /files/b/move": one(t, `{"id":"b"}`), "POST /folders/f1/version_stacks": stack("s1", "b"),
		}, []string{`PATCH /files/b/move {"data":{"parent_id":"f1"}}`, create}},
		{"onto a file that is in a stack by now", ref(remote.File, "a"), map[string]string{
			"GET /files/a": one(t, `{"id":"a","parent_id":"s1"}`), "GET /version_stacks/s1": stack("s1", "a"), "PATCH /files/b/move": one(t, `{"id":"b"}`),
		}, []string{move}},
		{"onto a stack", ref(remote.Stack, "s1"), map[string]string{
			"GET /version_stacks/s1": stack("s1", "a"), "PATCH /files/b/move": one(t, `{"id":"b"}`),
		}, []string{move}},
		{"again", ref(remote.Stack, "s1"), map[string]string{"GET /version_stacks/s1": stack("s1", "b")}, nil},
	} {
		w := &wire{answers: c.answers, react: moved}
		it, err := client(t, w).AddVersion(t.Context(), c.target, ref(remote.File, "b"))
		if err != nil || it.Kind != remote.Stack || it.ID != "s1" || it.Content != "b" {
			t.Errorf("%s: got %+v, %v", c.name, it, err)
		}
		if got := w.changes(); !slices.Equal(got, c.want) {
			t.Errorf("%s: sent %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDeleteOfAStackLeavesTheNewestForLast(t *testing.T) {
	w := &wire{answers: map[string]string{
		"GET /version_stacks/s1": one(t, `{"id":"s1","type":"version_stack","head_version":{"id":"v2","type":"file"}}`),
		"GET /version_stacks/s1/children": `{"data":[{"id":"v1","type":"file","created_at":"2024-01-01T00:00:00Z"},{"id":"v2","type":"file","created_at":"2024-01-02T00:00:00Z"},
			{"id":"v3","type":"file","created_at":"2024-01-03T00:00:00Z"}],"links":{"next":null}}`,
		"DELETE /files/v1": "", "DELETE /files/v2": "",
	}, status: map[string]int{"DELETE /files/v1": 204, "DELETE /files/v2": 204}}
	c := client(t, w)
	if err := c.Delete(t.Context(), ref(remote.Stack, "s1")); err != nil {
		t.Error(err) // v3 gets 404: somebody else was faster
	}
	if want := []string{"DELETE /files/v1", "DELETE /files/v3", "DELETE /files/v2"}; !slices.Equal(w.changes(), want) {
		t.Errorf("sent %q, want %q", w.changes(), want)
	}
}

func TestWhatHasNoSuchCallIsUnsupported(t *testing.T) {
	w := &wire{}
	c := client(t, w)
	for _, kind := range []remote.Kind{remote.Root, remote.Account, remote.Workspace, remote.Shared, remote.Project} {
		_, rename := c.Rename(t.Context(), ref(kind, "x"), "n")
		_, move := c.Move(t.Context(), ref(kind, "x"), ref(remote.Folder, "f"))
		for op, err := range map[string]error{"rename": rename, "move": move, "delete": c.Delete(t.Context(), ref(kind, "x"))} {
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s of a %s: got %v, want ErrUnsupported", op, kind, err)
			}
		}
	}
	if len(w.asked) != 0 {
		t.Errorf("%q went out", w.asked)
	}
}

func TestOpenRangeSaysWhyThereIsNothing(t *testing.T) {
	for _, c := range []struct {
		name, json string
		status     int
		is         []error
	}{
		{"no link", `{"media_links":{"original":{"download_url":null,"inline_url":null}}}`, 200, []error{remote.ErrDownload, iofs.ErrPermission}},
		{"not uploaded", `{"status":"created","media_links":{"original":{"download_url":"https://x/"}}}`, 200, []error{remote.ErrIncomplete}},
		{"no right", `{}`, 403, []error{remote.ErrDownload, iofs.ErrPermission}},
		{"gone", `{}`, 404, []error{iofs.ErrNotExist}},
	} {
		w := &wire{answers: map[string]string{"GET /files/a1": one(t, c.json)}, status: map[string]int{"GET /files/a1": c.status}}
		_, err := client(t, w).OpenRange(t.Context(), ref(remote.File, "a1"), 0, 1)
		for _, want := range c.is {
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", c.name, err, want)
			}
		}
	}
}

func TestFaultsAreToldInFrameiosWords(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		is     error
		text   string
	}{
		{422, `{"errors":[{"detail":"Unexpected field: foo","title":"Invalid value","source":{"pointer":"/data/foo"}}]}`, remote.ErrRefused, "Unexpected field: foo at /data/foo"},
		{403, `{"errors":[{"detail":"Forbidden"}]}`, iofs.ErrPermission, "Forbidden"},
		{403, `{"errors":[{"detail":"Your account is over its storage limit"}]}`, remote.ErrQuota, "storage limit"},
		{422, `{"errors":[{"detail":"Quota exceeded"}]}`, remote.ErrQuota, "Quota"},
		{401, `{"errors":[{"detail":"Unauthorized"}]}`, remote.ErrToken, "Unauthorized"},
		{409, `{"errors":[{"detail":"Conflict"}]}`, iofs.ErrExist, "Conflict"},
		{404, `no route found for POST /v4/x`, remote.ErrNotFrameio, "404"},
	} {
		const call = "POST /folders/f1/folders"
		h := &wire{answers: map[string]string{call: c.body}, status: map[string]int{call: c.status}}
		plain := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(c.body, "{") {
				http.Error(w, c.body, c.status)
				return
			}
			h.ServeHTTP(w, r)
		})
		_, err := client(t, plain).CreateFolder(t.Context(), ref(remote.Folder, "f1"), "n")
		if !errors.Is(err, c.is) || !strings.Contains(fmt.Sprint(err), c.text) {
			t.Errorf("%d %s: got %v", c.status, c.body, err)
		}
	}
}
