package fs_test

import (
	"bytes"
	"flag"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
	"github.com/frameiofs/frameiofs/spool"
)

// program is a real program at work in one folder.
type program struct {
	name    string
	prepare func(t *testing.T, dir string) // is on Frame.io before the program runs
	run     func(t *testing.T, dir string)
	saved   []string // what is a stack of two versions afterwards
	unlike  bool     // what it makes differs from run to run
	rewrite bool     // it writes the same files again and again: how many versions become of them is a matter of time
	came    []string // names that what was prepared has now
	calls   calls    // that change something on Frame.io, beside a creation for each file and folder and a version for each of saved
	most    calls    // that may be made too, or not, as it comes
	fault   string   // what Frame.io is known to get wrongly, if it does; the rest must be right
	core    bool     // runs with every change; the others with make programs
}

var allPrograms = flag.Bool("programs", false, "TestPrograms runs all of them, and prints a table")

// TestPrograms lets each program work here and in a folder of this disk, and compares: the same names and bytes here, on
// Frame.io and on a second machine, each file one asset, nothing else, not even for a moment, and no call more than that takes.
func TestPrograms(t *testing.T) {
	var table programTable
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		for _, p := range programs() {
			if !p.core && !*allPrograms {
				continue
			}
			worked := t.Run(p.name, func(t *testing.T) {
				here, local := filepath.Join(m.project, p.name), t.TempDir()
				check(t, "mkdir", os.Mkdir(here, 0o755))
				if p.prepare != nil {
					p.prepare(t, local)
					p.prepare(t, here)
				}
				m.settle()
				before := m.mark(p.name)
				p.run(t, local)
				p.run(t, here)
				soon := walk(t, here)
				if want := walk(t, local); p.unlike {
					sameNames(t, "while it is leaving", soon, want)
				} else {
					same(t, "while it is leaving", soon, want)
				}
				m.settle()
				same(t, "uploaded", walk(t, here), soon)
				m.arrived(t, p, soon)
				table.add(p, api, m.made(t, p, before))
			})
			table.worked(p, api, worked)
		}
		orderly(t, r)
		second := r.mount(mountWith{})
		same(t, "on another machine", rightful(walk(t, second.project)), rightful(leaves(walk(t, m.project))))
	})
	if *allPrograms {
		table.print(os.Stdout)
	}
}

// rightful is what of a tree comes from programs without a known fault.
func rightful(tree map[string][]byte) map[string][]byte {
	for _, p := range programs() {
		for path := range tree {
			if p.fault != "" && strings.HasPrefix(path, p.name+"/") {
				delete(tree, path)
			}
		}
	}
	return tree
}

// arrived checks that Frame.io has what is in p's folder, and nothing else.
func (m *mounted) arrived(t *testing.T, p program, want map[string][]byte) {
	t.Helper()
	got := map[string][]byte{}
	for path, it := range m.there() {
		path, ok := strings.CutPrefix(path, p.name+"/")
		if !ok {
			continue
		}
		if it.Type == "folder" {
			got[path] = nil
			continue
		}
		got[path] = m.body(head(it))
		versions := 1
		for _, saved := range p.saved {
			if saved == path {
				versions = 2
			}
		}
		if n := max(1, len(it.Versions)); n != versions && !p.rewrite && p.fault == "" {
			t.Errorf("%q has %d versions on Frame.io, want %d", path, n, versions)
		}
		if !it.Complete || it.Size != int64(len(want[path])) {
			t.Errorf("%q on Frame.io: %d bytes of %d, complete %v", path, it.Size, len(want[path]), it.Complete)
		}
		if is := mediaTypes[filepath.Ext(path)]; is != "" && it.MediaType != is {
			t.Errorf("%q is called %q on Frame.io, want %q", path, it.MediaType, is)
		}
	}
	if p.fault == "" {
		same(t, "on Frame.io", got, leaves(want))
	}
}

