package v4_test

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

// TestUpload takes a file there and back: the parts a client is told of make up the file, in order, its state follows
// them, and its link leads to the same bytes.
func TestUpload(t *testing.T) {
	s := newSim(t, world.Behaviour{PartSize: 10, UploadedAfter: world.Duration(time.Hour)})
	const content = "0123456789abcdefghijklmnopqrstu"
	made := s.call(201, "POST", s.root()+"/files/local_upload", dataBody("name", "shot.R3D", "file_size", len(content)))
	path := "/files/" + made.text("id")
	rest := content
	for n, u := range made.list("upload_urls") {
		if got := s.call(200, "GET", path, "").text("status"); got != "created" {
			t.Errorf("status before part %d is %q", n+1, got)
		}
		size, _ := u["size"].(float64)
		if int(size) < 1 || int(size) > len(rest) {
			t.Fatalf("part %d has %v bytes of the %d left", n+1, size, len(rest))
		}
		if got := s.put(u.text("url"), made.text("media_type"), rest[:int(size)-1]); got == 200 {
			t.Errorf("PUT of part %d a byte short was taken", n+1) // V4 states part sizes and holds to them
		}
		if got := s.put(u.text("url"), made.text("media_type"), rest[:int(size)]); got != 200 {
			t.Fatalf("PUT of part %d answered %d", n+1, got)
		}
		rest = rest[int(size):]
	}
	if n := len(made.list("upload_urls")); n != 4 || rest != "" {
		t.Errorf("%d parts leave %d bytes over, want 4 and none", n, len(rest))
	}

	links := s.call(200, "GET", path+"?include=media_links.original", "").at("media_links").at("original")
	if links["download_url"] != nil || links["inline_url"] != nil {
		t.Errorf("an unfinished upload has links %v, want null ones", links)
	}
	if err := s.world.SetBehaviour(func(b *world.Behaviour) { b.UploadedAfter, b.Transcode = 0, world.TranscodeNone }); err != nil {
		t.Fatal(err)
	}
	s.whole(made.text("id"))
	shown := s.call(200, "GET", path+"?include=media_links.original", "")
	if shown.text("status") != "uploaded" {
		t.Errorf("status is %q, want uploaded: nothing transcodes", shown.text("status"))
	}
	for key, want := range map[string]string{"download_url": "attachment", "inline_url": "inline"} {
		got, disposition := s.get(shown.at("media_links").at("original").text(key))
		if got != content || !strings.HasPrefix(disposition, want) || !strings.Contains(disposition, "shot.R3D") {
			t.Errorf("%s leads to %q as %q, want the original as %s", key, got, disposition, want)
		}
	}
}

// TestFailedUpload: a file that Frame.io could not put together says so in its status only.
func TestFailedUpload(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	made := s.call(201, "POST", s.root()+"/files/local_upload", dataBody("name", "a.mov", "file_size", 1))
	if err := s.world.FailUpload(world.ID(made.text("id"))); err != nil {
		t.Fatal(err)
	}
	status := s.call(200, "GET", "/files/"+made.text("id")+"/status", "")
	if status["upload_failed"] != true || status["upload_complete"] != false || status["upload_completed_at"] != nil {
		t.Errorf("status is %v", status)
	}
	if got := s.call(200, "GET", "/files/"+made.text("id"), "").text("status"); got != "created" {
		t.Errorf("the file's status is %q", got)
	}
}

// TestTimes: clients compare these as text.
func TestTimes(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	form := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)
	made := s.call(201, "POST", s.root()+"/folders", dataBody("name", "a"))
	for _, key := range []string{"created_at", "updated_at"} {
		if !form.MatchString(made.text(key)) {
			t.Errorf("%s is %q, want UTC with microseconds", key, made.text(key))
		}
	}
	renamed := s.call(200, "PATCH", "/folders/"+made.text("id"), dataBody("name", "b"))
	if renamed.text("updated_at") < made.text("updated_at") || renamed.text("created_at") != made.text("created_at") {
		t.Errorf("a rename changed the times %v to %v", made, renamed)
	}
	same := s.call(200, "PATCH", "/folders/"+made.text("id"), `{"data":{}}`)
	if same.text("name") != "b" {
		t.Errorf("a rename to nothing made the name %q", same.text("name"))
	}
}

