package spool

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Copy makes a closed file of the bytes of an asset without moving one: a clone, which rests like any file that was closed just now. It is
// seen from the moment that it is whole. A visible entry of that name: io/fs.ErrExist; what Handle.Clone refuses: syscall.EXDEV.
func (s *Spool) Copy(ctx context.Context, t Target, a Attr, src remote.Item) (*Entry, error) {
	if src.Size <= 0 || !t.Parent.IsFolder() || t.Name == "" || s.cfg.Base == nil {
		return nil, syscall.EXDEV
	}
	k := NewKey()
	e := s.newEntry(k, record{Format: formatWhole, Key: k, Target: t, Attr: a, Modified: time.Now(), Boot: s.boot})
	e.stage = Writing
	e.step.Lock()
	err := e.make(nil)
	e.step.Unlock()
	if err != nil {
		return nil, fmt.Errorf("create %s in the spool: %w", t.Name, err)
	}
	h, err := e.Open(true)
	if err != nil {
		return nil, s.uncopy(e, err)
	}
	defer h.Release()
	if err = h.Clone(ctx, src, 0, src.Size); err == nil {
		err = e.SetAttr(a) // a modification has another time
	}
	if err == nil {
		err = h.Flush(ctx, Closing{})
	}
	if err == nil {
		err = s.insert(e)
	}
	if err != nil {
		return nil, s.uncopy(e, err)
	}
	return e, nil
}

// uncopy ends a copy that nobody has seen.
func (s *Spool) uncopy(e *Entry, err error) error {
	if derr := e.Discard(); derr != nil {
		s.log.Warn("cannot discard a copy that was not made", "key", e.key, "name", e.Info().Name, "err", derr)
	}
	return err
}

// Succeed makes a new file the next version of an asset. It answers ErrBusy, and nothing has happened, if the file is not new in that place,
// and ErrGone once it has settled or was discarded.
func (e *Entry) Succeed(parent remote.ID, name string, asset remote.Ref) error {
	e.step.Lock()
	defer e.step.Unlock()
	rec, stage, _ := e.get()
	switch {
	case stage == Gone:
		return ErrGone
	case rec.Target.Parent.ID != parent || rec.Target.Name != name || !rec.replaces().IsZero():
		return ErrBusy
	}
	if err := e.save(!e.isYoung(), func(r *record) { r.Target.Replaces = asset }); err != nil {
		return err
	}
	e.s.reindex(e)
	e.renamed(rec.Hold, stage)
	e.s.broadcast()
	return nil
}

// rebase notes what the assets that clones need have become: older versions in a stack, with which they would be deleted.
func (s *Spool) rebase(were []remote.ID, is remote.Ref) {
	if s.clones.Load() == 0 {
		return
	}
	for _, e := range s.entries() {
		if err := e.rebase(were, is); err != nil {
			s.log.Warn("cannot note what the source of a copy has become", "key", e.key, "name", e.Info().Name, "err", err)
		}
	}
}

func (e *Entry) rebase(were []remote.ID, is remote.Ref) error {
	e.step.Lock()
	defer e.step.Unlock()
	rec, stage, _ := e.get()
	if !rec.Clone || rec.Format != formatPartial || stage == Gone || rec.Base.ID == is.ID {
		return nil
	}
	for _, id := range were {
		if id == rec.Base.ID {
			base := *rec.Base
			base.Ref = is
			return e.save(lazily, func(r *record) { r.Base = &base })
		}
	}
	return nil
}
