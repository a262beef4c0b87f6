package v2

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

func TestWhoMayWhat(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	f := r.file(r.root, "a.txt", "a")
	create := func() reply { return r.do("POST", "/assets/"+r.root+"/children", `{"type":"folder","name":"x"}`) }
	ims, err := r.w.Issue(world.IMS, r.w.Users()[0].ID, "c", nil, time.Hour, 0)
	if err != nil {
		t.Fatal(err)
	}
	oauth, err := r.w.Issue(world.OAuth, r.w.Users()[0].ID, "c", []string{"asset.read"}, time.Hour, 0)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		token                string
		me, read, make, kill int
	}{
		{"nonsense", 401, 401, 401, 401},
		{ims.Access, 401, 401, 401, 401}, // Adobe's tokens are for V4
		{oauth.Access, 200, 200, 403, 403},
		{"fio-u-sim-read-only", 200, 200, 403, 403},
		{"fio-u-sim-no-create", 200, 200, 403, 200},
		{"fio-u-sim-full-access", 200, 200, 200, 404}, // gone by now
	}
	for _, tc := range tests {
		r.token = tc.token
		got := []int{r.do("GET", "/me", "").status, r.do("GET", "/assets/"+f, "").status, create().status}
		if tc.kill == 404 {
			got[1] = 200 // nothing left to read
		}
		got = append(got, r.do("DELETE", "/assets/"+f, "").status)
		if want := []int{tc.me, tc.read, tc.make, tc.kill}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: me, read, create, delete: got %v, want %v", tc.token, got, want)
		}
	}
	r.token = "nonsense"
	if a := r.do("GET", "/me", ""); a.obj["code"] != 401.0 || a.obj["errors"].([]any)[0].(map[string]any)["detail"] == "" {
		t.Errorf("error body: %s", a.raw)
	}
}

func TestNoDownload(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	f := r.file(r.root, "a.txt", "a")
	if _, there := r.ok("GET", "/assets/"+f, "").obj["original"]; !there {
		t.Error("no original for somebody who may download")
	}
	r.token = "fio-u-sim-no-download"
	a := r.ok("GET", "/assets/"+f, "").obj
	if _, there := a["original"]; there {
		t.Error("an original for somebody who may not download")
	}
	if a["user_permissions"].(map[string]any)["can_download"] != false {
		t.Error("can_download is not false")
	}
}

// The captured answer to a create (spec: frameio-v2.md §4.1): keys and the values that are known.
func TestCreateFileAnswer(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	a := r.ok("POST", "/assets/"+r.root+"/children",
		`{"type":"file","name":"DSCF9787.JPG","filesize":24638557,"filetype":null,"properties":{"mtime":"1"}}`).obj
	want := map[string]any{
		"_type": "file", "type": "file", "name": "DSCF9787.JPG", "filesize": 24638557.0, "filetype": "image/jpeg",
		"status": "created", "asset_type": nil, "parent_id": r.root, "project_id": string(r.project.ID), "index": -1.0,
		"upload_completed_at": nil, "upload_failed_at": nil, "transcoded_at": nil, "deleted_at": nil, "hard_deleted_at": nil,
		"realtime_upload": nil, "hls_manifest": nil, "h264_360": nil, "fps": nil, "frames": 0.0, "checksums": nil,
		"comment_count": 0.0, "item_count": 0.0, "view_count": 0.0, "label": "none", "description": nil, "private": false,
		"copy": false, "cover_asset_id": nil, "is_session_watermarked": false, "drm": nil, "workfront_task_id": nil,
	}
	for k, v := range want {
		if got, there := a[k]; !there || got != v {
			t.Errorf("%s: got %v (there: %v), want %v", k, got, there, v)
		}
	}
	urls := a["upload_urls"].([]any)
	if len(urls) != 2 || a["original_upload"] != urls[0] {
		t.Errorf("upload_urls: %v, original_upload %v", urls, a["original_upload"])
	}
	if u, ok := a["original"].(string); !ok || !strings.Contains(u, "Expires=") {
		t.Errorf("original before the upload: %v", a["original"])
	}
	if at, err := time.Parse("2006-01-02T15:04:05.000000Z", a["inserted_at"].(string)); err != nil || a["uploaded_at"] == nil {
		t.Errorf("inserted_at %v: %v", at, err)
	}
	if a["properties"].(map[string]any)["mtime"] != "1" || a["project"] == nil || a["creator"] == nil {
		t.Errorf("properties, project, creator: %v, %v, %v", a["properties"], a["project"], a["creator"])
	}
	if later := r.ok("GET", "/assets/"+a["id"].(string), "").obj; later["upload_urls"] != nil {
		t.Error("upload URLs are told again")
	}
}

