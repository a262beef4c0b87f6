package fs_test

import (
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

// Two forms of one name.
const (
	nfc = "caf\u00e9.txt"
	nfd = "cafe\u0301.txt"
)

// names are those of a folder.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	check(t, "list", err)
	for _, e := range list {
		all = append(all, e.Name())
	}
	return all
}

// soon waits for what the kernel is told behind the call that changed it.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 100 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("not so: %+q", what)
}

// What came from elsewhere is found by any form of its name, and saved under the one that it has.
func TestAnotherFormOfANameLeadsToTheSameFile(t *testing.T) {
	t.Parallel()
	saves := map[string]func(t *testing.T, path, content string){
		"in place": func(t *testing.T, path, content string) {
			check(t, "write", os.WriteFile(path, []byte(content), 0o644))
		},
		"temporary and rename": func(t *testing.T, path, content string) {
			tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".Ab3dEf")
			check(t, "write", os.WriteFile(tmp, []byte(content), 0o644))
			check(t, "rename", os.Rename(tmp, path))
		},
	}
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		each := func(do func(how, folder, has, asked string)) {
			for how := range saves {
				do(how, how+" NFC", nfc, nfd)
				do(how, how+" NFD", nfd, nfc)
			}
		}
		each(func(_, folder, has, _ string) {
			check(t, "mkdir", os.Mkdir(filepath.Join(m.project, folder), 0o755))
			check(t, "write", os.WriteFile(filepath.Join(m.project, folder, has), []byte("one"), 0o644))
		})
		m.settle()
		m.stop()
		m = r.mount(mountWith{}) // another machine
		read := func(want string) {
			t.Helper()
			each(func(_, folder, has, asked string) {
				dir := filepath.Join(m.project, folder)
				for _, name := range []string{asked, has} {
					soon(t, folder+": "+name+" reads as "+want, func() bool {
						b, err := os.ReadFile(filepath.Join(dir, name))
						return err == nil && string(b) == want
					})
				}
				if got := names(t, dir); len(got) != 1 || got[0] != has {
					t.Errorf("%s: the names are %+q", folder, got)
				}
			})
		}
		read("one")
		each(func(how, folder, _, asked string) { saves[how](t, filepath.Join(m.project, folder, asked), "two two") })
		read("two two") // while it is leaving
		m.settle()
		read("two two")
		there := r.there()
		each(func(_, folder, has, asked string) {
			if it := there[folder+"/"+has]; it.Type == world.File || len(it.Versions) != 2 {
				t.Errorf("%s: on Frame.io: %+v", folder, it)
			}
			check(t, "remove", os.Remove(filepath.Join(m.project, folder, asked)))
			for _, name := range []string{asked, has} {
				soon(t, folder+": "+name+" is gone", func() bool {
					_, err := os.ReadFile(filepath.Join(m.project, folder, name))
					return errors.Is(err, iofs.ErrNotExist)
				})
			}
		})
		if there := r.there(); len(there) != 2*len(saves) {
			t.Errorf("on Frame.io: %v", there)
		}
	})
}

// Who makes both forms here means two files, as on a disk, be the first still leaving or on Frame.io already.
func TestTwoFormsMadeHereStayApart(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		for _, rest := range []bool{false, true} {
			dir := filepath.Join(m.project, map[bool]string{false: "at once", true: "later"}[rest])
			check(t, "mkdir", os.Mkdir(dir, 0o755))
			for _, name := range []string{nfc, nfd} {
				f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
				check(t, "create", err)
				_, err = f.WriteString(name)
				check(t, "write", err)
				check(t, "close", f.Close())
				check(t, "mkdir", os.Mkdir(filepath.Join(dir, name+" folder"), 0o755))
				if rest {
					m.settle()
				}
			}
		}
		m.settle()
		second := r.mount(mountWith{})
		for _, m := range []*mounted{m, second} {
			for _, dir := range []string{"at once", "later"} {
				if got := names(t, filepath.Join(m.project, dir)); len(got) != 4 {
					t.Errorf("%s: the names are %+q", dir, got)
				}
				for _, name := range []string{nfc, nfd} {
					b, err := os.ReadFile(filepath.Join(m.project, dir, name))
					if err != nil || string(b) != name {
						t.Errorf("%s: %+q reads as %+q, %v", dir, name, b, err)
					}
				}
			}
		}
	})
}
