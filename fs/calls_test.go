package fs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listings counts the calls for the children of folders since it was last asked.
func (r *rig) listings() (n int) {
	r.sim.Log().Quiet(5 * time.Second)
	for _, e := range r.sim.Log().Entries(r.seen) {
		r.seen = max(r.seen, e.Seq)
		if e.Host == "api" && e.Method == "GET" && strings.Contains(e.Path, "/children") {
			n++
		}
	}
	return n
}

// What never leaves a machine costs no call, also where nothing has been listed yet.
func TestLocalNamesAreLookedUpWithoutACall(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		there := r.mount(mountWith{})
		check(t, "make folder", os.Mkdir(filepath.Join(there.project, "folder"), 0o755))
		m := r.mount(mountWith{})
		folder := filepath.Join(m.project, "folder")
		if _, err := os.Stat(folder); err != nil {
			t.Fatal(err)
		}
		r.listings()
		for _, name := range []string{"._cut.mov", ".DS_Store", ".~lock.cut.mov#", ".cut.mov.Xy12Za", "Thumbs.db"} {
			if _, err := os.Stat(filepath.Join(folder, name)); !os.IsNotExist(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		check(t, "write", os.WriteFile(filepath.Join(folder, ".DS_Store"), []byte("x"), 0o644))
		if n := r.listings(); n != 0 {
			t.Errorf("%d listings for names that are never there", n)
		}
		if _, err := os.Stat(filepath.Join(folder, "cut.mov")); !os.IsNotExist(err) {
			t.Errorf("cut.mov: %v", err)
		}
		if n := r.listings(); n == 0 {
			t.Error("no listing for a name that may be there")
		}
	})
}

// A folder that was made here is known to be empty.
func TestANewFolderIsFilledWithoutListingIt(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{age: time.Hour, fresh: time.Hour})
		folder := filepath.Join(m.project, "a")
		check(t, "mkdir", os.Mkdir(folder, 0o755))
		m.listings()
		check(t, "mkdir", os.MkdirAll(filepath.Join(folder, "b/c"), 0o755))
		check(t, "write", os.WriteFile(filepath.Join(folder, "b/c/cut.txt"), []byte("x"), 0o644))
		if n := m.listings(); n != 0 {
			t.Errorf("%d listings of folders that were just made", n)
		}
	})
}
