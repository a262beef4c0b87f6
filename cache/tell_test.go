package cache

import (
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// picture is what someone knows of a folder who saw it once and was told the changes.
type picture map[string]remote.Item

func pictureOf(entries []Entry) picture {
	p := picture{}
	for _, e := range entries {
		p[e.Name] = e.Item
	}
	return p
}

func (p picture) apply(t *testing.T, changes []Change) {
	t.Helper()
	for _, c := range changes {
		if c.Was.Name == "" {
			continue
		}
		if it, ok := p[c.Was.Name]; !ok || it.ID != c.Was.ID {
			t.Errorf("%q was never told: %+v", c.Was.Name, c)
		}
		delete(p, c.Was.Name)
	}
	for _, c := range changes {
		if c.Is.Name == "" {
			continue
		}
		if c.Was.Name != "" && c.Was.ID != c.Is.ID {
			t.Errorf("one thing became another: %+v", c)
		}
		if _, ok := p[c.Is.Name]; ok {
			t.Errorf("%q is there twice", c.Is.Name)
		}
		p[c.Is.Name] = c.Is.Item
	}
}

// Whoever saw a folder once and was told all changes since knows what it shows, whatever others do there.
func TestChangedTellsAll(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	names := []string{"a", "a", "b.mov", "b.mov", "b (00000002).mov", "caf\u00e9", "cafe\u0301", "c"}
	have := map[remote.ID]remote.Item{}
	w := newWorld()
	path := filepath.Join(t.TempDir(), "index.db")
	synctest.Test(t, func(t *testing.T) {
		x, err := OpenIndex(path)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		var seen picture
		told := 0
		tree := NewTree(TreeConfig{Namespace: w, Index: x, Age: testAge, Bytes: 1, Changed: func(parent remote.Ref, changes []Change) {
			told++
			if parent != home || len(changes) == 0 {
				t.Errorf("told of %v: %v", parent, changes)
			}
			seen.apply(t, changes)
		}})
		defer tree.Close()
		others := w.dirs("", 100, 10)
		for i := range 500 {
			for range r.IntN(4) {
				it := file(r.IntN(10), names[r.IntN(len(names))])
				switch r.IntN(4) {
				case 0:
					delete(have, it.ID)
				case 1:
					it.State = remote.Created // not shown
					have[it.ID] = it
				default:
					it.Size, it.Updated = int64(i), it.Updated.Add(time.Duration(i)*time.Second)
					have[it.ID] = it
				}
			}
			w.set(func() { w.folders[home.ID] = slices.Collect(maps.Values(have)) })
			if i%10 == 0 {
				visit(t, tree, others...) // they press home out of memory
			}
			if i%2 == 0 {
				tree.Forget(home)
			} else {
				time.Sleep(DefaultFresh)
			}
			entries, err := tree.List(t.Context(), home)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if i == 0 {
				seen = pictureOf(entries)
			}
			if want := pictureOf(entries); !maps.EqualFunc(seen, want, alike) {
				t.Fatalf("step %d: it shows %q, the picture has %q", i, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(seen)))
			}
		}
		if told < 100 {
			t.Errorf("told %d times", told)
		}
	})
}

// What we did ourselves is not told when a listing confirms it, though Frame.io knows more about it by then.
func TestChangedIsNotToldOurOwn(t *testing.T) {
	w := newWorld(file(1, "a"), file(2, "b"))
	path := filepath.Join(t.TempDir(), "index.db")
	synctest.Test(t, func(t *testing.T) {
		x, err := OpenIndex(path)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		var told []Change
		tree := NewTree(TreeConfig{Namespace: w, Index: x, Age: testAge, Changed: func(_ remote.Ref, c []Change) { told = append(told, c...) }})
		defer tree.Close()
		mustList(t, tree, "a", "b")
		tree.Put(home, file(3, "c"))
		tree.Drop(home, file(1, "").ID)
		tree.Forget(home)
		mustList(t, tree, "b", "c") // Frame.io lags
		c := file(3, "c")
		c.State, c.Checksum, c.Updated = remote.Transcoded, "0123456789abcdef", c.Updated.Add(time.Minute)
		w.set(func() { w.folders[home.ID] = []remote.Item{file(2, "b"), c} })
		tree.Forget(home)
		mustList(t, tree, "b", "c")
		synctest.Wait()
		if len(told) > 0 {
			t.Errorf("told %+v", told)
		}
		if e, _ := tree.Find(t.Context(), home, "c"); e.State != remote.Transcoded {
			t.Errorf("what Frame.io knows more is not shown: %+v", e)
		}
		w.set(func() { w.folders[home.ID] = []remote.Item{file(2, "b")} })
		time.Sleep(lag)
		mustList(t, tree, "b")
		synctest.Wait()
		if len(told) != 1 || told[0].Was.Name != "c" || told[0].Is.Name != "" {
			t.Errorf("someone removed c; told %+v", told)
		}
	})
}

// When a folder goes all that was shown in it does.
func TestChangedTellsThatAFolderIsGone(t *testing.T) {
	w := newWorld(file(1, "a"), file(2, "b"))
	path := filepath.Join(t.TempDir(), "index.db")
	synctest.Test(t, func(t *testing.T) {
		x, err := OpenIndex(path)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		var told []Change
		tree := NewTree(TreeConfig{Namespace: w, Index: x, Age: time.Hour, Changed: func(_ remote.Ref, c []Change) { told = append(told, c...) }})
		defer tree.Close()
		mustList(t, tree, "a", "b")
		w.set(func() { delete(w.folders, home.ID) })
		time.Sleep(DefaultFresh + time.Second)
		synctest.Wait()
		if len(told) != 2 || told[0].Is.Name+told[1].Is.Name != "" {
			t.Errorf("told %+v", told)
		}
		if watching(tree) {
			t.Error("a folder that is gone is looked for again and again")
		}
	})
}
