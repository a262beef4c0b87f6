package fs_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim"
)

// calls are requests that change something on Frame.io, by their kind. Listings and looks are free, and not counted.
type calls map[string]int

// kinds are those that there are, in the order in which they are told.
var kinds = []string{"create", "PUT", "version", "copy", "rename", "move", "delete", "other"}

// kindOf tells what a request does: spec: frameio-v2.md §5–6, frameio-v4.md §5–6. "" is one that changes nothing. On V4 the
// third version of a file and those after it are a move into the stack.
func kindOf(host, method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	end := path[strings.LastIndex(path, "/")+1:]
	switch {
	case method == http.MethodGet || method == http.MethodHead:
		return ""
	case host == "upload":
		return "PUT"
	case method == http.MethodDelete:
		return "delete"
	case end == "version" || end == "version_stacks":
		return "version"
	case end == "move" || end == "copy":
		return end
	case method == http.MethodPost && (end == "children" || end == "folders" || end == "local_upload"):
		return "create"
	case method == http.MethodPut || method == http.MethodPatch:
		return "rename"
	}
	return "other"
}

func (c calls) String() string {
	var all []string
	for _, kind := range kinds {
		if n := c[kind]; n > 0 {
			all = append(all, fmt.Sprintf("%d %s", n, kind))
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// marked is how things stood before a program ran.
type marked struct {
	seq   int64               // of the last request
	trash map[string]bool     // ids of what was deleted
	had   map[string]sim.Item // what its folder held, by path in it
}

// inside is what Frame.io has in a program's folder.
func (r *rig) inside(name string) map[string]sim.Item {
	r.t.Helper()
	got := map[string]sim.Item{}
	for path, it := range r.there() {
		if path, ok := strings.CutPrefix(path, name+"/"); ok {
			got[path] = it
		}
	}
	return got
}

// trash is the names of everything that was ever deleted, by id.
func (r *rig) trash() map[string]string {
	r.t.Helper()
	all, err := r.sim.Tree(true)
	check(r.t, "look into the trash", err)
	got := map[string]string{}
	for _, it := range all {
		if it.Deleted != nil {
			got[string(it.ID)] = it.Name
		}
	}
	return got
}

func (r *rig) mark(name string) marked {
	r.t.Helper()
	if !r.sim.Log().Quiet(10 * time.Second) {
		r.t.Fatal("requests do not end")
	}
	var before marked
	if all := r.sim.Log().Entries(0); len(all) > 0 {
		before.seq = all[len(all)-1].Seq
	}
	before.trash = map[string]bool{}
	for id := range r.trash() {
		before.trash[id] = true
	}
	before.had = r.inside(name)
	return before
}

// made is what a program came to on Frame.io.
type made struct {
	files, folders, versions int
	calls                    calls
}

// made counts the calls since before, and checks that they are those that what is there now takes: a creation for each new file and
// folder, a version for each save, every byte once, and what p says.
func (m *mounted) made(t *testing.T, p program, before marked) made {
	t.Helper()
	if !m.sim.Log().Quiet(10 * time.Second) {
		t.Fatal("requests do not end")
	}
	got := made{calls: calls{}}
	var sent, due int64
	for _, e := range m.sim.Log().Entries(before.seq) {
		if kind := kindOf(e.Host, e.Method, e.Path); kind != "" {
			got.calls[kind]++
		}
		if e.Host == "upload" {
			sent += e.In
		}
	}
	want := calls{"version": len(p.saved)}
	maps.Copy(want, p.calls)
	for path, it := range m.inside(p.name) {
		_, was := before.had[path]
		saved := slices.Contains(p.saved, path)
		switch {
		case it.Type == "folder":
			got.folders++
		default:
			got.files++
			got.versions += max(0, len(it.Versions)-1)
		}
		if (!was || saved) && !slices.Contains(p.came, path) {
			want["create"]++
			if it.Type != "folder" {
				due += it.Size
			}
		}
	}
	if p.rewrite {
		return got
	}
	if p.fault != "" {
		right := got.versions == len(p.saved)
		for _, kind := range kinds {
			right = right && (kind == "PUT" || got.calls[kind] <= want[kind])
		}
		if right {
			t.Errorf("it is not true any more that %s: strike it from the list", p.fault)
		}
		return got
	}
	want["PUT"] = got.calls["PUT"] // how many parts there are is Frame.io's choice; the bytes count
	if sent != due {
		t.Errorf("%d bytes were sent for files of %d", sent, due)
	}
	for _, kind := range kinds {
		if n := got.calls[kind]; n < want[kind] || n > want[kind]+p.most[kind] {
			t.Errorf("calls made: %v, want %v", got.calls, want)
			break
		}
	}
	for id, name := range m.trash() {
		if !before.trash[id] && want["delete"]+p.most["delete"] == 0 {
			t.Errorf("%q was on Frame.io for a while", name)
		}
	}
	return got
}

// programTable is what is told of all programs.
type programTable []*programRow

type programRow struct {
	name  string
	fault string
	works map[string]bool // by generation of the API
	made  map[string]made
}

func (table *programTable) row(p program) *programRow {
	for _, r := range *table {
		if r.name == p.name {
			return r
		}
	}
	r := &programRow{p.name, p.fault, map[string]bool{}, map[string]made{}}
	*table = append(*table, r)
	return r
}

func (table *programTable) add(p program, api string, got made) { table.row(p).made[api] = got }

func (table *programTable) worked(p program, api string, ok bool) { table.row(p).works[api] = ok }

// print writes the table as markdown.
func (table programTable) print(w io.Writer) {
	fmt.Fprintln(w, "\n| program | works, V2 / V4 | arrived | calls that change something, V2 | V4 |\n|---|---|---|---|---|")
	word := map[bool]string{true: "yes", false: "NO"}
	for _, r := range table {
		var arrived []string
		for _, api := range []string{"v2", "v4"} {
			m := r.made[api]
			what := fmt.Sprintf("%d files", m.files)
			if m.folders > 0 {
				what += fmt.Sprintf(", %d folders", m.folders)
			}
			if m.versions > 0 {
				what += fmt.Sprintf(", %d older versions", m.versions)
			}
			if !slices.Contains(arrived, what) {
				arrived = append(arrived, what)
			}
		}
		what := strings.Join(arrived, " / ")
		if r.fault != "" {
			what += "; fault: " + r.fault
		}
		fmt.Fprintf(w, "| %s | %s / %s | %s | %v | %v |\n", r.name, word[r.works["v2"]], word[r.works["v4"]], what,
			r.made["v2"].calls, r.made["v4"].calls)
	}
}
