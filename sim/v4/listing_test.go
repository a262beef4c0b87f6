package v4_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/frameiofs/frameiofs/sim/world"
)

// TestPaging: every entry comes once, over links that forget the page size and over any page size.
func TestPaging(t *testing.T) {
	for _, cursor := range []world.Cursor{world.CursorOffset, world.CursorKeyset} {
		t.Run("cursor "+string(cursor), func(t *testing.T) {
			s := newSim(t, world.Behaviour{Cursor: cursor})
			folder := s.folder("Many")
			var want []string
			for i := range 23 {
				name := fmt.Sprintf("%02d", i)
				want = append(want, name)
				s.call(201, "POST", folder+"/folders", dataBody("name", name))
			}
			for _, size := range []int{1, 5, 23, 24} {
				got := texts(s.pages(folder+"/children", fmt.Sprintf("page_size=%d", size), nil), "name")
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("pages of %d gave %q, want %q", size, got, want)
				}
			}
			one := s.call(200, "GET", folder+"/children?include_total_count=true&page_size=5", "")
			if len(one.list("data")) != 5 || one["total_count"] != 23.0 {
				t.Errorf("a page of 5 has %d of %v entries, want 5 of 23", len(one.list("data")), one["total_count"])
			}
			if one = s.call(200, "GET", folder+"/children?page_size=5", ""); one["total_count"] != nil {
				t.Errorf("total_count is %v though nobody asked", one["total_count"])
			}
			if one = s.call(200, "GET", folder+"/children", ""); len(one.list("data")) != 23 || one.at("links")["next"] != nil {
				t.Errorf("the default page has %d entries, links %v", len(one.list("data")), one["links"])
			}
		})
	}
}