// orderly checks every request for bytes that left.
func orderly(t *testing.T, r *rig) {
	t.Helper()
	puts := map[string]int{}
	for _, e := range r.sim.Log().Entries(0) {
		if e.Host != "upload" {
			continue
		}
		puts[fmt.Sprint(e.Asset, " part ", e.Part)]++
		if e.Method != "PUT" || e.Status != 200 || e.ACL != "private" || e.Authorization || e.ContentLength <= 0 || e.In != e.ContentLength {
			t.Errorf("upload request %+v", e)
		}
		a, err := r.sim.World().AssetEvenDeleted(world.Root(), world.ID(e.Asset))
		check(t, "look at asset", err)
		if e.ContentType != a.MediaType {
			t.Errorf("part %d of %s was sent as %q, and announced as %q", e.Part, a.Name, e.ContentType, a.MediaType)
		}
	}
	for part, n := range puts {
		if n != 1 {
			t.Errorf("%s was sent %d times", part, n)
		}
	}
	if len(puts) == 0 {
		t.Error("no part was sent")
	}
}

// plant makes a tree of some forty files of odd sizes and names.
func plant(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "tree")
	sizes := []int{1, 2, 511, 512, 513, 4095, 4096, 4097, 65535, 65536, 65537, 131072, 131073, 300_001, 1<<20 + 1}
	names := []string{"A%03d.mov", "Sound %d.wav", "Bild %d – größer.png", ".hidden %d", "take %d", "%d %% done.txt"}
	for i := range 40 {
		dir := filepath.Join(root, []string{"", "Day 1", "Day 1/A-Cam", "Day 2/B-Cam/Proxies"}[i%4])
		check(t, "mkdir", os.MkdirAll(dir, 0o755))
		path := filepath.Join(dir, fmt.Sprintf(names[i%len(names)], i))
		check(t, "write", os.WriteFile(path, noise(uint64(i), sizes[i%len(sizes)]), []os.FileMode{0o644, 0o600, 0o444}[i%3]))
		when := time.Date(2024, 5, 6, 7, 8, i, 123456789, time.UTC)
		check(t, "set times", os.Chtimes(path, when, when))
	}
	check(t, "write", os.WriteFile(filepath.Join(root, "nothing in it.txt"), nil, 0o644))
	check(t, "mkdir", os.MkdirAll(filepath.Join(root, "nothing in it"), 0o755))
	return root
}

// write makes a program of writing one file.
func write(name string, content []byte) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		check(t, "write", os.WriteFile(filepath.Join(dir, name), content, 0o644))
	}
}

// walk reads everything below root; folders are nil.
func walk(t *testing.T, root string) map[string][]byte {
	t.Helper()
	got := map[string][]byte{}
	root = filepath.Clean(root)
	err := filepath.WalkDir(root, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel := strings.TrimPrefix(path, root+"/")
		if d.IsDir() {
			got[rel] = nil
			return nil
		}
		b, err := os.ReadFile(path)
		got[rel] = append([]byte{}, b...)
		return err
	})
	check(t, "walk", err)
	return got
}

// leaves is what of a tree leaves for Frame.io: not what has no bytes or a temporary name.
func leaves(tree map[string][]byte) map[string][]byte {
	got := map[string][]byte{}
	for path, content := range tree {
		if content == nil || len(content) > 0 && !spool.LocalName(filepath.Base(path)) {
			got[path] = content
		}
	}
	return got
}

func same(t *testing.T, where string, got, want map[string][]byte) {
	t.Helper()
	sameNames(t, where, got, want)
	for path, content := range want {
		if g, ok := got[path]; ok && !bytes.Equal(g, content) {
			at := 0
			for at < min(len(g), len(content)) && g[at] == content[at] {
				at++
			}
			t.Errorf("%s: %q has other bytes from %d on: %d in all, want %d", where, path, at, len(g), len(content))
		}
	}
}

func sameNames(t *testing.T, where string, got, want map[string][]byte) {
	t.Helper()
	for path, content := range want {
		if g, ok := got[path]; !ok || (g == nil) != (content == nil) {
			t.Errorf("%s: %q is missing, or of another kind", where, path)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("%s: %q should not be there", where, path)
		}
	}
}
