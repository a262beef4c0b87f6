package intent

import (
	"errors"
	iofs "io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

func TestNamesAreSwappedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a, b := f.put(remote.File, "home", "a"), f.put(remote.File, "home", "b")
		r := newRig(t, f, never)
		a1, err := r.Relocate(t.Context(), a, home, home, "tmp")
		r.must(err)
		_, err = r.Relocate(t.Context(), b, home, home, "a")
		r.must(err)
		_, err = r.Relocate(t.Context(), a1, home, home, "b")
		r.must(err)
		r.want(r.list(home), "a", "b")
		r.run()
		r.drain()
		if f.nodes[a.ID].Name != "b" || f.nodes[b.ID].Name != "a" || f.count("rename") != 2 {
			t.Errorf("calls %q", f.order)
		}
	})
}

// A folder that takes the place of another is made after that is gone, and a folder of the same name is not taken for it.
func TestPlaceIsTakenWhenItIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		old := f.put(remote.Folder, "home", "d")
		r := newRig(t, f, never)
		r.run()
		r.must(r.RemoveFolder(t.Context(), old, home))
		d := r.mkdir(home, "d")
		r.want(r.list(home), "d/")
		r.drain()
		r.want(f.tree(), "/d/")
		if is, _ := r.Real(d.Ref); f.nodes[is.ID] == nil || strings.HasPrefix(f.order[len(f.order)-1], "delete") {
			t.Errorf("calls %q", f.order)
		}
	})
}

// Each of these moves is possible only after the one before it.
func TestFoldersMoveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a := f.put(remote.Folder, "home", "a")
		b := f.put(remote.Folder, a.ID, "b")
		c := f.put(remote.Folder, b.ID, "c")
		n := 0
		f.lose = func(op, _ string) bool { n++; return op == "move" && n%2 == 1 }
		r := newRig(t, f, never)
		move := func(it remote.Item, from, to remote.Ref) {
			t.Helper()
			_, err := r.Relocate(t.Context(), it, from, to, it.Name)
			r.must(err)
		}
		move(b, a.Ref, home) // a, b/c
		move(a, home, c.Ref) // b/c/a
		move(c, b.Ref, home) // b, c/a
		move(b, home, a.Ref) // c/a/b
		move(a, c.Ref, home) // c, a/b
		move(c, home, b.Ref) // a/b/c
		r.want(r.list(b.Ref), "c/")
		r.run()
		r.drain()
		r.want(f.tree(), "/a/", "/a/b/", "/a/b/c/")
		if len(r.Pending()) > 0 {
			t.Errorf("parked: %s", r.pending())
		}
	})
}

func TestParkedFolderStaysAndCanBeMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		film := f.put(remote.File, "home", "film")
		f.refuse = func(op, what string) error {
			if op == "create" && what == "bad" {
				return refused(op)
			}
			return nil
		}
		r := newRig(t, f, never)
		r.run()
		bad := r.mkdir(home, "bad")
		in := r.mkdir(bad.Ref, "in it")
		_, err := r.Relocate(t.Context(), film, home, bad.Ref, "film")
		r.must(err)
		r.drain() // what waits for a person is not waited for
		r.want(r.list(home), "bad/")
		r.want(r.list(bad.Ref), "film", "in it/")
		r.want(f.tree(), "/film")
		for _, i := range r.Pending() {
			if i.Parked != (i.Name == "bad") || i.Stranded == i.Parked || i.Reason == "" {
				t.Errorf("%+v", i)
			}
		}
		// Another name is another try.
		_, err = r.Relocate(t.Context(), bad, home, home, "good")
		r.must(err)
		r.drain()
		r.want(f.tree(), "/good/", "/good/film", "/good/in it/")
		if is, ok := r.Real(in.Ref); !ok || f.nodes[is.ID].Name != "in it" {
			t.Errorf("%v is %v", in.Ref, is)
		}
	})
}

func TestParkedFolderCanBeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		film := f.put(remote.File, "home", "film")
		f.refuse = func(op, _ string) error {
			if op == "create" {
				return denied(op)
			}
			return nil
		}
		r := newRig(t, f, never)
		r.run()
		bad := r.mkdir(home, "bad")
		in := r.mkdir(bad.Ref, "in it")
		_, err := r.Relocate(t.Context(), film, home, bad.Ref, "film")
		r.must(err)
		r.drain()
		r.must(r.Cancel())
		r.want(r.list(home), "film")
		if !r.Void(bad.Ref) || !r.Void(in.Ref) || len(r.Pending()) > 0 {
			t.Errorf("left: %s", r.pending())
		}
		if _, err := r.Mkdir(t.Context(), bad.Ref, "x"); !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("in a folder that was given up: %v", err)
		}
		synctest.Wait()
		if _, undone := r.heard(); !slices.Contains(undone, home.ID) {
			t.Errorf("told %v", undone)
		}
	})
}

// A file that has left a folder, but may not have its new name, goes back: not into a folder that is being deleted.
func TestWhatGoesBackIsNotDeletedWithItsFolder(t *testing.T) {
	for delay := range 40 {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			top, folders, in := grow(f, 2, 2)
			f.refuse = func(op, what string) error {
				if op == "rename" && what == "no" {
					return refused(op)
				}
				return nil
			}
			f.limits["list"] = &leak{every: 40 * time.Millisecond}
			r := newRig(t, f, never)
			d := folders[1]
			keep := in[d.ID][0]
			_, err := r.Relocate(t.Context(), keep, d.Ref, home, "no")
			r.must(err)
			in[d.ID] = in[d.ID][1:]
			r.rmr(top, folders, in)
			f.limits["rename"] = &leak{every: time.Duration(delay) * 50 * time.Millisecond}
			r.run()
			r.drain()
			// Either it is back in time, and keeps its folder, or it stays where it is.
			if got := f.tree(); !slices.Equal(got, []string{"/top/", "/top/d1/", "/top/d1/f0"}) && !slices.Equal(got, []string{"/f0"}) {
				t.Errorf("left %q, calls %q", got, f.order)
			}
		})
	}
}

// A move that is tried again must not come into a folder that is on its way out.
func TestRetriedMoveIsNotDeletedWithItsTarget(t *testing.T) {
	for delay := range 20 {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			film, d := f.put(remote.File, "home", "film"), f.put(remote.Folder, "home", "d")
			no := true
			f.refuse = func(op, _ string) error {
				if op == "move" && no {
					return denied(op)
				}
				return nil
			}
			r := newRig(t, f, never)
			r.run()
			_, err := r.Relocate(t.Context(), film, home, d.Ref, "film")
			r.must(err)
			r.drain()
			f.set(func() { no = false })
			r.must(r.RemoveFolder(t.Context(), d, home))
			time.Sleep(time.Second + time.Duration(delay)*5*time.Millisecond)
			r.must(r.Retry())
			r.drain()
			if got := f.tree(); len(f.gone) > 1 || !slices.ContainsFunc(got, func(p string) bool { return strings.HasSuffix(p, "film") }) {
				t.Errorf("after %d: left %q, calls %q", delay, got, f.order)
			}
		})
	}
}
