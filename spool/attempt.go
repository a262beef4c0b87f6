package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// attempt carries one entry from the outbox to Frame.io. It runs in a goroutine of its own, which may outlive it: once the
// entry is modified, renamed over or discarded, e.attempt is another or none, and this one may change nothing any more.
// Everything it does to the entry goes through step, which looks.
type attempt struct {
	e      *Entry
	ctx    context.Context // ends with Run, or when the attempt is given up
	run    context.Context // ends with Run only
	cancel context.CancelFunc
	guard  guard

	creating bool   // guarded by Entry.step: CreateFile has been asked and has not answered
	lost     string // guarded by Entry.step: the orphan that was noted meanwhile

	from     *origin  // what Frame.io copies it from
	uncopied bool     // it does not
	hash     string   // the bytes' xxHash64, once it is known
	running  *running // finds it out
	proof    Proof    // that Frame.io has them

	differs bool // from what Frame.io has: same need not look again

	confirming bool // guarded by Spool.mu: it takes a place among those being confirmed, not among those being sent
	small      bool // it takes one among the small files; set once

	unwanted error // deliver's own: the upload host's word that it does not know the upload, so that not every part was sent

	last bool // deliver's own: it is at the last steps (steady.go)

	behind bool // it only brings an earlier content to its place (earlier.go)

	sent atomic.Int64 // bytes of the parts that are done

	mu       sync.Mutex // guards what follows; a leaf
	up       remote.Upload
	done     []bool // by index of up.Parts
	nDone    int
	nMatched int                     // of them, of which the upload host has told the right checksum
	flight   map[int]*partReader     // parts being sent
	halt     context.CancelCauseFunc // ends the sending of parts; nil before it begins

	puts   int // guarded by line.mu: parts being sent
	nParts int // parts; set before the first is sent
}

// guard is the attempt's only way to the bytes. Once revoked nobody reads any more, not even a transport that still holds it.
type guard struct {
	mu sync.RWMutex
	f  *os.File // nil: revoked
}

func (g *guard) ReadAt(p []byte, off int64) (int, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.f == nil {
		return 0, errRevoked
	}
	return g.f.ReadAt(p, off)
}

func (g *guard) revoke() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.f = nil
}

// take begins an attempt if the entry is still where the queue thinks it is; nil if not.
func (e *Entry) take(run context.Context) *attempt {
	e.step.Lock()
	defer e.step.Unlock()
	rec, stage, _ := e.get()
	switch {
	case e.attempt != nil:
		return nil
	case e.late():
		return e.takeBehind(newAttempt(e, run))
	case stage != Waiting && stage != Settled:
		return nil
	}
	e.mu.Lock()
	asset, p := e.asset, e.placed
	e.mu.Unlock()
	if stage == Waiting && e.resting() {
		return nil
	}
	if p == nil && asset.ID == "" && e.intent == nil && e.s.cfg.Local(rec.Target.Name) {
		e.hold(holdName) // renamed since it was sealed, and Frame.io has not heard of it
		return nil
	}
	if err := e.acquire(); err != nil {
		if p == nil || !errors.Is(err, fs.ErrNotExist) {
			e.park(parkError(fmt.Sprintf("its bytes cannot be read on this machine (%v): look at the disk, then retry", err)))
			return nil
		}
		e.mu.Lock()
		e.uses++ // Settled took the bytes before the program was restarted; nobody needs them here
		e.mu.Unlock()
	}
	a := newAttempt(e, run)
	a.guard.f = e.data
	e.attempt = a
	e.mu.Lock()
	e.sending, e.nextTry = a, time.Time{} // err stands until something succeeds
	if p == nil {
		e.rec.Attempts++ // goes to the disk with the next change that matters
	}
	e.mu.Unlock()
	if stage == Waiting && p == nil {
		e.setStage(Uploading)
	}
	return a
}

func newAttempt(e *Entry, run context.Context) *attempt {
	a := &attempt{e: e, run: run, flight: make(map[int]*partReader)}
	a.ctx, a.cancel = context.WithCancel(remote.WithTrouble(run, e.stuck))
	return a
}

// step runs f with the entry's step held, unless the attempt was given up.
func (a *attempt) step(f func() error) error {
	a.e.step.Lock()
	defer a.e.step.Unlock()
	if a.e.attempt != a {
		return errRevoked
	}
	return f()
}

// path names a file in the entry's folder, with step held.
func (a *attempt) path(name string) string { return filepath.Join(a.e.dir(), name) }

// deliver carries the entry as far as it comes, and sees to what is next.
func (a *attempt) deliver() {
	defer a.e.release()
	defer a.cancel()
	defer a.guard.revoke()
	err := remote.Contain(a.e.s.log, "send a file", a.all)
	if a.ctx.Err() != nil && err != nil {
		err = errRevoked
	}
	a.finish(err)
}

