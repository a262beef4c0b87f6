package fs_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/sim/world"
)

func swapNames(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// content is what is read at a path; of a folder the names in it.
func content(t *testing.T, path string) string {
	t.Helper()
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		list, err := os.ReadDir(path)
		check(t, "list", err)
		names := ""
		for _, e := range list {
			names += e.Name() + "/"
		}
		return names
	}
	b, err := os.ReadFile(path)
	check(t, "read", err)
	return string(b)
}

func TestExchange(t *testing.T) {
	t.Parallel()
	file := func(content string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) { check(t, "write", os.WriteFile(path, []byte(content), 0o644)) }
	}
	folder := func(child string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			check(t, "mkdir", os.Mkdir(path, 0o755))
			check(t, "mkdir", os.Mkdir(filepath.Join(path, child), 0o755))
		}
	}
	type pair struct {
		name   string
		a, b   func(t *testing.T, path string)
		before bool                                // they are on Frame.io before
		change func(t *testing.T, inA, inB string) // …and this is done then
		was    []string                            // what a and b read as
		saved  string                              // which of them have two versions
	}
	pairs := []pair{
		{name: "files that are leaving", a: file("one"), b: file("two two"), was: []string{"one", "two two"}},
		{name: "files on Frame.io", a: file("one"), b: file("two two"), before: true, was: []string{"one", "two two"}},
		{name: "folders", a: folder("x"), b: folder("y"), was: []string{"x/", "y/"}},
		{name: "a folder and a file", a: folder("x"), b: file("two two"), before: true, was: []string{"x/", "two two"}},
		{name: "a changed file and a file", a: file("one"), b: file("two two"), before: true,
			change: func(t *testing.T, a, _ string) { file("three")(t, a) }, was: []string{"three", "two two"}, saved: "a"},
		{name: "a file and a changed file", a: file("one"), b: file("two two"), before: true,
			change: func(t *testing.T, _, b string) { file("three")(t, b) }, was: []string{"one", "three"}, saved: "b"},
		{name: "changed files", a: file("one"), b: file("two two"), before: true,
			change: func(t *testing.T, a, b string) { file("three")(t, a); file("four")(t, b) }, was: []string{"three", "four"}, saved: "ab"},
	}
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{settle: 600 * time.Millisecond})
		// Beside each other, and with one name in two folders.
		each := func(do func(t *testing.T, p pair, a, b string)) {
			for _, p := range pairs {
				for _, names := range [][2]string{{"a", "b"}, {"one name", "below/one name"}} {
					t.Run(p.name+" "+names[1], func(t *testing.T) {
						do(t, p, p.name+"/"+names[0], p.name+"/"+names[1])
					})
				}
			}
		}
		in := func(name string) string { return filepath.Join(m.project, name) }
		for _, p := range pairs {
			check(t, "mkdir", os.MkdirAll(in(p.name+"/below"), 0o755))
		}
		make := func(before bool) {
			each(func(t *testing.T, p pair, a, b string) {
				if p.before == before {
					p.a(t, in(a))
					p.b(t, in(b))
				}
			})
		}
		make(true)
		m.settle()
		make(false)
		each(func(t *testing.T, p pair, a, b string) {
			if p.change != nil {
				p.change(t, in(a), in(b))
			}
			inoA, inoB := stat(t, in(a)).Ino, stat(t, in(b)).Ino
			check(t, "exchange", swapNames(in(a), in(b)))
			if got := []string{content(t, in(b)), content(t, in(a))}; !slices.Equal(got, p.was) {
				t.Errorf("exchanged they read as %q", got)
			}
			if stat(t, in(a)).Ino != inoB || stat(t, in(b)).Ino != inoA {
				t.Error("the inodes did not go with them")
			}
		})
		m.settle()
		there := r.there()
		each(func(t *testing.T, p pair, a, b string) {
			for i, name := range []string{b, a} {
				versions := 1
				if strings.Contains(p.saved, string("ab"[i])) {
					versions = 2
				}
				it, ok := there[name]
				if !ok || it.Type != world.Folder && max(1, len(it.Versions)) != versions {
					t.Errorf("%q on Frame.io: %+v", name, it)
				} else if it.Type != world.Folder && string(r.body(head(it))) != p.was[i] {
					t.Errorf("%q on Frame.io has %q", name, r.body(head(it)))
				}
			}
			if got := []string{content(t, in(b)), content(t, in(a))}; !slices.Equal(got, p.was) {
				t.Errorf("uploaded they read as %q", got)
			}
			if list, err := os.ReadDir(in(p.name)); err != nil || len(list) != 4 {
				t.Errorf("%d names, want 4 (%v)", len(list), err)
			}
		})
	})
}

