package v4_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/frameiofs/frameiofs/sim/contract"
	v4 "github.com/frameiofs/frameiofs/sim/v4"
	"github.com/frameiofs/frameiofs/sim/world"
)

func request(method, path string) *http.Request { return httptest.NewRequest(method, path, nil) }

// TestMalformed sends what the schemas forbid. Unless noted the published document forbids it too, which is checked when
// it is at hand, so that the wire is neither laxer than the document nor strict by accident.
func TestMalformed(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	folder := s.root()
	a, b := s.file(folder, "a.mov", "a"), s.file(folder, "b.mov", "b")
	up, stacks := folder+"/files/local_upload", folder+"/version_stacks"
	long := strings.Repeat("é", 256)
	many := []string{a}
	for i := range 10 {
		many = append(many, fmt.Sprintf("0000000%d-0000-4000-8000-000000000000", i))
	}
	const ownRule = true // stricter than the document, for the reason in the name
	tests := []struct {
		name, method, path, body string
		status                   int
		pointer, detail          string
		stricter                 bool
	}{
		{"unknown key", "POST", up, `{"data":{"name":"a","file_size":1,"foo":2}}`, 422, "/data/foo", "Unexpected field: foo", false},
		{"key beside data", "POST", up, `{"data":{"name":"a","file_size":1},"foo":2}`, 422, "/foo", "Unexpected field: foo", false},
		{"no envelope", "POST", up, `{"name":"a","file_size":1}`, 422, "/file_size", "Unexpected field: file_size", false},
		{"no data", "PATCH", folder, `{}`, 422, "/data", "Missing field: data", false},
		{"data is a list", "PATCH", folder, `{"data":[]}`, 422, "/data", "Invalid object. Got: array", false},
		{"body is a list", "PATCH", folder, `[]`, 422, "/", "Invalid object. Got: array", false},
		{"not JSON", "PATCH", folder, `{"data":`, 400, "", "not valid JSON", false},
		{"JSON and more", "PATCH", folder, `{"data":{}} {}`, 400, "", "not valid JSON", ownRule},
		{"no body", "PATCH", folder, "", 400, "", "Content-Type", false},
		{"missing name", "POST", up, `{"data":{"file_size":1}}`, 422, "/data/name", "Missing field: name", false},
		{"empty name", "POST", up, `{"data":{"name":"","file_size":1}}`, 422, "/data/name", "minLength: 1", false},
		{"long name", "POST", up, dataBody("name", long, "file_size", 1), 422, "/data/name", "maxLength: 255", false},
		{"name is null", "POST", up, `{"data":{"name":null,"file_size":1}}`, 422, "/data/name", "Got: null", false},
		{"empty file", "POST", up, `{"data":{"name":"a","file_size":0}}`, 422, "/data/file_size", "inclusive minimum 1", false},
		{"huge file", "POST", up, `{"data":{"name":"a","file_size":5000000000001}}`, 422, "/data/file_size", "inclusive maximum 5000000000000", false},
		{"half a byte", "POST", up, `{"data":{"name":"a","file_size":1.5}}`, 422, "/data/file_size", "Invalid integer", false},
		{"size as text", "POST", up, `{"data":{"name":"a","file_size":"1"}}`, 422, "/data/file_size", "Got: string", false},
		{"media_type on local_upload", "POST", up, `{"data":{"name":"a","file_size":1,"media_type":"b/c"}}`, 422, "/data/media_type", "Unexpected", false},
		{"older create without type", "POST", folder + "/files", `{"data":{"name":"a","file_size":1}}`, 422, "/data/media_type", "Missing", false},
		{"folder without name", "POST", folder + "/folders", `{"data":{}}`, 422, "/data/name", "Missing", ownRule},
		{"long folder name", "PATCH", folder, dataBody("name", long), 422, "/data/name", "maxLength", false},
		{"move to nowhere", "PATCH", "/files/" + a + "/move", `{"data":{}}`, 422, "/data/parent_id", "Missing", ownRule},
		{"move with a name", "PATCH", "/files/" + a + "/move", `{"data":{"parent_id":"x","name":"b"}}`, 422, "/data/name", "Unexpected", false},
		{"stack of one", "POST", stacks, dataBody("file_ids", []string{a}), 422, "/data/file_ids", "minItems: 2", false},
		{"stack of eleven", "POST", stacks, dataBody("file_ids", many), 422, "/data/file_ids", "maxItems: 10", false},
		{"stack of twins", "POST", stacks, dataBody("file_ids", []string{a, b, a}), 422, "/data/file_ids", "unique", false},
		{"stack of numbers", "POST", stacks, `{"data":{"file_ids":[1,2]}}`, 422, "/data/file_ids", "Got: number", false},
		{"stack of names", "POST", stacks, dataBody("file_ids", []string{"a.mov", "b.mov"}), 422, "/data/file_ids", "Invalid format", false},
		{"stack of nothing", "POST", stacks, `{"data":{}}`, 422, "/data/file_ids", "Missing", false},
		{"import from anywhere", "POST", folder + "/files/import", dataBody("name", "a", "key", "k", "storage_location", "disk"), 422, "/data/storage_location", "Invalid format", false},
		{"remote without source", "POST", folder + "/files/remote_upload", dataBody("name", "a"), 422, "/data/source_url", "Missing", false},

		{"page too large", "GET", folder + "/children?page_size=501", "", 422, "/page_size", "inclusive maximum 500", false},
		{"page too large for projects", "GET", "/projects?page_size=101", "", 422, "/page_size", "inclusive maximum 100", false},
		{"page of nothing", "GET", folder + "/files?page_size=0", "", 422, "/page_size", "inclusive minimum 1", false},
		{"page size in words", "GET", folder + "/files?page_size=many", "", 422, "/page_size", "Invalid integer", false},
		{"unknown include", "GET", folder + "/children?include=creator,comments", "", 422, "/include", "enum", false},
		{"bare media_links", "GET", folder + "/children?include=media_links", "", 422, "/include", "enum", false},
		{"media links of a folder", "GET", folder + "?include=media_links.original", "", 422, "/include", "enum", false},
		{"sort of children", "GET", folder + "/children?sort=name_asc", "", 422, "/sort", "Unexpected field: sort", false},
		{"unknown sort", "GET", folder + "/files?sort=name", "", 422, "/sort", "enum", false},
		{"unknown type", "GET", folder + "/children?type=file,clip", "", 422, "/type", "enum", ownRule},
		{"type of files", "GET", folder + "/files?type=file", "", 422, "/type", "Unexpected field: type", false},
		{"count of sorts", "GET", folder + "/files?include_total_count=yes", "", 422, "/include_total_count", "enum", false},
		{"made-up cursor", "GET", folder + "/children?after=%21", "", 422, "/after", "Invalid cursor", ownRule},
		{"negative cursor", "GET", folder + "/children?after=eyJvZmZzZXQiOi0xfQ==", "", 422, "/after", "Invalid cursor", ownRule},
		{"foreign keyset", "GET", folder + "/children?after=eyJrZXkiOiI/In0=", "", 422, "/after", "cursor", ownRule},
		{"copy what comments", "POST", "/files/" + a + "/copy?copy_comments=mine", "", 422, "/copy_comments", "enum", false},
		{"workspace by name", "GET", "/workspaces/Editorial", "", 422, "/workspace_id", ":uuid", false},
	}
	doc := contract.Open(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, _, answer := s.try(s.adaTok, tt.method, tt.path, tt.body)
			errs := answer.list("errors")
			if status != tt.status || len(errs) == 0 {
				t.Fatalf("answered %d %v, want %d", status, answer, tt.status)
			}
			if got := errs[0]; !strings.Contains(got.text("detail"), tt.detail) || got.at("source").text("pointer") != tt.pointer {
				t.Errorf("error is %v, want %q at %q", got, tt.detail, tt.pointer)
			}
			if doc == nil {
				return
			}
			r := request(tt.method, "/v4/accounts/"+string(s.account.ID)+tt.path)
			r.Header.Set("Authorization", "Bearer t")
			r.Header.Set("Content-Type", "application/json")
			if err := doc.CheckRequest(r, []byte(tt.body)); (err == nil) != tt.stricter {
				t.Errorf("the published document says %v; marked stricter than it: %v", err, tt.stricter)
			}
		})
	}
}

