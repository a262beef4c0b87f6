package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// A restless entry (its attributes are set again and again) is sealed this much later at most.
const maxUnrest = 10 * time.Second

// rest is called with step held when the last writer is gone. closed tells whether that one was closed after its last write.
func (e *Entry) rest(closed bool) {
	rec, stage, _ := e.get()
	e.mu.Lock()
	last := e.last
	e.mu.Unlock()
	switch stage {
	case Writing:
		if e.split && e.mods.Load() == 0 {
			e.undo()
			return
		}
		if rec.Closed.IsZero() || rec.Past { // an mmap's writes come after the last Flush; then this is the only end mark
			if err := e.close(last); err != nil {
				e.s.log.Error("cannot record that the file is closed; it will be tried again", "key", e.key, "name", rec.Target.Name, "err", err)
				e.mu.Lock()
				e.rec.Closed, e.rec.Closer, e.rec.Synced, e.rec.Past = time.Now(), last, false, false
				e.mu.Unlock()
			}
		}
		e.settle(e.s.cfg.Settle)
	case Held:
		if !rec.Hold.quiet() && closed && !last.Signalled {
			e.again(e.s.cfg.Settle)
		}
	case Settled:
		e.s.schedule(e, time.Now())
	}
}

// settle starts the quiet time of a closed entry in drafts/, or holds it at once; with step held.
func (e *Entry) settle(quiet time.Duration) {
	rec, _, _ := e.get()
	e.mu.Lock()
	open := len(e.writers) > 0
	e.mu.Unlock()
	switch {
	case open: // the release of the last one sees to it
		e.setStage(Writing)
	case rec.Closer.Signalled:
		e.hold(holdKilled)
	case rec.Broken:
		e.hold(holdBroken)
	default:
		now := time.Now()
		e.mu.Lock()
		e.patience = now.Add(quiet + maxUnrest)
		e.mu.Unlock()
		e.s.unschedule(e) // or a turn of catchUp's would end the quiet time that begins now
		e.setStage(Settling)
		e.s.schedule(e, now.Add(quiet))
	}
}

// unrest begins the quiet time anew, with step held.
func (e *Entry) unrest() {
	e.mu.Lock()
	until := time.Now().Add(e.s.cfg.Settle)
	if until.After(e.patience) {
		until = e.patience
	}
	settling := e.stage == Settling
	e.mu.Unlock()
	if settling {
		e.s.schedule(e, until)
	}
}

// hold keeps the entry on this machine, with step held. The reason is written first: until the folder has moved, recovery
// comes to the same result by itself.
func (e *Entry) hold(why hold) {
	err := e.save(lazily, func(r *record) { r.Hold = why })
	if err == nil {
		err = e.move(held, lazily)
	}
	if err != nil {
		e.s.log.Error("cannot move the file to held/; it stays in drafts/", "key", e.key, "err", err)
		e.mu.Lock()
		e.rec.Hold = why
		e.mu.Unlock()
	}
	e.setStage(Held)
	e.catchUp()
	if !why.quiet() {
		e.s.log.Warn("file is held", "key", e.key, "name", e.Info().Name, "reason", why.say())
	}
}

// again takes a held or parked entry as closed and lets it settle, with step held.
func (e *Entry) again(quiet time.Duration) {
	err := e.save(durable, func(r *record) {
		if r.Closed.IsZero() {
			r.Closed = time.Now()
		}
		r.Past = false
		r.Closer, r.Broken, r.Hold, r.Reason, r.Failures, r.Synced = Closing{}, false, "", "", 0, false
	})
	if err == nil {
		err = e.toDrafts(nil)
	}
	if err != nil {
		e.s.log.Error("cannot take the file up again", "key", e.key, "name", e.Info().Name, "err", err)
		return
	}
	e.mu.Lock()
	e.hole = span{}
	e.broken.Store(false)
	e.mu.Unlock()
	e.settle(quiet)
}

// vanish ends a clean entry, with step held: nothing was modified, nothing is leaving.
func (e *Entry) vanish() {
	e.s.unschedule(e)
	e.s.hide(e)
	e.setStage(Gone)
}

