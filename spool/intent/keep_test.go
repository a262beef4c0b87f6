package intent

import (
	"errors"
	iofs "io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// A deletion that nobody waits for can be taken back until it is sent, and stays taken back after a restart.
func TestDeletionIsTakenBackUntilItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a, b := f.put(remote.File, "home", "a"), f.put(remote.File, "home", "b")
		d := f.put(remote.Folder, "home", "d")
		r := newRig(t, f)
		r.run()
		for _, it := range []remote.Item{a, b} {
			r.must(r.RemoveLater(it, home))
		}
		r.want(r.list(home), "d/")
		if _, ok := r.Keep(home, "c"); ok {
			t.Error("kept what was not deleted")
		}
		if _, ok := r.Keep(d.Ref, "a"); ok {
			t.Error("kept what was deleted elsewhere")
		}
		if it, ok := r.Keep(home, "a"); !ok || it.Ref != a.Ref || it.Name != "a" || it.Parent != home.ID {
			t.Errorf("kept %+v, %v", it, ok)
		}
		r.want(r.list(home), "a", "d/")
		time.Sleep(time.Minute)
		r.want(f.tree(), "/a", "/d/")
		if _, ok := r.Keep(home, "b"); ok {
			t.Error("kept what is gone")
		}
		r.halt()
		r.must(r.Close())
		r.open()
		r.run()
		time.Sleep(time.Minute)
		r.want(f.tree(), "/a", "/d/")
		if n := f.count("delete"); n != 1 {
			t.Errorf("%d deletions", n)
		}
	})
}

// A renaming that rests costs nothing if it is taken back, and is sent a second later if not, also to who waits for all.
func TestRenamingRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a, b := f.put(remote.File, "home", "a"), f.put(remote.File, "home", "b")
		r := newRig(t, f)
		r.run()
		is, err := r.RelocateLater(a, home, home, "a~")
		r.must(err)
		if is.Ref != a.Ref || is.Name != "a~" {
			t.Errorf("it is %+v", is)
		}
		r.want(r.list(home), "a~", "b")
		_, err = r.Relocate(t.Context(), is, home, home, "a")
		r.must(err)
		time.Sleep(time.Minute)
		if n := f.count("rename"); n > 0 || len(r.Pending()) > 0 {
			t.Errorf("%d calls, pending %s", n, r.pending())
		}
		_, err = r.RelocateLater(a, home, home, "a~")
		r.must(err)
		time.Sleep(rest / 2)
		r.want(f.tree(), "/a", "/b")
		time.Sleep(rest)
		r.want(f.tree(), "/a~", "/b")
		begun := time.Now()
		_, err = r.RelocateLater(b, home, home, "b~")
		r.must(err)
		r.drain()
		r.want(f.tree(), "/a~", "/b~")
		if d := time.Since(begun); d > rest/2 {
			t.Errorf("it rested for %v though somebody waits", d)
		}
	})
}

// Who takes a name that something rests on hears what Frame.io says to that: V4 may refuse to rename a stack.
func TestWhatRestsOnANameHurries(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			old, d, b := f.put(remote.File, "home", "a"), f.put(remote.Folder, "home", "d"), f.put(remote.File, "home", "b")
			f.refuse = func(op, what string) error {
				if op == "rename" && what == "a" {
					return denied(op)
				}
				return nil
			}
			r := newRig(t, f)
			r.run()
			if deleted {
				r.must(r.RemoveLater(old, home))
			} else {
				_, err := r.RelocateLater(old, home, d.Ref, "a~")
				r.must(err)
			}
			if _, err := r.Relocate(t.Context(), b, home, home, "a"); !errors.Is(err, iofs.ErrPermission) {
				t.Errorf("deleted=%v: it is answered %v", deleted, err)
			}
			r.want(r.list(home), "b", "d/")
		})
	}
}
