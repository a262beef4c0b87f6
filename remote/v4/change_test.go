package v4

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

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
