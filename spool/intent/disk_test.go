package intent

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool/platter"
)

// crash opens the journal again from what is on the disk at this moment, while the old one is still at work.
func (r *rig) crash(tear int64) {
	r.t.Helper()
	dir := r.t.TempDir()
	b, err := os.ReadFile(filepath.Join(r.cfg.Dir, journalName))
	r.must(err)
	if tear > 0 && tear < int64(len(b)) {
		b = b[:int64(len(b))-tear]
		r.cfg.testOnlyBoot = newKey() // that is what a loss of power does
	}
	running := r.stop != nil
	r.halt()
	r.must(r.Close())
	r.cfg.Dir = dir
	r.must(os.WriteFile(filepath.Join(dir, journalName), b, 0o600))
	r.open()
	if running {
		r.run()
	}
}

func TestEverythingAcceptedSurvivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		film, old := f.put(remote.File, "home", "film"), f.put(remote.Folder, "home", "old")
		gone := f.put(remote.File, "home", "gone")
		r := newRig(t, f, never)
		a := r.mkdir(home, "a")
		b := r.mkdir(a.Ref, "b")
		_, err := r.Relocate(t.Context(), film, home, b.Ref, "film 2")
		r.must(err)
		r.must(r.Remove(t.Context(), gone, home))
		r.must(r.RemoveFolder(t.Context(), old, home))
		look := func() {
			t.Helper()
			r.want(r.list(home), "a/")
			r.want(r.list(a.Ref), "b/")
			r.want(r.list(b.Ref), "film 2")
		}
		look()
		r.crash(0)
		look()
		a2, err := r.Relocate(t.Context(), a, home, home, "a 2")
		r.must(err)
		r.crash(3) // the last line is torn: the rename is lost, nothing else
		look()
		r.run()
		r.drain()
		r.want(f.tree(), "/a/", "/a/b/", "/a/b/film 2")
		// The pending ids mean the same after yet another start.
		r.crash(0)
		if is, ok := r.Real(a2.Ref); !ok || f.nodes[is.ID].Name != "a" {
			t.Errorf("%v is %v", a2.Ref, is)
		}
		r.mkdir(b.Ref, "c")
		r.drain()
		r.want(f.tree(), "/a/", "/a/b/", "/a/b/c/", "/a/b/film 2")
	})
}

// A folder whose making was answered to nobody is found again, not made twice.
func TestLostAnswersMakeNothingTwice(t *testing.T) {
	for _, crash := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			n := 0
			f.lose = func(op, _ string) bool { n++; return op == "create" && n%2 == 1 }
			r := newRig(t, f, never)
			r.run()
			a := r.mkdir(home, "a")
			r.mkdir(a.Ref, "b")
			time.Sleep(100 * time.Millisecond)
			if crash {
				r.crash(0)
			}
			r.drain()
			r.want(f.tree(), "/a/", "/a/b/")
			if made, _ := r.heard(); len(made) != 2 {
				t.Errorf("told %v", made)
			}
		})
	}
}

func TestJournalIsWrittenAnew(t *testing.T) {
	f := newFake()
	r := newRig(t, f, never)
	var keep []remote.Item
	for n := range 5000 {
		d := r.mkdir(home, fmt.Sprint(n))
		if n%500 == 0 {
			keep = append(keep, d)
			continue
		}
		r.must(r.RemoveFolder(t.Context(), d, home))
	}
	r.must(r.Sync(t.Context()))
	info, err := os.Stat(filepath.Join(r.cfg.Dir, journalName))
	r.must(err)
	if info.Size() > 2<<20 {
		t.Errorf("the journal of %d intents has %d bytes", len(keep), info.Size())
	}
	d := r.mkdir(keep[0].Ref, "in it")
	r.crash(0)
	if got := len(r.list(home)); got != len(keep) {
		t.Errorf("%d of %d folders are left", got, len(keep))
	}
	r.want(r.list(keep[0].Ref), "in it/")
	r.must(r.RemoveFolder(t.Context(), d, keep[0].Ref))
	r.must(r.Sync(t.Context()))
}

