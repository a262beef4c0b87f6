package spool

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/frameiofs/frameiofs/remote"
)

// What version found missing.
type missing int

const (
	goneNothing missing = iota
	goneTarget          // what was to get a version
	goneFile            // what was to be the version
)

// version makes file the newest version of target.
func (a *attempt) version(target, file remote.Ref) (it remote.Item, gone missing, err error) {
	r, names := a.e.s.cfg.Remote, a.e.s.cfg.Names
	err = a.persist(func() (err error) {
		if names != nil { // a target that is still to be renamed or moved would be so inside its stack
			if err = names.Idle(a.ctx, target); err != nil {
				return err
			}
		}
		it, err = r.AddVersion(a.ctx, target, file)
		return err
	})
	if !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			err = fmt.Errorf("make it a version: %w", err)
		}
		return it, goneNothing, err
	}
	if gone, err = a.missing(file, goneTarget); err != nil || gone == goneFile {
		return it, gone, err
	}
	if gone, err = a.missing(target, goneNothing); err == nil && gone == goneNothing {
		return it, gone, parkError("Frame.io says of the file that it is to be a version of that it is not there, and shows it: look at it there, then retry")
	}
	return it, goneTarget, err
}

// missing finds out whether it is the file that is not there, or something else.
func (a *attempt) missing(file remote.Ref, otherwise missing) (missing, error) {
	err := a.persist(func() error {
		_, err := a.e.s.cfg.Remote.Stat(a.ctx, file)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return goneFile, nil
	}
	return otherwise, err
}

// toPlace brings the confirmed file to its name, folder and stack, as often as these change meanwhile. Then the entry is
// settled, which is said in the same breath as the last comparison.
func (a *attempt) toPlace() error {
	e := a.e
	for {
		var p placed
		var rec record
		err := a.step(func() error {
			e.mu.Lock()
			p, rec = *e.placed, e.rec
			e.mu.Unlock()
			if p.missing(&rec) == "" {
				return a.settled()
			}
			return nil
		})
		if err != nil {
			return err
		}
		what := p.missing(&rec)
		if what == "" {
			return nil
		}
		if rec.Target.Parent.ID.Pending() {
			return errNoFolder
		}
		if rec.lags() { // first what is to be below it
			if err := a.earlier(); err != nil {
				return err
			}
			continue
		}
		err = a.bring(what, &p, &rec)
		var f *failure
		if errors.As(err, &f) && a.toldBefore() {
			// Somebody deleted it on Frame.io after the rest of the program was told that it is there. It is theirs to decide.
			p.Parent, p.Name, p.Over = rec.Target.Parent.ID, rec.Target.Name, rec.replaces()
			err = a.note(&p, remote.Ref{}, false)
		}
		if err != nil {
			return err
		}
	}
}

// toldBefore reports whether Settled was called before.
func (a *attempt) toldBefore() bool {
	a.e.step.Lock()
	defer a.e.step.Unlock()
	return a.e.given
}

// missing is the next thing to do for a confirmed file: "version", "move", "rename", or "" if it is where it belongs.
func (p *placed) missing(r *record) string {
	switch {
	case p.alone(r) && p.Item.ID == p.File.ID && p.Name != r.Target.Name:
		return "rename" // before: a new stack is called as its newest file was when it was made, and V4 cannot rename a stack
	case p.alone(r):
		return "version"
	case p.Parent != r.Target.Parent.ID:
		return "move"
	case p.Name != r.Target.Name:
		return "rename"
	}
	return ""
}

// alone reports whether the file is still to become a version of what it replaces.
func (p *placed) alone(r *record) bool {
	over := r.replaces()
	return !over.IsZero() && over != p.Over && over.ID != p.Item.ID && over.ID != p.File.ID
}

// bring does that one thing and notes it.
func (a *attempt) bring(what string, p *placed, rec *record) error {
	e, r := a.e, a.e.s.cfg.Remote
	lone := false
	var err error
	switch what {
	case "version":
		over := rec.replaces()
		it, gone, verr := a.version(over, p.File)
		switch {
		case verr != nil:
			return verr
		case gone == goneFile:
			return &failure{why: "the file went away on Frame.io", counted: true, left: nothing}
		case gone == goneTarget:
			lone = true
			e.s.log.Warn("what the file was to be a version of is not on Frame.io any more; it becomes a file of its own", "key", e.key, "name", rec.Target.Name)
		default:
			p.Item, p.Over, p.Name = it, over, it.Name
			if it.Parent != "" {
				p.Parent = it.Parent
			}
		}
	case "move":
		err = a.persist(func() error {
			it, err := r.Move(a.ctx, p.Item.Ref, rec.Target.Parent)
			p.take(it, err)
			return err
		})
		p.Parent = rec.Target.Parent.ID
	case "rename":
		err = a.persist(func() error {
			it, err := r.Rename(a.ctx, p.Item.Ref, rec.Target.Name)
			p.take(it, err)
			return err
		})
		if errors.Is(err, errors.ErrUnsupported) {
			e.s.log.Warn("Frame.io cannot rename this version stack; it keeps its name there", "key", e.key, "name", rec.Target.Name, "there", p.Name)
			err = nil
		}
		p.Name = rec.Target.Name
	}
	if errors.Is(err, fs.ErrNotExist) {
		gone, merr := a.missing(p.File, goneTarget)
		if merr != nil {
			return merr
		}
		if gone == goneFile {
			return &failure{why: "the file went away on Frame.io", counted: true, left: nothing}
		}
		if p.Item.ID != p.File.ID {
			if gone, merr = a.missing(p.Item.Ref, goneTarget); merr != nil {
				return merr
			}
			if gone == goneFile { // the stack went away, as they do with their last but one version
				return a.dissolved(p)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("uploaded as %q, but %s it: %w", p.Item.Name, what, err)
	}
	return a.note(p, rec.replaces(), lone)
}

// dissolved notes that the stack that the file was in is no more: it is a file of its own again.
func (a *attempt) dissolved(p *placed) error {
	var it remote.Item
	err := a.persist(func() (err error) {
		it, err = a.e.s.cfg.Remote.Stat(a.ctx, p.File)
		return err
	})
	if err != nil {
		return err
	}
	over := p.Over
	p.Item, p.Parent, p.Name = it, it.Parent, it.Name
	if err := a.step(func() error {
		return a.e.save(durable, func(r *record) {
			if r.replaces() == over {
				r.Own, r.Target.Replaces = nil, remote.Ref{}
			}
		})
	}); err != nil {
		return err
	}
	return a.note(p, remote.Ref{}, false)
}

// take keeps what Frame.io answered.
func (p *placed) take(it remote.Item, err error) {
	if err == nil && it.ID != "" {
		p.Item = it
	}
}

// note writes how far the file has come. lone: what it was to replace does not exist.
func (a *attempt) note(p *placed, over remote.Ref, lone bool) error {
	e := a.e
	return a.step(func() error {
		if lone {
			err := e.save(durable, func(r *record) {
				if r.replaces() == over {
					r.Own, r.Target.Replaces = nil, remote.Ref{}
				}
			})
			if err != nil {
				return err
			}
		}
		if err := e.put(itemName, p); err != nil {
			return err
		}
		e.s.did("place")
		e.mu.Lock()
		e.placed = p
		e.mu.Unlock()
		e.s.reindex(e)
		return nil
	})
}
