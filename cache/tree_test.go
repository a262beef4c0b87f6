package cache

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

var home = remote.Ref{Kind: remote.Folder, ID: "11111111-0000-4000-8000-000000000000", Account: "a"}

// world is a Namespace: folders, an error for all, and a gate that calls wait at.
type world struct {
	mu      sync.Mutex
	folders map[remote.ID][]remote.Item
	err     error
	gate    chan struct{} // not nil: calls wait until it is closed
	calls   int
	ended   int // calls that ended by their context
	takes   time.Duration
	asked   []asking
}

// asking is a call.
type asking struct {
	id   remote.ID
	prio remote.Priority
	at   time.Time
}

func newWorld(items ...remote.Item) *world {
	return &world{folders: map[remote.ID][]remote.Item{home.ID: items}}
}

func (w *world) Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		w.mu.Lock()
		w.calls++
		w.asked = append(w.asked, asking{ref.ID, remote.PriorityOf(ctx), time.Now()})
		takes := w.takes
		items, ok := w.folders[ref.ID]
		err, gate := w.err, w.gate
		w.mu.Unlock()
		if !ok && err == nil {
			err = iofs.ErrNotExist
		}
		time.Sleep(takes)
		for i, it := range items {
			if err != nil && i >= len(items)/2 {
				break // fails midway
			}
			if !yield(it, nil) {
				return
			}
		}
		if gate != nil {
			select {
			case <-gate:
			case <-ctx.Done():
				w.set(func() { w.ended++ })
				err = ctx.Err()
			}
		}
		if err != nil {
			yield(remote.Item{}, err)
		}
	}
}

func (w *world) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *world) called() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// testAge is how old a listing may be that the Trees of these tests show without asking.
const testAge = DefaultFresh

// newTree makes a Tree in a synctest bubble. Its index is at path.
func newTree(t *testing.T, w *world, path string, bytes int64) (*Tree, func()) {
	t.Helper()
	x, err := OpenIndex(path)
	if err != nil {
		t.Fatal(err)
	}
	tree := NewTree(TreeConfig{Namespace: w, Index: x, Age: testAge, Bytes: bytes})
	return tree, sync.OnceFunc(func() {
		tree.Close()
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
}

// inTree runs a test with time of its own.
func inTree(t *testing.T, w *world, f func(t *testing.T, tree *Tree)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.db")
	synctest.Test(t, func(t *testing.T) {
		tree, done := newTree(t, w, path, 0)
		defer done()
		f(t, tree)
	})
}

func mustList(t *testing.T, tree *Tree, want ...string) {
	t.Helper()
	entries, err := tree.List(t.Context(), home)
	if err != nil {
		t.Errorf("list: %v", err)
	}
	if got := namesOf(entries); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTreeAge(t *testing.T) {
	w := newWorld(file(1, "a"))
	inTree(t, w, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "a")
		w.set(func() { w.folders[home.ID] = []remote.Item{file(1, "a"), file(2, "b")} })
		time.Sleep(testAge - time.Second)
		mustList(t, tree, "a")
		if _, err := tree.Find(t.Context(), home, "b"); !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("b is not known yet: %v", err)
		}
		if w.called() != 1 {
			t.Errorf("%d calls within the age", w.called())
		}
		time.Sleep(time.Second)
		mustList(t, tree, "a", "b")
		w.set(func() { w.folders[home.ID] = nil })
		tree.Forget(home)
		mustList(t, tree)
		if e, err := tree.Find(t.Context(), home, "a"); !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("found %v, %v", e, err)
		}
		if w.called() != 3 {
			t.Errorf("%d calls, want 3", w.called())
		}
	})
}

func TestTreeLeavesOutUploadsOfOthers(t *testing.T) {
	w := newWorld()
	for i, s := range []remote.State{remote.Created, remote.Uploaded, remote.Transcoded, remote.Failed} {
		f, stack, folder := file(i, "f"+s.String()), file(10+i, "s"+s.String()), file(20+i, "d"+s.String())
		stack.Kind, folder.Kind = remote.Stack, remote.Folder
		f.State, stack.State, folder.State = s, s, s
		w.folders[home.ID] = append(w.folders[home.ID], f, stack, folder)
	}
	inTree(t, w, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "fuploaded", "ftranscoded", "suploaded", "stranscoded", "dcreated", "duploaded", "dtranscoded", "dfailed")
	})
}

func TestTreeAsksOnce(t *testing.T) {
	w := newWorld(file(1, "a"))
	inTree(t, w, func(t *testing.T, tree *Tree) {
		w.gate = make(chan struct{}) // of this bubble
		impatient, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				ctx := t.Context()
				if i%2 == 0 {
					ctx = impatient
				}
				entries, err := tree.List(ctx, home)
				if i%2 == 0 && !errors.Is(err, context.Canceled) {
					t.Errorf("interrupted: %v", err)
				}
				if i%2 == 1 && (err != nil || len(entries) != 1) {
					t.Errorf("the patient get %v, %v", entries, err)
				}
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(w.gate)
		wg.Wait()
		if w.called() != 1 || w.ended != 0 {
			t.Errorf("%d calls, %d of them ended, for 20 who ask", w.called(), w.ended)
		}
	})
}

func TestTreeLastInterruptedEndsTheCall(t *testing.T) {
	w := newWorld(file(1, "a"))
	inTree(t, w, func(t *testing.T, tree *Tree) {
		w.gate = make(chan struct{}) // of this bubble
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			synctest.Wait()
			cancel()
		}()
		if _, err := tree.List(ctx, home); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if w.ended != 1 {
			t.Errorf("%d calls ended", w.ended)
		}
		close(w.gate)
		mustList(t, tree, "a")
	})
}

