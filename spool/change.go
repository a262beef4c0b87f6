package spool

import (
	"fmt"
	"os"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Rename is Retarget if over is what has the target's name, nil meaning that no entry has. ErrBusy if that is not so any more.
func (e *Entry) Rename(t Target, over *Entry) error { return e.retarget(t, &over) }

// Retarget gives the entry another name, folder, or asset to replace; at any stage, without cancelling an upload, and durable
// on return. Another visible entry of that name is discarded with it, as rename(2) has it; what Frame.io has already confirmed
// of that one becomes the older version. An entry that is held for its name becomes ordinary by an ordinary name; a parked
// one is tried again. ErrGone once the entry has settled or was discarded.
func (e *Entry) Retarget(t Target) error { return e.retarget(t, nil) }

// retarget is Retarget; over, if not nil, is what the caller holds to have the name.
func (e *Entry) retarget(t Target, over **Entry) error {
	if t.Name == "" || !t.Parent.IsFolder() {
		return fmt.Errorf("spool: rename to %q in a %s: no place for a file", t.Name, t.Parent.Kind)
	}
	other := e.lockWith(t)
	defer e.step.Unlock()
	if other != nil {
		defer other.step.Unlock()
	}
	rec, stage, _ := e.get()
	if stage == Gone {
		return ErrGone
	}
	if over != nil && other != *over && e != *over {
		return ErrBusy
	}
	dropped := remote.Ref{}
	own := rec.Own
	if o := own; o != nil && t.Replaces != rec.Target.Replaces && t.Replaces != o.Ref && t.Replaces != o.File {
		// Renamed over another asset: that one gets the new version, and an earlier content that nobody saw is not left beside it.
		own = nil
		if o.Ref == o.File {
			dropped = o.File
		}
	} else if own != nil {
		t.Replaces = rec.Target.Replaces
	}
	super, heir := Key(""), false
	if other != nil {
		super = other.key
		if left := other.leaves(t); left != nil && own == nil {
			own, heir = left, true
		}
	}
	// Lines of the journal stay in their order, so one entry there cannot be gone before the other has its name.
	safe := !e.isYoung() || other != nil && !other.isYoung()
	err := e.save(safe, func(r *record) { r.Target, r.Own, r.Supersedes, r.Swap = t, own, super, nil })
	if err != nil {
		return err
	}
	e.split = false // a new name counts as a change
	e.s.reindex(e)
	if !dropped.IsZero() {
		if err := e.s.orphan(orphan{Key: e.key, Ref: dropped}, nil); err != nil {
			return err
		}
	}
	if other != nil {
		e.s.hide(other)
		if heir {
			other.bequeath()
		}
		if err := other.discard(true); err != nil {
			e.s.log.Error("cannot discard the file that was renamed over; it will be at the next start", "key", other.key, "name", t.Name, "err", err)
		}
	}
	e.s.reindex(e) // again: the other one may have been in its place
	e.renamed(rec.Hold, stage)
	e.catchUp()
	e.s.broadcast()
	return nil
}

// renamed has an entry with another name go on from the stage it is in, with step held.
func (e *Entry) renamed(why hold, stage Stage) {
	e.mu.Lock()
	e.touched++
	name := e.rec.Target.Name
	e.mu.Unlock()
	switch {
	case stage == Held && why == holdName && !e.s.cfg.Local(name), stage == Parked:
		e.resume(e.s.cfg.Settle)
	case stage == Settling:
		e.unrest()
	case stage == Waiting && e.attempt == nil: // its folder was not there, and another is
		e.s.schedule(e, e.turnAt())
	case stage == Settled && !e.telling:
		e.s.schedule(e, time.Now()) // it is still ours to bring to its place
	}
}

// lockWith locks e and the visible entry that has the target's name, if that is another. Smaller keys are locked first.
func (e *Entry) lockWith(t Target) *Entry {
	for {
		other := e.s.Find(t.Parent.ID, t.Name)
		if other == e {
			other = nil
		}
		switch {
		case other == nil:
			e.step.Lock()
		case e.key < other.key:
			e.step.Lock()
			other.step.Lock()
		default:
			other.step.Lock()
			e.step.Lock()
		}
		if now := e.s.Find(t.Parent.ID, t.Name); now == other || now == e && other == nil {
			return other
		}
		e.step.Unlock()
		if other != nil {
			other.step.Unlock()
		}
	}
}

// leaves tells what Frame.io has confirmed of an entry that is about to be renamed over by another as t: the other becomes a
// version of it. With step held.
func (e *Entry) leaves(t Target) *own {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.becomes(&e.rec)
	if o == nil || !t.Replaces.IsZero() && t.Replaces != e.rec.Target.Replaces && t.Replaces != o.Ref && t.Replaces != o.File && t.Replaces != o.Over {
		return nil
	}
	return o
}

// remains is what a discarded entry leaves on Frame.io to be deleted; with step held.
func (e *Entry) remains(asset remote.Ref, p *placed) orphan {
	switch {
	case p == nil:
		return orphanOf(e.key, asset, e.intent)
	case p.Same, p.Item.ID != p.File.ID && !p.alone(&e.rec):
		return orphan{Key: e.key} // nothing: it was there before, or is a version of what was
	}
	return orphan{Key: e.key, Ref: p.File}
}

// bequeath gives up what leaves told, so that nobody takes it for an orphan; with step held.
func (e *Entry) bequeath() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.placed != nil { // else what is being sent is an orphan all the same
		e.asset, e.placed, e.intent = remote.Ref{}, nil, nil
	}
	e.rec.Own = nil
}