// TestStacks follows a version stack from birth to end.
func TestStacks(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	folder, aside := s.folder("Cuts"), s.folder("Aside")
	v1, v2, v3 := s.file(folder, "cut v1.mov", "1"), s.file(folder, "cut v2.mov", "22"), s.file(folder, "cut v3.mov", "333")
	stray := s.file(aside, "stray.mov", "s")
	s.call(422, "POST", folder+"/version_stacks", dataBody("file_ids", []string{v1, stray}))
	stack := s.call(201, "POST", folder+"/version_stacks", dataBody("file_ids", []string{v1, v2}))
	path := "/version_stacks/" + stack.text("id")
	if got := stack.at("head_version"); got.text("id") != v2 || got.text("parent_id") != stack.text("id") {
		t.Errorf("head is %v, want the last id given, with the stack as its parent", got)
	}
	if got := texts(s.call(200, "GET", folder+"/children", "").list("data"), "id"); !slices.Contains(got, stack.text("id")) || slices.Contains(got, v1) || len(got) != 2 {
		t.Errorf("the folder lists %q, want the stack and v3 only", got)
	}
	s.call(200, "PATCH", "/files/"+v3+"/move", dataBody("parent_id", stack.text("id")))
	if got := texts(s.pages(path+"/children", "page_size=2", nil), "id"); !slices.Equal(got, []string{v3, v2, v1}) {
		t.Errorf("versions are %q, want newest first", got)
	}
	if got := s.call(200, "GET", "/files/"+v1, "").text("parent_id"); got != stack.text("id") {
		t.Errorf("parent of a version is %q, want the stack", got)
	}
	s.call(422, "PATCH", "/folders/"+strings.TrimPrefix(aside, "/folders/")+"/move", dataBody("parent_id", stack.text("id")))
	s.call(422, "PATCH", path+"/move", dataBody("parent_id", v1))

	// A copy of a version is a file of its own, beside the stack.
	if got := s.call(200, "POST", "/files/"+v1+"/copy", ""); got.text("parent_id") != strings.TrimPrefix(folder, "/folders/") {
		t.Errorf("the copy of a version lies in %q, want the stack's folder", got.text("parent_id"))
	}
	dup := s.call(200, "POST", path+"/copy", "")
	if dup.text("name") == stack.text("name") || dup.at("head_version").text("id") == v3 {
		t.Errorf("copy of the stack is %v, want another name and another head", dup)
	}

	// Taking versions out, to the end of the stack.
	s.call(200, "PATCH", "/files/"+v3+"/move", dataBody("parent_id", strings.TrimPrefix(aside, "/folders/")))
	if got := s.call(200, "GET", path, "").at("head_version").text("id"); got != v2 {
		t.Errorf("head is %q after the newest was moved out, want the one before", got)
	}
	s.call(204, "DELETE", "/files/"+v2, "")
	s.call(404, "GET", path, "")
	if got := s.call(200, "GET", "/files/"+v1, "").text("parent_id"); got != strings.TrimPrefix(folder, "/folders/") {
		t.Errorf("the last version lies in %q, want the folder of the dissolved stack", got)
	}
}

// TestMoves: where things cannot go.
func TestMoves(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	outer := s.folder("Outer")
	inner := s.call(201, "POST", outer+"/folders", dataBody("name", "Inner")).text("id")
	file := s.file(outer, "a.mov", "a")
	s.call(422, "PATCH", outer+"/move", dataBody("parent_id", inner))
	s.call(422, "POST", outer+"/copy", dataBody("parent_id", inner))
	s.call(422, "PATCH", "/folders/"+inner+"/move", dataBody("parent_id", file))
	if got := s.call(200, "PATCH", "/files/"+file+"/move", dataBody("parent_id", strings.ToUpper(inner))).text("parent_id"); got != inner {
		t.Errorf("moved file lies in %q", got)
	}
}

// TestAsyncFolderCopy: 202, nothing yet, the copy later; and what was accepted is made even if the wire closes first.
func TestAsyncFolderCopy(t *testing.T) {
	s := newSim(t, world.Behaviour{AsyncFolderCopy: true, CopyAfter: world.Duration(time.Hour)})
	folder := s.folder("Day 1")
	s.file(folder, "a.mov", "a")
	if status, _, answer := s.try(s.adaTok, "POST", folder+"/copy", ""); status != http.StatusAccepted || len(answer) > 0 {
		t.Fatalf("answered %d %v, want 202 and an empty object", status, answer)
	}
	s.callAs(s.viewTok, 403, "POST", folder+"/copy", "")
	s.call(404, "POST", folder+"/copy", dataBody("parent_id", s.elsewhere.RootID))
	list := func() []string { return texts(s.call(200, "GET", s.root()+"/folders", "").list("data"), "name") }
	if got := list(); !slices.Equal(got, []string{"Day 1"}) {
		t.Errorf("before the copy the folders are %q", got)
	}
	if err := s.wire.Close(); err != nil {
		t.Fatal(err)
	}
	if got := list(); !slices.Equal(got, []string{"Day 1", "Day 1 (1)"}) {
		t.Errorf("after Close the folders are %q, want the copy that was promised", got)
	}
}

// TestLimits: each operation has its published limit, per user; a refusal costs nothing and says so in the usual shape.
func TestLimits(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	s.limit.SetScale(1e-9) // buckets that do not drain while the test runs
	folder := s.folder("Renamed")
	rename := func(tok string) (int, http.Header, object) {
		return s.try(tok, "PATCH", folder, dataBody("name", "x"))
	}
	for n := range 10 {
		status, h, _ := rename(s.adaTok)
		if want := strconv.Itoa(9 - n); status != 200 || h.Get("x-ratelimit-limit") != "10" ||
			h.Get("x-ratelimit-remaining") != want || h.Get("x-ratelimit-window") != "60000" {
			t.Fatalf("rename %d answered %d with %v", n+1, status, h)
		}
	}
	status, h, answer := rename(s.adaTok)
	if status != 429 || h.Get("x-ratelimit-remaining") != "0" || answer.list("errors")[0].text("detail") != "Too many requests" {
		t.Errorf("rename 11 answered %d %v with %v", status, answer, h)
	}
	if status, _, _ := rename(s.nod); status != 200 {
		t.Errorf("another user's rename answered %d", status)
	}
	s.call(200, "GET", folder, "") // another operation
	s.limit.SetScale(1)
	s.call(200, "PATCH", folder, dataBody("name", "y"))
}
