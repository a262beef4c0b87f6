package spool

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

func (s *Spool) newEntry(k Key, rec record) *Entry {
	e := &Entry{s: s, key: k, rec: rec, writers: make(map[*Handle]struct{})}
	e.modified.Store(rec.Modified.UnixNano())
	e.mtimeSet.Store(!rec.Attr.Mtime.IsZero())
	if !rec.First.IsZero() {
		e.first.Store(rec.First.UnixNano())
	}
	return e
}

// Create begins a new, empty file. A visible entry of that name: io/fs.ErrExist.
func (s *Spool) Create(t Target, a Attr) (*Entry, error) { return s.enter(t, a, "", nil, nil) }

// Change begins a change of the asset t.Replaces, whose inode has the key k ("": draw one). The entry is clean, and its bytes
// are those of was, until the first modification; unmodified it vanishes at the release of its last writer. emptied means that
// the old bytes do not matter (O_TRUNC): the entry is empty and counts as modified. Open it at once, or Truncate or Discard
// it: Config.Base's is closed with the last handle. A visible entry of that name or key: io/fs.ErrExist.
func (s *Spool) Change(t Target, a Attr, k Key, was remote.Item, emptied bool) (*Entry, error) {
	if t.Replaces.IsZero() {
		return nil, errors.New("spool: a change needs the asset that it replaces")
	}
	if k != "" && !k.Valid() {
		return nil, fmt.Errorf("spool: %q is no key", k)
	}
	if emptied {
		return s.enter(t, a, k, &was, nil)
	}
	if s.cfg.Base == nil {
		return nil, errors.New("spool: a change needs Config.Base")
	}
	base := s.cfg.Base(was)
	e, err := s.enter(t, a, k, &was, base)
	if err != nil {
		base.Close()
	}
	return e, err
}

func (s *Spool) enter(t Target, a Attr, k Key, was *remote.Item, base Base) (*Entry, error) {
	if t.Name == "" || !t.Parent.IsFolder() {
		return nil, fmt.Errorf("spool: create %q in a %s: no place for a file", t.Name, t.Parent.Kind)
	}
	var bytes *os.File
	if k == "" && base == nil {
		bytes, k = s.fromStock()
	}
	if k == "" {
		k = NewKey()
	}
	now := time.Now()
	e := s.newEntry(k, record{Format: formatWhole, Key: k, Target: t, Attr: a, Modified: now, Boot: s.boot, Base: was})
	e.step.Lock()
	defer e.step.Unlock()
	if base != nil {
		e.stage, e.base = Clean, base
		e.size.Store(base.Size())
	} else {
		e.stage = Writing
	}
	if err := s.insert(e); err != nil {
		s.unstock(bytes, k)
		return nil, err
	}
	if base != nil {
		return e, nil
	}
	if err := e.make(bytes); err != nil {
		e.vanish()
		return nil, fmt.Errorf("create %s in the spool: %w", t.Name, err)
	}
	if !t.Replaces.IsZero() {
		e.mods.Store(1) // emptied, which is a modification
	}
	return e, nil
}

// make gives a new entry its bytes, with step held: a file that was made ahead, or nil.
func (e *Entry) make(bytes *os.File) error {
	if err := e.s.space.take(1); err != nil {
		e.s.unstock(bytes, e.key)
		return err
	}
	if err := e.beYoung(bytes); err != nil {
		return err
	}
	e.s.did("create")
	e.s.soon()
	return nil
}
