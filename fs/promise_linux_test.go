package fs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/fs"
	"github.com/frameiofs/frameiofs/spool"
)

// hung has a film on Frame.io, and a mount in which a call may take so long at most; then nothing answers any more.
func hung(t *testing.T, size int, most time.Duration) (r *rig, film string) {
	t.Helper()
	r = newRig(t, "v4")
	first := r.mount(mountWith{})
	check(t, "write", os.WriteFile(filepath.Join(first.project, "film.mov"), noise(1, size), 0o644))
	first.settle()
	first.stop()
	m := r.mount(mountWith{age: time.Hour, fresh: time.Hour, fs: func(c *fs.Config) { c.Timeout = most }})
	film = filepath.Join(m.project, "film.mov")
	stat(t, film)
	check(t, "hang", r.sim.Faults().AddText("stall=10m@any"))
	return r, film
}

// Who opens a file waits for nothing, and who reads what does not come waits no longer than a call may take.
func TestOpenWaitsForNothingAndReadNotForEver(t *testing.T) {
	t.Parallel()
	r, path := hung(t, 1<<20, time.Second)
	begun := time.Now()
	f, err := os.Open(path)
	check(t, "open", err)
	defer f.Close()
	if took := time.Since(begun); took > 500*time.Millisecond {
		t.Errorf("open took %v", took)
	}
	begun = time.Now()
	_, err = f.ReadAt(make([]byte, 100), 0)
	if took := time.Since(begun); !errors.Is(err, syscall.ETIMEDOUT) || took < 500*time.Millisecond || took > 20*time.Second {
		t.Errorf("read of what does not come: %v after %v; want ETIMEDOUT after a second", err, took)
	}
	r.sim.Faults().Clear(0)
}

// The kernel asks a second time for what it could not read ahead; that does not have the program wait twice.
func TestALateReadIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	const most = 3 * time.Second
	r, path := hung(t, 3<<20, most)
	begun := time.Now()
	_, err := os.ReadFile(path)
	if took := time.Since(begun); !errors.Is(err, syscall.ETIMEDOUT) || took < most*9/10 || took > most*9/5 {
		t.Errorf("a read of what does not come: %v after %v; want ETIMEDOUT after %v", err, took, most)
	}
	r.sim.Faults().Clear(0)
	time.Sleep(lateReads)
	if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, noise(1, 3<<20)) {
		t.Errorf("when it comes: %d bytes, %v", len(b), err)
	}
}

// lateReads is for how long what was late is not asked for again.
const lateReads = 1100 * time.Millisecond

// What Frame.io does not take is told wherever somebody may look.
func TestAFailureShowsEverywhere(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		book := &notebook{}
		m := r.mount(mountWith{fs: withXAttr, spool: func(c *spool.Config) { c.Log = slog.New(slog.NewTextHandler(book, nil)) }})
		check(t, "refuse", r.sim.Faults().AddText("422@api:assets.create"))
		path := filepath.Join(m.project, "film.mov")
		check(t, "write", os.WriteFile(path, noise(1, 1000), 0o644))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for m.writing() {
			time.Sleep(10 * time.Millisecond)
		}
		if err := m.spool.Wait(ctx, nil); !errors.Is(err, spool.ErrParked) {
			t.Errorf("who waits for it is told %v", err)
		}
		value := make([]byte, 1000)
		n, err := unix.Getxattr(path, "user.frameio.state", value)
		if state := string(value[:max(n, 0)]); err != nil || !strings.HasPrefix(state, "parked") {
			t.Errorf("its attribute tells %q, %v", state, err)
		}
		if !book.has("file is parked") {
			t.Error("the log does not tell of it")
		}
		if all := m.spool.All(); len(all) != 1 || all[0].Stage != spool.Parked || all[0].Reason == "" {
			t.Errorf("the spool has %+v", all)
		}
	})
}

// A rename over what is on Frame.io is done when it returns, or not done: it is not taken on for later.
func TestRenameOverWhatIsThereWaitsForIt(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{fs: func(c *fs.Config) { c.Timeout = time.Second }})
		old, young := filepath.Join(m.project, "old.mov"), filepath.Join(m.project, "new.mov")
		check(t, "write", os.WriteFile(old, noise(1, 1000), 0o644))
		check(t, "write", os.WriteFile(young, noise(2, 2000), 0o644))
		m.settle()
		check(t, "hang", r.sim.Faults().AddText("stall=10m@api:assets.version"))
		if err := os.Rename(young, old); !errors.Is(err, syscall.ETIMEDOUT) {
			t.Errorf("while Frame.io does not answer: %v, want ETIMEDOUT", err)
		}
		r.sim.Faults().Clear(0)
		check(t, "once more", os.Rename(young, old))
		m.settle()
		there := r.there()
		if it := there["old.mov"]; len(there) != 1 || len(it.Versions) != 2 || it.Size != 2000 {
			t.Errorf("on Frame.io: %+v", there)
		}
	})
}
