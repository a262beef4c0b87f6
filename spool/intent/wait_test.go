package intent

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

func TestOneChangeGetsFrameiosAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f)
		r.run()
		begun := time.Now()
		d := r.mkdir(home, "d")
		if d.ID.Pending() || time.Since(begun) > 100*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(begun), d)
		}
		d, err := r.Relocate(t.Context(), d, home, home, "e")
		r.must(err)
		r.want(f.tree(), "/e/")
		film := f.put(remote.File, d.ID, "film")
		if err := r.RemoveFolder(t.Context(), d, home); !errors.Is(err, syscall.ENOTEMPTY) {
			t.Errorf("a folder with a film: %v", err)
		}
		film, err = r.Relocate(t.Context(), film, d.Ref, home, "film 2")
		r.must(err)
		r.want(f.tree(), "/e/", "/film 2")
		r.must(r.Remove(t.Context(), film, home))
		r.must(r.RemoveFolder(t.Context(), d, home))
		r.want(f.tree())
		if made, undone := r.heard(); len(r.Pending()) > 0 || len(made) > 0 || len(undone) > 0 {
			t.Errorf("pending %s, told %v and %v", r.pending(), made, undone)
		}
	})
}

func TestRefusalIsToldToWhoWaitsAndNothingHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		d, film := f.put(remote.Folder, "home", "d"), f.put(remote.File, "home", "film")
		f.refuse = func(op, what string) error {
			if op == "rename" && what == "no" || op == "create" || op == "delete" {
				return denied(op)
			}
			return nil
		}
		r := newRig(t, f)
		r.run()
		// Both or nothing: the move is undone, or not done.
		_, err := r.Relocate(t.Context(), film, home, d.Ref, "no")
		_, err2 := r.Mkdir(t.Context(), home, "new")
		err3 := r.Remove(t.Context(), film, home)
		for _, err := range []error{err, err2, err3} {
			if !errors.Is(err, iofs.ErrPermission) {
				t.Errorf("got %v", err)
			}
		}
		r.want(r.list(home), "d/", "film")
		r.drain()
		r.want(f.tree(), "/d/", "/film")
		if n := len(r.Pending()); n > 0 {
			t.Errorf("pending: %s", r.pending())
		}
	})
}

func TestThousandsWaitOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.limits["create"] = &leak{every: time.Second / 3, burst: 3}
		r := newRig(t, f)
		r.run()
		begun := time.Now()
		for n := range 1000 {
			r.mkdir(home, fmt.Sprintf("%03d", n))
		}
		if took := time.Since(begun); took > 1500*time.Millisecond {
			t.Errorf("1,000 folders were accepted in %v", took)
		}
		if got := len(r.list(home)); got != 1000 {
			t.Errorf("%d are shown", got)
		}
		left := r.Totals()
		if left.Folders < 900 {
			t.Errorf("told %+v", left)
		}
		r.drain()
		if took := time.Since(begun); took > 345*time.Second {
			t.Errorf("they took %v", took)
		}
		if n := len(f.tree()); n != 1000 || f.total()-f.count("list") != 1000 {
			t.Errorf("%d folders of %d calls", n, f.total())
		}
		// Ten seconds later there is some patience again.
		time.Sleep(10 * time.Second)
		if d := r.mkdir(home, "later"); d.ID.Pending() {
			t.Error("the budget did not come back")
		}
	})
}

func TestKilledProgramsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.delay = 500 * time.Millisecond
		r := newRig(t, f)
		r.run()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		begun := time.Now()
		d, err := r.Mkdir(ctx, home, "d")
		r.must(err)
		if !d.ID.Pending() || time.Since(begun) > 20*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(begun), d.ID)
		}
		r.drain()
		r.want(f.tree(), "/d/")
		made, _ := r.heard()
		if got, ok := r.Real(d.Ref); !ok || made[d.ID] != got.ID {
			t.Errorf("it is %v, told %v", got, made)
		}
	})
}

func TestOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		old, film := f.put(remote.Folder, "home", "old"), f.put(remote.File, "home", "film")
		r := newRig(t, f)
		r.run()
		f.set(func() { f.offline = true })
		begun := time.Now()
		a := r.mkdir(home, "a")
		for n := range 200 {
			r.mkdir(a.Ref, fmt.Sprint(n))
		}
		film, err := r.Relocate(t.Context(), film, home, a.Ref, "film 2")
		r.must(err)
		r.must(r.RemoveFolder(t.Context(), old, home))
		if took := time.Since(begun); took > 1200*time.Millisecond {
			t.Errorf("offline it took %v", took)
		}
		if got := r.list(a.Ref); len(got) != 201 || film.Name != "film 2" || film.Parent != a.ID {
			t.Errorf("shown: %d, %v", len(got), film)
		}
		time.Sleep(10 * time.Minute)
		f.set(func() { f.offline = false })
		back := time.Now()
		r.drain()
		if took := time.Since(back); took > 5*time.Second {
			t.Errorf("it went on %v after the link was back", took)
		}
		if got := f.tree(); len(got) != 202 {
			t.Errorf("there: %d, %q", len(got), got[:3])
		}
	})
}

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		film := f.put(remote.File, "home", "film")
		f.delay = 3 * time.Second
		r := newRig(t, f)
		r.run()
		r.must(r.Idle(t.Context(), film.Ref))
		_, err := r.Relocate(t.Context(), film, home, home, "b")
		r.must(err)
		begun := time.Now()
		r.must(r.Idle(t.Context(), film.Ref))
		if time.Since(begun) < 1900*time.Millisecond {
			t.Errorf("idle after %v", time.Since(begun))
		}
		r.want(f.tree(), "/b")
	})
}
