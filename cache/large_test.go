package cache

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// 10,000 items: listed once and wholly, found by any name, kept, and in little memory for listings too.
func TestTreeLargeFolder(t *testing.T) {
	w := newWorld()
	for i := range 10_000 {
		w.folders[home.ID] = append(w.folders[home.ID], file(i, fmt.Sprintf("A%05d_C%03d.mov", i, i%1000)))
	}
	path := filepath.Join(t.TempDir(), "index.db")
	for _, bytes := range []int64{0, 100_000} {
		synctest.Test(t, func(t *testing.T) {
			tree, done := newTree(t, w, path, bytes)
			defer done()
			for i := range 20 { // other folders press
				w.set(func() { w.folders[remote.ID(fmt.Sprint(i))] = []remote.Item{file(i, "x")} })
			}
			entries, err := tree.List(t.Context(), home)
			if err != nil || len(entries) != 10_000 {
				t.Fatalf("%d entries, %v", len(entries), err)
			}
			calls := w.called()
			for i, e := range entries {
				if got, err := tree.Find(t.Context(), home, e.Name); err != nil || got != e {
					t.Fatalf("%q: %v, %v", e.Name, got, err)
				}
				if _, err := tree.Find(t.Context(), home, "._"+e.Name); !errors.Is(err, iofs.ErrNotExist) {
					t.Fatalf("absent: %v", err)
				}
				if i%1000 == 0 {
					tree.Put(home, file(10_000+i, fmt.Sprintf("new%d", i)))
					tree.Drop(home, file(10_000+i, "").ID)
				}
			}
			if w.called() != calls {
				t.Errorf("%d more calls", w.called()-calls)
			}
			for i := range 20 {
				if _, err := tree.List(t.Context(), remote.Ref{Kind: remote.Folder, ID: remote.ID(fmt.Sprint(i))}); err != nil {
					t.Error(err)
				}
			}
			calls = w.called()
			if _, err := tree.Find(t.Context(), home, "A09999_C999.mov"); err != nil || w.called() != calls {
				t.Errorf("pressed out of memory: %v, %d more calls", err, w.called()-calls)
			}
		})
	}
	// The next run, offline, has it from the index.
	w.set(func() { w.err = remote.ErrOffline })
	synctest.Test(t, func(t *testing.T) {
		tree, done := newTree(t, w, path, 0)
		defer done()
		if entries, err := tree.List(t.Context(), home); err != nil || len(entries) != 10_000 {
			t.Errorf("%d entries, %v", len(entries), err)
		}
	})
}

func BenchmarkFind10k(b *testing.B) {
	w := newWorld()
	for i := range 10_000 {
		w.folders[home.ID] = append(w.folders[home.ID], file(i, fmt.Sprintf("A%05d_C%03d.mov", i, i%1000)))
	}
	x, err := OpenIndex(filepath.Join(b.TempDir(), "index.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	tree := NewTree(TreeConfig{Namespace: w, Index: x, Age: time.Hour})
	defer tree.Close()
	if _, err := tree.List(b.Context(), home); err != nil {
		b.Fatal(err)
	}
	b.Run("found", func(b *testing.B) {
		for b.Loop() {
			_, _ = tree.Find(b.Context(), home, "A05000_C000.mov")
		}
	})
	b.Run("absent", func(b *testing.B) {
		for b.Loop() {
			_, _ = tree.Find(b.Context(), home, "._A05000_C000.mov")
		}
	})
	b.Run("put+list", func(b *testing.B) {
		for i := 10_000; b.Loop(); i++ {
			tree.Put(home, file(i, fmt.Sprintf("new%d", i)))
			_, _ = tree.List(b.Context(), home)
		}
	})
	b.Run("load", func(b *testing.B) {
		if err := x.flush(); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if s := x.listing(keyOf(home)); len(s.list()) < 10_000 {
				b.Fatal(len(s.list()))
			}
		}
	})
}
