package fs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// The kernel keeps an inode for as long as it likes; what it stands for changes under it.

func TestWhatIsListedWhileItLeavesIsWholeAfterwards(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		want := map[string][]byte{}
		for i := range 10 {
			name := strconv.Itoa(i) + ".bin"
			want[name] = noise(uint64(i), 1<<16+i)
			check(t, "write", os.WriteFile(filepath.Join(m.project, name), want[name], 0o644))
			same(t, "while it is leaving", walk(t, m.project), want)
		}
		m.settle()
		for range 3 {
			same(t, "uploaded", walk(t, m.project), want)
		}
		for name := range want {
			f, err := os.OpenFile(filepath.Join(m.project, name), os.O_WRONLY|os.O_APPEND, 0)
			check(t, "open", err)
			_, err = f.WriteString("and more")
			check(t, "append", err)
			check(t, "close", f.Close())
			want[name] = append(want[name], "and more"...)
		}
		same(t, "changed", walk(t, m.project), want)
		m.settle()
		for name, content := range want {
			if it := m.there()[name]; !bytes.Equal(m.body(head(it)), content) {
				t.Errorf("Frame.io has other bytes as %q", name)
			}
		}
	})
}

func TestAVersionMadeElsewhereIsSeenByWhoKnowsTheFile(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		here, elsewhere := r.mount(mountWith{}), r.mount(mountWith{})
		path := func(m *mounted) string { return filepath.Join(m.project, "cut.txt") }
		check(t, "write", os.WriteFile(path(elsewhere), []byte("first"), 0o644))
		elsewhere.settle()
		until := func(m *mounted, want string) {
			t.Helper()
			var got []byte
			for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				if got, _ = os.ReadFile(path(m)); string(got) == want {
					return
				}
			}
			t.Fatalf("reads %q, want %q", got, want)
		}
		until(here, "first")
		for _, next := range []string{"theirs", "theirs again"} {
			check(t, "write", os.WriteFile(path(elsewhere), []byte(next), 0o644))
			elsewhere.settle()
			until(here, next)
		}
		f, err := os.OpenFile(path(here), os.O_WRONLY|os.O_APPEND, 0)
		check(t, "open", err)
		_, err = f.WriteString(", and mine")
		check(t, "append", err)
		check(t, "close", f.Close())
		here.settle()
		until(elsewhere, "theirs again, and mine")
	})
}

func TestAFolderOpenedBeforeAChangeTellsNothingOld(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		path := filepath.Join(m.project, "cut.txt")
		check(t, "write", os.WriteFile(path, []byte("one"), 0o644))
		m.settle()
		early, err := os.Open(m.project)
		check(t, "open folder", err)
		defer early.Close()
		check(t, "write", os.WriteFile(path, []byte("two, longer"), 0o644))
		late, err := os.Open(m.project)
		check(t, "open folder", err)
		defer late.Close()
		m.settle()
		for moment, folder := range map[string]*os.File{"before": early, "while it is leaving": late} {
			_, err := folder.ReadDir(-1) // with attributes
			check(t, "list", err)
			got, err := os.ReadFile(path)
			check(t, "read", err)
			if string(got) != "two, longer" || stat(t, path).Size != int64(len(got)) {
				t.Errorf("after a listing begun %s: reads %q of %d bytes", moment, got, stat(t, path).Size)
			}
		}
	})
}
