package v4

import (
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
