package fs_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
	"github.com/frameiofs/frameiofs/spool"
)

func TestWhatDoesNotFitIsRefusedInTimeAndNeverSentInPart(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		for _, a := range r.sim.World().Accounts(world.Root()) {
			check(t, "limit storage", r.sim.World().ChangeAccount(a.ID, func(a *world.Account) { a.StorageLimit = 1 << 20 }))
		}
		m := r.mount(mountWith{})
		f, err := os.Create(filepath.Join(m.project, "film.mov"))
		check(t, "create", err)
		_, err = f.Write(noise(1, 700<<10))
		check(t, "write what fits", err)
		if _, err = f.Write(noise(2, 700<<10)); !errors.Is(err, syscall.EDQUOT) {
			t.Errorf("write of too much: %v", err)
		}
		f.Close()
		time.Sleep(500 * time.Millisecond)
		m.settle()
		all := m.spool.All()
		if len(all) != 1 || all[0].Stage != spool.Held {
			t.Errorf("in the spool: %+v", all)
		}
		if there := r.there(); len(there) != 0 {
			t.Errorf("on Frame.io: %v", there)
		}
	})
}

func TestAFolderThatTakesNothingSaysSoAtCreate(t *testing.T) {
	r := newRig(t, "v2")
	m := r.mount(mountWith{token: "no-create"})
	first := filepath.Join(m.project, "a.mov")
	check(t, "write", os.WriteFile(first, []byte("film"), 0o644))
	parked := func() bool {
		all := m.spool.All()
		return len(all) == 1 && all[0].Stage == spool.Parked
	}
	for i := 0; i < 300 && !parked(); i++ {
		time.Sleep(20 * time.Millisecond)
	}
	if !parked() {
		t.Fatalf("in the spool: %+v", m.spool.All())
	}
	if err := os.WriteFile(filepath.Join(m.project, "b.mov"), []byte("film"), 0o644); !errors.Is(err, syscall.EACCES) {
		t.Errorf("the next file: %v", err)
	}
	if got, err := os.ReadFile(first); err != nil || string(got) != "film" {
		t.Errorf("what is parked reads as %q, %v", got, err)
	}
}

func TestSyncCloseReturnsWhenFrameioHasTheBytes(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{settle: time.Hour, fs: syncClose})
		path := filepath.Join(m.project, "a.mov")
		for i, content := range []string{"one", "two two"} {
			check(t, "write", os.WriteFile(path, []byte(content), 0o644))
			it := r.there()["a.mov"]
			if got := string(r.body(head(it))); !it.Complete || got != content {
				t.Errorf("after close %d Frame.io has %q, complete %v", i, got, it.Complete)
			}
		}
		// A descriptor that is closed twice goes on being one.
		f, err := os.Create(filepath.Join(m.project, "b.mov"))
		check(t, "create", err)
		_, err = f.Write([]byte("begin"))
		check(t, "write", err)
		twin, err := syscall.Dup(int(f.Fd()))
		check(t, "dup", err)
		check(t, "close the twin", syscall.Close(twin))
		_, err = f.Write([]byte(" and end"))
		check(t, "write on", err)
		check(t, "close", f.Close())
		it := r.there()["b.mov"]
		if got := string(r.body(head(it))); got != "begin and end" {
			t.Errorf("Frame.io has %q", got)
		}
		check(t, "refuse", r.sim.Faults().AddText("402@api:assets.create"))
		if err := os.WriteFile(filepath.Join(m.project, "c.mov"), []byte("c"), 0o644); err == nil {
			t.Error("close succeeds although Frame.io refused")
		}
	})
}
