package cache

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Our own changes hold against listings that do not know them yet, for a while.
func TestTreeChanges(t *testing.T) {
	w := newWorld(file(1, "a"), file(2, "b"))
	inTree(t, w, func(t *testing.T, tree *Tree) {
		tree.Put(home, file(3, "c")) // never listed so far
		mustList(t, tree, "a", "b", "c")
		tree.Drop(home, file(1, "").ID)
		renamed := file(2, "B")
		renamed.Updated = renamed.Updated.Add(time.Second)
		tree.Put(home, renamed)
		mustList(t, tree, "B", "c")
		for range 3 {
			time.Sleep(5 * time.Second)
			tree.Forget(home)
			mustList(t, tree, "B", "c")
		}
		newer := file(2, "BB")
		newer.Updated = renamed.Updated.Add(time.Second)
		w.set(func() { w.folders[home.ID] = []remote.Item{file(1, "a"), newer} })
		tree.Forget(home)
		mustList(t, tree, "BB", "c") // someone else's change after ours
		time.Sleep(15 * time.Second)
		tree.Forget(home)
		mustList(t, tree, "a", "BB") // Frame.io insists
	})
}

func TestTreePutTwiceAndBack(t *testing.T) {
	w := newWorld(file(1, "a"))
	inTree(t, w, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "a")
		tree.Drop(home, file(1, "").ID) // moved away
		mustList(t, tree)
		tree.Put(home, file(1, "a")) // and back
		tree.Forget(home)
		mustList(t, tree, "a")
	})
}

func TestTreeStackTakesItsFile(t *testing.T) {
	old, next := file(1, "clip.mov"), file(2, "clip.mov")
	w := newWorld(old, next)
	stack := file(3, "clip.mov")
	stack.Kind, stack.Content = remote.Stack, next.ID
	inTree(t, w, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "clip.mov", "clip (00000002).mov")
		tree.Drop(home, old.ID)
		tree.Put(home, stack)
		mustList(t, tree, "clip.mov")
		tree.Forget(home) // Frame.io still lists the two files
		mustList(t, tree, "clip.mov")
		w.set(func() { w.folders[home.ID] = []remote.Item{stack, next} })
		time.Sleep(lag)
		mustList(t, tree, "clip.mov")
		if e, err := tree.Find(t.Context(), home, "clip.mov"); err != nil || e.Kind != remote.Stack {
			t.Errorf("got %v, %v", e.Kind, err)
		}
	})
}

// A listing that was under way when we changed something is not the last word.
func TestTreeChangeDuringFetch(t *testing.T) {
	w := newWorld(file(1, "a"))
	inTree(t, w, func(t *testing.T, tree *Tree) {
		w.gate = make(chan struct{}) // of this bubble
		var wg sync.WaitGroup
		wg.Go(func() { mustList(t, tree, "b") })
		synctest.Wait()
		tree.Put(home, file(2, "b"))
		tree.Drop(home, file(1, "").ID)
		time.Sleep(lag + 10*time.Second) // a slow listing
		close(w.gate)
		wg.Wait()
		mustList(t, tree, "b")
	})
}

func TestTreeForgetDuringFetch(t *testing.T) {
	w := newWorld(file(1, "a"))
	inTree(t, w, func(t *testing.T, tree *Tree) {
		gate := make(chan struct{})
		w.gate = gate
		var wg sync.WaitGroup
		wg.Go(func() { mustList(t, tree, "a") })
		synctest.Wait()
		tree.Forget(home)
		w.set(func() { w.gate, w.folders[home.ID] = nil, []remote.Item{file(2, "b")} })
		mustList(t, tree, "b")
		close(gate)
		wg.Wait()
		mustList(t, tree, "b") // what was older did not come back
	})
}

// The versions of a stack are deleted one by one, and the last may stand in the folder for a moment.
func TestTreeDropsAStackWithItsNewestFile(t *testing.T) {
	last := file(1, "film")
	stack := remote.Item{Ref: remote.Ref{Kind: remote.Stack, ID: "stack"}, Content: last.ID, Name: "film", Parent: home.ID, State: remote.Uploaded, Created: last.Created, Updated: last.Updated}
	w := newWorld(stack, file(2, "b"))
	inTree(t, w, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "film", "b")
		tree.Drop(home, stack.ID)
		w.set(func() { w.folders[home.ID] = []remote.Item{last, file(2, "b")} })
		tree.Forget(home)
		mustList(t, tree, "b")
	})
}
