package fs

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// Word, Excel and others rename the old file to some name, give the new one its name, and then delete the old one. Taken literally
// that is the end of an asset with all that people said to it. What they mean is a save, so the old file becomes the older version.

// asideFor is how long a program may take between the first of these steps and the last.
const asideFor = time.Minute

// asides knows which files on Frame.io were renamed a moment ago.
type asides struct {
	mu   sync.Mutex
	from map[remote.ID]place
}

// place is where a file was.
type place struct {
	dir   *dir
	name  string // on Frame.io
	until time.Time
}

// put notes that a file was renamed; of several names in a row the first one counts.
func (a *asides) put(id remote.ID, from *dir, name string) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.from, func(_ remote.ID, p place) bool { return now.After(p.until) })
	if _, ok := a.from[id]; ok {
		return
	}
	if a.from == nil {
		a.from = map[remote.ID]place{}
	}
	a.from[id] = place{from, name, now.Add(asideFor)}
}

// take forgets where a file was, and answers it.
func (a *asides) take(id remote.ID) (place, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.from[id]
	delete(a.from, id)
	return p, ok && time.Now().Before(p.until)
}

// kept has a file of d that is about to be deleted become the older version of what took its name, if that is what it is deleted for.
func (d *dir) kept(ctx context.Context, it remote.Item) bool {
	was, ok := d.fs.asides.take(it.ID)
	if !ok || spool.LocalName(was.name) {
		return false
	}
	e := d.fs.cfg.Spool.Find(was.dir.get().ID, was.name)
	if e == nil || e.Info().Size == 0 {
		return false
	}
	there, let, err := e.Steady()
	for errors.Is(err, spool.ErrBusy) && moment(ctx) == nil {
		there, let, err = e.Steady()
	}
	if err != nil {
		return false
	}
	defer let()
	target := e.Target()
	if !there.IsZero() && !there.Own || !target.Replaces.IsZero() {
		return false
	}
	target.Replaces = it.Ref
	if err := e.Retarget(target); err != nil {
		if !errors.Is(err, spool.ErrGone) {
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
