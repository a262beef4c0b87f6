package spool

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Folders that were made on this machine have an id of Frame.io's only some time later (remote.PendingID). What is written into
// them waits until then; in memory and on the disk its target names the one id and then the other.

// errNoFolder is why an entry does not go on: the folder that it belongs in is not on Frame.io yet. Adopted sends it on its way.
var errNoFolder = errors.New("its folder is not on Frame.io yet")

// AdoptFolder says that the folder with the pending id here is on Frame.io as is. Entries in it belong there from now on, and those
// that waited for it are sent. It may be called again.
func (s *Spool) AdoptFolder(here remote.ID, is remote.Ref) {
	if !here.Pending() || is.ID.Pending() {
		return
	}
	s.mu.Lock()
	s.real[here] = is
	var moved []*Entry
	for e := range s.folders[here] {
		moved = append(moved, e)
	}
	for _, e := range moved {
		s.lift(e)
		s.lay(e)
	}
	s.mu.Unlock()
	for _, e := range moved {
		e.step.Lock()
		e.adopted()
		e.step.Unlock()
	}
	s.broadcast()
}

// adopted brings the new folder to the disk, and sends what waited for it; with step held.
func (e *Entry) adopted() {
	rec, stage, folder := e.get()
	if folder != "" && stage != Gone {
		// The id that was made here is known for long, but not for ever.
		if err := e.save(lazily, func(*record) {}); err != nil {
			e.s.log.Warn("cannot note the folder that a file belongs in; it will be found at the next start", "key", e.key, "name", rec.Target.Name, "err", err)
		}
	}
	if (stage == Waiting || stage == Settled) && e.attempt == nil {
		e.s.schedule(e, time.Now())
	}
	e.catchUp()
}

// folder is the id under which a folder is known now, with mu held.
func (s *Spool) folder(id remote.ID) remote.ID {
	if is, ok := s.real[id]; ok {
		return is.ID
	}
	return id
}

// homeless reports whether the entry belongs in a folder that is not on Frame.io yet.
func (e *Entry) homeless() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rec.Target.Parent.ID.Pending()
}

// turnAt is when an entry that waits may be sent.
func (e *Entry) turnAt() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := time.Now(); e.nextTry.Before(now) {
		return now
	}
	return e.nextTry
}

// FolderRenamed says that a folder which is not on Frame.io yet has another name: those who wait look whether what is in it leaves now.
func (s *Spool) FolderRenamed() { s.broadcast() }

// rehome gives entries that were found on the disk the folders that have come to Frame.io since they were written.
func (s *Spool) rehome(found []*Entry) {
	if s.cfg.Names == nil {
		return
	}
	for _, e := range found {
		here := e.Target().Parent
		if !here.ID.Pending() {
			continue
		}
		if is, ok := s.cfg.Names.Real(here); ok {
			s.AdoptFolder(here.ID, is)
		} else if s.cfg.Names.Void(here) {
			e.lostFolder()
		}
	}
}

// lostFolder sees to an entry whose folder will never be: power went before the disk had heard of the folder, or a person gave it up.
func (e *Entry) lostFolder() {
	e.step.Lock()
	defer e.step.Unlock()
	_, stage, _ := e.get()
	switch {
	case stage == Parked || stage == Gone:
	case e.Size() == 0:
		e.s.hide(e)
		if err := e.discard(false); err != nil {
			e.s.log.Error("cannot remove an empty file whose folder is not there any more", "key", e.key, "err", err)
		}
	default:
		if err := e.dropUpload(nil, leftover); err != nil {
			e.s.log.Error("cannot forget an upload", "key", e.key, "err", err)
		}
		e.park(parkError(fmt.Sprintf("the folder that it was made in is not there any more (power was lost just after that was made, or it was given up): its bytes are %s: copy them to where they belong",
			filepath.Join(e.s.path(parked, e.key), dataName))))
	}
}
