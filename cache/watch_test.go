package cache

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// since forgets the calls that were made so far, and those after it are counted from now.
func (w *world) since() func() []time.Duration {
	began := time.Now()
	w.set(func() { w.asked = nil })
	return func() (at []time.Duration) {
		for _, a := range w.askings() {
			at = append(at, a.at.Sub(began))
		}
		return at
	}
}

// askings are the calls since.
func (w *world) askings() []asking {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

func watching(tree *Tree) bool {
	tree.mu.Lock()
	defer tree.mu.Unlock()
	return tree.watching || tree.refreshing > 0
}

// What someone looked at is refreshed for a while, more and more rarely, and then not any more.
func TestWatchPeriods(t *testing.T) {
	w := newWorld(file(1, "a"))
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "a")
		at := w.since()
		w.set(func() { w.folders[home.ID] = []remote.Item{file(2, "b")} })
		time.Sleep(DefaultFresh + time.Second)
		mustList(t, tree, "b") // seen behind
		time.Sleep(time.Hour)
		got := at()
		early := len(slices.DeleteFunc(slices.Clone(got), func(d time.Duration) bool { return d > looked+DefaultFresh+time.Second }))
		if early != 7 || len(got)-early != 8 || got[len(got)-1] > unlooked+DefaultFresh+time.Second {
			t.Errorf("refreshed at %v", got)
		}
		for _, a := range w.askings() {
			if a.prio != remote.Background {
				t.Errorf("at priority %d", a.prio)
			}
		}
		if watching(tree) {
			t.Error("there is something to do though no one looks")
		}
		at = w.since()
		mustList(t, tree, "b")
		time.Sleep(looked)
		if got := at(); len(got) < 5 {
			t.Errorf("looked at again: refreshed at %v", got)
		}
	})
}

func TestWatchHeld(t *testing.T) {
	w := newWorld(file(1, "a"))
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "a")
		first, second := tree.Hold(home), tree.Hold(home)
		at := w.since()
		first()
		time.Sleep(time.Hour)
		if got := at(); len(got) < 350 {
			t.Errorf("refreshed %d times while it was held", len(got))
		}
		second()
		time.Sleep(unlooked + time.Second)
		at = w.since()
		time.Sleep(time.Hour)
		if got := at(); len(got) > 0 || watching(tree) {
			t.Errorf("refreshed at %v though no one holds it", got)
		}
	})
}

// The last looked at comes first, a few at once, and a folder whose listing takes long comes rarely.
func TestWatchOrderAndCost(t *testing.T) {
	w := newWorld()
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		for i := range 9 {
			id := remote.ID(fmt.Sprint(i))
			w.set(func() { w.folders[id] = nil })
			if _, err := tree.List(t.Context(), remote.Ref{Kind: remote.Folder, ID: id}); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Millisecond)
		}
		w.set(func() { w.takes = 20 * time.Second })
		w.since()
		time.Sleep(DefaultFresh + 30*time.Second)
		var order []remote.ID
		for _, a := range w.askings() {
			order = append(order, a.id)
		}
		// Each was due in turn of its listing; from the fourth on the last looked at of those that are due.
		if want := []remote.ID{"0", "1", "2", "8", "7", "6"}; !slices.Equal(order, want) {
			t.Errorf("refreshed %q, want %q", order, want)
		}
	})
	w = newWorld(file(1, "a"))
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		w.takes = 12 * time.Second
		mustList(t, tree, "a")
		defer tree.Hold(home)()
		at := w.since()
		time.Sleep(10 * time.Minute)
		if got := at(); len(got) < 9 || len(got) > 11 {
			t.Errorf("a listing of 12 s in ten minutes: at %v", got)
		}
	})
}

// Without a link one folder is tried now and then; when Frame.io answers again everything that is looked at is refreshed.
func TestWatchOffline(t *testing.T) {
	w := newWorld()
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		for i := range 20 {
			ref := remote.Ref{Kind: remote.Folder, ID: remote.ID(fmt.Sprint(i))}
			w.set(func() { w.folders[ref.ID] = nil })
			if _, err := tree.List(t.Context(), ref); err != nil {
				t.Error(err)
			}
			defer tree.Hold(ref)()
		}
		w.set(func() { w.err = fmt.Errorf("list: %w", remote.ErrOffline) })
		time.Sleep(time.Minute)
		at := w.since()
		time.Sleep(time.Hour)
		if got := len(at()); got < 300 || got > 400 {
			t.Errorf("%d calls in an hour without a link", got)
		}
		w.since()
		w.set(func() { w.err = nil })
		time.Sleep(DefaultFresh + time.Second) // one finds out
		seen := map[remote.ID]bool{}
		for _, a := range w.askings() {
			seen[a.id] = true
		}
		if len(seen) < 20 {
			t.Errorf("%d folders refreshed after the link came back", len(seen))
		}
	})
}

// Who goes through everything once does not keep everything up to date.
func TestWatchNotEverything(t *testing.T) {
	w := newWorld()
	refs := w.dirs(home.ID, 1, maxLooks+200)
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		defer tree.Hold(refs[0])()
		visit(t, tree, refs...)
		at := w.since()
		time.Sleep(DefaultFresh + time.Second)
		if n := len(at()); n != maxLooks {
			t.Errorf("%d folders refreshed", n)
		}
		if !slices.ContainsFunc(w.askings(), func(a asking) bool { return a.id == refs[0].ID }) {
			t.Error("one that is held was not")
		}
	})
}

// Looks, holds, changes and the end, all at once.
func TestWatchRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	w := newWorld(file(1, "a"))
	for i := range 20 {
		w.folders[remote.ID(fmt.Sprint(i))] = []remote.Item{file(i, "x")}
	}
	synctest.Test(t, func(t *testing.T) {
		tree, done := newTree(t, w, path, 0)
		var wg sync.WaitGroup
		for i := range 20 {
			ref := remote.Ref{Kind: remote.Folder, ID: remote.ID(fmt.Sprint(i))}
			wg.Go(func() {
				for n := range 50 {
					release := tree.Hold(ref)
					if _, err := tree.List(t.Context(), ref); err != nil && n < 10 {
						t.Error(err)
					}
					time.Sleep(time.Duration(i) * 300 * time.Millisecond)
					if n%7 == 0 {
						tree.Put(ref, file(100+n, "new"))
						w.set(func() { w.folders[ref.ID] = []remote.Item{file(n, "y")} })
					}
					release()
				}
			})
		}
		time.Sleep(time.Minute)
		done()
		wg.Wait()
	})
}
