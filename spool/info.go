package spool

import "time"

// Size is the file's size in bytes.
func (e *Entry) Size() int64 { return e.size.Load() }

// Target tells where the entry belongs now. Replaces is what it would become a version of, which may be an asset that an
// earlier content of this very entry has become meanwhile. After a Discard it is what the discarded entry leaves on Frame.io.
func (e *Entry) Target() Target {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.rec.Target
	t.Replaces = e.rec.replaces()
	return t
}

// Attr is what was set on the file; Mtime is always set.
func (e *Entry) Attr() Attr {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.attr()
}

func (e *Entry) attr() Attr {
	a := e.rec.Attr
	if a.Mtime.IsZero() {
		a.Mtime = time.Unix(0, e.modified.Load())
	}
	return a
}

// Info tells everything about the entry at this moment. What waits for a folder that stays on this machine is told as held.
func (e *Entry) Info() Info {
	i := e.info()
	if i.Stage == Waiting && i.Parent.ID.Pending() && e.s.cfg.Names != nil && e.s.cfg.Names.Stays(i.Parent) {
		i.Stage, i.Reason, i.Quiet, i.Err = Held, holdFolder.say(), true, ""
	}
	return i
}

func (e *Entry) info() Info {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := Info{
		Key: e.key, Target: e.rec.Target, Attr: e.attr(), Size: e.size.Load(), Stage: e.stage, Writers: len(e.writers),
		Missing: e.lacks.Load(), Attempts: e.rec.Attempts, Err: e.err, NextTry: e.nextTry, Closed: e.rec.Closed, MediaType: mediaType(e.rec.Target.Name),
	}
	i.Replaces = e.rec.replaces()
	if i.steerable() {
		i.Paused, i.First = e.rests(), e.first.Load() > 0
	}
	switch e.stage {
	case Waiting:
		if i.Err == "" && i.Parent.ID.Pending() {
			i.Err = errNoFolder.Error()
		}
		if i.Paused {
			i.Reason = "paused by you: frameiofs uploads resume sends it"
		}
	case Held:
		i.Reason, i.Quiet = e.rec.Hold.say(), e.rec.Hold.quiet()
		i.behind = e.rec.lags() && e.refusal == nil
	case Parked:
		i.Reason = e.rec.Reason
	}
	switch {
	case e.placed != nil:
		i.Asset, i.Sent, i.Born = e.placed.Item.Ref, i.Size, e.placed.Born
	case !e.asset.IsZero():
		i.Asset = e.asset
	}
	if e.sending != nil {
		e.sending.describe(&i)
	}
	if e.rec.Clone && e.rec.Format == formatPartial && !e.rec.Uncopied && i.Missing == i.Size && i.Size == e.rec.Base.Size {
		i.CopyOf = e.rec.Base.Name
	}
	return i
}
