package spool

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

var folderHere = remote.Ref{Kind: remote.Folder, ID: remote.PendingID("7"), Account: "acc"}

// homes is a Names that knows what pending folders have become, and assets that are still to be renamed.
type homes struct {
	mu    sync.Mutex
	real  map[remote.Ref]remote.Ref
	stays map[remote.Ref]bool
	void  bool
	busy  chan struct{} // not nil: assets are idle once it is closed
}

func (h *homes) Real(here remote.Ref) (remote.Ref, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	is, ok := h.real[here]
	return is, ok
}

func (h *homes) Stays(here remote.Ref) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stays[here]
}

func (h *homes) Void(here remote.Ref) bool { return h.void }

func (h *homes) Idle(ctx context.Context, _ remote.Ref) error {
	if h.busy == nil {
		return nil
	}
	select {
	case <-h.busy:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// What is written into a folder that is not on Frame.io yet waits for it without a call, and is found under both of its ids.
func TestWaitsForItsFolder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e, err := r.Create(Target{Parent: folderHere, Name: "a"}, Attr{})
		r.must(err)
		h := r.opened(e, true)
		r.put(h, 0, "bytes")
		r.shut(h)
		time.Sleep(time.Hour)
		if in := e.Info(); in.Stage != Waiting || in.Err == "" {
			t.Errorf("it is %s (%q)", in.Stage, in.Err)
		}
		if n := r.f.count("create"); n != 0 {
			t.Errorf("%d calls", n)
		}
		other := r.file("b", "another file") // does not wait for the first
		r.reach(other, Gone)
		r.AdoptFolder(folderHere.ID, folderA)
		for _, id := range []remote.ID{folderHere.ID, folderA.ID} {
			if r.Find(id, "a") != e || !slices.Contains(r.In(id), e) {
				t.Errorf("it is not found in %s", id)
			}
		}
		late, err := r.Create(Target{Parent: folderHere, Name: "c"}, Attr{}) // by one who has not heard of it
		r.must(err)
		if late.Target().Parent != folderA {
			t.Errorf("a late one belongs in %v", late.Target().Parent)
		}
		r.must(late.Discard())
		r.finish()
		r.expect("folder-a/a = bytes", "folder-a/b = another file")
		r.expectEmpty()
	})
}

// A file that was moved into such a folder while it was being sent is brought there once it is there.
func TestMovesToItsFolderLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e := r.file("a", "bytes")
		r.reach(e, Confirming)
		r.must(e.Retarget(Target{Parent: folderHere, Name: "b"}))
		time.Sleep(time.Hour)
		r.expect("folder-a/a = bytes")
		r.expectTold()
		r.AdoptFolder(folderHere.ID, folderB)
		r.finish()
		r.expect("folder-b/b = bytes")
		r.expectTold("b = bytes")
	})
}

// What is in a folder that stays on this machine is told as held, and nobody waits for it; moved out, or with the folder there, it leaves.
func TestStaysWithItsFolder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := &homes{real: map[remote.Ref]remote.Ref{}, stays: map[remote.Ref]bool{folderHere: true}}
		r := newRig(t, newFake(), func(c *Config) { c.Names = names }).start()
		var all []*Entry
		for _, name := range []string{"a", "b"} {
			e, err := r.Create(Target{Parent: folderHere, Name: name}, Attr{})
			r.must(err)
			h := r.opened(e, true)
			r.put(h, 0, "bytes of "+name)
			r.shut(h)
			all = append(all, e)
		}
		r.must(r.Wait(t.Context(), nil))
		for _, e := range all {
			if in := e.Info(); in.Stage != Held || !in.Quiet || in.Reason == "" || in.Err != "" {
				t.Errorf("%s is %s, quiet %v: %q %q", in.Name, in.Stage, in.Quiet, in.Reason, in.Err)
			}
		}
		r.must(all[0].Retarget(Target{Parent: folderA, Name: "a"}))
		r.reach(all[0], Gone)
		r.expect("folder-a/a = bytes of a")
		names.mu.Lock()
		delete(names.stays, folderHere)
		names.mu.Unlock()
		if in := all[1].Info(); in.Stage != Waiting {
			t.Errorf("the other is %s", in.Stage)
		}
		r.AdoptFolder(folderHere.ID, folderB)
		r.finish()
		r.expect("folder-a/a = bytes of a", "folder-b/b = bytes of b")
	})
}

// The folder may have come to Frame.io in an earlier run, of which the entry's record does not know.
func TestFolderIsFoundAfterRestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := &homes{real: map[remote.Ref]remote.Ref{}}
		know := func(c *Config) { c.Names = names }
		r := newRig(t, newFake(), know).start()
		e, err := r.Create(Target{Parent: folderHere, Name: "a"}, Attr{})
		r.must(err)
		h := r.opened(e, true)
		r.put(h, 0, "bytes")
		r.shut(h)
		r.reach(e, Waiting)
		still := r.killed(know)
		if in := still.All(); len(in) != 1 || in[0].Parent != folderHere {
			t.Errorf("after a restart: %+v", in)
		}
		names.real[folderHere] = folderA
		r = still.killed(know).start()
		r.finish()
		r.expect("folder-a/a = bytes")
	})
}

// What is still to be renamed or moved becomes a stack only after that: V4 would rename the file inside.
func TestVersionWaitsForTheName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := &homes{busy: make(chan struct{})}
		r := newRig(t, newFake(), func(c *Config) { c.Names = names }).start()
		old := r.f.put(folderA, "a", "old")
		e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{}, "", r.was(old, nil), true)
		r.must(err)
		h := r.opened(e, true)
		r.put(h, 0, "new")
		r.shut(h)
		time.Sleep(time.Hour)
		if n := r.f.count("version"); n != 0 {
			t.Errorf("%d versions made before", n)
		}
		close(names.busy)
		r.finish()
		r.expect("folder-a/a = new | old")
	})
}
