package v2

import (
	"context"
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

// wire answers from a map of "METHOD /path" to JSON and notes what it was asked.
type wire struct {
	answers map[string]string
	status  map[string]int

	mu    sync.Mutex
	asked []string // "METHOD /path body"
}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	key := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v2")
	w.mu.Lock()
	w.asked = append(w.asked, strings.TrimSpace(key+" "+string(body)))
	w.mu.Unlock()
	rw.Header().Set("Content-Type", "application/json")
	answer, ok := w.answers[key]
	if !ok {
		rw.WriteHeader(http.StatusNotFound)
		answer = `{"code":404,"message":"Not found","errors":[{"code":404,"status":404,"title":"Not found","detail":"Could not find the requested resource"}]}`
	} else if s := w.status[key]; s != 0 {
		rw.WriteHeader(s)
	}
	io.WriteString(rw, answer)
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

// fresh is an asset as the service answers its creation (spec: frameio-v2.md §4.1), cut to what could trip a client.
const fresh = `{"_type":"file","type":"file","id":"a1","name":"DSCF9787.JPG","filesize":24638557,"filetype":"image/jpeg","status":"created",
"asset_type":null,"parent_id":"f1","project_id":"p1","team_id":"t1","account_id":"acc","creator_id":"u1","resource_id":null,"index":-1.0,
"inserted_at":"2024-08-30T21:49:18.813692Z","updated_at":"2024-08-30T21:49:18.884Z","uploaded_at":"2024-08-30T21:49:18Z","upload_completed_at":null,
"upload_failed_at":null,"transcoded_at":null,"deleted_at":null,"upload_urls":["https://s3.example/parts/a1/part_1?X-Amz-Date=20240830T214918Z&X-Amz-Expires=86400","https://s3.example/parts/a1/part_2"],
"original":"https://assets.frame.io/uploads/a1/original.JPG","downloads":{"h264_360":null},"fps":null,"frames":0,"checksums":null,"label":"none","properties":null,
"is_session_watermarked":false,"user_permissions":{"can_download":true},"cover_asset_id":null,"includes":null}`

func TestAssetBecomesItem(t *testing.T) {
	at := time.Date(2024, 8, 30, 21, 49, 18, 813692000, time.UTC)
	base := remote.Item{
		Ref: remote.Ref{Kind: remote.File, ID: "a1", Account: "acc"}, Parent: "f1", Project: "p1", Name: "DSCF9787.JPG",
		Size: 24638557, MediaType: "image/jpeg", State: remote.Created, Content: "a1",
		Created: at, Updated: time.Date(2024, 8, 30, 21, 49, 18, 884e6, time.UTC), Creator: "u1", Label: "none",
	}
	for _, c := range []struct {
		name   string
		json   string // keys that replace those of fresh
		change func(*remote.Item)
	}{
		{"fresh", `{}`, func(*remote.Item) {}},
		{"status alone is not completion", `{"status":"uploaded"}`, func(*remote.Item) {}},
		{"uploaded", `{"upload_completed_at":"2024-08-30T22:00:00Z"}`, func(it *remote.Item) { it.State = remote.Uploaded }},
		{"transcoded", `{"upload_completed_at":"2024-08-30T22:00:00Z","status":"transcoded","checksums":{"id":"c","xx_hash":"0123456789abcdef"},"label":"approved"}`,
			func(it *remote.Item) {
				it.State, it.Checksum, it.Label = remote.Transcoded, "0123456789abcdef", "approved"
			}},
		{"failed", `{"upload_failed_at":"2024-08-30T22:00:00Z"}`, func(it *remote.Item) { it.State, it.Failed = remote.Failed, true }},
		{"mtime", `{"properties":{"frameiofs_mtime":"2020-01-02T03:04:05.123456789Z","other":[1]}}`,
			func(it *remote.Item) { it.Mtime = time.Date(2020, 1, 2, 3, 4, 5, 123456789, time.UTC) }},
		{"odd values", `{"filesize":"77","status":"new_status","inserted_at":"soon","properties":[],"future":{"x":1}}`,
			func(it *remote.Item) { it.Size, it.Created = 77, time.Time{} }},
		{"5 TiB", `{"filesize":5497558138880}`, func(it *remote.Item) { it.Size = 5 << 40 }},
		{"folder", `{"type":"folder","_type":"folder","filesize":0,"filetype":null,"item_count":3}`, func(it *remote.Item) {
			it.Kind, it.Size, it.MediaType, it.State, it.Content, it.Label = remote.Folder, 0, "", remote.Uploaded, "", ""
		}},
		{"stack", `{"type":"version_stack","filesize":null,"filetype":null,"cover_asset_id":"a9","cover_asset":{"type":"file","id":"a9","filesize":5,"filetype":"video/mp4",
			"upload_completed_at":"2024-08-30T22:00:00Z","checksums":{"xx_hash":"ff"},"label":"in_progress"}}`, func(it *remote.Item) {
			it.Kind, it.Size, it.MediaType, it.State, it.Content, it.Checksum, it.Label = remote.Stack, 5, "video/mp4", remote.Uploaded, "a9", "00000000000000ff", "in_progress"
		}},
	} {
		var doc map[string]any
		for _, text := range []string{fresh, c.json} {
			if err := json.Unmarshal([]byte(text), &doc); err != nil {
				t.Fatal(err)
			}
		}
		text, _ := json.Marshal(doc)
		got, err := client(t, &wire{answers: map[string]string{"GET /assets/a1": string(text)}}).Stat(t.Context(), remote.Ref{Kind: remote.File, ID: "a1"})
		want := base
		c.change(&want)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v, %v\nwant %+v", c.name, got, err, want)
		}
	}
}

