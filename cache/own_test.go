package cache

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Whoever is killed right after a change of ours shows it all the same the next time.
func TestOwnChangesSurviveAKill(t *testing.T) {
	dir := t.TempDir()
	x := openIndex(t, filepath.Join(dir, "index.db"))
	w := newWorld(file(1, "a"), file(2, "b"), file(3, "c"))
	tree := NewTree(TreeConfig{Namespace: w, Index: x})
	defer tree.Close()
	mustList(t, tree, "a", "b", "c")
	if err := x.flush(); err != nil {
		t.Fatal(err)
	}
	copied := func(name string) string {
		t.Helper()
		x.flushes.Lock() // nothing more is written
		defer x.flushes.Unlock()
		to := t.TempDir()
		for _, f := range []string{"index.db", "index.db.own0", "index.db.own1"} {
			b, err := os.ReadFile(filepath.Join(dir, f))
			if err == nil {
				err = os.WriteFile(filepath.Join(to, f), b, 0o600)
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		return filepath.Join(to, "index.db")
	}
	shows := func(name, path string, want ...string) {
		t.Helper()
		again := openIndex(t, path)
		var got []string
		for _, e := range again.listing(keyOf(home)).list() {
			got = append(got, e.Name)
		}
		if len(got) != len(want) {
			t.Fatalf("%s: the next run shows %v, want %v", name, got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: the next run shows %v, want %v", name, got, want)
			}
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
	x.flushes.Lock() // as if no batch came between
	renamed := file(2, "B")
	renamed.Updated = renamed.Updated.Add(time.Second)
	tree.Put(home, renamed)
	tree.Put(home, file(4, "d"))
	tree.Drop(home, file(1, "").ID)
	x.flushes.Unlock()
	shows("right after", copied("right after"), "B", "c", "d")
	if err := x.flush(); err != nil {
		t.Fatal(err)
	}
	newer := file(4, "D")
	newer.Updated = newer.Updated.Add(time.Second)
	x.flushes.Lock()
	tree.Put(home, newer)
	x.flushes.Unlock()
	path := copied("after a batch")
	shows("after a batch", path, "B", "c", "D")
	shows("once more", path, "B", "c", "D")
	if err := x.flush(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"index.db.own0", "index.db.own1"} {
		if st, err := os.Stat(filepath.Join(dir, f)); err != nil || st.Size() != 0 {
			t.Errorf("%s is left: %v, %v", f, st, err)
		}
	}
}
