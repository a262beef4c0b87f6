package spool

import "time"

// XAttrs are the file's extended attributes, to be read only.
func (e *Entry) XAttrs() map[string][]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rec.Attr.XAttr
}

// ChangeXAttrs records what f makes of the file's extended attributes, and when. They are f's to read and not to change; an error of f's
// changes nothing and is returned. It counts as SetAttr does, and answers ErrGone when that would.
func (e *Entry) ChangeXAttrs(f func(map[string][]byte) (map[string][]byte, error)) error {
	e.step.Lock()
	defer e.step.Unlock()
	rec, stage, _ := e.get()
	if stage == Gone && !e.unlinked {
		return ErrGone
	}
	now, err := f(rec.Attr.XAttr)
	if err != nil {
		return err
	}
	if err := e.save(lazily, func(r *record) { r.Attr.XAttr, r.Attr.Ctime = now, time.Now() }); err != nil {
		return err
	}
	e.mu.Lock()
	e.touched++
	e.mu.Unlock()
	e.unrest()
	return nil
}