func TestCreateFile(t *testing.T) {
	w := &wire{answers: map[string]string{"POST /assets/f1/children": fresh}}
	c := client(t, w)
	u, err := c.CreateFile(t.Context(), remote.NewFile{Parent: remote.Ref{Kind: remote.Folder, ID: "f1", Account: "acc"}, Name: "DSCF9787.JPG",
		Size: 24638557, MediaType: "image/jpeg", Mtime: time.Date(2020, 1, 2, 4, 4, 5, 6, time.FixedZone("", 3600))})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`POST /assets/f1/children {"filesize":24638557,"filetype":"image/jpeg","name":"DSCF9787.JPG","properties":{"frameiofs_mtime":"2020-01-02T03:04:05.000000006Z"},"type":"file"}`}
	if !slices.Equal(w.asked, want) {
		t.Errorf("sent %q, want %q", w.asked, want)
	}
	parts := []remote.Part{
		{Number: 1, URL: "https://s3.example/parts/a1/part_1?X-Amz-Date=20240830T214918Z&X-Amz-Expires=86400", MediaType: "image/jpeg",
			Off: 0, Size: 12319279, Expires: time.Date(2024, 8, 31, 21, 49, 18, 0, time.UTC)},
		{Number: 2, URL: "https://s3.example/parts/a1/part_2", MediaType: "image/jpeg", Off: 12319279, Size: 12319278},
	}
	if u.File.ID != "a1" || !reflect.DeepEqual(u.Parts, parts) {
		t.Errorf("got %s, %+v\nwant %+v", u.File.ID, u.Parts, parts)
	}
	if _, err := c.CreateFile(t.Context(), remote.NewFile{Parent: remote.Ref{Kind: remote.Stack, ID: "f1"}, Name: "x", Size: 1}); !errors.Is(err, remote.ErrRefused) {
		t.Errorf("a file in a stack: got %v, want ErrRefused", err)
	}
}

func TestCutCoversTheFile(t *testing.T) {
	for _, c := range []struct {
		size int64
		n    int
		want []slice
	}{
		{50645990, 3, []slice{{0, 16881997}, {16881997, 16881997}, {33763994, 16881996}}}, // the documented sample
		{21136250, 2, []slice{{0, 10568125}, {10568125, 10568125}}},
		{9, 6, []slice{{0, 2}, {2, 2}, {4, 2}, {6, 1}, {7, 1}, {8, 1}}}, // ceil would leave the last one empty
		{2, 3, []slice{{0, 1}, {1, 1}, {2, 0}}},
		{0, 1, []slice{{0, 0}}},
		{1, 1, []slice{{0, 1}}},
	} {
		if got := cut(c.size, c.n); !reflect.DeepEqual(got, c.want) {
			t.Errorf("cut(%d, %d) = %v, want %v", c.size, c.n, got, c.want)
		}
	}
}

