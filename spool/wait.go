package spool

import (
	"context"
	"slices"
	"time"
)

// onItsWay reports whether something will happen to the entry without anybody's doing.
func (i Info) onItsWay() bool {
	switch i.Stage {
	case Waiting:
		return !i.Paused
	case Settling, Uploading, Confirming, Verifying:
		return true
	case Settled:
		return i.Writers == 0
	case Held:
		return i.behind
	}
	return false
}

// releaseGrace is how long after close(2) the kernel may take to release the file: it does that when it has time.
const releaseGrace = time.Second

// closing reports whether the file was closed just now, and only its release is missing.
func (i Info) closing() bool {
	return i.Stage == Writing && !i.Closed.IsZero() && time.Since(i.Closed) < releaseGrace
}

// broadcast wakes those who wait for a change.
func (s *Spool) broadcast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// nextChange gives what is closed at the next change. Who looks after that misses none.
func (s *Spool) nextChange() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// lookAgain is the least time between two looks of Wait at all entries.
const lookAgain = 20 * time.Millisecond

// Wait returns when none of the entries that which picks (nil: all) is on its way: settling, waiting, uploading, confirming
// or settled but not yet told; what was closed a moment ago counts too. What is being written, held, paused or parked is not on its
// way; it answers ErrParked if some of them are parked or paused.
func (s *Spool) Wait(ctx context.Context, which func(Info) bool) error {
	for {
		changed := s.nextChange()
		busy, closing, stuck := false, false, false
		for _, e := range s.entries() {
			i := e.Info()
			if which != nil && !which(i) {
				continue
			}
			closing = closing || i.closing()
			busy = busy || closing || i.onItsWay()
			stuck = stuck || i.Stage == Parked || i.Stage == Waiting && i.Paused
		}
		switch {
		case !busy && stuck:
			return ErrParked
		case !busy:
			return nil
		}
		if closing { // if it stays open after all, nothing changes when the grace is over
			if err := sleep(ctx, releaseGrace/20); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
		if err := sleep(ctx, lookAgain); err != nil {
			return err
		}
	}
}

// Retry sends parked entries again, all if no key is given. Of the keys given, held entries whose writer was interrupted are
// taken as they are and sent too.
func (s *Spool) Retry(keys ...Key) {
	for _, e := range s.entries() {
		named := slices.Contains(keys, e.key)
		if len(keys) > 0 && !named {
			continue
		}
		e.step.Lock()
		rec, stage, _ := e.get()
		switch {
		case stage == Parked && rec.Target.Parent.IsFolder():
			e.resume(0)
		case stage == Held && named && !rec.Hold.quiet():
			e.resume(0)
		}
		e.step.Unlock()
	}
}
