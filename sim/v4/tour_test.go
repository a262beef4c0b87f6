package v4_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/frameiofs/frameiofs/sim/world"
)

// TestTour walks a client's day through every operation of the wire. With the published document at hand (see package
// contract) each request and each answer is held against it.
func TestTour(t *testing.T) {
	s := newSim(t, world.Behaviour{PartSize: 10})
	done := map[string]int{}
	s.seen = func(op string, status int) {
		if status < 300 {
			done[op]++
		}
	}

	// Finding the way.
	if me := s.call(200, "GET", "/v4/me", ""); me.text("email") != "ada@example.com" {
		t.Errorf("me is %v", me)
	}
	accounts := s.call(200, "GET", "/v4/accounts?include_total_count=true", "")
	if got := texts(accounts.list("data"), "display_name"); !slices.Equal(got, []string{"Studio"}) || accounts["total_count"] != 1.0 {
		t.Errorf("accounts are %q, counted %v; want Studio alone", got, accounts["total_count"])
	}
	spaces := s.call(200, "GET", "/workspaces?include=creator", "").list("data")
	if len(spaces) != 1 || spaces[0].at("creator").text("name") != "Ada" {
		t.Fatalf("workspaces are %v", spaces)
	}
	space := "/workspaces/" + spaces[0].text("id")
	s.call(200, "GET", space+"?include=creator", "")
	project := s.call(200, "GET", space+"/projects?include=owner", "").list("data")[0]
	s.call(200, "GET", "/projects?sort=created_at_desc", "")
	s.call(200, "GET", "/invited_projects", "")
	project = s.call(200, "GET", "/projects/"+project.text("id")+"?include=owner", "")
	root := "/folders/" + project.text("root_folder_id")
	if top := s.call(200, "GET", root+"?include=creator,project,project.owner,metadata", ""); top["parent_id"] != nil ||
		top.at("project").at("owner").text("name") != "Ada" {
		t.Errorf("root folder is %v; want no parent, and the project with its owner", top)
	}

	// Folders.
	day := s.call(201, "POST", root+"/folders", dataBody("name", "Day 1"))
	dayPath := "/folders/" + day.text("id")
	if got := s.call(200, "PATCH", dayPath, dataBody("name", "Day One")).text("name"); got != "Day One" {
		t.Errorf("renamed folder is %q", got)
	}
	bin := s.call(201, "POST", root+"/folders", dataBody("name", "Bin"))
	if got := s.call(200, "PATCH", "/folders/"+bin.text("id")+"/move", dataBody("parent_id", day.text("id"))).text("parent_id"); got != day.text("id") {
		t.Errorf("moved folder lies in %q", got)
	}

	// Files.
	cut := s.call(201, "POST", dayPath+"/files/local_upload", dataBody("name", "cut.mov", "file_size", 25))
	cutPath := "/files/" + cut.text("id")
	if cut.text("media_type") != "video/quicktime" || cut.text("status") != "created" || len(cut.list("upload_urls")) != 3 {
		t.Errorf("placeholder is %v; want a created video/quicktime with 3 upload URLs", cut)
	}
	status := s.call(200, "GET", cutPath+"/status", "")
	if status["upload_complete"] != false || status["upload_completed_at"] != nil || status["uploaded_at"] == nil {
		t.Errorf("status of a placeholder is %v", status)
	}
	s.call(201, "POST", dayPath+"/files", dataBody("name", "note.bin", "file_size", 1, "media_type", "text/plain"))
	s.call(200, "PATCH", cutPath, dataBody("name", "Cut.mov"))
	for n, size := range []int64{9, 9, 7} {
		if err := s.world.PutPart(world.ID(cut.text("id")), n+1, size, strings.NewReader(strings.Repeat("x", int(size)))); err != nil {
			t.Fatal(err)
		}
	}
	s.whole(cut.text("id"))
	shown := s.call(200, "GET", cutPath+"?include=media_links.original,media_links.thumbnail,creator,project,metadata", "")
	links := shown.at("media_links")
	if shown.text("status") != "transcoded" || !strings.HasPrefix(links.at("original").text("download_url"), s.mediaURL) ||
		links.at("thumbnail")["url"] != nil || len(links) != 2 {
		t.Errorf("finished file is %v", shown)
	}
	status = s.call(200, "GET", cutPath+"/status", "")
	if status["upload_complete"] != true || status["upload_completed_at"] == nil || status["filetype"] != "video/quicktime" {
		t.Errorf("status of a finished file is %v", status)
	}
	if dup := s.call(200, "POST", cutPath+"/copy?copy_metadata=true&copy_comments=all", ""); dup.text("name") != "Cut (1).mov" {
		t.Errorf("copy is called %q", dup.text("name"))
	}

	// Version stacks.
	v1, v2, v3 := s.file(dayPath, "v1.mov", "1"), s.file(dayPath, "v2.mov", "22"), s.file(dayPath, "v3.mov", "333")
	stack := s.call(201, "POST", dayPath+"/version_stacks", dataBody("file_ids", []string{v1, v2}))
	stackPath := "/version_stacks/" + stack.text("id")
	s.call(200, "PATCH", "/files/"+v3+"/move", dataBody("parent_id", stack.text("id")))
	if head := s.call(200, "GET", stackPath+"?include=media_links.original", "").at("head_version"); head.text("id") != v3 {
		t.Errorf("head is %v, want the file moved in last", head)
	}
	s.call(200, "GET", stackPath+"/children?include=creator", "")
	s.call(200, "PATCH", stackPath+"/move", dataBody("parent_id", bin.text("id")))
	s.call(200, "POST", stackPath+"/copy?copy_metadata=true", dataBody("parent_id", day.text("id")))

	// Listings, and the end.
	every := "?include=media_links.original,media_links.scrub_sheet,media_links.efficient,creator,project,metadata&page_size=500"
	s.call(200, "GET", dayPath+"/children"+every+"&type=file,folder,version_stack", "")
	s.call(200, "GET", dayPath+"/files"+every+"&sort=file_size_desc", "")
	s.call(200, "GET", dayPath+"/version_stacks"+every, "")
	s.call(200, "GET", root+"/folders?include=creator,project", "")
	s.call(200, "POST", dayPath+"/copy", "")
	s.call(204, "DELETE", cutPath, "")
	s.call(404, "GET", cutPath, "")
	s.call(204, "DELETE", dayPath, "")
	s.call(404, "GET", "/folders/"+bin.text("id"), "") // went with its parent

	for _, op := range s.operations() {
		refused := op == "files.create_remote_upload" || op == "files.import_file"
		if (done[op] == 0) != refused {
			t.Errorf("%s succeeded %d times on the tour", op, done[op])
		}
	}
}

