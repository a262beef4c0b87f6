package intent

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// never waits, so that everything is accepted.
func never(c *Config) { c.Patience = -1 }

func TestWhatCancelsOutCostsNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		film := f.put(remote.File, "home", "film")
		d := f.put(remote.Folder, "home", "d")
		r := newRig(t, f, never)
		var folders []remote.Item
		var parents []remote.Ref
		at := home
		for n := range 1000 {
			it := r.mkdir(at, fmt.Sprint(n))
			folders, parents = append(folders, it), append(parents, at)
			if n%10 != 9 {
				at = it.Ref
			} else {
				at = home
			}
		}
		if err := r.RemoveFolder(t.Context(), folders[0], home); !errors.Is(err, syscall.ENOTEMPTY) {
			t.Errorf("a pending folder with one in it: %v", err)
		}
		for n := len(folders) - 1; n >= 0; n-- {
			it, err := r.Relocate(t.Context(), folders[n], parents[n], parents[n], "other")
			r.must(err)
			r.must(r.RemoveFolder(t.Context(), it, parents[n]))
		}
		// There and back.
		moved, err := r.Relocate(t.Context(), film, home, d.Ref, "x")
		r.must(err)
		r.want(r.list(home), "d/")
		r.want(r.list(d.Ref), "x")
		moved, err = r.Relocate(t.Context(), moved, d.Ref, d.Ref, "y")
		r.must(err)
		_, err = r.Relocate(t.Context(), moved, d.Ref, home, "film")
		r.must(err)
		r.want(r.list(home), "d/", "film")
		lists := f.count("list")
		if f.total() != lists || len(r.Pending()) > 0 {
			t.Errorf("%d calls before Run, %s", f.total()-lists, r.pending())
		}
		r.run()
		r.drain()
		time.Sleep(time.Minute)
		if f.total() != lists {
			t.Errorf("calls: %v", f.order)
		}
	})
}

// grow makes a tree of width folders of as many files on the fake.
func grow(f *fake, width, files int) (top remote.Item, folders []remote.Item, in map[remote.ID][]remote.Item) {
	top = f.put(remote.Folder, "home", "top")
	in = map[remote.ID][]remote.Item{}
	for n := range width {
		d := f.put(remote.Folder, top.ID, fmt.Sprint("d", n))
		folders = append(folders, d)
		for m := range files {
			in[d.ID] = append(in[d.ID], f.put(remote.File, d.ID, fmt.Sprint("f", m)))
		}
	}
	return top, folders, in
}

// rmr is rm -r.
func (r *rig) rmr(top remote.Item, folders []remote.Item, in map[remote.ID][]remote.Item) {
	r.t.Helper()
	for _, d := range folders {
		for _, file := range in[d.ID] {
			r.must(r.Remove(r.t.Context(), file, d.Ref))
		}
		r.must(r.RemoveFolder(r.t.Context(), d, top.Ref))
	}
	r.must(r.RemoveFolder(r.t.Context(), top, home))
}

func TestTreeIsDeletedAsOneFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		top, folders, in := grow(f, 100, 10)
		r := newRig(t, f)
		r.run()
		begun := time.Now()
		r.rmr(top, folders, in)
		if took := time.Since(begun); took > 1500*time.Millisecond {
			t.Errorf("rm -r took %v", took)
		}
		r.want(r.list(home))
		r.drain()
		r.want(f.tree())
		// About a second's worth of calls one by one, then each folder is looked at, and one is deleted.
		if n := f.count("delete"); n > 40 || f.total() > 40+110 {
			t.Errorf("%v calls", f.calls)
		}
		t.Logf("rm -r of 100 × 10: %v", f.calls)
	})
}

func TestTreeIsDeletedAsOneFolderWithoutPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		top, folders, in := grow(f, 30, 10)
		r := newRig(t, f, never)
		r.run()
		r.rmr(top, folders, in)
		if left := r.Totals(); left.Deletions != 1 {
			t.Errorf("told %+v", left)
		}
		r.drain()
		r.want(f.tree())
		if f.count("delete") != 1 || f.count("list") != 31 {
			t.Errorf("%v calls", f.calls)
		}
	})
}

// A file that is moved out of a folder that is then removed must be out before the folder is deleted.
func TestWhatIsMovedOutIsNotDeleted(t *testing.T) {
	for _, lost := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			top, folders, in := grow(f, 3, 3)
			f.limits["move"] = &leak{every: 6 * time.Second}
			if lost {
				n := 0
				f.lose = func(op, _ string) bool { n++; return op == "move" && n%2 == 1 }
			}
			r := newRig(t, f, never)
			r.run()
			var keep []string
			for _, d := range folders {
				file := in[d.ID][1]
				_, err := r.Relocate(t.Context(), file, d.Ref, home, "kept of "+d.Name)
				r.must(err)
				keep = append(keep, "/kept of "+d.Name)
				in[d.ID] = []remote.Item{in[d.ID][0], in[d.ID][2]}
			}
			// A folder too, with what is in it.
			d := folders[2]
			_, err := r.Relocate(t.Context(), d, top.Ref, home, "whole")
			r.must(err)
			r.rmr(top, folders[:2], in)
			r.want(r.list(home), "kept of d0", "kept of d1", "kept of d2", "whole/")
			r.drain()
			r.want(f.tree(), append(keep, "/whole/", "/whole/f0", "/whole/f2")...)
		})
	}
}

