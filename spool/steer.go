package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/frameiofs/frameiofs/spool/platter"
)

// People steer what is leaving: all of it or some may be paused, put first, or kept here. A pause is on the disk before it counts, so it
// outlives the program. It ends the sending of bytes only: what Frame.io has whole is brought to its place all the same.

// pausedName is the file in the state folder that says that everything is paused.
const pausedName = "PAUSED"

// pause is what was said of one entry.
type pause string

const (
	pauseNo  pause = "no"  // it goes, though everything is paused
	pauseYes pause = "yes" // it rests
)

// errPaused ends an attempt that is to rest.
var errPaused = errors.New("spool: paused")

// Paused reports whether everything is paused.
func (s *Spool) Paused() bool { return s.paused.Load() }

// loadPause reads what was said in an earlier run.
func (s *Spool) loadPause() error {
	_, err := os.Lstat(filepath.Join(s.cfg.Dir, pausedName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return hint(err)
	}
	s.paused.Store(err == nil)
	return nil
}

// PauseAll stops the sending of all that is leaving and will be, until ResumeAll. Parts that are being sent are given up, and sent
// again then. What was said of single entries is void.
func (s *Spool) PauseAll() error {
	if err := writeFile(s.cfg.Dir, pausedName, nil, durable); err != nil {
		return fmt.Errorf("note that uploads are paused: %w", err)
	}
	s.paused.Store(true)
	s.did("pause")
	return s.steerAll(pauseYes)
}

// ResumeAll ends PauseAll, and every Pause.
func (s *Spool) ResumeAll() error {
	if err := removeFile(filepath.Join(s.cfg.Dir, pausedName)); err != nil {
		return fmt.Errorf("note that uploads go on: %w", err)
	}
	if err := platter.SyncDir(s.cfg.Dir); err != nil {
		return fmt.Errorf("note that uploads go on: %w", err)
	}
	s.paused.Store(false)
	s.did("resume")
	return s.steerAll(pauseNo)
}

// steerAll has every entry follow what was just said of all.
func (s *Spool) steerAll(p pause) error {
	var errs []error
	for _, e := range s.entries() {
		errs = append(errs, e.steer("", p))
	}
	s.broadcast()
	return errors.Join(errs...)
}

// Pause has entries rest that are leaving, until Resume or ResumeAll, and tells how many.
func (s *Spool) Pause(keys ...Key) (int, error) { return s.each(keys, pauseYes) }

// Resume has entries go on, also while everything else is paused, and tells how many.
func (s *Spool) Resume(keys ...Key) (int, error) { return s.each(keys, pauseNo) }

func (s *Spool) each(keys []Key, p pause) (n int, _ error) {
	defer s.broadcast()
	var errs []error
	for _, e := range s.named(keys) {
		if i := e.Info(); !i.steerable() || i.Paused == (p == pauseYes) {
			continue
		}
		said := p
		if s.paused.Load() == (p == pauseYes) {
			said = "" // as all are
		}
		if err := e.steer(said, p); err != nil {
			errs = append(errs, err)
		} else {
			n++
		}
	}
	return n, errors.Join(errs...)
}

// named gives the visible entries of these keys, in their order.
func (s *Spool) named(keys []Key) (all []*Entry) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, k := range keys {
		if e := s.byKey[k]; e != nil {
			all = append(all, e)
		}
	}
	return all
}

// steerable reports whether there is something to pause, or to put first.
func (i Info) steerable() bool {
	switch i.Stage {
	case Writing, Settling, Waiting, Uploading:
		return true
	}
	return false
}

// steer notes what was said of the entry, and has it do what that comes to.
func (e *Entry) steer(said, p pause) error {
	e.step.Lock()
	defer e.step.Unlock()
	rec, stage, _ := e.get()
	if rec.Pause != said {
		if err := e.save(durable, func(r *record) { r.Pause = said }); err != nil {
			return err
		}
	}
	switch {
	case p == pauseYes && e.attempt != nil:
		e.attempt.rest()
	case p == pauseNo && stage == Waiting && e.attempt == nil:
		e.s.schedule(e, time.Now())
	}
	return nil
}

// resting reports whether the entry is not to be sent now.
func (e *Entry) resting() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rests()
}