// operations asks the wire for the name of every route the package promises.
func (s *sim) operations() []string {
	const a = "/v4/accounts/a"
	var ops []string
	for _, route := range []string{
		"GET /v4/me", "GET /v4/accounts", "GET " + a + "/workspaces", "GET " + a + "/workspaces/w", "GET " + a + "/workspaces/w/projects",
		"GET " + a + "/projects", "GET " + a + "/invited_projects", "GET " + a + "/projects/p",
		"GET " + a + "/folders/f", "POST " + a + "/folders/f/folders", "PATCH " + a + "/folders/f", "DELETE " + a + "/folders/f",
		"PATCH " + a + "/folders/f/move", "POST " + a + "/folders/f/copy", "GET " + a + "/folders/f/children",
		"GET " + a + "/folders/f/folders", "GET " + a + "/folders/f/files", "GET " + a + "/folders/f/version_stacks",
		"GET " + a + "/files/f", "GET " + a + "/files/f/status", "POST " + a + "/folders/f/files/local_upload", "POST " + a + "/folders/f/files",
		"POST " + a + "/folders/f/files/remote_upload", "POST " + a + "/folders/f/files/import", "PATCH " + a + "/files/f",
		"DELETE " + a + "/files/f", "PATCH " + a + "/files/f/move", "POST " + a + "/files/f/copy",
		"GET " + a + "/version_stacks/v", "GET " + a + "/version_stacks/v/children", "POST " + a + "/folders/f/version_stacks",
		"PATCH " + a + "/version_stacks/v/move", "POST " + a + "/version_stacks/v/copy",
	} {
		method, path, _ := strings.Cut(route, " ")
		op := s.wire.Operation(request(method, path))
		if op == "" {
			s.Errorf("no operation for %s", route)
		}
		ops = append(ops, op)
	}
	return ops
}

// TestUnknownRoutes: what Frame.io does not have, and what this wire leaves out, look alike.
func TestUnknownRoutes(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	id := string(s.project.RootID)
	for _, route := range []string{
		"GET /v4", "GET /v4/", "POST /v4/me", "GET /v4/nothing",
		"PATCH /version_stacks/" + id, "DELETE /version_stacks/" + id, // stacks have no rename and no delete
		"GET /accounts/" + string(s.account.ID), "GET /projects/" + id + "/shares", "PUT /files/" + id,
	} {
		method, path, _ := strings.Cut(route, " ")
		status, _, answer := s.try(s.adaTok, method, path, "")
		if !strings.HasPrefix(path, "/v4") {
			path = "/v4/accounts/" + string(s.account.ID) + path
		}
		want := fmt.Sprintf("no route found for %s %s", method, path)
		if errs := answer.list("errors"); status != 404 || len(errs) != 1 || errs[0].text("detail") != want {
			t.Errorf("%s answered %d %v, want 404 %q", route, status, answer, want)
		}
	}
}
