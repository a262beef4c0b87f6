package bench

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/sim"
)

// lane is a mount on a Frame.io of its own, in which one cell after another is tried.
type lane struct {
	*mount
	sim     *rig // its controls, at an address that the line does not lead to
	control *control.Client
}

// newLane makes what the cells need on Frame.io, and mounts it.
func newLane(t *testing.T, binary, api string, kind laneKind, all []cell) *lane {
	r := &rig{t: t, dir: t.TempDir(), binary: binary}
	r.startSim([]string{"sim", "--listen", "127.0.0.1:0", "--dir", filepath.Join(r.dir, "sim"), "--seed", "empty", "--no-limits",
		"--behaviour", "part_size=1048576", "--behaviour", "uploaded_after=50ms"})
	var state struct{ Control string }
	r.call(http.MethodGet, "/_sim/state", nil, &state)
	admin := *r
	admin.url = state.Control
	l := &lane{sim: &admin}
	args := []string{"--settle", "100ms", "--xattr"}
	if kind.ahead != "" {
		l.sim.call(http.MethodPut, "/_sim/clock", map[string]any{"ahead": kind.ahead}, nil)
	}
	if kind.verify != "" {
		args = append(args, "--verify", kind.verify)
	}
	source := filepath.Join(r.dir, "old")
	if err := os.WriteFile(source, old, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		l.sim.call(http.MethodPost, "/_sim/touch", map[string]string{"do": "folder", "in": "Untitled", "name": c.folder()}, nil)
		before := c.step.deed.before()
		for _, at := range slices.Sorted(maps.Keys(before)) {
			dir, name := path.Split("Untitled/" + c.folder() + "/" + at)
			what := map[string]string{"do": "file", "in": dir, "name": name, "from": source}
			if before[at] == nil {
				what = map[string]string{"do": "folder", "in": dir, "name": name}
			}
			l.sim.call(http.MethodPost, "/_sim/touch", what, nil)
		}
	}
	l.mount = r.mount(api, args...)
	mounts, err := control.Registered(filepath.Join(r.dir, "home/state/frameiofs/mounts"))
	if err != nil {
		t.Fatal(err)
	}
	found, _, ok := control.Find(mounts, l.point)
	if !ok {
		t.Fatalf("%s is not registered: %v", l.point, mounts)
	}
	l.control = control.Dial(found.Socket)
	if slices.ContainsFunc(all, func(c cell) bool { return c.step.deed == copyFile{} }) {
		at := l.in("Untitled/known.mov")
		if err := os.WriteFile(at, known, 0o644); err != nil {
			t.Fatal(err)
		}
		r.run("sync", at)
	}
	return l
}

// folder is the name of the cell's own.
func (c cell) folder() string { return fmt.Sprintf("c%03d", c.number) }

// fresh are bytes that no other cell has.
func (c cell) fresh() []byte { return noise(uint64(1000+c.number), freshSize) }

// quiet has all faults gone.
func (l *lane) quiet() {
	l.sim.call("DELETE", "/_sim/faults", nil, nil)
	l.sim.call("PUT", "/_sim/link", map[string]any{"rtt": "0s"}, nil)
}

// struck is how often the rules have struck.
func (l *lane) struck() (n int) {
	var rules []struct{ Fired int }
	l.sim.call(http.MethodGet, "/_sim/faults", nil, &rules)
	for _, r := range rules {
		n += r.Fired
	}
	return n
}

// text tells a tree as lines.
func (w tree) text() string {
	var lines []string
	for name, contents := range w {
		var sums []string
		for _, b := range contents {
			sums = append(sums, fmt.Sprintf("%016x", xxhash.Sum64(b)))
		}
		lines = append(lines, name+" = "+strings.Join(sums, " | "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// there is what Frame.io has in a cell's folder, in the same form, and what it has anywhere that is not whole.
func (l *lane) there(c cell) (text string, pieces []string) {
	var items []sim.Item
	l.sim.call(http.MethodGet, "/_sim/tree", nil, &items)
	var lines []string
	for _, it := range items {
		var sums []string
		for _, v := range append(it.Versions, it) {
			if v.Type != "file" {
				continue
			}
			sums = append(sums, v.Checksum)
			if !v.Complete {
				pieces = append(pieces, fmt.Sprintf("%s (%s)", it.Path, v.ID))
			}
		}
		if name, in := strings.CutPrefix(it.Path, "Untitled/"+c.folder()+"/"); in {
			lines = append(lines, name+" = "+strings.Join(sums, " | "))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), pieces
}

// status asks the mount about a cell's folder.
func (l *lane) status(c cell) control.Status {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	at, err := filepath.Rel(l.point, l.in("Untitled/"+c.folder()))
	if err != nil {
		l.r.t.Fatal(err)
	}
	st, err := l.control.Status(ctx, control.Query{Under: at})
	if err != nil {
		l.r.t.Fatalf("%v: status: %v", c, err)
	}
	return st
}

// logged are the warnings and errors that the mount has written into its log from a point on, and where that ends.
func (l *lane) logged(from int64) (lines []string, end int64) {
	logs, _ := filepath.Glob(filepath.Join(l.state, "*.log"))
	if len(logs) == 0 {
		return nil, 0
	}
	text, err := os.ReadFile(logs[0])
	if err != nil {
		l.r.t.Fatal(err)
	}
	for line := range strings.Lines(string(text[min(from, int64(len(text))):])) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines, int64(len(text))
}
