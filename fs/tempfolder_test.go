package fs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/frameiofs/frameiofs/spool"
)

// A folder of a name that programs give for a moment is a folder like others here, also at the next mount, and not there at all on Frame.io
// until it, or what is in it, gets another name.
func TestTemporaryFolderStaysHere(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		film := filepath.Join(m.project, "film.mov")
		check(t, "write", os.WriteFile(film, noise(1, 5000), 0o644))
		m.settle()
		before := m.mark("")
		for _, name := range []string{".~tmp~", "edit.sb-1a2b3c4d-AbCdEf"} {
			check(t, "mkdir", os.MkdirAll(filepath.Join(m.project, name, "deeper"), 0o755))
			check(t, "write", os.WriteFile(filepath.Join(m.project, name, "deeper/a.mov"), noise(2, 3000), 0o644))
			check(t, "write", os.WriteFile(filepath.Join(m.project, name, "b.mov"), noise(3, 4000), 0o644))
		}
		check(t, "move in", os.Rename(film, filepath.Join(m.project, ".~tmp~/film.mov")))
		m.settle()
		want := walk(t, m.project)
		for _, in := range m.spool.All() {
			if in.Stage != spool.Held || !in.Quiet {
				t.Errorf("%s is %s, quiet %v", in.Name, in.Stage, in.Quiet)
			}
		}
		m.stop()
		m = r.mount(mountWith{state: m.state})
		same(t, "after a restart", walk(t, m.project), want)
		m.settle()
		if got := m.there(); len(got) != 1 || got["film.mov"].Size != 5000 {
			t.Errorf("on Frame.io is %v", got)
		}
		check(t, "move out", os.Rename(filepath.Join(m.project, ".~tmp~/film.mov"), filepath.Join(m.project, "film.mov")))
		check(t, "move out", os.Rename(filepath.Join(m.project, ".~tmp~/b.mov"), filepath.Join(m.project, "b.mov")))
		check(t, "remove", os.RemoveAll(filepath.Join(m.project, ".~tmp~")))
		check(t, "rename", os.Rename(filepath.Join(m.project, "edit.sb-1a2b3c4d-AbCdEf"), filepath.Join(m.project, "edit")))
		m.settle()
		got := map[string][]byte{}
		for path, it := range m.there() {
			got[path] = nil
			if it.Type != "folder" {
				got[path] = m.body(head(it))
			}
		}
		same(t, "on Frame.io", got, map[string][]byte{"film.mov": noise(1, 5000), "b.mov": noise(3, 4000), "edit": nil, "edit/deeper": nil,
			"edit/b.mov": noise(3, 4000), "edit/deeper/a.mov": noise(2, 3000)})
		for id, name := range m.trash() {
			if !before.trash[id] {
				t.Errorf("%q was on Frame.io for a while", name)
			}
		}
	})
}