func TestTreeStale(t *testing.T) {
	for name, trouble := range map[string]error{
		"offline":  fmt.Errorf("list: %w", remote.ErrOffline),
		"limited":  fmt.Errorf("list: %w", remote.ErrLimited),
		"deadline": nil,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "index.db")
			w := newWorld(file(1, "a"), file(2, "b"))
			synctest.Test(t, func(t *testing.T) { // online
				tree, done := newTree(t, w, path, 0)
				defer done()
				mustList(t, tree, "a", "b")
				tree.Put(home, file(3, "c"))
			})
			synctest.Test(t, func(t *testing.T) { // the next run has no link
				gate := make(chan struct{})
				w.set(func() { w.err, w.calls = trouble, 0 })
				if trouble == nil {
					w.gate = gate
				}
				tree, done := newTree(t, w, path, 0)
				defer done()
				time.Sleep(testAge)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				entries, err := tree.List(ctx, home)
				if got := namesOf(entries); err != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
					t.Errorf("got %q, %v", got, err)
				}
				for range 100 { // does not wait for the link at every look
					if _, err := tree.Find(ctx, home, "a"); err != nil {
						t.Errorf("find: %v", err)
					}
				}
				if w.called() != 1 {
					t.Errorf("%d calls", w.called())
				}
				if _, err := tree.List(ctx, remote.Ref{Kind: remote.Folder, ID: "never listed"}); err == nil {
					t.Error("a folder that was never listed is shown")
				}

				close(gate)
				w.set(func() { w.err, w.folders[home.ID] = nil, []remote.Item{file(4, "d")} })
				time.Sleep(lag + testAge)
				mustList(t, tree, "d")
			})
		})
	}
}

// What was listed before is shown after a short wait, and the next folders without any; what Frame.io answers in the end is shown then.
func TestTreeDoesNotWaitForTheLink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	other := remote.Ref{Kind: remote.Folder, ID: "other"}
	w := newWorld(file(1, "a"))
	w.folders[other.ID] = []remote.Item{file(2, "b")}
	synctest.Test(t, func(t *testing.T) {
		tree, done := newTree(t, w, path, 0)
		defer done()
		mustList(t, tree, "a")
		if _, err := tree.List(t.Context(), other); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		tree, done := newTree(t, w, path, 0)
		defer done()
		time.Sleep(testAge)
		gate := make(chan struct{})
		w.set(func() { w.gate, w.folders[home.ID] = gate, []remote.Item{file(3, "c")} })
		began := time.Now()
		mustList(t, tree, "a")
		if d := time.Since(began); d != patience {
			t.Errorf("waited %v", d)
		}
		mustList(t, tree, "a")
		if entries, err := tree.List(t.Context(), other); err != nil || len(entries) != 1 {
			t.Errorf("%v, %v", entries, err)
		}
		if d := time.Since(began); d != patience {
			t.Errorf("waited %v in all", d)
		}
		close(gate)
		synctest.Wait()
		mustList(t, tree, "c")
	})
}

func TestTreeErrors(t *testing.T) {
	w := newWorld(file(1, "a"), file(2, "b"))
	inTree(t, w, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "a", "b")
		w.set(func() { w.err = iofs.ErrPermission })
		time.Sleep(testAge)
		if got, err := tree.List(t.Context(), home); !errors.Is(err, iofs.ErrPermission) {
			t.Errorf("got %q, %v", namesOf(got), err)
		}
		w.set(func() { w.err = iofs.ErrNotExist })
		if got, err := tree.List(t.Context(), home); !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("got %q, %v", namesOf(got), err)
		}
		w.set(func() { w.err = remote.ErrOffline })
		if got, err := tree.List(t.Context(), home); !errors.Is(err, remote.ErrOffline) {
			t.Errorf("a folder that is gone is shown: %q, %v", namesOf(got), err)
		}
		w.set(func() { w.err = nil })
		mustList(t, tree, "a", "b")
	})
}

func TestTreeStalledListingEnds(t *testing.T) {
	w := newWorld(file(1, "a"))
	inTree(t, w, func(t *testing.T, tree *Tree) {
		w.gate = make(chan struct{}) // of this bubble
		began := time.Now()
		if _, err := tree.List(t.Context(), home); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*stall {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// An account and what is shared in it have one ID, and are two folders. A project and its root folder are one.
func TestTreeKinds(t *testing.T) {
	account := remote.Ref{Kind: remote.Account, ID: "x"}
	shared := remote.Ref{Kind: remote.Shared, ID: "x"}
	w := newWorld()
	w.folders["x"] = nil
	inTree(t, w, func(t *testing.T, tree *Tree) {
		tree.Put(shared, file(1, "a"))
		if entries, _ := tree.List(t.Context(), account); len(entries) != 0 {
			t.Errorf("the account shows %q", namesOf(entries))
		}
		project := home
		project.Kind = remote.Project
		tree.Put(project, file(1, "a"))
		mustList(t, tree, "a")
	})
}

func TestTreeClosed(t *testing.T) {
	w := newWorld(file(1, "a"))
	path := filepath.Join(t.TempDir(), "index.db")
	synctest.Test(t, func(t *testing.T) {
		w.gate = make(chan struct{})
		tree, done := newTree(t, w, path, 0)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := tree.List(t.Context(), home); err == nil {
				t.Error("listed while closed")
			}
		})
		synctest.Wait()
		done()
		wg.Wait()
		if _, err := tree.List(t.Context(), home); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("closed tree: %v", err)
		}
	})
}