func TestCreateRefusals(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	r.w.ChangeAccount(r.project.AccountID, func(a *world.Account) { a.StorageLimit = 100 })
	f := r.file(r.root, "a.txt", "a")
	tests := []struct {
		name, parent, contentType, body string
		want                            int
	}{
		{"form-encoded", r.root, "application/x-www-form-urlencoded", "type=file&name=f.txt&filesize=3", 200},
		{"unknown fields are ignored", r.root, "application/json", `{"type":"folder","name":"x","bogus":1}`, 200},
		{"folder with filesize", r.root, "application/json", `{"type":"folder","name":"x","filesize":0}`, 200},
		{"no JSON", r.root, "application/json", `{"type":`, 400},
		{"an array", r.root, "application/json", `[]`, 400},
		{"no type", r.root, "application/json", `{"name":"x"}`, 422},
		{"a stack", r.root, "application/json", `{"type":"version_stack","name":"x"}`, 422},
		{"no name", r.root, "application/json", `{"type":"folder"}`, 422},
		{"empty name", r.root, "application/json", `{"type":"folder","name":""}`, 422},
		{"255 characters", r.root, "application/json", `{"type":"folder","name":"` + strings.Repeat("ü", 255) + `"}`, 200},
		{"256 characters", r.root, "application/json", `{"type":"folder","name":"` + strings.Repeat("ü", 256) + `"}`, 422},
		{"no filesize", r.root, "application/json", `{"type":"file","name":"x"}`, 422},
		{"negative", r.root, "application/json", `{"type":"file","name":"x","filesize":-1}`, 422},
		{"half a byte", r.root, "application/json", `{"type":"file","name":"x","filesize":1.5}`, 422},
		{"over quota", r.root, "application/json", `{"type":"file","name":"x","filesize":101}`, 402},
		{"in a file", f, "application/json", `{"type":"folder","name":"x"}`, 422},
		{"nowhere", string(r.project.ID), "application/json", `{"type":"folder","name":"x"}`, 404}, // a project's id is no asset's
		{"realtime", r.root, "application/json", `{"type":"file","name":"x","filetype":"a/b","is_realtime_upload":true}`, 422},
	}
	for _, tc := range tests {
		if got := r.send("POST", "/assets/"+tc.parent+"/children", tc.contentType, tc.body); got.status != tc.want {
			t.Errorf("%s: got %d, want %d: %s", tc.name, got.status, tc.want, got.raw)
		}
	}
	r.w.SetBehaviour(func(b *world.Behaviour) { b.CreatedStatus = 201 })
	if got := r.do("POST", "/assets/"+r.root+"/children", `{"type":"folder","name":"x"}`); got.status != 201 {
		t.Errorf("with created_status 201: %d", got.status)
	}
	r.w.ChangeAccount(r.project.AccountID, func(a *world.Account) { a.Locked = true })
	if got := r.do("POST", "/assets/"+r.root+"/children", `{"type":"folder","name":"x"}`); got.status != 403 {
		t.Errorf("in a locked account: %d", got.status)
	}
}

