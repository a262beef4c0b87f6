package fs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// Word, Excel and others rename the old file to some name, give the new one its name, and then delete the old one. Taken literally
// that is the end of an asset with all that people said to it. What they mean is a save, so the old file becomes the older version. If
// they do not delete it they mean a backup: see backup.go.

// asideFor is how long a program may take between the first of these steps and the last.
const asideFor = time.Minute

// place is a file's name in a folder.
type place struct {
	dir  *dir
	name string // on Frame.io
}

// aside is a file on Frame.io that was renamed a moment ago.
type aside struct {
	id       remote.ID
	was, now place
	by       uint32    // the process; 0 if it is not known
	at       time.Time // when it was
	heir     spool.Key // what was made under its old name since, if it is not to be an asset of its own

	turn *sync.Mutex // is held by who makes something of it; taken before all other locks, and Frame.io may be asked meanwhile
}

// asides knows them.
type asides struct {
	mu    sync.Mutex
	byID  map[remote.ID]*aside
	was   map[place]*aside // the last that left the place
	heirs map[spool.Key]*aside
	swept time.Time
}

// put notes that a file was renamed; of several names in a row the first one counts as what it was.
func (a *asides) put(id remote.ID, was, now place, by uint32) {
	t := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byID == nil {
		a.byID, a.was, a.heirs = map[remote.ID]*aside{}, map[place]*aside{}, map[spool.Key]*aside{}
	}
	if t.Sub(a.swept) > time.Second {
		a.swept = t
		for _, s := range a.byID {
			if t.Sub(s.at) > asideFor {
				a.forget(s)
			}
		}
	}
	if s := a.byID[id]; s != nil {
		s.now = now
		return
	}
	s := &aside{id: id, was: was, now: now, by: by, at: t, turn: new(sync.Mutex)}
	a.byID[id], a.was[was] = s, s
}

// forget strikes one off, with mu held.
func (a *asides) forget(s *aside) {
	delete(a.byID, s.id)
	delete(a.heirs, s.heir)
	if a.was[s.was] == s {
		delete(a.was, s.was)
	}
}

// of is what is known of a line, or of what it is heir to; nil if nothing is.
func (a *asides) of(l line) *aside {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.entry != nil {
		return a.heirs[l.entry.Key()]
	}
	return a.byID[l.item.ID]
}

// take strikes a file off, and answers what was known of it; nil if it was not renamed lately.
func (a *asides) take(id remote.ID) *aside {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.byID[id]
	if s == nil {
		return nil
	}
	a.forget(s)
	if time.Since(s.at) > asideFor {
		return nil
	}
	return s
}

// alone keeps others from making something of a line that was put aside, or made in its place, until let is called. It answers
// spool.ErrBusy if the line is not what it was, or somebody is at it. but is one that the caller has already.
func (d *dir) alone(ctx context.Context, l line, but *aside) (let func(), err error) {
	s := d.fs.asides.of(l)
	if s == nil || s == but {
		return func() {}, nil
	}
	if !s.turn.TryLock() {
		return nil, spool.ErrBusy
	}
	if now, err := d.find(ctx, l.name); err != nil || now.entry != l.entry || now.item.ID != l.item.ID {
		s.turn.Unlock()
		return nil, spool.ErrBusy
	}
	return s.turn.Unlock, nil
}

// kept has a file of d that is about to be deleted become the older version of what took its name, if that is what it is deleted for.
func (d *dir) kept(ctx context.Context, it remote.Item) bool {
	s := d.fs.asides.take(it.ID)
	if s == nil || spool.LocalName(s.was.name) {
		return false
	}
	e := d.fs.cfg.Spool.Find(s.was.dir.get().ID, s.was.name)
	if e == nil {
		return false
	}
	let, ok := d.fs.fresh(ctx, e, s.was)
	if !ok {
		return false
	}
	defer let()
	return d.inherits(ctx, e, it, s.was)
}

// fresh reports whether an entry is a new file in a place that is to be an asset of its own, and keeps it so until let is called.
func (f *FS) fresh(ctx context.Context, e *spool.Entry, at place) (let func(), ok bool) {
	there, let, err := e.Steady()
	for errors.Is(err, spool.ErrBusy) && moment(ctx) == nil {
		there, let, err = e.Steady()
	}
	if err != nil {
		return nil, false
	}
	t := e.Target()
	if e.Info().Size == 0 || !there.IsZero() && !there.Own || !t.Replaces.IsZero() || t.Parent.ID != at.dir.get().ID || t.Name != at.name {
		let()
		return nil, false
	}
	return let, true
}

// inherits makes a new file the next version of one of d's that had its name.
func (d *dir) inherits(ctx context.Context, e *spool.Entry, it remote.Item, was place) bool {
	if err := e.Succeed(was.dir.get().ID, was.name, it.Ref); err != nil {
		if !soon(err) {
			d.fs.log.Warn("make a save of a file a version", "name", was.name, "error", err)
		}
		return false
	}
	if _, err := d.relocate(ctx, it, was.dir, cache.Shown(was.name)); err != nil {
		// It gets the name with the new version; if Frame.io refuses that too, the stack keeps this one.
		d.fs.log.Warn("give a file its name back", "name", was.name, "error", err)
	}
	return true
}

// Photoshop, zip and others write a new file, delete the old one, and then give the new one its name. So what is deleted where something
// is being written rests for a moment, and what is given its name meanwhile becomes its newest version.

// writes reports whether something new is being written in a folder, or was a moment ago.
func (f *FS) writes(parent remote.Ref) bool {
	for _, e := range f.cfg.Spool.In(parent.ID) {
		in := e.Info()
		fresh := in.Stage == spool.Writing || in.Stage == spool.Settling || in.Stage == spool.Held && in.Quiet
		if fresh && in.Size > 0 && in.Replaces.IsZero() && (in.Closed.IsZero() || time.Since(in.Closed) < asideFor) {
			return true
		}
	}
	return false
}

// keep answers what had a name in d until a moment ago and is not deleted on Frame.io yet: it stays, for what takes the name.
func (d *dir) keep(name string) (it remote.Item, ok bool) {
	if spool.LocalName(name) {
		return remote.Item{}, false
	}
	return d.fs.cfg.Rests.Keep(d.get().Ref, name)
}