// TestPagingWhileChanging: with offset cursors a page is skipped over when something before it goes, which is what clients
// have to live with; with keyset cursors not.
func TestPagingWhileChanging(t *testing.T) {
	for cursor, want := range map[world.Cursor][]string{
		world.CursorOffset: {"0", "1", "3", "4"}, // "2" slid onto the first page
		world.CursorKeyset: {"0", "1", "2", "3", "4"},
	} {
		t.Run("cursor "+string(cursor), func(t *testing.T) {
			s := newSim(t, world.Behaviour{Cursor: cursor})
			folder := s.folder("Changing")
			var first string
			for i := range 5 {
				made := s.call(201, "POST", folder+"/folders", dataBody("name", fmt.Sprint(i)))
				if i == 0 {
					first = made.text("id")
				}
			}
			got := texts(s.pages(folder+"/folders", "page_size=2", func(page int) {
				if page == 1 {
					s.call(204, "DELETE", "/folders/"+first, "")
				}
			}), "name")
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestKindsAndOrder: the four listings of a folder, the type filter, and sort.
func TestKindsAndOrder(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	folder := s.folder("Mixed")
	s.call(201, "POST", folder+"/folders", dataBody("name", "sub"))
	s.file(folder, "b.mov", "333")
	s.file(folder, "a.mov", "1")
	s.file(folder, "c.mov", "22")
	v1, v2 := s.file(folder, "v.mov", "x"), s.file(folder, "v.mov", "y")
	s.call(201, "POST", folder+"/version_stacks", dataBody("file_ids", []string{v1, v2}))

	for query, want := range map[string][]string{
		"/children":                             {"a.mov", "b.mov", "c.mov", "sub", "v.mov"},
		"/children?type=file":                   {"a.mov", "b.mov", "c.mov"},
		"/children?type=version_stack,folder":   {"sub", "v.mov"},
		"/folders":                              {"sub"},
		"/version_stacks":                       {"v.mov"},
		"/files":                                {"a.mov", "b.mov", "c.mov"},
		"/files?sort=name_desc":                 {"c.mov", "b.mov", "a.mov"},
		"/files?sort=file_size_asc":             {"a.mov", "c.mov", "b.mov"},
		"/files?sort=file_size_desc&page_size=": {"b.mov", "c.mov", "a.mov"},
		"/files?sort=created_at_asc":            {"b.mov", "a.mov", "c.mov"},
		"/files?sort=updated_at_desc":           {"c.mov", "a.mov", "b.mov"},
	} {
		if strings.HasSuffix(query, "page_size=") {
			query += "3"
		}
		got := texts(s.call(200, "GET", folder+query, "").list("data"), "name")
		if !strings.Contains(query, "sort") {
			slices.Sort(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("GET %s gave %q, want %q", query, got, want)
		}
	}
	if got := texts(s.pages(folder+"/files", "sort=file_size_asc&page_size=1", nil), "name"); !slices.Equal(got, []string{"a.mov", "c.mov", "b.mov"}) {
		t.Errorf("sorted pages gave %q", got)
	}
}

// TestNames: every name a client may meet comes back as it was sent.
func TestNames(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	names := []string{
		"a/b:c.mov", "twin", "twin", "Twin", "🎬 rushes", "e\u0301te\u0301", "\u00e9t\u00e9", " blank ends ", ".", "..", "<&>\"\\\u2028",
		strings.Repeat("x", 251) + ".mov", strings.Repeat("é", 255),
	}
	for _, name := range names {
		if got := s.call(201, "POST", s.root()+"/files/local_upload", dataBody("name", name, "file_size", 1)).text("name"); got != name {
			t.Errorf("created %q, got %q", name, got)
		}
	}
	got := texts(s.pages(s.root()+"/children", "page_size=3", nil), "name")
	slices.Sort(got)
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("listed %q, want %q", got, names)
	}
}

// TestPlaces: the listings above folders, their order, their keyset paging, and who sees what.
func TestPlaces(t *testing.T) {
	s := newSim(t, world.Behaviour{})
	for _, name := range []string{"Zebra", "Alpha", "Alpha"} {
		must(s.world.AddProject(world.Project{TeamID: s.team.ID, Name: name}))(t)
	}
	for query, want := range map[string][]string{
		"":                     {"Alpha", "Alpha", "Feature", "Zebra"},
		"?sort=name_desc":      {"Zebra", "Feature", "Alpha", "Alpha"},
		"?sort=created_at_asc": {"Feature", "Zebra", "Alpha", "Alpha"},
	} {
		for _, path := range []string{"/projects", "/workspaces/" + string(s.team.ID) + "/projects"} {
			if got := texts(s.call(200, "GET", path+query, "").list("data"), "name"); !slices.Equal(got, want) {
				t.Errorf("GET %s%s gave %q, want %q", path, query, got, want)
			}
		}
	}
	for _, query := range []string{"page_size=1", "page_size=2&sort=name_desc", "page_size=1&sort=created_at_desc"} {
		ids := texts(s.pages("/projects", query, nil), "id")
		slices.Sort(ids)
		if len(ids) != 4 || len(slices.Compact(ids)) != 4 {
			t.Errorf("pages with %s gave %d projects", query, len(ids))
		}
	}

	guest := must(s.world.AddUser(world.User{AccountID: s.other.ID, Name: "Gus", Email: "gus@example.com", Role: world.Member}))(t)
	if err := s.world.ChangeProject(s.project.ID, func(p *world.Project) { p.Collaborators = []world.ID{guest.ID} }); err != nil {
		t.Fatal(err)
	}
	tok := s.token(guest, world.IMS)
	for path, want := range map[string][]string{
		"/v4/accounts":      {"Rival", "Studio"},
		"/workspaces":       {},
		"/invited_projects": {"Feature"},
		"/projects":         {"Feature"},
	} {
		key := "name"
		if path == "/v4/accounts" {
			key = "display_name"
		}
		if got := texts(s.callAs(tok, 200, "GET", path, "").list("data"), key); !slices.Equal(got, want) {
			t.Errorf("a guest's GET %s gave %q, want %q", path, got, want)
		}
	}
	if got := s.call(200, "GET", "/invited_projects", "").list("data"); len(got) > 0 {
		t.Errorf("a member's invited_projects are %v, want none", got)
	}

	if err := s.world.ChangeAccount(s.account.ID, func(a *world.Account) { a.StorageLimit = 1 << 40 }); err != nil {
		t.Fatal(err)
	}
	s.file(s.root(), "a.mov", "12345")
	account := s.call(200, "GET", "/v4/accounts", "").list("data")[0]
	if account["storage_limit"] != float64(1<<40) || account["storage_usage"] != 5.0 {
		t.Errorf("account is %v, want 5 of 2^40 bytes in use", account)
	}
	if got := s.call(200, "GET", "/projects/"+string(s.project.ID), "")["storage"]; got != 5.0 {
		t.Errorf("project storage is %v, want 5", got)
	}
}
