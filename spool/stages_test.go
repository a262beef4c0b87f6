package spool

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// at brings a file of several parts to a stage.
func (r *rig) at(st Stage, name string, replaces remote.Ref) *Entry {
	r.t.Helper()
	e, err := r.Create(Target{Parent: folderA, Name: name, Replaces: replaces}, Attr{})
	r.must(err)
	h := r.opened(e, true)
	r.put(h, 0, long)
	if st == Writing {
		r.t.Cleanup(h.Release)
		return e
	}
	r.shut(h)
	switch st {
	case Parked:
		r.f.hook(fails("create", remote.ErrQuota), nil)
		r.reach(e, Parked)
		r.f.hook(nil, nil)
	case Waiting:
		r.f.hook(fails("create", remote.ErrOffline), nil)
		r.reach(e, Waiting)
		r.f.hook(nil, nil)
	case Held:
		r.must(e.Retarget(Target{Parent: folderA, Name: name + ".tmp", Replaces: replaces}))
		r.reach(e, Held)
	default:
		r.reach(e, st)
	}
	return e
}

var everyStage = []Stage{Writing, Settling, Waiting, Uploading, Confirming, Held, Parked}

func TestModifyAtEveryStage(t *testing.T) {
	for _, st := range everyStage {
		t.Run(string(st), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				r := newRig(t, f).start()
				e := r.at(st, "a", remote.Ref{})
				h := r.opened(e, true)
				begin := time.Now()
				r.put(h, 0, "NEW")
				if took := time.Since(begin); took > 0 {
					t.Errorf("the write waited %v for the network", took)
				}
				if got := e.Info().Stage; got != Writing {
					t.Errorf("it is %s while it is written", got)
				}
				time.Sleep(time.Minute)
				if st != Held {
					r.expect() // nothing of an unfinished file, and no placeholder
				}
				r.shut(h)
				r.must(e.Retarget(Target{Parent: folderA, Name: "a"}))
				if st == Writing {
					return // another writer has it open to the end of the test
				}
				r.finish()
				r.expect("folder-a/a = " + seen("NEW"+long[3:]))
				r.expectEmpty()
			})
		})
	}
}

// While every part is being sent somebody writes, again and again: what arrives is one content, never a mixture.
func TestNeverMixed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		f.stubborn = true
		r := newRig(t, f, func(c *Config) { c.Settle, c.Parts = time.Millisecond, 10 }).start()
		e := r.at(Waiting, "a", remote.Ref{})
		f.hook(func(op, _ string) error {
			if op == "delete" {
				time.Sleep(time.Second) // what was given up stays long enough to be completed
			}
			return nil
		}, nil)
		for i := range 120 {
			time.Sleep(time.Duration(i) * 10 * time.Millisecond)
			if e.Info().Stage == Gone {
				break
			}
			h, err := e.Open(true)
			if errors.Is(err, ErrGone) {
				break
			}
			r.must(err)
			b := make([]byte, len(long))
			for j := range b {
				b[j] = byte('a' + i%26)
			}
			r.put(h, 0, string(b))
			r.shut(h)
		}
		r.finish()
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.whole) == 0 {
			t.Error("nothing arrived")
		}
		for _, b := range f.whole {
			if len(b) != len(long) || b != long && strings.Trim(b, b[:1]) != "" {
				t.Errorf("a mixture arrived: %q", b)
			}
		}
	})
}

func TestRenameAtEveryStage(t *testing.T) {
	for _, st := range everyStage {
		t.Run(string(st), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				r := newRig(t, f).start()
				e := r.at(st, "a", remote.Ref{})
				begin := time.Now()
				r.must(e.Retarget(Target{Parent: folderB, Name: "b"}))
				if time.Since(begin) > 0 {
					t.Error("the rename waited for the network")
				}
				if r.Find("folder-a", "a") != nil || r.Find("folder-b", "b") != e || len(r.In("folder-a")) != 0 {
					t.Error("it is not seen under its new name")
				}
				if st == Writing {
					return
				}
				r.finish()
				r.expect("folder-b/b = " + seen(long))
				r.expectTold("b = 9500 bytes")
				r.expectEmpty()
				if n := f.count("create"); n > 1 && st != Parked {
					t.Errorf("the rename cancelled the upload: %d assets were begun", n)
				}
			})
		})
	}
}

func TestRenameOverAtEveryStage(t *testing.T) {
	for _, st := range everyStage {
		t.Run(string(st), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				r := newRig(t, f).start()
				doc := f.put(folderA, "doc", "old")
				e := r.at(st, "new", remote.Ref{})
				r.must(e.Retarget(Target{Parent: folderA, Name: "doc", Replaces: doc}))
				if !r.Claimed(doc.ID) {
					t.Error("the old file is still shown")
				}
				if st == Writing {
					return
				}
				r.finish()
				r.expect("folder-a/doc = " + seen(long) + " | old")
				r.expectEmpty()
			})
		})
	}
}

func TestUnlinkAtEveryStage(t *testing.T) {
	for _, st := range everyStage {
		t.Run(string(st), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				r := newRig(t, f).start()
				e := r.at(st, "a", remote.Ref{})
				rd := r.opened(e, false)
				begin := time.Now()
				r.must(e.Discard())
				if time.Since(begin) > 0 {
					t.Error("the unlink waited for the network")
				}
				if r.Find("folder-a", "a") != nil || len(r.In("folder-a")) != 0 {
					t.Error("it is still seen")
				}
				if got := r.read(rd); got != long {
					t.Errorf("an open handle reads %d bytes", len(got))
				}
				rd.Release()
				time.Sleep(time.Minute)
				r.finish()
				r.expect()
				r.expectTold()
				r.expectEmpty()
				if err := e.Retarget(Target{Parent: folderA, Name: "b"}); !errors.Is(err, ErrGone) {
					t.Errorf("renaming a deleted file: %v", err)
				}
			})
		})
	}
}

// A pending file is renamed over another pending one, each at every stage: one asset, the new bytes, and nothing confirmed
// is destroyed.
func TestRenameOverPending(t *testing.T) {
	for _, st := range everyStage[1:] {
		t.Run(string(st), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				r := newRig(t, f).start()
				r.at(st, "doc", remote.Ref{})
				name := "doc"
				if st == Held {
					name = "doc.tmp"
				}
				e := r.file("doc.new", "new")
				r.must(e.Retarget(Target{Parent: folderA, Name: name}))
				if in := r.In("folder-a"); len(in) != 1 || in[0] != e {
					t.Errorf("%d files are seen", len(in))
				}
				if st == Held {
					return
				}
				r.finish()
				r.expect("folder-a/doc = new")
				r.expectEmpty()
			})
		})
	}
}