func TestTopOfTheTree(t *testing.T) {
	w := &wire{answers: map[string]string{
		"GET /accounts":           `[{"_type":"account","id":"acc","display_name":"Studio","storage":5,"subscription":null}]`,
		"GET /accounts/acc":       `{"id":"acc","display_name":"Studio","storage":5000000000,"subscription":{"total_storage_limit":2000000000000},"plan":{"storage_limit":7}}`,
		"GET /accounts/acc/teams": `[{"_type":"team","id":"t1","name":"Team","account_id":"acc"}]`,
		"GET /teams/t1/projects":  `[{"id":"p1","name":"Film","root_asset_id":"r1","team_id":"t1","owner_id":"u1"},{"id":"p2","name":"No root","root_asset_id":null}]`,
		"GET /projects/shared":    `[{"id":"p8","name":"Mine too","root_asset_id":"r8","root_asset":{"account_id":"acc"}},{"id":"p9","name":"Guest","root_asset_id":"r9","team":{"id":"t9","account_id":"host"}}]`,
		"GET /assets/r1":          `{"id":"r1","type":"folder","name":"root","parent_id":null,"project_id":"p1","account_id":"acc"}`,
		"GET /projects/p1":        `{"id":"p1","name":"Film","root_asset_id":"r1","team_id":"t1"}`,
		"GET /me":                 `{"_type":"user","id":"u1","name":"Ed","email":"ed@example.com"}`,
	}}
	c := client(t, w)
	account := remote.Ref{Kind: remote.Account, ID: "acc", Account: "acc"}
	for _, x := range []struct {
		ref  remote.Ref
		want string
	}{
		{remote.Ref{}, "account acc Studio, account host host"}, // the host's name is hidden from a guest
		{account, "workspace t1 Team, shared acc Shared with me"},
		{remote.Ref{Kind: remote.Account, ID: "host", Account: "host"}, "shared host Shared with me"},
		{remote.Ref{Kind: remote.Workspace, ID: "t1", Account: "acc"}, "project r1 Film"},
		{remote.Ref{Kind: remote.Shared, ID: "acc", Account: "acc"}, "project r8 Mine too"},
	} {
		var got []string
		for _, it := range collect(t, c.Children(t.Context(), x.ref)) {
			got = append(got, fmt.Sprintf("%s %s %s", it.Kind, it.ID, it.Name))
		}
		if s := strings.Join(got, ", "); s != x.want {
			t.Errorf("in %v: got %q, want %q", x.ref, s, x.want)
		}
	}
	if u, err := c.Usage(t.Context(), "acc"); u != (remote.Usage{Used: 5000000000, Limit: 2000000000000}) || err != nil {
		t.Errorf("usage: %+v, %v", u, err)
	}
	if u, err := c.Me(t.Context()); u != (remote.User{ID: "u1", Name: "Ed", Email: "ed@example.com"}) || err != nil {
		t.Errorf("me: %+v, %v", u, err)
	}
	it, err := c.Stat(t.Context(), remote.Ref{Kind: remote.Project, ID: "r1", Account: "acc"})
	if err != nil || it.Kind != remote.Project || it.ID != "r1" || it.Project != "p1" || it.Name != "Film" || it.Parent != "t1" {
		t.Errorf("a root folder is told as its project: got %+v, %v", it, err)
	}
	if _, err := c.Stat(t.Context(), remote.Ref{Kind: remote.File, ID: "nope"}); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("missing asset: %v", err)
	}
}