// …and if Frame.io refuses to move it, the folder stays.
func TestWhatCannotBeMovedOutKeepsItsFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		top, folders, in := grow(f, 2, 2)
		f.refuse = func(op, _ string) error {
			if op == "move" {
				return denied(op)
			}
			return nil
		}
		r := newRig(t, f, never)
		r.run()
		file := in[folders[0].ID][0]
		_, err := r.Relocate(t.Context(), file, folders[0].Ref, home, "kept")
		r.must(err)
		in[folders[0].ID] = in[folders[0].ID][1:]
		r.rmr(top, folders, in)
		r.drain()
		r.want(f.tree(), "/top/", "/top/d0/", "/top/d0/f0")
		r.want(r.list(home), "top/")
		r.want(r.list(top.Ref), "d0/")
		r.want(r.list(folders[0].Ref), "f0")
		if got := len(r.Pending()); got != 3 {
			t.Errorf("parked: %s", r.pending())
		}
		if _, undone := r.heard(); len(undone) == 0 {
			t.Error("nobody was told")
		}
		// A person sees to it: the move is allowed now.
		f.set(func() { f.refuse = nil })
		r.must(r.Retry())
		r.drain()
		r.want(f.tree(), "/kept")
		r.want(r.list(home), "kept")
	})
}

func TestStrangerKeepsItsFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		top, folders, in := grow(f, 3, 2)
		r := newRig(t, f, never)
		r.run()
		r.rmr(top, folders, in)
		f.put(remote.File, folders[1].ID, "of somebody else")
		r.drain()
		r.want(f.tree(), "/top/", "/top/d1/", "/top/d1/of somebody else")
		if got := r.pending(); !strings.Contains(got, `"of somebody else" is in it`) || len(r.Pending()) != 2 {
			t.Errorf("parked: %s", got)
		}
		r.want(r.list(home), "top/")
		r.must(r.Cancel())
		if len(r.Pending()) != 0 {
			t.Errorf("after Cancel: %s", r.pending())
		}
		time.Sleep(time.Minute)
		r.want(f.tree(), "/top/", "/top/d1/", "/top/d1/of somebody else")
	})
}

func TestPlaceholdersOfOursDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		d := f.put(remote.Folder, "home", "d")
		ours, theirs := f.put(remote.File, d.ID, "ours"), f.put(remote.File, d.ID, "theirs")
		whole := f.put(remote.File, d.ID, "ours, and given up after its last byte")
		f.nodes[ours.ID].State, f.nodes[theirs.ID].State = remote.Created, remote.Created
		r := newRig(t, f, func(c *Config) { c.Ours = func(id remote.ID) bool { return id == ours.ID || id == whole.ID } })
		r.run()
		if err := r.RemoveFolder(t.Context(), d, home); !errors.Is(err, syscall.ENOTEMPTY) {
			t.Errorf("with somebody's upload: %v", err)
		}
		f.set(func() { f.drop(theirs.ID) })
		r.must(r.RemoveFolder(t.Context(), d, home))
		r.want(f.tree())
	})
}

// A placeholder whose making was answered to nobody may be ours: a folder that is removed waits until that is found out, and is not parked.
func TestDeletionWaitsForLostPlaceholders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		d := f.put(remote.Folder, "home", "d")
		lost := f.put(remote.File, d.ID, "lost")
		f.nodes[lost.ID].State = remote.Created
		var found atomic.Bool
		r := newRig(t, f, func(c *Config) {
			c.Lost = func(in remote.ID, name string) bool { return in == d.ID && name == "lost" && !found.Load() }
		})
		r.run()
		r.must(r.RemoveFolder(t.Context(), d, home))
		time.Sleep(time.Minute)
		r.want(f.tree(), "/d/", "/d/lost")
		f.set(func() { f.drop(lost.ID) })
		found.Store(true)
		r.drain()
		r.want(f.tree())
	})
}

// What was uploaded into a folder and renamed out of it before it was done is moved by the spool: the folder's deletion waits for that.
func TestDeletionWaitsForWhatTheSpoolMovesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		d, away := f.put(remote.Folder, "home", "d"), f.put(remote.Folder, "home", "away")
		film := f.put(remote.File, d.ID, "film")
		var moved atomic.Bool
		r := newRig(t, f, func(c *Config) { c.Leaving = func(id remote.ID) bool { return id == film.ID && !moved.Load() } })
		r.run()
		r.must(r.RemoveFolder(t.Context(), d, home))
		time.Sleep(time.Hour)
		r.want(f.tree(), "/away/", "/d/", "/d/film")
		if _, err := f.Move(t.Context(), film.Ref, away.Ref); err != nil {
			t.Fatal(err)
		}
		moved.Store(true)
		time.Sleep(time.Minute)
		r.want(f.tree(), "/away/", "/away/film")
		r.want(r.list(home), "away/")
	})
}

func TestMassDeletionStopsAndAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		top, folders, in := grow(f, 10, 10)
		all := len(f.tree())
		r := newRig(t, f, never, func(c *Config) { c.MaxDelete = 50 })
		r.run()
		r.rmr(top, folders, in)
		r.want(r.list(home))
		r.drain()
		time.Sleep(10 * time.Minute)
		if got := len(f.tree()); got != all {
			t.Errorf("%d of %d are left", got, all)
		}
		for _, i := range r.Pending() {
			if !i.Held || !strings.Contains(i.Reason, "more than 50 deletions within a minute") {
				t.Errorf("%+v", i)
			}
		}
		// What was asked survives.
		r.halt()
		r.must(r.Close())
		r.open()
		r.run()
		r.want(r.list(home))
		r.drain()
		r.must(r.Cancel())
		r.want(r.list(home), "top/")
		if got := len(r.list(folders[3].Ref)); got != 10 || len(r.Pending()) > 0 {
			t.Errorf("brought back: %d; %s", got, r.pending())
		}
		r.rmr(top, folders, in)
		r.must(r.Retry())
		r.drain()
		r.want(f.tree())
		if f.count("delete") != 1 {
			t.Errorf("calls: %v", f.calls)
		}
	})
}
