package fs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/world"
)

func seeded(kind string) func(*sim.Config) { return func(c *sim.Config) { c.Seed = kind } }

// below are the items of Frame.io's in one folder, given its path.
func (r *rig) below(folder string) (items []sim.Item) {
	r.t.Helper()
	id, err := r.sim.Find(folder)
	check(r.t, "find folder", err)
	all, err := r.sim.Tree(false)
	check(r.t, "look at Frame.io", err)
	for _, it := range all {
		if it.ParentID == id {
			items = append(items, it)
		}
	}
	return items
}

func TestOddNamesAreListedOnceAndRead(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api, seeded("sample"))
		m := r.mount(mountWith{})
		dir := filepath.Join(filepath.Dir(m.project), "Sandbox", "Odd names")
		there := r.below("Sandbox/Odd names")
		list, err := os.ReadDir(dir)
		check(t, "list", err)
		if len(list) != len(there) {
			t.Errorf("%d names for %d items", len(list), len(there))
		}
		var want, got []string
		for _, it := range there {
			if it.Type == world.File {
				want = append(want, string(r.body(it.ID)))
			} else {
				want = append(want, "folder")
			}
		}
		seen := map[string]bool{}
		for _, e := range list {
			name := e.Name()
			if seen[name] || len(name) > 255 || name == "" || strings.ContainsAny(name, "/\x00") {
				t.Errorf("name %q cannot stand, or stands twice", name)
			}
			seen[name] = true
			if e.IsDir() {
				_, err := os.ReadDir(filepath.Join(dir, name))
				check(t, "list folder", err)
				got = append(got, "folder")
				continue
			}
			b, err := os.ReadFile(dir + "/" + name) // Join would clean what looks like a dot
			check(t, "read", err)
			got = append(got, string(b))
		}
		sort.Strings(want)
		sort.Strings(got)
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Fatalf("the files' bytes are\n%q, want\n%q", got, want)
			}
		}
		if b, err := os.ReadFile(filepath.Join(dir, " ", "in a folder called blank.txt")); err != nil || len(b) == 0 {
			t.Errorf("in the folder called blank: %q, %v", b, err)
		}
	})
}

func TestAFolderOfTenThousandIsListedWholeAndOnce(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api, seeded("many:10000"))
		m := r.mount(mountWith{})
		began := time.Now()
		dir := filepath.Join(m.project, "Many")
		list, err := os.ReadDir(dir)
		check(t, "list", err)
		t.Logf("listed in %v", time.Since(began))
		shown := map[string]bool{}
		for _, e := range list {
			shown[e.Name()] = true
		}
		there := r.below(filepath.Base(m.project) + "/Many")
		if len(there) != 10000 || len(list) != len(there) || len(shown) != len(there) {
			t.Errorf("%d lines, %d names, %d items", len(list), len(shown), len(there))
		}
		for _, it := range there {
			if !shown[it.Name] {
				t.Fatalf("%q is missing", it.Name)
			}
		}
		for _, i := range []int{0, 4999, 9999} {
			fi, err := os.Stat(filepath.Join(dir, there[i].Name))
			check(t, "stat", err)
			if fi.Size() != there[i].Size {
				t.Errorf("%q has %d bytes, want %d", there[i].Name, fi.Size(), there[i].Size)
			}
		}
	})
}

// asGiven are names that programs may give and that arrive as they are.
var asGiven = []string{
	"9:16 cut.txt", "naïve.txt", "nai\u0308ve decomposed.txt", "🎬🏳️‍🌈 slate.txt", " blank first.txt", "blank last.txt ", "  ", "UPPER case.txt",
	"upper case.txt", "back\\slash.txt", "quote\"s and 'quotes'.txt", "zero\u200bwidth.txt", "[brackets] {and} *stars*?.txt",
	"%41 percent %2F.txt", "...", ".hidden take.txt", "CON.txt", "dot at end.", "no extension", "файл.txt", "日本語のファイル名.txt", "a|b<c>d.txt", "--help",
	"‛escape.txt", strings.Repeat("a", 251) + ".txt", strings.Repeat("ü", 125) + "x.txt",
}