func TestStackIsListedNewestFirstAndDeletedOldestFirst(t *testing.T) {
	w := &wire{answers: map[string]string{
		"GET /assets/s1": `{"id":"s1","type":"version_stack","name":"Cut","parent_id":"f1","cover_asset_id":"v2"}`,
		"GET /assets/s1/children": `[{"id":"v1","type":"file","name":"one","inserted_at":"2024-01-01T00:00:00Z"},
			{"id":"v2","type":"file","name":"two","inserted_at":"2024-01-02T00:00:00Z","filesize":8,"upload_completed_at":"2024-01-02T01:00:00Z"},
			{"id":"v3","type":"file","name":"three","inserted_at":"2024-01-03T00:00:00Z"}]`,
		"GET /assets/v2":    `{"id":"v2","type":"file","name":"two","filesize":8,"filetype":"video/mp4","upload_completed_at":"2024-01-02T01:00:00Z"}`,
		"DELETE /assets/v1": `{}`, "DELETE /assets/v3": `{}`, "DELETE /assets/v2": `{}`,
	}}
	c := client(t, w)
	stack := remote.Ref{Kind: remote.Stack, ID: "s1"}
	var names []string
	for _, it := range collect(t, c.Children(t.Context(), stack)) {
		names = append(names, it.Name)
	}
	if want := []string{"two", "three", "one"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q: the cover is the newest, the others by age", names, want)
	}
	it, err := c.Stat(t.Context(), stack)
	if err != nil || it.Content != "v2" || it.Size != 8 || it.State != remote.Uploaded || it.MediaType != "video/mp4" {
		t.Errorf("a stack whose cover is not embedded: %+v, %v", it, err)
	}
	if err := c.Delete(t.Context(), stack); err != nil {
		t.Error(err) // its last DELETE gets 404: it went with its files
	}
	var deletes []string
	for _, s := range w.asked {
		if d, ok := strings.CutPrefix(s, "DELETE /assets/"); ok {
			deletes = append(deletes, d)
		}
	}
	if want := []string{"v1", "v3", "v2", "s1"}; !slices.Equal(deletes, want) {
		t.Errorf("deleted %q, want %q", deletes, want)
	}
}

func TestWhatHasNoSuchCallIsUnsupported(t *testing.T) {
	w := &wire{}
	c := client(t, w)
	folder := remote.Ref{Kind: remote.Folder, ID: "f"}
	for _, kind := range []remote.Kind{remote.Root, remote.Account, remote.Workspace, remote.Shared, remote.Project} {
		ref := remote.Ref{Kind: kind, ID: "x"}
		_, rename := c.Rename(t.Context(), ref, "n")
		_, move := c.Move(t.Context(), ref, folder)
		for op, err := range map[string]error{"rename": rename, "move": move, "delete": c.Delete(t.Context(), ref)} {
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
		json string
		is   []error
	}{
		{`{"id":"a1","type":"file","filesize":3,"original":"https://x/","upload_completed_at":null}`, []error{remote.ErrIncomplete}},
		{`{"id":"a1","type":"file","filesize":3,"upload_completed_at":"2024-01-01T00:00:00Z"}`, []error{remote.ErrDownload, iofs.ErrPermission}},
		{`{"id":"a1","type":"file","filesize":3,"original":"https://x/","is_session_watermarked":true,"upload_completed_at":"2024-01-01T00:00:00Z"}`, []error{remote.ErrDownload, iofs.ErrPermission}},
		{`{"id":"a1","type":"file","filesize":3,"original":"https://x/","upload_completed_at":"2024-01-01T00:00:00Z","deleted_at":"2024-01-02T00:00:00Z"}`, []error{iofs.ErrNotExist}},
	} {
		_, err := client(t, &wire{answers: map[string]string{"GET /assets/a1": c.json}}).OpenRange(t.Context(), remote.Ref{Kind: remote.File, ID: "a1"}, 0, 1)
		for _, want := range c.is {
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", c.json, err, want)
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
		{402, `{"code":402,"message":"Payment Required"}`, remote.ErrQuota, "Payment Required"},
		{403, `{"code":403,"message":"Forbidden","errors":[{"status":403,"title":"Forbidden","detail":"missing scope asset.create"}]}`, iofs.ErrPermission, "missing scope asset.create"},
		{401, `{"error":"invalid_token"}`, remote.ErrToken, "invalid_token"},
		{409, `{"code":409,"message":"Channel Paused","errors":[]}`, iofs.ErrExist, "Channel Paused"},
		{422, `{"errors":"odd"}`, remote.ErrRefused, "422"},
	} {
		w := &wire{answers: map[string]string{"POST /assets/f1/children": c.body}, status: map[string]int{"POST /assets/f1/children": c.status}}
		_, err := client(t, w).CreateFolder(context.Background(), remote.Ref{Kind: remote.Folder, ID: "f1"}, "n")
		if !errors.Is(err, c.is) || !strings.Contains(fmt.Sprint(err), c.text) {
			t.Errorf("%d %s: got %v", c.status, c.body, err)
		}
	}
}