// TestWhoAsks: who gets in with which token and header, and what a token is worth elsewhere.
func TestWhoAsks(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	developer, oauth := s.token(s.ada, world.Developer), s.token(s.ada, world.OAuth)
	tests := []struct {
		name, authorization, legacy string
		want                        int
	}{
		{"IMS", "Bearer " + s.adaTok, "", 200},
		{"IMS with the legacy header", "Bearer " + s.adaTok, "true", 401},
		{"developer token", "Bearer " + developer, "true", 200},
		{"developer token without the header", "Bearer " + developer, "", 401},
		{"developer token with the header off", "Bearer " + developer, "false", 401},
		{"V2 OAuth", "Bearer " + oauth, "", 401},
		{"V2 OAuth with the legacy header", "Bearer " + oauth, "true", 401},
		{"nobody", "", "", 401},
		{"not bearer", "Basic " + s.adaTok, "", 401},
		{"unknown", "Bearer fio-u-unknown", "true", 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := http.NewRequest("GET", s.url+"/v4/me", nil)
			if tt.authorization != "" {
				r.Header.Set("Authorization", tt.authorization)
			}
			if tt.legacy != "" {
				r.Header.Set(v4.LegacyHeader, tt.legacy)
			}
			if got, _, answer := s.send(r); got != tt.want {
				t.Errorf("answered %d %v, want %d", got, answer, tt.want)
			}
		})
	}
}