func (a *attempt) all() error {
	for {
		var err error
		if rec, _, _ := a.e.get(); rec.lags() {
			err = a.alone(a.earlier)
		}
		if a.behind {
			return err
		}
		if err == nil {
			err = a.same()
		}
		if err == nil {
			err = a.copied()
		}
		if err == nil {
			err = a.send()
		}
		if err == nil {
			err = a.alone(a.finally)
		}
		var f *failure
		if errors.As(err, &f) {
			if err = a.startOver(f); err == nil {
				continue
			}
		}
		return err
	}
}

// finally is what is left to do with a confirmed file.
func (a *attempt) finally() error {
	if err := a.toPlace(); err != nil {
		return err
	}
	return a.tell()
}

// finish leaves the entry where the next attempt, or a person, takes it up.
func (a *attempt) finish(err error) {
	e := a.e
	e.step.Lock()
	defer e.step.Unlock()
	if e.attempt != a {
		return
	}
	e.attempt = nil
	e.mu.Lock()
	e.sending = nil
	stage, p := e.stage, e.placed
	e.mu.Unlock()
	if a.behind {
		e.caughtUp(err)
		return
	}
	if err == nil {
		return
	}
	if stage == Uploading || stage == Confirming || stage == Verifying {
		e.setStage(Waiting)
	}
	switch {
	case err == errUncloned && e.uncloned() == nil:
	case errors.Is(err, errNoFolder):
		if !e.homeless() { // it has come just now
			e.s.schedule(e, time.Now())
		}
	case errors.Is(err, errPaused):
		if !e.resting() { // no more
			e.s.schedule(e, time.Now())
		}
	case errors.Is(err, errWrittenPast):
		e.writtenPast()
	case errors.Is(err, errRevoked) && a.run.Err() != nil: // Run ends; the next start goes on
	case errors.Is(err, remote.ErrFault) && e.faulty():
		e.park(parkError(fmt.Sprintf("frameiofs itself fails with this file (%v); then retry", err)))
	case judge(err) == remote.Final:
		if p == nil {
			if derr := e.dropUpload(a, leftover); derr != nil {
				e.s.log.Error("cannot forget an upload", "key", e.key, "err", derr)
			}
		}
		e.park(err)
	default:
		e.mu.Lock()
		wait, level := backoff(e.tries, err), slog.LevelDebug
		if e.tries++; e.tries == 1 {
			level = slog.LevelWarn
		}
		e.mu.Unlock()
		e.trouble(err, wait)
		e.s.log.Log(a.run, level, "file has to wait", "key", e.key, "name", e.Info().Name, "err", err, "wait", wait.Round(time.Millisecond))
		e.s.schedule(e, time.Now().Add(wait))
	}
}

// maxFaults is how often in a row an attempt may end in a failure of our own before a person is asked.
const maxFaults = 4

// faulty reports whether it is likely to fail so again.
func (e *Entry) faulty() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tries >= maxFaults-1
}

// park leaves the entry to a person, with step held.
func (e *Entry) park(why error) {
	text := reason(why)
	err := e.save(durable, func(r *record) { r.Reason = text })
	if err == nil {
		err = e.move(parked, durable)
	}
	if err != nil {
		e.s.log.Error("cannot move the file to parked/", "key", e.key, "err", err)
		e.mu.Lock()
		e.rec.Reason = text
		e.mu.Unlock()
	}
	e.s.unschedule(e)
	e.untroubled()
	e.setStage(Parked)
	e.mu.Lock()
	e.refusal = why
	e.mu.Unlock()
	e.s.log.Warn("file is parked", "key", e.key, "name", e.Info().Name, "reason", text)
}

// pause waits after try number n failed, showing the error.
func (a *attempt) pause(ctx context.Context, err error, n int) error {
	wait := backoff(n, err)
	a.e.trouble(err, wait)
	last := a.last
	if last {
		a.last = false
		a.leave()
	}
	if sleep(ctx, wait) != nil {
		return errRevoked
	}
	if last {
		if err := a.enter(ctx); err != nil {
			return err
		}
		a.last = true
	}
	a.e.mu.Lock()
	a.e.nextTry = time.Time{}
	a.e.mu.Unlock()
	return nil
}

// persist repeats a call until it succeeds or fails for good.
func (a *attempt) persist(f func() error) error {
	for n := 0; ; n++ {
		err := f()
		switch {
		case err == nil:
			a.e.untroubled()
			return nil
		case a.ctx.Err() != nil:
			return errRevoked
		case judge(err) != remote.Passing:
			return err
		}
		if err := a.pause(a.ctx, err, n); err != nil {
			return err
		}
	}
}

// describe fills in what the attempt knows. Called with Entry.mu held.
func (a *attempt) describe(i *Info) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.up.File.ID == "" {
		return
	}
	if a.up.File.MediaType != "" {
		i.MediaType = a.up.File.MediaType
	}
	i.Parts, i.PartsDone, i.Sent = len(a.up.Parts), a.nDone, a.sent.Load()
	for _, r := range a.flight {
		i.Sent += r.at.Load()
	}
}
