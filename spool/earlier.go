package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// A file may be changed again when Frame.io has confirmed every byte of it, but it is not in its place yet. What was confirmed is not
// deleted: it becomes a version below the next content. Until then there are two files beside each other where people look for one. So
// this does not wait for the next content, which may be open for hours, or never leave: it is empty, or has a name that stays here.

// lags reports whether an earlier content is still to become a version.
func (r *record) lags() bool { return r.Own != nil && !r.Own.Over.IsZero() }

// catchUp has an entry of which nothing is being sent bring its earlier content to its place; with step held.
func (e *Entry) catchUp() {
	if e.late() {
		e.s.schedule(e, time.Now())
	}
}

// behind tells the stages in which nothing else happens to an entry.
func behind(stage Stage) bool { return stage == Writing || stage == Held }

// late reports whether an earlier content is to be brought to its place now, and nothing else; no byte is sent for that.
func (e *Entry) late() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rec.lags() && behind(e.stage)
}

// takeBehind is take for an entry that lags, with step held.
func (e *Entry) takeBehind(a *attempt) *attempt {
	a.behind = true
	e.mu.Lock()
	e.uses++ // as acquire does, but nobody needs the bytes
	e.sending, e.nextTry, e.refusal = a, time.Time{}, nil
	e.mu.Unlock()
	e.attempt = a
	return a
}

// caughtUp is finish of an attempt by takeBehind, with step held.
func (e *Entry) caughtUp(err error) {
	_, stage, _ := e.get()
	switch {
	case stage == Waiting: // its turn came while this was at work
		e.s.schedule(e, e.turnAt())
	case err == nil || errors.Is(err, errRevoked):
	default:
		e.mu.Lock()
		e.err, e.refusal = err.Error(), err
		e.mu.Unlock()
		e.s.log.Warn("what a file was before cannot be made a version on Frame.io, and stands beside it there", "key", e.key, "name", e.Info().Name, "err", err)
	}
	e.s.broadcast()
}

// earlier brings an earlier content of the entry, which Frame.io has confirmed but which was modified before it was in its
// place, to where it belongs: below the present content in the stack.
func (a *attempt) earlier() error {
	e := a.e
	rec, _, _ := e.get()
	if !rec.lags() {
		return nil
	}
	o := *rec.Own
	if err := a.idle(o.Over); err != nil {
		return err
	}
	var it remote.Item
	gone, err := a.renameEarlier(&o, e.Target().Name) // by now
	if err == nil && gone == goneNothing {
		it, gone, err = a.version(o.Over, o.File)
	}
	if err != nil {
		return err
	}
	return a.step(func() error {
		defer e.s.reindex(e)
		if gone == goneNothing {
			e.s.within(o.Over)
		}
		return e.save(durable, func(r *record) {
			switch {
			case r.Own != rec.Own: // it was given another name meanwhile, and another asset to replace
			case gone == goneFile:
				r.Own = nil
			case gone == goneTarget:
				r.Own = &own{File: o.File, Ref: o.File}
			default:
				r.Own = &own{File: o.File, Ref: it.Ref}
			}
		})
	})
}

// idle returns when nothing is to happen any more to the name of an asset.
func (a *attempt) idle(asset remote.Ref) error {
	names := a.e.s.cfg.Names
	if names == nil {
		return nil
	}
	return a.persist(func() error { return names.Idle(a.ctx, asset) })
}

// renameEarlier gives the file the name that the entry has by now: a new stack is called as its newest file, and V4 cannot rename a stack.
func (a *attempt) renameEarlier(o *own, name string) (missing, error) {
	if o.Name == "" || o.Name == name {
		return goneNothing, nil
	}
	err := a.persist(func() error {
		_, err := a.e.s.cfg.Remote.Rename(a.ctx, o.File, name)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return a.missing(o.File, goneNothing)
	}
	if err != nil {
		return goneNothing, fmt.Errorf("rename what it was before: %w", err)
	}
	return goneNothing, nil
}