// TestElsewhere: things of another account do not exist, wherever their ids are put; nor do things of another kind.
func TestElsewhere(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	mine := s.file(s.root(), "a.mov", "a")
	foreign := string(s.elsewhere.RootID)
	rival := must(s.world.CreateFolder(world.Root(), s.elsewhere.RootID, "Rushes"))(t)
	for _, tt := range []struct{ method, path, body string }{
		{"GET", "/folders/" + foreign, ""},
		{"GET", "/projects/" + string(s.elsewhere.ID), ""},
		{"GET", "/v4/accounts/" + string(s.other.ID) + "/projects", ""},
		{"GET", "/v4/accounts/" + string(s.other.ID) + "/files/" + mine, ""},
		{"GET", "/v4/accounts/adobe:org/projects", ""},
		{"GET", "/workspaces/" + string(s.elsewhere.TeamID), ""},
		{"PATCH", "/files/" + mine + "/move", dataBody("parent_id", foreign)},
		{"PATCH", "/files/" + mine + "/move", dataBody("parent_id", "nowhere")},
		{"POST", "/files/" + mine + "/copy", dataBody("parent_id", rival.ID)},
		{"POST", "/folders/" + foreign + "/files/local_upload", dataBody("name", "a", "file_size", 1)},
		{"POST", s.root() + "/version_stacks", dataBody("file_ids", []string{mine, string(rival.ID)})},
		{"GET", "/folders/" + mine, ""},
		{"GET", "/version_stacks/" + mine, ""},
		{"DELETE", "/files/" + string(s.project.RootID), ""},
		{"GET", "/files/adobe:urn%7C2", ""},
		{"GET", "/files/" + strings.Repeat("0", 8) + "-0000-0000-0000-000000000000", ""},
	} {
		if got, _, answer := s.try(s.adaTok, tt.method, tt.path, tt.body); got != 404 {
			t.Errorf("%s %s answered %d %v, want 404", tt.method, tt.path, got, answer)
		}
	}
	// Both accounts of somebody who is in both are still apart.
	if err := s.world.ChangeTeam(s.elsewhere.TeamID, func(t *world.Team) { t.Members = append(t.Members, s.ada.ID) }); err != nil {
		t.Fatal(err)
	}
	s.call(200, "GET", "/v4/accounts/"+string(s.other.ID)+"/folders/"+foreign, "")
	for _, path := range []string{"/folders/" + foreign, "/projects/" + string(s.elsewhere.ID), "/workspaces/" + string(s.elsewhere.TeamID)} {
		s.call(404, "GET", path, "")
	}
}

