package spool

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// What is kept steady is sent, but neither brought to its place nor told of, until it is let go.
func TestSteadyHoldsUpTheLastStepsOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e := r.file("a", "one")
		there, let, err := e.Steady()
		r.must(err)
		if !there.IsZero() {
			t.Errorf("Frame.io has %v already", there.Ref)
		}
		time.Sleep(time.Minute)
		if got := e.Info(); got.Stage != Confirming || got.Asset.IsZero() || len(r.told()) != 0 {
			t.Errorf("after a minute it is %s as %v, told %v", got.Stage, got.Asset, r.told())
		}
		let()
		r.finish()
		r.expect("folder-a/a = one")
		if _, _, err := e.Steady(); !errors.Is(err, ErrGone) {
			t.Errorf("once it is there: %v", err)
		}
	})
}

// A rename answers that it has to look again if the name has changed hands since.
func TestRenameOnlyOverWhatWasSeen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		a, b := r.file("a", "one"), r.file("b", "two")
		over := Target{Parent: folderA, Name: "a"}
		if err := b.Rename(over, nil); !errors.Is(err, ErrBusy) {
			t.Errorf("over a file that came meanwhile: %v", err)
		}
		if err := b.Rename(Target{Parent: folderA, Name: "c"}, a); !errors.Is(err, ErrBusy) {
			t.Errorf("over a file that went meanwhile: %v", err)
		}
		r.must(b.Rename(over, a))
		r.finish()
		r.expect("folder-a/a = two")
	})
}

// An entry is renamed over while its second content is being sent: the first becomes an older version, and nothing of the second stays.
func TestRenamedOverWhileTheNextContentIsSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		a := r.file("a", "one")
		_, let, err := a.Steady()
		r.must(err)
		time.Sleep(time.Minute) // the first content is on Frame.io, and confirmed
		h := r.opened(a, true)
		r.put(h, 0, "two")
		r.shut(h)
		let()
		r.f.hook(fails("stat", remote.ErrOffline), nil)
		r.reach(a, Confirming)
		second := a.Info().Asset
		b := r.file("b", "three")
		r.must(b.Rename(Target{Parent: folderA, Name: "a"}, a))
		if !r.Orphaned(second.ID) || !r.Hides(second.ID) {
			t.Error("the second content is shown until it is deleted")
		}
		r.f.hook(nil, nil)
		r.finish()
		r.expect("folder-a/a = three | one")
		if !slices.Contains(a.Assets(), second.ID) {
			t.Error("what it had on Frame.io is forgotten")
		}
	})
}
