package fs_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/frameiofs/frameiofs/sim"
)

// anew renames a file to the name of its backup and writes it again, as emacs does; where that is refused, as V4 may do with a stack, it
// makes the backup by copying.
func anew(t *testing.T, path, backup string, content []byte) {
	t.Helper()
	err := os.Rename(path, backup)
	if errors.Is(err, syscall.EPERM) {
		var was []byte
		was, err = os.ReadFile(path)
		check(t, "read", err)
		err = os.WriteFile(backup, was, 0o644)
	}
	check(t, "make backup", err)
	check(t, "write", os.WriteFile(path, content, 0o644))
}

// versionsOf are the bytes of all versions of a file on Frame.io, the newest first.
func (r *rig) versionsOf(it sim.Item) (all [][]byte) {
	for _, v := range it.Versions {
		all = append(all, r.body(v.ID))
	}
	if len(all) == 0 {
		all = append(all, r.body(it.ID))
	}
	return all
}

// The asset keeps its name, and whoever saves so again and again gets one version each time. The backup is what was there before the last save.
func TestABackupIsACopy(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		path, backup := filepath.Join(m.project, "doc.txt"), filepath.Join(m.project, "doc.txt~")
		check(t, "write", os.WriteFile(path, noise(1, 200_000), 0o640))
		m.settle()
		asset := m.there()["doc.txt"].ID
		reader, err := os.Open(path)
		check(t, "open", err)
		t.Cleanup(func() { reader.Close() })
		for n := range uint64(2) {
			anew(t, path, backup, noise(2+n, 200_000+int(n)))
			m.settle()
			there := m.there()
			if len(there) != 1 {
				t.Fatalf("Frame.io has %v", there)
			}
			if got := m.versionsOf(there["doc.txt"]); len(got) != int(n)+2 || string(got[0]) != string(noise(2+n, 200_000+int(n))) {
				t.Errorf("after save %d there are %d versions, or other bytes", n+1, len(got))
			}
			if fi, err := os.Stat(backup); n == 0 && (err != nil || fi.Mode().Perm() != 0o640) {
				t.Errorf("the backup: %v, %v", fi, err)
			}
			same(t, "after a save", walk(t, m.project), map[string][]byte{"doc.txt": noise(2+n, 200_000+int(n)), "doc.txt~": noise(1+n, 200_000+max(0, int(n)-1))})
		}
		first := m.there()["doc.txt"].Versions
		if first[len(first)-1].ID != asset {
			t.Error("the first version is another file than the asset that was there")
		}
		got := make([]byte, 200_001)
		if n, _ := reader.Read(got); string(got[:n]) != string(noise(1, 200_000)[:n]) || n == 0 {
			t.Error("who had the file open reads something else")
		}
		check(t, "close", reader.Close())
		want := noise(2, 200_000)
		check(t, "remove", os.Remove(path))
		m.settle()
		m.stop()
		m = r.mount(mountWith{state: m.state})
		same(t, "after a restart, without the asset", walk(t, m.project), map[string][]byte{"doc.txt~": want})
	})
}

// What a person renames is the asset, even if something of its old name comes soon; and a program that thinks better of a save has changed nothing.
func TestWhatIsRenamedByHandIsTheAsset(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		at := func(name string) string { return filepath.Join(m.project, name) }
		for _, name := range []string{"a.txt", "b.txt"} {
			check(t, "write", os.WriteFile(at(name), noise(1, 5000), 0o644))
		}
		m.settle()
		a, b := m.there()["a.txt"].ID, m.there()["b.txt"].ID
		run(t, m.project, "mv", "a.txt", "a old.txt")
		run(t, m.project, "sh", "-c", "echo new > a.txt")

		check(t, "rename", os.Rename(at("b.txt"), at("b.txt~")))
		check(t, "write", os.WriteFile(at("b.txt"), nil, 0o644))
		check(t, "remove", os.Remove(at("b.txt")))
		check(t, "rename back", os.Rename(at("b.txt~"), at("b.txt")))
		m.settle()
		check(t, "rename", os.Rename(at("b.txt"), at("b.txt~")))
		check(t, "write", os.WriteFile(at("b.txt"), noise(7, 6000), 0o644))
		check(t, "rename back", os.Rename(at("b.txt~"), at("b.txt")))
		m.settle()
		if b, err := os.ReadFile(at("b.txt")); err != nil || string(b) != string(noise(1, 5000)) {
			t.Errorf("what was put back over a save has %d bytes, %v", len(b), err)
		}
		there := m.there()
		if there["a old.txt"].ID != a || len(there["a.txt"].Versions) > 0 || there["b.txt"].ID != b || len(there) != 3 {
			t.Errorf("Frame.io has %v", there)
		}
	})
}
