package cache

import (
	"context"
	"errors"
	iofs "io/fs"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// inLazyTree runs a test with a Tree that shows what is up to an hour old.
func inLazyTree(t *testing.T, w *world, f func(t *testing.T, tree *Tree)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.db")
	synctest.Test(t, func(t *testing.T) {
		x, err := OpenIndex(path)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		tree := NewTree(TreeConfig{Namespace: w, Index: x, Age: time.Hour})
		defer tree.Close()
		f(t, tree)
	})
}

// What is not fresh is shown at once and fetched behind, once; what is older than Age is waited for.
func TestTreeShowsAtOnce(t *testing.T) {
	w := newWorld(file(1, "a"))
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "a")
		time.Sleep(10 * time.Minute)
		gate := make(chan struct{})
		w.set(func() { w.gate, w.calls, w.folders[home.ID] = gate, 0, []remote.Item{file(2, "b")} })
		began := time.Now()
		for range 10 {
			mustList(t, tree, "a")
			if _, err := tree.Find(t.Context(), home, "b"); !errors.Is(err, iofs.ErrNotExist) {
				t.Errorf("b is found: %v", err)
			}
		}
		synctest.Wait()
		if d := time.Since(began); d != 0 || w.called() > 1 {
			t.Errorf("waited %v, %d calls", d, w.called())
		}
		close(gate)
		time.Sleep(time.Second)
		mustList(t, tree, "b")
		if w.called() != 1 {
			t.Errorf("%d calls", w.called())
		}
		w.set(func() { w.folders[home.ID] = nil })
		time.Sleep(time.Hour)
		mustList(t, tree)
	})
}

// Who wants to change something gets what is true now, or at least does not wait for long.
func TestTreeUpdate(t *testing.T) {
	w := newWorld(file(1, "a"))
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "a")
		w.set(func() { w.calls = 0 })
		if err := tree.Update(t.Context(), home); err != nil || w.called() > 0 {
			t.Errorf("fresh: %v, %d calls", err, w.called())
		}
		time.Sleep(10 * time.Minute)
		w.set(func() { w.calls, w.folders[home.ID] = 0, []remote.Item{file(2, "b")} })
		if err := tree.Update(t.Context(), home); err != nil || w.called() != 1 {
			t.Errorf("%v, %d calls", err, w.called())
		}
		mustList(t, tree, "b")
		time.Sleep(10 * time.Minute)
		w.set(func() { w.err = remote.ErrOffline })
		if err := tree.Update(t.Context(), home); err != nil {
			t.Errorf("without a link: %v", err)
		}
		time.Sleep(10 * time.Minute)
		w.set(func() { w.err = remote.ErrToken })
		if err := tree.Update(t.Context(), home); err != nil {
			t.Errorf("with a token that has ended: %v", err)
		}
		mustList(t, tree, "b")
		w.set(func() { w.err, w.gate = nil, make(chan struct{}) })
		began := time.Now()
		time.Sleep(time.Minute)
		if err := tree.Update(t.Context(), home); err != nil || time.Since(began) > time.Minute+patience {
			t.Errorf("a link that hangs: %v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := tree.Update(ctx, remote.Ref{Kind: remote.Folder, ID: "never listed"}); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
		w.set(func() { w.gate, w.err = nil, iofs.ErrPermission })
		if err := tree.Update(t.Context(), remote.Ref{Kind: remote.Folder, ID: "never listed"}); !errors.Is(err, iofs.ErrPermission) {
			t.Errorf("refused: %v", err)
		}
	})
}

// The next run knows how old a listing is: one that is not old is shown at once, and one that was to be asked for is asked for.
func TestTreeAgeOutlivesTheProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	w := newWorld(file(1, "a"))
	run := func(after time.Duration, calls int, f func(t *testing.T, tree *Tree)) {
		t.Helper()
		w.set(func() { w.calls = 0 })
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(after)
			x, err := OpenIndex(path)
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			tree := NewTree(TreeConfig{Namespace: w, Index: x, Age: time.Hour})
			defer tree.Close()
			f(t, tree)
		})
		if w.called() != calls {
			t.Errorf("after %v: %d calls, want %d", after, w.called(), calls)
		}
	}
	run(0, 1, func(t *testing.T, tree *Tree) { mustList(t, tree, "a") })
	w.folders[home.ID] = []remote.Item{file(2, "b")}
	run(5*time.Second, 0, func(t *testing.T, tree *Tree) { mustList(t, tree, "a") })
	run(59*time.Minute, 1, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "a") // and b is seen behind
		time.Sleep(time.Second)
		mustList(t, tree, "b")
	})
	run(59*time.Minute, 0, func(t *testing.T, tree *Tree) { tree.Forget(home) })
	w.folders[home.ID] = []remote.Item{file(3, "c")}
	run(59*time.Minute, 1, func(t *testing.T, tree *Tree) { mustList(t, tree, "c") })
	run(3*time.Hour, 1, func(t *testing.T, tree *Tree) { mustList(t, tree, "c") })
}

// What an earlier run was told is not acted upon, however young it is: that run may have made something since that nobody here knows of.
func TestUpdateDoesNotTrustAnEarlierRun(t *testing.T) {
	dir := t.TempDir()
	x := openIndex(t, filepath.Join(dir, "index.db"))
	w := newWorld(file(1, "a"))
	first := NewTree(TreeConfig{Namespace: w, Index: x})
	mustList(t, first, "a")
	first.Close()
	w.set(func() { w.folders[home.ID] = append(w.folders[home.ID], file(2, "b")) })
	second := NewTree(TreeConfig{Namespace: w, Index: x})
	defer second.Close()
	if err := second.Update(t.Context(), home); err != nil {
		t.Fatal(err)
	}
	if _, found := second.Known(home, "b"); !found {
		t.Error("what was made meanwhile is not known")
	}
}