func TestPaging(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	f := r.file(r.root, "file 000", "x")
	for i := 1; i < 120; i++ {
		if _, err := r.w.Clone(world.Root(), world.ID(f), world.ID(r.root), fmt.Sprintf("file %03d", i)); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		query               string
		n                   int
		first               string
		number, per, pages  string
		prev, next, isEmpty bool
	}{
		{"", 50, "file 000", "1", "50", "3", false, true, false},
		{"?page=3", 20, "file 100", "3", "50", "3", true, false, false},
		{"?page_size=7&page=2", 7, "file 007", "2", "7", "18", true, true, false},
		{"?page_size=500", 100, "file 000", "1", "100", "2", false, true, false}, // clamped
		{"?page=9", 0, "", "9", "50", "3", true, false, true},
		{"?page=0&page_size=-1", 50, "file 000", "1", "50", "3", false, true, false},
		{"?sort=-name&page_size=1", 1, "file 119", "1", "1", "120", false, true, false},
	}
	for _, tc := range tests {
		a := r.ok("GET", "/assets/"+r.root+"/children"+tc.query, "")
		if len(a.list) != tc.n || tc.n > 0 && a.list[0]["name"] != tc.first {
			t.Errorf("%q: %d entries, want %d beginning with %q", tc.query, len(a.list), tc.n, tc.first)
		}
		h := func(k string) string { return a.header.Get(k) }
		if h("page-number") != tc.number || h("per-page") != tc.per || h("total-pages") != tc.pages || h("total") != "120" {
			t.Errorf("%q: headers %v", tc.query, a.header)
		}
		if link := h("link"); strings.Contains(link, `rel="prev"`) != tc.prev || strings.Contains(link, `rel="next"`) != tc.next {
			t.Errorf("%q: link %s", tc.query, link)
		}
		if tc.isEmpty && a.raw != "[]" {
			t.Errorf("%q: got %q, want an empty array", tc.query, a.raw)
		}
	}
	// A body on GET is tolerated and has no effect (spec: frameio-v2.md §0.3).
	if a := r.ok("GET", "/assets/"+r.root+"/children", `{"page_size":3}`); len(a.list) != 50 {
		t.Errorf("page_size in the body took effect: %d entries", len(a.list))
	}
	if a := r.do("GET", "/assets/"+r.root+"/children?sort=colour", ""); a.status != 422 {
		t.Errorf("sort by an unknown field: %d", a.status)
	}
	if a := r.ok("GET", "/assets/"+f+"/children", ""); a.raw != "[]" {
		t.Errorf("children of a file: %s", a.raw)
	}
}

func TestChange(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	a, b := r.folder(r.root, "a"), r.folder(r.root, "b")
	f := r.file(a, "f.txt", "f")

	got := r.ok("PUT", "/assets/"+f, `{"name":"g.txt","label":"approved","properties":{"k":1},"ignored":true}`).obj
	if got["name"] != "g.txt" || got["label"] != "approved" || got["properties"].(map[string]any)["k"] != 1.0 {
		t.Errorf("after PUT: %v", got)
	}
	if got := r.ok("PUT", "/assets/"+f, `{"properties":{"l":2}}`).obj["properties"].(map[string]any); got["k"] != nil || got["l"] != 2.0 {
		t.Errorf("properties are replaced: %v", got)
	}
	if got := r.ok("POST", "/assets/"+b+"/move", `{"id":"`+f+`"}`).obj; got["parent_id"] != b {
		t.Errorf("after move: parent %v", got["parent_id"])
	}
	wantNames(t, "a after move", r.names("/assets/"+a+"/children"))
	wantNames(t, "b after move", r.names("/assets/"+b+"/children"), "g.txt")
	c := r.ok("POST", "/assets/"+b+"/copy", `{"id":"`+f+`"}`).obj
	if c["id"] == f || c["copy"] != true || c["name"] != "g.txt" || c["upload_completed_at"] == nil {
		t.Errorf("copy: %v", c)
	}
	wantNames(t, "b after copy", r.names("/assets/"+b+"/children"), "g.txt", "g.txt")
	r.ok("POST", "/assets/"+a+"/move", `{"id":"`+b+`"}`)
	for _, bad := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/assets/" + b + "/move", `{"id":"` + a + `"}`, 422}, // into itself
		{"POST", "/assets/" + f + "/move", `{"id":"` + a + `"}`, 422}, // into a file
		{"POST", "/assets/" + a + "/move", `{}`, 422},
		{"POST", "/assets/" + a + "/move", `{"id":"` + r.root + `"}`, 403},
		{"PUT", "/assets/" + r.root, `{"name":"x"}`, 403},
		{"DELETE", "/assets/" + r.root, "", 403},
		{"PUT", "/assets/" + f, `{"label":"pink"}`, 422},
		{"GET", "/assets/" + f + "/presentations", "", 404},
	} {
		if got := r.do(bad.method, bad.path, bad.body); got.status != bad.want {
			t.Errorf("%s %s %s: got %d, want %d", bad.method, bad.path, bad.body, got.status, bad.want)
		}
	}
}

