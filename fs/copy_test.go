package fs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim"
)

// traffic counts the PUTs to Frame.io and the bytes read from it since it was last asked, and the calls for copies.
func (r *rig) traffic() (puts, copies int, read int64) {
	r.sim.Log().Quiet(5 * time.Second)
	for _, e := range r.sim.Log().Entries(r.seen) {
		r.seen = max(r.seen, e.Seq)
		switch {
		case e.Host == "upload":
			puts++
		case e.Host == "media":
			read += e.Out
		case e.Method == "POST" && strings.HasSuffix(e.Path, "/copy"):
			copies++
		}
	}
	return puts, copies, read
}

// cp of a whole file inside the mount moves no byte: Frame.io copies it.
func TestCopyInsideTheMount(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		film := noise(1, 3<<20+77)
		w := r.mount(mountWith{})
		check(t, "write", os.WriteFile(filepath.Join(w.project, "film.mov"), film, 0o644))
		w.settle()
		w.stop()
		m := r.mount(mountWith{settle: 300 * time.Millisecond}) // has no byte of it
		check(t, "mkdir", os.Mkdir(filepath.Join(m.project, "day 2"), 0o755))
		r.traffic()
		run(t, m.project, "cp", "film.mov", "day 2/copy.mov")
		run(t, m.project, "cp", "-p", "film.mov", "film 2.mov")
		m.settle()
		if puts, copies, read := r.traffic(); puts != 0 || copies != 2 || read != 0 {
			t.Errorf("%d PUTs, %d copies, %d bytes read", puts, copies, read)
		}
		there := r.there()
		if len(there) != 4 {
			t.Errorf("Frame.io has %v", keys(there))
		}
		for _, path := range []string{"film.mov", "film 2.mov", "day 2/copy.mov"} {
			if it, ok := there[path]; !ok || !bytes.Equal(r.body(head(it)), film) {
				t.Errorf("%s is not there, or has other bytes", path)
			}
			if got, err := os.ReadFile(filepath.Join(m.project, path)); err != nil || !bytes.Equal(got, film) {
				t.Errorf("%s reads as something else, %v", path, err)
			}
		}
		st, err := os.Stat(filepath.Join(m.project, "film.mov"))
		check(t, "stat", err)
		if got, err := os.Stat(filepath.Join(m.project, "film 2.mov")); err != nil || !got.ModTime().Equal(st.ModTime()) {
			t.Errorf("cp -p: %v, want %v, %v", got.ModTime(), st.ModTime(), err)
		}
	})
}

// cp over a file makes a version; what is changed after a copy, or what Frame.io does not copy, is sent; rm of the source waits for
// the copy.
func TestCopyInsideTheMountOtherwise(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		film, old := noise(1, 2<<20), noise(2, 1000)
		m := r.mount(mountWith{settle: 300 * time.Millisecond})
		in := func(name string) string { return filepath.Join(m.project, name) }
		check(t, "write", os.WriteFile(in("film.mov"), film, 0o644))
		check(t, "write", os.WriteFile(in("old.mov"), old, 0o644))
		m.settle()
		r.traffic()
		run(t, m.project, "cp", "film.mov", "old.mov")
		m.settle()
		if it := r.there()["old.mov"]; len(it.Versions) != 2 || !bytes.Equal(r.body(head(it)), film) {
			t.Errorf("cp over it: %d versions", len(it.Versions))
		}
		if puts, copies, _ := r.traffic(); puts != 0 || copies != 1 {
			t.Errorf("cp over it: %d PUTs, %d copies", puts, copies)
		}

		run(t, m.project, "cp", "film.mov", "longer.mov")
		f, err := os.OpenFile(in("longer.mov"), os.O_WRONLY|os.O_APPEND, 0)
		check(t, "open", err)
		_, err = f.Write(old)
		check(t, "write", err)
		check(t, "close", f.Close())
		m.settle()
		if it := r.there()["longer.mov"]; !bytes.Equal(r.body(head(it)), append(bytes.Clone(film), old...)) {
			t.Error("a copy that was appended to has other bytes")
		}
		r.traffic()

		check(t, "fault", r.sim.Faults().AddText(`403@api:/^POST .*\/copy$/*9`))
		run(t, m.project, "cp", "film.mov", "sent.mov")
		m.settle()
		r.sim.Faults().Clear(0)
		if it := r.there()["sent.mov"]; !bytes.Equal(r.body(head(it)), film) {
			t.Error("a copy that was refused has other bytes")
		}
		if puts, _, _ := r.traffic(); puts == 0 {
			t.Error("a copy that was refused was not sent")
		}

		run(t, m.project, "cp", "film.mov", "moved.mov")
		run(t, m.project, "rm", "film.mov")
		m.settle()
		there := r.there()
		if _, ok := there["film.mov"]; ok || !bytes.Equal(r.body(head(there["moved.mov"])), film) {
			t.Error("cp and rm came to something else than mv")
		}
	})
}

func keys(there map[string]sim.Item) (names []string) {
	for name := range there {
		names = append(names, name)
	}
	return names
}

// Content that was sent from here is not sent again.
func TestKnownContentIsCopied(t *testing.T) {
	r := newRig(t, "v2")
	film := noise(1, 9<<20)
	m := r.mount(mountWith{})
	check(t, "write", os.WriteFile(filepath.Join(m.project, "a.mov"), film, 0o644))
	m.settle()
	r.traffic()
	check(t, "write", os.WriteFile(filepath.Join(m.project, "b.mov"), film, 0o644))
	m.settle()
	if puts, copies, _ := r.traffic(); puts != 0 || copies != 1 {
		t.Errorf("%d PUTs, %d copies", puts, copies)
	}
	if it := r.there()["b.mov"]; !bytes.Equal(r.body(head(it)), film) {
		t.Error("it has other bytes")
	}
}