// rests is resting, with mu held. Of what Frame.io has whole, or copies, nothing is to be sent.
func (e *Entry) rests() bool {
	if e.placed != nil || e.rec.Clone && e.rec.Format == formatPartial && !e.rec.Uncopied {
		return false
	}
	return e.rec.Pause == pauseYes || e.rec.Pause == "" && e.s.paused.Load()
}

// rest ends the sending of parts, if it has begun. Else the attempt sees itself that it is to rest.
func (a *attempt) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.halt != nil {
		a.halt(errPaused)
	}
}

// restful gives a context for the sending of parts that ends with a pause.
func (a *attempt) restful() (ctx context.Context, cancel context.CancelCauseFunc, err error) {
	ctx, cancel = context.WithCancelCause(a.ctx)
	a.mu.Lock()
	a.halt = cancel
	a.mu.Unlock()
	if a.e.resting() { // said before halt was there
		cancel(errPaused)
		return nil, nil, errPaused
	}
	return ctx, cancel, nil
}

// First puts entries before all others, the first key foremost, and tells how many. They do not wait for a place among the files that are
// being sent, and get the next free parts.
func (s *Spool) First(keys ...Key) (n int, _ error) {
	now := time.Now()
	var errs []error
	for at, e := range s.named(keys) {
		if !e.Info().steerable() {
			continue
		}
		if err := e.putFirst(now.Add(-time.Duration(at))); err != nil {
			errs = append(errs, err)
		} else {
			n++
		}
	}
	return n, errors.Join(errs...)
}

func (e *Entry) putFirst(at time.Time) error {
	e.step.Lock()
	defer e.step.Unlock()
	if err := e.save(lazily, func(r *record) { r.First = at }); err != nil {
		return err
	}
	e.first.Store(at.UnixNano())
	if _, stage, _ := e.get(); stage == Waiting && e.attempt == nil {
		e.s.schedule(e, time.Now())
	}
	return nil
}

// rank is the entry's place among those whose time has come: what was put first last, then what was sealed first.
func (e *Entry) rank(sealed time.Time) time.Time {
	if at := e.first.Load(); at > 0 {
		return time.Unix(0, -at)
	}
	return sealed
}

// Cancel keeps entries on this machine that are closed and that Frame.io does not have yet, until they are retried, written again or
// removed, and tells how many. What is there of them on Frame.io is deleted. Their bytes stay.
func (s *Spool) Cancel(keys ...Key) (n int, _ error) {
	defer s.broadcast()
	var errs []error
	for _, e := range s.named(keys) {
		switch done, err := e.cancel(); {
		case err != nil:
			errs = append(errs, err)
		case done:
			n++
		}
	}
	return n, errors.Join(errs...)
}

// cancel notes first that it is cancelled: from there on recovery comes to the same result.
func (e *Entry) cancel() (done bool, err error) {
	e.step.Lock()
	defer e.step.Unlock()
	_, stage, _ := e.get()
	e.mu.Lock()
	whole := e.placed != nil
	e.mu.Unlock()
	switch stage {
	case Settling, Waiting, Uploading, Confirming, Verifying, Parked:
	default:
		return false, nil
	}
	if whole {
		return false, nil // it is too late
	}
	if err := e.save(durable, func(r *record) { r.Hold, r.Reason, r.Failures, r.Pause = holdCancelled, "", 0, "" }); err != nil {
		return false, err
	}
	e.dehydrate()
	e.s.unschedule(e)
	a := e.stop()
	e.setStage(Held) // whatever fails from here on is made good at the next start
	e.s.log.Info("upload is cancelled", "key", e.key, "name", e.Info().Name, "was", stage)
	return true, e.keep(a)
}

// keep brings what is cancelled to held/, with step held. a is the attempt that was stopped, if any.
func (e *Entry) keep(a *attempt) error {
	if err := e.dropUpload(a, leftover); err != nil {
		return err
	}
	if err := e.move(held, durable); err != nil {
		return err
	}
	e.untroubled()
	e.catchUp()
	return nil
}

// SetLimits changes how many files are sent at once, and how many parts of each; 0 leaves a number as it is. What is under way is finished.
func (s *Spool) SetLimits(uploads, parts int) {
	s.mu.Lock()
	if uploads > 0 {
		s.cfg.Uploads = uploads
	}
	s.mu.Unlock()
	if parts > 0 {
		s.line.set(parts)
	}
	s.kick()
}

// Limits tells them.
func (s *Spool) Limits() (uploads, parts int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.cfg.Uploads, s.line.get()
}