func TestDeleteAndRestore(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	dir := r.folder(r.root, "dir")
	f := r.file(dir, "f.txt", "f")
	if got := r.ok("DELETE", "/assets/"+dir, "").obj; got["deleted_at"] == nil {
		t.Error("the answer to DELETE has no deleted_at")
	}
	for _, path := range []string{"/assets/" + dir, "/assets/" + f, "/assets/" + dir + "/children"} {
		if got := r.do("GET", path, ""); got.status != 404 {
			t.Errorf("GET %s after deleting the folder: %d", path, got.status)
		}
	}
	if got := r.do("DELETE", "/assets/"+dir, ""); got.status != 404 {
		t.Errorf("second DELETE: %d", got.status)
	}
	if got := r.ok("GET", "/assets/"+dir+"?include_deleted=true", "").obj; got["deleted_at"] == nil {
		t.Error("include_deleted shows no deleted_at")
	}
	wantNames(t, "with include_deleted", r.names("/assets/"+r.root+"/children?include_deleted=true"), "dir")
	wantNames(t, "without", r.names("/assets/"+r.root+"/children"))
	if got := r.ok("PUT", "/assets/"+dir+"/restore", "").obj; got["deleted_at"] != nil {
		t.Error("restored, yet deleted_at")
	}
	wantNames(t, "after restore", r.names("/assets/"+dir+"/children"), "f.txt")
}

func TestVersions(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	v1, v2, v3 := r.file(r.root, "cut.mov", "1"), r.file(r.root, "cut 2.mov", "22"), r.file(r.root, "cut 3.mov", "333")
	version := func(target, next string) reply {
		return r.do("POST", "/assets/"+target+"/version", `{"next_asset_id":"`+next+`"}`)
	}
	s := version(v1, v2).obj
	stack := s["id"].(string)
	if s["type"] != "version_stack" || s["cover_asset_id"] != v2 || s["versions"] != 2.0 || stack == v1 {
		t.Errorf("new stack: %v", s)
	}
	if got := version(v1, v3); got.status != 422 {
		t.Errorf("version on a file inside a stack: %d", got.status)
	}
	if got := version(stack, v3).obj; got["id"] != stack || got["cover_asset_id"] != v3 {
		t.Errorf("third version: %v", got)
	}
	l := r.ok("GET", "/assets/"+r.root+"/children", "").list
	if len(l) != 1 || l[0]["cover_asset"].(map[string]any)["id"] != v3 || l[0]["filesize"] != 3.0 {
		t.Errorf("the folder shows the stack alone, with its cover: %v", l)
	}
	wantNames(t, "versions, newest first", r.names("/assets/"+stack+"/children"), "cut 3.mov", "cut 2.mov", "cut.mov")
	if got := r.ok("GET", "/assets/"+v3, "").obj; got["parent_id"] != stack {
		t.Errorf("parent of a version: %v", got["parent_id"])
	}
	for name, pair := range map[string][2]string{"itself": {stack, v3}, "a stack": {r.file(r.root, "x.mov", "x"), stack},
		"other media": {stack, r.file(r.root, "x.png", "x")}, "on a folder": {r.folder(r.root, "d"), r.file(r.root, "y.mov", "y")}} {
		if got := version(pair[0], pair[1]); got.status != 422 {
			t.Errorf("version with %s: %d, want 422", name, got.status)
		}
	}
	if got := r.ok("DELETE", "/assets/"+v3+"/unversion", "").obj; got["parent_id"] != r.root {
		t.Errorf("unversioned file is in %v", got["parent_id"])
	}
	r.ok("DELETE", "/assets/"+v2+"/unversion", "")
	if got := r.do("GET", "/assets/"+stack, ""); got.status != 404 {
		t.Errorf("a stack of one dissolves: %d", got.status)
	}
	if got := r.do("DELETE", "/assets/"+v2+"/unversion", ""); got.status != 422 {
		t.Errorf("unversion of a plain file: %d", got.status)
	}
}

