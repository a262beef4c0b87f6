package cache

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// dirs makes a folder's listing of so many folders, each of which has one file.
func (w *world) dirs(parent remote.ID, first, n int) (refs []remote.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range n {
		d := file(first+i, fmt.Sprintf("d%04d", i))
		d.Kind = remote.Folder
		w.folders[parent] = append(w.folders[parent], d)
		w.folders[d.ID] = []remote.Item{file(10_000+first+i, "clip.mov")}
		refs = append(refs, d.Ref)
	}
	return refs
}

// visit lists folders one after another.
func visit(t *testing.T, tree *Tree, refs ...remote.Ref) {
	t.Helper()
	for _, ref := range refs {
		if _, err := tree.List(t.Context(), ref); err != nil {
			t.Error(err)
		}
	}
}

// count tells how many of the calls since were of a priority.
func (w *world) count(p remote.Priority) (n int) {
	for _, a := range w.askings() {
		if a.prio == p {
			n++
		}
	}
	return n
}

const rtt = 30 * time.Millisecond

func TestWalkThroughAColdTree(t *testing.T) {
	w := newWorld()
	refs := w.dirs(home.ID, 1, 100)
	w.takes = rtt
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		began := time.Now()
		visit(t, tree, home)
		visit(t, tree, refs...)
		if d := time.Since(began); d > 6*rtt || w.called() != 101 {
			t.Errorf("%d calls in %v", w.called(), d)
		}
		synctest.Wait()
		began = time.Now()
		visit(t, tree, home)
		visit(t, tree, refs...)
		if d := time.Since(began); d > 0 || w.called() != 101 {
			t.Errorf("again: %d calls in %v", w.called(), d)
		}
	})
}

// Deeper folders are listed ahead as the walk comes to them, though it is long in each.
func TestWalkIntoDepth(t *testing.T) {
	w := newWorld()
	tops := w.dirs(home.ID, 1, 8)
	var order []remote.Ref
	for i, top := range tops {
		order = append(order, top)
		order = append(order, w.dirs(top.ID, 1000*(i+1), 20)...)
	}
	w.takes = rtt
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		began := time.Now()
		visit(t, tree, home)
		for _, ref := range order {
			visit(t, tree, ref)
			time.Sleep(time.Second) // reads what is there
		}
		if d := time.Since(began) - time.Duration(len(order))*time.Second; d > 6*rtt {
			t.Errorf("waited %v for %d folders", d, len(order))
		}
		seen := map[remote.ID]int{}
		for _, a := range w.askings() {
			if a.prio != remote.Background {
				seen[a.id]++
			}
		}
		for id, n := range seen {
			if n > 1 {
				t.Errorf("%s was listed ahead or asked for %d times", id, n)
			}
		}
	})
}

// Who looks into one folder has a few listed that he may want next; who finds a path has none; nobody has what is known listed again.
func TestWalkGuesses(t *testing.T) {
	w := newWorld()
	refs := w.dirs(home.ID, 1, 60)
	w.takes = rtt
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		if _, err := tree.Find(t.Context(), home, "d0003"); err != nil {
			t.Error(err)
		}
		if _, err := tree.Find(t.Context(), refs[3], "clip.mov"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if w.called() != 2 {
			t.Errorf("%d calls for a path", w.called())
		}
		visit(t, tree, home)
		time.Sleep(time.Second)
		if w.called() != 2+guessed || w.count(remote.Background) != guessed {
			t.Errorf("%d calls, %d of them on a guess", w.called(), w.count(remote.Background))
		}
		visit(t, tree, refs[40])
		time.Sleep(time.Second)
		if n := w.called(); n != 3+guessed {
			t.Errorf("%d calls after one folder", n)
		}
		time.Sleep(2 * stride)
		w.since()
		visit(t, tree, refs[50])
		time.Sleep(time.Second)
		if n := w.count(remote.Interactive) + w.count(remote.Ahead); n != 1 {
			t.Errorf("%d calls for a second folder much later", n)
		}
	})
}

// Who stops gets no more, and who has it all known from before none at all.
func TestWalkStops(t *testing.T) {
	w := newWorld()
	refs := w.dirs(home.ID, 1, 300)
	w.takes = 2 * time.Second // a narrow limit
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		visit(t, tree, home)
		visit(t, tree, refs[:2]...)
		time.Sleep(time.Minute)
		if n := w.count(remote.Ahead); n < 2*abreast || n > 7*abreast {
			t.Errorf("%d folders listed ahead", n)
		}
		w.set(func() { w.takes = rtt })
		visit(t, tree, refs...)
		time.Sleep(30 * time.Minute)
		w.since()
		visit(t, tree, home)
		visit(t, tree, refs...)
		if n := len(w.askings()) - w.count(remote.Background); n > 0 {
			t.Errorf("%d calls though all is known", n)
		}
	})
}

// A folder that changes all the time is no reason to guess anew each time, and a large tree none to remember all of it.
func TestWalkIsBounded(t *testing.T) {
	w := newWorld()
	refs := w.dirs(home.ID, 1, 100)
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		for i := range 10 {
			visit(t, tree, home)
			time.Sleep(DefaultFresh)
			w.set(func() { w.folders[home.ID] = append(w.folders[home.ID], file(1000+i, fmt.Sprint("new", i))) })
		}
		listed := map[remote.ID]bool{}
		for _, a := range w.askings() {
			listed[a.id] = true
		}
		if len(listed) != 1+guessed {
			t.Errorf("%d folders listed", len(listed))
		}
		for i, ref := range refs[:60] {
			w.dirs(ref.ID, 10_000*(i+1), 400)
			tree.Forget(ref)
			visit(t, tree, ref)
			time.Sleep(stride) // no walk
		}
		tree.mu.Lock()
		defer tree.mu.Unlock()
		if len(tree.walks) > maxWalks || len(tree.steps) > maxSteps || len(tree.steps) < maxSteps/2 {
			t.Errorf("%d walks of %d steps remembered", len(tree.walks), len(tree.steps))
		}
	})
}

// What was listed for nobody and is asked for then does not wait in the last row.
func TestWalkRaises(t *testing.T) {
	w := newWorld()
	refs := w.dirs(home.ID, 1, 10)
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		visit(t, tree, home)
		raised := make(chan remote.Priority, 1)
		tree.mu.Lock()
		fl := tree.begin(remote.WithPriority(tree.ctx, remote.Background), keyOf(refs[0]), refs[0])
		raise := fl.raise
		fl.raise = func(p remote.Priority) { raise(p); raised <- p }
		tree.mu.Unlock()
		visit(t, tree, refs[0])
		if p := <-raised; p != remote.Interactive {
			t.Errorf("raised to %d", p)
		}
	})
}