// resume sends a held or parked entry on its way, with step held.
func (e *Entry) resume(quiet time.Duration) {
	e.mu.Lock()
	p := e.placed
	e.mu.Unlock()
	if p == nil {
		e.again(quiet)
		return
	}
	// Frame.io has its bytes; only its place was refused.
	err := e.save(durable, func(r *record) { r.Reason, r.Failures = "", 0 })
	if err == nil {
		err = e.move(outbox, durable)
	}
	if err != nil {
		e.s.log.Error("cannot take the file up again", "key", e.key, "name", e.Info().Name, "err", err)
		return
	}
	e.setStage(Waiting)
	e.s.schedule(e, time.Now())
}

// SetAttr records the fields of a that are set. The quiet time begins anew, but is lengthened by at most 10 s in all.
func (e *Entry) SetAttr(a Attr) error {
	e.step.Lock()
	defer e.step.Unlock()
	e.look()
	_, stage, _ := e.get()
	if stage == Gone && !e.unlinked {
		return ErrGone
	}
	if err := e.save(lazily, func(r *record) { r.Attr = r.Attr.merge(a) }); err != nil {
		return err
	}
	e.mu.Lock()
	e.mtimeSet.Store(!e.rec.Attr.Mtime.IsZero())
	e.touched++
	e.mu.Unlock()
	e.unrest()
	return nil
}

// Discard is unlink: the entry is invisible at once and will not be sent; what is on Frame.io of it is deleted later. Open
// handles keep working on its bytes until their Release. What it replaces on Frame.io is not touched: Target tells it.
func (e *Entry) Discard() error {
	e.step.Lock()
	defer e.step.Unlock()
	if _, stage, _ := e.get(); stage == Gone {
		if e.unlinked {
			return nil
		}
		return ErrGone
	}
	e.s.hide(e)
	err := e.discard(false)
	if err != nil && !e.unlinked {
		e.remain(err)
	}
	return err
}

// remain puts the entry back where it was, because it could not be discarded: the disk has not taken the note. With step held.
func (e *Entry) remain(why error) {
	e.s.show(e)
	switch _, stage, _ := e.get(); stage {
	case Uploading, Confirming, Verifying:
		e.setStage(Waiting)
		fallthrough
	case Settling, Waiting, Settled:
		e.s.schedule(e, time.Now().Add(backoff(0, why)))
	}
}

// Supersede is Discard of an entry whose name was given to something on Frame.io, which has become the newest version of what
// there told: what Frame.io has confirmed of the entry stays below it.
func (e *Entry) Supersede() error {
	e.step.Lock()
	defer e.step.Unlock()
	if _, stage, _ := e.get(); stage == Gone {
		return nil
	}
	e.s.hide(e)
	if e.placed != nil && !e.placed.alone(&e.rec) {
		e.bequeath()
	}
	return e.discard(false)
}

// discard is Discard with step held and the entry hidden. The renaming of its folder is the turning point; recovery does the
// rest if the program dies after it. over tells that another entry takes its name.
func (e *Entry) discard(over bool) error {
	e.dehydrate()
	e.s.unschedule(e)
	rec, _, folder := e.get()
	a := e.stop()
	isYoung := e.isYoung()
	if rec.lags() { // nobody will make a version of it
		if err := e.s.orphan(orphan{Key: e.key, Ref: rec.Own.File}, nil); err != nil {
			return fmt.Errorf("note what is to be deleted on Frame.io: %w", err)
		}
	}
	switch {
	case folder == "":
	case isYoung:
		if _, err := e.s.journal.write(e, note{Key: e.key, Gone: true}); err != nil {
			return fmt.Errorf("discard %s: %w", rec.Target.Name, err)
		}
		e.s.did("discard")
	default:
		dir := e.s.path(folder, e.key)
		if err := os.Rename(dir, dir+".gone"); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("discard %s: %w", rec.Target.Name, err)
		}
		e.s.did("discard")
	}
	e.unlinked = true
	e.mu.Lock()
	asset, p := e.asset, e.placed
	e.folder = ""
	e.mu.Unlock()
	e.shut()
	if e.open() && !e.given {
		e.gate.RLock()
		ours := e.data != nil
		e.gate.RUnlock()
		if ours {
			e.unseal()
		}
	}
	e.setStage(Gone)
	e.s.log.Debug("file is discarded", "key", e.key, "name", rec.Target.Name)
	if folder == "" {
		return nil
	}
	if err := e.s.orphan(e.remains(asset, p), a); err != nil {
		return fmt.Errorf("note what is to be deleted on Frame.io: %w", err)
	}
	if isYoung {
		return e.bury(over)
	}
	if err := os.RemoveAll(e.s.path(folder, e.key) + ".gone"); err != nil {
		return err
	}
	e.s.did("remove discarded")
	e.s.later(e) // brings the folders to the disk
	return nil
}
