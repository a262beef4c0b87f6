package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// folders are the stages in the order in which recovery reads them. An entry can lie in uploaded/ and in another one, if it
// was modified while the rest of the program was told: the other is the newer.
var folders = []string{drafts, outbox, held, parked, uploaded, orphans}

// recover takes up everything that lies in the state folder. Nothing is ever deleted but what was never acknowledged, what
// was discarded, and what Frame.io has.
func (s *Spool) recover() error {
	var found []*Entry
	for _, folder := range folders[:5] {
		list, err := os.ReadDir(filepath.Join(s.cfg.Dir, folder))
		if err != nil {
			return err
		}
		for _, d := range list {
			e, err := s.recoverOne(folder, d.Name())
			if err != nil {
				return fmt.Errorf("recover %s/%s: %w", folder, d.Name(), err)
			}
			if e != nil {
				found = append(found, e)
			}
		}
	}
	most, err := s.recoverYoung()
	if err != nil {
		return err
	}
	found = append(found, most...)
	if err := s.recoverOrphans(); err != nil {
		return err
	}
	if err := s.recoverAwaited(); err != nil {
		return err
	}
	s.rehome(found)
	slices.SortFunc(found, func(a, b *Entry) int { return a.rec.Closed.Compare(b.rec.Closed) })
	for _, e := range found {
		if old := s.byKey[e.rec.Supersedes]; old != nil && old.place == (place{e.rec.Target.Parent.ID, e.rec.Target.Name}) {
			if err := old.Discard(); err != nil {
				return err
			}
		}
	}
	for _, e := range found {
		if err := e.finishSwap(); err != nil {
			return err
		}
	}
	for _, e := range found {
		s.reindex(e)
	}
	for name, o := range s.orphans {
		if s.Claimed(o.Ref.ID) { // the program died between the note and what it was about: the entry goes on
			s.unorphan(name)
		}
	}
	return nil
}

// recoverOne takes up one folder; nil if it holds no entry any more.
func (s *Spool) recoverOne(folder, name string) (*Entry, error) {
	dir := filepath.Join(s.cfg.Dir, folder, name)
	stem, suffix, _ := strings.Cut(name, ".")
	key := Key(stem)
	switch {
	case !key.Valid():
		s.log.Warn("a name that is not the spool's lies in its folder; it is left alone", "path", dir)
		return nil, nil
	case suffix == "new", suffix == "done":
		return nil, os.RemoveAll(dir)
	case suffix == "gone":
		return nil, s.recoverGone(dir, key)
	case suffix != "":
		return nil, nil
	case s.byKey[key] != nil && folder == uploaded:
		return nil, os.RemoveAll(dir) // the other one replaces it
	case s.byKey[key] != nil && s.byKey[key].in() == folder:
		return nil, nil // it has come here just now
	case s.byKey[key] != nil:
		s.log.Error("two entries have one key; this one is left alone", "path", dir)
		return nil, nil
	}
	e, err := s.read(folder, key)
	if err != nil {
		return nil, err
	}
	if e.rec.Clone {
		s.clones.Add(1)
	}
	s.mu.Lock()
	s.byKey[key] = e
	s.lay(e)
	s.mu.Unlock()
	e.step.Lock()
	defer e.step.Unlock()
	return e, e.recover()
}