// undo ends an entry that was about to be changed when its asset was not changed after all, with step held: the write that it
// was taken up for failed, or was interrupted.
func (e *Entry) undo() {
	if dir := e.in(); dir != "" {
		dir = e.s.path(dir, e.key)
		err := os.Rename(dir, dir+".gone")
		if err == nil {
			e.mu.Lock()
			e.folder = ""
			e.mu.Unlock()
			err = os.RemoveAll(dir + ".gone")
		}
		if err != nil {
			e.s.log.Error("cannot remove what was not changed", "key", e.key, "err", fmt.Errorf("%s: %w", dir, err))
		}
	}
	e.vanish()
}

// seal brings an entry whose quiet time is over to the outbox, or finds out why it stays.
func (s *Spool) seal(ctx context.Context, wg *sync.WaitGroup, e *Entry) {
	err := remote.Contain(s.log, "seal a file", func() error {
		if err := e.commit(); err != nil {
			return err
		}
		return e.seal()
	})
	if err == errAbsent {
		s.hydrate(ctx, wg, e)
		return
	}
	if err == nil {
		return
	}
	s.log.Error("cannot seal the file; it will be tried again", "key", e.key, "name", e.Info().Name, "err", err)
	e.step.Lock()
	defer e.step.Unlock()
	switch _, stage, _ := e.get(); {
	case stage != Settling:
	case errors.Is(err, errMap):
		e.park(parkError(fmt.Sprintf("%v; what was written is in %s", err, e.s.path(parked, e.key))))
	default:
		e.trouble(err, 5*time.Second)
		s.schedule(e, time.Now().Add(5*time.Second))
	}
}

var errBytesChanged = errors.New("its bytes are not those that were closed: something else has changed them in the spool's folder")

// tick is longer than the times of files are coarse; mappedWait is how soon a mapped file is looked at again.
const (
	tick       = 20 * time.Millisecond
	mappedWait = 250 * time.Millisecond
)

func (e *Entry) seal() error {
	e.step.Lock()
	defer e.step.Unlock()
	rec, stage, folder := e.get()
	if stage != Settling {
		return nil // opened or renamed meanwhile: whoever did that sees to the rest
	}
	absent := e.partial() && !e.cloned()
	if !absent {
		e.untroubled()
	}
	switch {
	case e.s.cfg.Local(rec.Target.Name):
		e.hold(holdName)
		return nil
	case e.Size() == 0:
		e.hold(holdEmpty)
		return nil
	case !rec.Synced: // closed again since commit
		e.s.schedule(e, time.Now())
		return nil
	case absent:
		return errAbsent
	case folder != drafts:
		if err := e.toDrafts(nil); err != nil {
			return err
		}
	}
	if e.mapped() {
		e.s.schedule(e, time.Now().Add(mappedWait))
		return nil
	}
	st, err := os.Stat(e.dataPath())
	if err != nil {
		return err
	}
	if e.passed() {
		if e.saw(st) { // through a mapping
			e.mu.Lock()
			last := e.last
			e.mu.Unlock()
			if err := e.close(last); err != nil {
				return err
			}
			e.settle(e.s.cfg.Settle)
			return nil
		}
		if age := time.Since(st.ModTime()); age >= 0 && age < tick {
			e.s.schedule(e, time.Now().Add(tick)) // so that a change from here on has another time
			return nil
		}
	}
	if st.Size() != e.Size() {
		return errBytesChanged
	}
	// A young entry's line that did not come to the disk costs nothing: it would be sealed again.
	if err := e.save(!e.isYoung(), func(r *record) { r.Sealed, r.SealTime = time.Now(), st.ModTime() }); err != nil {
		return err
	}
	if err := e.move(outbox, durable); err != nil {
		return err
	}
	e.setStage(Waiting)
	e.s.log.Info("file is sealed", "key", e.key, "name", rec.Target.Name, "size", e.Size())
	e.s.schedule(e, time.Now())
	return nil
}

// trouble notes what is being tried again, and when.
func (e *Entry) trouble(err error, wait time.Duration) {
	e.mu.Lock()
	e.err, e.nextTry = err.Error(), time.Now().Add(wait)
	e.mu.Unlock()
}

// stuck notes why a call does not get on; nil: it does.
func (e *Entry) stuck(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	e.mu.Lock()
	e.err = text
	e.mu.Unlock()
}

func (e *Entry) untroubled() {
	e.mu.Lock()
	e.err, e.nextTry, e.tries = "", time.Time{}, 0
	e.mu.Unlock()
}