// auto_version_id makes a new upload the next version (spec: frameio-v2.md §3.3).
func TestAutoVersion(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	v1 := r.file(r.root, "cut.mov", "1")
	a := r.ok("POST", "/assets/"+r.root+"/children", `{"type":"file","name":"cut 2.mov","filesize":4,"auto_version_id":"`+v1+`"}`).obj
	l := r.ok("GET", "/assets/"+r.root+"/children", "").list
	if len(l) != 1 || l[0]["type"] != "version_stack" || l[0]["cover_asset_id"] != a["id"] || a["upload_urls"] == nil {
		t.Errorf("folder after auto version: %v", l)
	}
}

func TestPlaces(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	r.file(r.root, "a.txt", "12345")
	acc := r.ok("GET", "/accounts", "").list
	if len(acc) != 1 || acc[0]["storage"] != 5.0 || acc[0]["subscription"].(map[string]any)["total_storage_limit"] != float64(2<<40) {
		t.Fatalf("accounts: %v", acc)
	}
	id := acc[0]["id"].(string)
	if got := r.ok("GET", "/accounts/"+id+"/membership", "").obj; got["account"] != "owner" || got["reviewer"] != false {
		t.Errorf("membership: %v", got)
	}
	teams := r.ok("GET", "/teams", "").list
	if same := r.ok("GET", "/accounts/"+id+"/teams", "").list; len(teams) != 1 || len(same) != 1 || same[0]["id"] != teams[0]["id"] {
		t.Fatalf("teams: %v and %v", teams, same)
	}
	ps := r.ok("GET", "/teams/"+teams[0]["id"].(string)+"/projects", "").list
	if len(ps) != 1 || ps[0]["root_asset_id"] != r.root || ps[0]["storage"] != 5.0 || ps[0]["_type"] != "project" {
		t.Fatalf("projects: %v", ps)
	}
	if got := r.ok("GET", "/assets/"+r.root, "").obj; got["parent_id"] != nil || got["item_count"] != 1.0 || got["original"] != nil {
		t.Errorf("root folder: %v", got)
	}
	r.w.ChangeProject(r.project.ID, func(p *world.Project) { p.Archived = true })
	team := "/teams/" + teams[0]["id"].(string) + "/projects"
	wantNames(t, "archived projects", r.names(team))
	wantNames(t, "with filter[archived]=all", r.names(team+"?filter[archived]=all"), "Untitled")
	if got := r.ok("GET", "/projects/shared", ""); got.raw != "[]" || got.header.Get("total") != "0" {
		t.Errorf("shared projects: %s", got.raw)
	}
	me := r.ok("GET", "/me", "").obj
	if me["_type"] != "user" || me["account_id"] != id || me["email"] != "maya@northlight.example" {
		t.Errorf("me: %v", me)
	}
}

func TestLimits(t *testing.T) {
	r := newRig(t, world.Behaviour{})
	r.l.SetScale(1)
	refused := 0
	for range 12 {
		a := r.do("GET", "/assets/"+r.root, "")
		if a.header.Get("x-ratelimit-limit") != "5" || a.header.Get("x-ratelimit-window") != "1000" {
			t.Fatalf("headers: %v", a.header)
		}
		if a.status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Error("12 reads at once, 5 a second allowed, none refused")
	}
	if got := r.do("GET", "/me", ""); got.status != 200 {
		t.Errorf("another endpoint's bucket: %d", got.status)
	}
	r.token = "fio-u-sim-no-create" // the same user with another token
	if got := r.do("GET", "/assets/"+r.root, ""); got.status != http.StatusTooManyRequests {
		t.Errorf("another token of the same user: %d", got.status)
	}
	r.token = "fio-u-sim-assistant"
	if got := r.do("GET", "/assets/"+r.root, ""); got.status != 200 {
		t.Errorf("another user: %d", got.status)
	}
}