func TestFullDiskRefusesAndTearsNothing(t *testing.T) {
	f := newFake()
	r := newRig(t, f, never)
	r.mkdir(home, "a")
	r.Journal.mu.Lock()
	good := r.file
	bad, err := os.Open(filepath.Join(r.cfg.Dir, journalName)) // cannot be written
	r.must(err)
	r.file = bad
	r.Journal.mu.Unlock()
	if _, err := r.Mkdir(t.Context(), home, "b"); err == nil {
		t.Error("accepted what cannot be kept")
	}
	r.want(r.list(home), "a/")
	r.Journal.mu.Lock()
	r.file, r.broken = good, nil
	r.Journal.mu.Unlock()
	bad.Close()
	r.mkdir(home, "c")
	r.crash(0)
	r.want(r.list(home), "a/", "c/")
	r.must(r.Close())
	if _, err := r.Mkdir(t.Context(), home, "d"); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestMadeIsToldUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var good atomic.Bool
		var told atomic.Int32
		r := newRig(t, f, never, func(c *Config) {
			made := c.Made
			c.Made = func(here remote.Ref, is remote.Item) error {
				told.Add(1)
				if !good.Load() {
					return errors.New("not now")
				}
				return made(here, is)
			}
		})
		r.run()
		a := r.mkdir(home, "a")
		time.Sleep(5 * time.Second)
		r.want(r.list(home), "a/")
		for it := range r.Children(t.Context(), home) {
			if it.ID != a.ID {
				t.Errorf("shown as %s before Made was told", it.ID)
			}
		}
		r.crash(0)
		time.Sleep(5 * time.Second)
		good.Store(true)
		r.drain()
		is, _ := r.Real(a.Ref)
		if made, _ := r.heard(); made[a.ID] != is.ID || told.Load() < 3 {
			t.Errorf("told %v, %d times", made, told.Load())
		}
		for it := range r.Children(t.Context(), home) {
			if it.ID != is.ID {
				t.Errorf("shown as %s, want %s", it.ID, is.ID)
			}
		}
	})
}

// A journal that a newer version of this program wrote is left as it is; what a power cut left of a line is kept beside it.
func TestOtherJournals(t *testing.T) {
	r := newRig(t, newFake(), never)
	r.mkdir(home, "a")
	r.must(r.Close())
	path := filepath.Join(r.cfg.Dir, journalName)
	good, err := os.ReadFile(path)
	r.must(err)
	line := func(v any) []byte {
		b, err := platter.AppendLine(nil, v)
		r.must(err)
		return b
	}
	for what, more := range map[string][]byte{"form": line(entry{Boot: "x", Form: form + 1}), "no entry": line([]int{1})} {
		bad := append(bytes.Clone(good), more...)
		r.must(os.WriteFile(path, bad, 0o600))
		if j, err := Open(r.cfg); err == nil {
			t.Errorf("%s: opened", what)
			r.must(j.Close())
		} else if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "another version") {
			t.Errorf("%s: %v", what, err)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, bad) {
			t.Errorf("%s: the journal was changed, %v", what, err)
		}
	}
	for _, torn := range []string{"torn one", "torn two"} {
		r.must(os.WriteFile(path, append(bytes.Clone(good), torn...), 0o600))
		r.open()
		r.want(r.list(home), "a/")
		r.must(r.Close())
	}
	if kept, err := os.ReadFile(path + ".torn"); err != nil || string(kept) != "torn onetorn two" {
		t.Errorf("kept aside is %q, %v", kept, err)
	}
}

// Before a call that another has to follow, and before a folder is made or one that was made just now is renamed, the journal is on the
// disk: a loss of power leaves nothing half done, and no folder that nobody here knows.
func TestJournalGoesBeforeTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		film := f.put(remote.File, "home", "film")
		r := newRig(t, f, never)
		first, accepted := map[string]bool{}, uint64(0)
		f.refuse = func(op, what string) error {
			r.Journal.mu.Lock()
			defer r.Journal.mu.Unlock()
			if !first[op] && r.synced < accepted {
				t.Errorf("%s %s was called, and %d changes are not on the disk", op, what, accepted-r.synced)
			}
			first[op] = true
			return nil
		}
		d := r.mkdir(home, "a")
		_, err := r.Relocate(t.Context(), film, home, d.Ref, "film 2")
		r.must(err)
		accepted = r.appended
		r.run()
		r.drain()
		r.want(f.tree(), "/a/", "/a/film 2")
		if !first["create"] || !first["move"] || !first["rename"] {
			t.Errorf("called: %v", first)
		}
	})
}