// Refused, nothing has changed.
func TestExchangeIsRefused(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{settle: time.Hour})
		in := func(name string) string { return filepath.Join(m.project, name) }
		for _, name := range []string{"a", "b"} {
			check(t, "mkdir", os.Mkdir(in(name), 0o755))
		}
		check(t, "write", os.WriteFile(in("draft"), []byte("draft"), 0o644))
		expect := func(what string, a, b string, want error) {
			t.Helper()
			inoA, inoB := stat(t, in(a)).Ino, stat(t, in(b)).Ino
			if err := swapNames(in(a), in(b)); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
			time.Sleep(400 * time.Millisecond) // until the folder is asked for again
			if stat(t, in(a)).Ino != inoA || stat(t, in(b)).Ino != inoB {
				t.Errorf("%s: they have changed places", what)
			}
		}
		expect("what is leaving and what is there", "draft", "a", syscall.EINVAL)
		check(t, "refuse the second step", r.sim.Faults().AddText("403@api:assets.update+1*1"))
		expect("the second step", "a", "b", syscall.EACCES)
		if err := swapNames(in("a"), in("nothing")); !errors.Is(err, syscall.ENOENT) {
			t.Errorf("with nothing: %v", err)
		}
		if err := swapNames(m.project, filepath.Join(filepath.Dir(m.project), "Shared with me")); err == nil {
			t.Error("projects have changed places")
		}
		there := r.there()
		if len(there) != 2 || there["a"].Type != world.Folder || there["b"].Type != world.Folder {
			t.Errorf("on Frame.io: %+v", there)
		}
	})
}

// Who has one of them open goes on with the file that he opened, whatever it is called.
func TestExchangeOfWhatIsOpen(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		in := func(name string) string { return filepath.Join(m.project, name) }
		for _, name := range []string{"a", "b", "c", "d"} {
			check(t, "write", os.WriteFile(in(name), []byte("this is "+name), 0o644))
		}
		m.settle()
		var open []*os.File
		for _, name := range []string{"a", "c", "d"} {
			f, err := os.OpenFile(in(name), os.O_RDWR, 0)
			check(t, "open", err)
			open = append(open, f)
		}
		check(t, "exchange", swapNames(in("a"), in("b")))
		check(t, "exchange", swapNames(in("c"), in("d")))
		for i, name := range []string{"a", "c", "d"} {
			b := make([]byte, 100)
			n, err := open[i].ReadAt(b, 0)
			if string(b[:n]) != "this is "+name {
				t.Errorf("%s reads as %q, %v", name, b[:n], err)
			}
		}
		_, err := open[2].WriteAt([]byte("THIS"), 0)
		check(t, "write", err)
		for _, f := range open {
			check(t, "close", f.Close())
		}
		want := map[string]string{"a": "this is b", "b": "this is a", "c": "THIS is d", "d": "this is c"}
		for _, when := range []string{"closed", "settled"} {
			for name, content := range want {
				if b, err := os.ReadFile(in(name)); err != nil || string(b) != content {
					t.Errorf("%s: %s reads as %q, %v", when, name, b, err)
				}
			}
			m.settle()
		}
		there := m.there()
		for name, content := range want {
			if it := there[name]; string(m.body(head(it))) != content {
				t.Errorf("%s on Frame.io has %q", name, m.body(head(it)))
			}
		}
		if len(there) != 4 || len(there["c"].Versions) != 2 {
			t.Errorf("on Frame.io: %+v", there)
		}
	})
}