// recoverGone finishes a Discard.
func (s *Spool) recoverGone(dir string, key Key) error {
	e := s.newEntry(key, record{})
	e.readUpload(in(dir))
	if err := s.orphan(e.remains(e.asset, e.placed), nil); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// read makes up an entry from its folder. A record that cannot be read costs the name at most.
func (s *Spool) read(folder string, key Key) (*Entry, error) {
	dir := s.path(folder, key)
	rec, bad := load(dir, key)
	e := s.newEntry(key, rec)
	e.folder = folder
	if _, err := os.Lstat(filepath.Join(dir, previousName)); err == nil {
		e.frail, e.previous = true, true
	}
	if folder != drafts && folder != held {
		e.readUpload(in(dir))
	}
	st, err := os.Stat(filepath.Join(dir, dataName))
	switch {
	case err == nil:
		e.size.Store(st.Size())
		e.modified.Store(st.ModTime().UnixNano())
		e.given = rec.Shared && shared(st)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case e.placed == nil && bad == nil:
		bad = errors.New("its bytes are not there")
		e.size.Store(rec.Size)
	case e.placed != nil:
		e.size.Store(e.placed.Item.Size)
	}
	if bad == nil && rec.Format == formatPartial {
		var b *blocks
		if b, bad = loadBlocks(dir, e.Size(), &e.lacks); bad == nil {
			b.close()
		}
	}
	if rec.Base != nil && !rec.Closed.IsZero() {
		e.modified.Store(rec.Modified.UnixNano()) // data's may be when something was fetched
	}
	if bad == nil {
		return e, nil
	}
	s.log.Error("an entry of the spool is damaged", "path", dir, "err", bad)
	if e.rec.Key == "" {
		e.rec = record{Format: 1, Key: key, Target: Target{Name: "recovered-" + string(key[:8])}}
		if p := e.placed; p != nil { // Frame.io knows the name
			e.rec.Target = Target{Parent: remote.Ref{Kind: remote.Folder, ID: p.Parent, Account: p.Item.Account}, Name: p.Name}
			e.rec.Closed, e.rec.Synced, e.rec.Size = time.Now(), true, e.Size()
			return e, e.rec.store(dir, durable, false)
		}
		if in := e.intent; in != nil { // so does the call that was to create it; what it was to replace is lost
			e.rec.Target = Target{Parent: in.Parent, Name: in.Name}
		}
		if err := os.Rename(filepath.Join(dir, recordName), filepath.Join(dir, recordName+".bad")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	e.rec.Reason = fmt.Sprintf("the spool's note about it is damaged (%v); what is left of it is in %s: copy it to where it belongs, or retry it if it has its name and is complete", bad, s.path(parked, key))
	if err := e.rec.store(dir, durable, false); err != nil {
		return nil, err
	}
	return e, e.move(parked, durable)
}

// in reads the files of an entry's folder.
func in(dir string) func(name string, v any) error {
	return func(name string, v any) error { return readJSON(filepath.Join(dir, name), v) }
}

// readUpload reads how far an upload has come; with what cannot be read the upload begins again.
func (e *Entry) readUpload(read func(name string, v any) error) {
	var up remote.Upload
	if read(uploadName, &up) == nil {
		e.asset = up.File.Ref
	}
	in := new(intent)
	if read(creatingName, in) == nil && in.Name != "" {
		e.intent = in
	}
	p := new(placed)
	if read(itemName, p) == nil && p.File.ID != "" {
		e.placed = p
	}
}

// recover finds the stage of an entry, with step held.
func (e *Entry) recover() error {
	rec, _, folder := e.get()
	open := rec.Closed.IsZero()
	switch {
	case folder == held && open && rec.Hold != "" && !rec.Hold.quiet():
		e.setStage(Held)
		e.catchUp()
		return nil
	case rec.Hold == holdCancelled && folder != held && !open: // the program died while it was cancelled
		e.setStage(Held)
		return e.keep(nil)
	case folder == parked && (rec.Reason != "" || !open):
		e.setStage(Parked)
		if e.placed == nil {
			return e.dropUpload(nil, leftover)
		}
		return nil
	case open && folder != drafts, // the program died while it was taken up for a modification
		folder == held && rec.Hold == "": // what says why did not come to the disk, its move to held/ did
		if err := e.toDrafts(nil); err != nil {
			return err
		}
	case folder == uploaded && e.placed != nil:
		e.setStage(Settled)
		e.s.schedule(e, time.Now())
		return nil
	case folder == uploaded || folder == outbox:
		if err := e.move(outbox, durable); err != nil {
			return err
		}
		e.setStage(Waiting)
		e.s.schedule(e, time.Now())
		return nil
	case folder == held:
		stays := !rec.Hold.quiet() || rec.Hold == holdName && e.s.cfg.Local(rec.Target.Name) || rec.Hold == holdEmpty && e.Size() == 0
		if !stays {
			e.resume(0)
			return nil
		}
		e.setStage(Held)
		e.catchUp()
		return nil
	}
	switch {
	case open && e.Size() == 0:
		e.hold(holdEmpty)
	case open:
		e.hold(holdInterrupted)
	case rec.Past && (rec.Size != e.Size() || rec.Modified.UnixNano() != e.modified.Load()):
		e.hold(holdInterrupted)
	case !rec.Synced && rec.Boot != e.s.boot, rec.Size != e.Size():
		e.hold(holdPower)
	default:
		e.mu.Lock()
		e.rec.Past = false // nobody is left to write
		e.mu.Unlock()
		e.settle(0)
	}
	return nil
}

// recoverOrphans reads what is to be deleted on Frame.io.
func (s *Spool) recoverOrphans() error {
	list, err := os.ReadDir(filepath.Join(s.cfg.Dir, orphans))
	if err != nil {
		return err
	}
	for _, d := range list {
		path := filepath.Join(s.cfg.Dir, orphans, d.Name())
		o := new(orphan)
		switch {
		case strings.HasSuffix(d.Name(), ".tmp"):
			if err := removeFile(path); err != nil {
				return err
			}
		case readJSON(path, o) != nil || o.name() != d.Name():
			s.log.Warn("a note about an unfinished upload cannot be read; it is left alone", "path", path)
		default:
			s.orphans[o.name()] = o
			s.doom(o.Ref.ID)
		}
	}
	return nil
}