// TestRights: what roles, locks and quotas refuse, with the codes clients have to tell apart.
func TestRights(t *testing.T) {
	upload := dataBody("name", "big.mov", "file_size", 1000)
	t.Run("viewer", func(t *testing.T) {
		s := newSim(t, world.Behaviour{})
		s.callAs(s.viewTok, 200, "GET", s.root()+"/children", "")
		s.callAs(s.viewTok, 403, "POST", s.root()+"/files/local_upload", upload)
		s.callAs(s.viewTok, 403, "POST", s.root()+"/folders", dataBody("name", "a"))
	})
	t.Run("no download", func(t *testing.T) {
		s := newSim(t, world.Behaviour{})
		id := s.file(s.root(), "a.mov", "a")
		for _, path := range []string{"/files/" + id, s.root() + "/children", s.root() + "/files"} {
			s.callAs(s.nod, 403, "GET", path+"?include=media_links.original", "")
			s.callAs(s.nod, 200, "GET", path+"?include=media_links.thumbnail", "")
		}
	})
	t.Run("locked account", func(t *testing.T) {
		s := newSim(t, world.Behaviour{})
		if err := s.world.ChangeAccount(s.account.ID, func(a *world.Account) { a.Locked = true }); err != nil {
			t.Fatal(err)
		}
		answer := s.call(403, "POST", s.root()+"/files/local_upload", upload)
		if detail := answer.list("errors")[0].text("detail"); !strings.Contains(detail, "locked") {
			t.Errorf("detail is %q, want it to say that the account is locked", detail)
		}
	})
	for status, b := range map[int]world.Behaviour{403: {}, 422: {QuotaStatus: 422}} {
		t.Run("over quota", func(t *testing.T) {
			s := newSim(t, b)
			if err := s.world.ChangeAccount(s.account.ID, func(a *world.Account) { a.StorageLimit = 999 }); err != nil {
				t.Fatal(err)
			}
			answer := s.call(status, "POST", s.root()+"/files/local_upload", upload)
			if detail := answer.list("errors")[0].text("detail"); !strings.Contains(detail, "storage limit") {
				t.Errorf("detail is %q, want it to name the storage limit", detail)
			}
			s.call(201, "POST", s.root()+"/files/local_upload", dataBody("name", "small.mov", "file_size", 999))
		})
	}
	t.Run("names taken", func(t *testing.T) {
		s := newSim(t, world.Behaviour{Names: world.NamesConflict})
		s.call(201, "POST", s.root()+"/folders", dataBody("name", "a"))
		s.call(409, "POST", s.root()+"/folders", dataBody("name", "a"))
	})
	t.Run("root folder", func(t *testing.T) {
		s := newSim(t, world.Behaviour{})
		s.call(403, "DELETE", s.root(), "")
		s.call(403, "PATCH", s.root(), dataBody("name", "a"))
		s.call(422, "POST", s.root()+"/copy", "")
	})
	t.Run("from elsewhere", func(t *testing.T) {
		s := newSim(t, world.Behaviour{})
		s.call(422, "POST", s.root()+"/files/remote_upload", dataBody("name", "a", "source_url", "http://127.0.0.1/a"))
		s.call(422, "POST", s.root()+"/files", dataBody("name", "a", "file_size", 1, "media_type", "a/b", "source_url", "http://127.0.0.1/a"))
		s.call(403, "POST", s.root()+"/files/import", dataBody("name", "a", "key", "k", "storage_location", s.account.ID))
	})
}

// TestRefuse: refusals from outside, such as faults on order, look like the wire's own.
func TestRefuse(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	doc := contract.Open(t)
	for _, tt := range []struct {
		status                    int
		path, detail, max, remain string
	}{
		{429, "/files/f", "Too many requests", "10", "0"},
		{401, "/files/f", "Unauthorized", "10", "10"},
		{422, "/files/f/status", "Unprocessable content", "5", "5"},
		{503, "/nowhere", "Service unavailable", "100", "100"},
	} {
		rec, r := httptest.NewRecorder(), request("GET", "/v4/accounts/"+string(s.account.ID)+tt.path)
		s.wire.Refuse(rec, r, tt.status, "")
		got := rec.Header().Get("x-ratelimit-limit") + " " + rec.Header().Get("x-ratelimit-remaining")
		if rec.Code != tt.status || !strings.Contains(rec.Body.String(), `"detail":"`+tt.detail+`"`) || got != tt.max+" "+tt.remain {
			t.Errorf("Refuse(%d) on %s answered %d %s with limits %s", tt.status, tt.path, rec.Code, rec.Body, got)
		}
		if doc == nil {
			continue
		}
		if err := doc.CheckResponse(r, rec.Code, rec.Header(), rec.Body.Bytes()); err != nil {
			t.Error(err)
		}
	}
}