func TestNamesArriveAsTheyAreGiven(t *testing.T) {
	ways := map[string]func(t *testing.T, path string){
		"created": func(t *testing.T, path string) {
			check(t, "write", os.WriteFile(path, []byte(path), 0o644))
		},
		"renamed": func(t *testing.T, path string) {
			check(t, "write", os.WriteFile(path[:strings.LastIndex(path, "/")]+"/before.txt", []byte(path), 0o644))
			check(t, "rename", os.Rename(path[:strings.LastIndex(path, "/")]+"/before.txt", path))
		},
		"folder": func(t *testing.T, path string) { check(t, "mkdir", os.Mkdir(path, 0o755)) },
	}
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		for way, make := range ways {
			dir := filepath.Join(m.project, way)
			check(t, "mkdir", os.Mkdir(dir, 0o755))
			for _, name := range asGiven {
				make(t, dir+"/"+name)
			}
		}
		m.settle()
		second := r.mount(mountWith{})
		for way := range ways {
			want := map[string]bool{}
			for _, name := range asGiven {
				want[name] = true
			}
			for _, it := range r.below(filepath.Base(m.project) + "/" + way) {
				if !want[it.Name] {
					t.Errorf("%s: %q on Frame.io", way, it.Name)
				}
				delete(want, it.Name)
			}
			for name := range want {
				t.Errorf("%s: %q is not on Frame.io", way, name)
			}
			for _, m := range []*mounted{m, second} {
				list, err := os.ReadDir(filepath.Join(m.project, way))
				check(t, "list", err)
				if len(list) != len(asGiven) {
					t.Errorf("%s: %d names, want %d", way, len(list), len(asGiven))
				}
				for _, name := range asGiven {
					if _, err := os.Lstat(m.project + "/" + way + "/" + name); err != nil {
						t.Errorf("%s: %v", way, err)
					}
				}
			}
		}
	})
}

func TestNamesThatCannotBe(t *testing.T) {
	m := newRig(t, "v4").mount(mountWith{})
	refused := map[string]syscall.Errno{
		strings.Repeat("a", 256):        syscall.ENAMETOOLONG,
		strings.Repeat("ü", 127) + "xx": syscall.ENAMETOOLONG,
		"line\nbreak":                   syscall.EINVAL,
		"tab\there":                     syscall.EINVAL,
		"bell\a":                        syscall.EINVAL,
		"delete\x7f":                    syscall.EINVAL,
		"latin \xe9":                    syscall.EILSEQ,
		".frameio":                      syscall.EPERM,
	}
	check(t, "write", os.WriteFile(filepath.Join(m.project, "ordinary"), []byte("x"), 0o644))
	for name, want := range refused {
		path := filepath.Join(m.project, name)
		for how, err := range map[string]error{
			"create": os.WriteFile(path, []byte("x"), 0o644),
			"mkdir":  os.Mkdir(path, 0o755),
			"rename": os.Rename(filepath.Join(m.project, "ordinary"), path),
		} {
			if !errors.Is(err, want) {
				t.Errorf("%s %q: %v, want %v", how, name, err, want)
			}
		}
	}
	m.settle()
	if there := m.there(); len(there) != 1 {
		t.Errorf("on Frame.io: %v", there)
	}
}

func TestAFolderHasTheNamesOfItselfAndTheOneAbove(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		dir := filepath.Join(m.project, "Day 1")
		check(t, "mkdir", os.Mkdir(dir, 0o755))
		check(t, "write", os.WriteFile(filepath.Join(dir, "a.txt"), []byte("a"), 0o644))
		want := fmt.Sprintf("%d . %d .. %d a.txt", stat(t, dir).Ino, stat(t, m.project).Ino, stat(t, filepath.Join(dir, "a.txt")).Ino)
		if got := strings.Join(strings.Fields(run(t, dir, "ls", "-a", "-i", "-1")), " "); got != want {
			t.Errorf("ls -ai tells %s, want %s", got, want)
		}
	})
}
