package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/frameiofs/frameiofs/spool/platter"
)

// What a young entry does instead of what others do in their folder. All of it with step held.

// youngPath is where the bytes of a young entry are.
func (s *Spool) youngPath(k Key) string { return filepath.Join(s.cfg.Dir, young, string(k)) }

// isYoung reports whether the entry has no folder of its own.
func (e *Entry) isYoung() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.young
}

// dataPath is where the entry's bytes are.
func (e *Entry) dataPath() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.young {
		return e.s.youngPath(e.key)
	}
	return filepath.Join(e.s.path(e.folder, e.key), dataName)
}

// newYoung makes a file for the bytes of a young entry.
func (s *Spool) newYoung(k Key) (*os.File, error) {
	return os.OpenFile(s.youngPath(k), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// beYoung gives a new entry its bytes, in f if that was made ahead, and its first record.
func (e *Entry) beYoung(f *os.File) (err error) {
	if f == nil {
		if f, err = e.s.newYoung(e.key); err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.young, e.folder = true, drafts
	rec := e.rec
	e.mu.Unlock()
	if err := e.noteRecord(&rec, drafts); err != nil {
		f.Close()
		os.Remove(e.s.youngPath(e.key))
		e.mu.Lock()
		e.young, e.folder = false, ""
		e.mu.Unlock()
		return err
	}
	e.gate.Lock()
	e.data, e.writable = f, true
	e.gate.Unlock()
	return nil
}

// noteRecord writes the record of a young entry, and where it lies if that is not "".
func (e *Entry) noteRecord(rec *record, in string) error {
	b, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	line, err := e.s.journal.write(e, note{Key: e.key, In: in, File: recordName, Is: b})
	if err != nil {
		return err
	}
	e.line = line
	return nil
}

// put writes one of the files beside the bytes. It is durable, but for a young entry only where that matters: what CreateFile was
// asked and what it answered; what follows from these, Frame.io tells again.
func (e *Entry) put(name string, v any) error {
	if !e.isYoung() {
		return writeJSON(e.dir(), name, v, durable)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line, err := e.s.journal.write(e, note{Key: e.key, File: name, Is: b})
	e.s.soon()
	if err == nil && (name == creatingName || name == uploadName) {
		err = e.s.journal.barrier(line)
	}
	return err
}

// read reads what put wrote.
func (e *Entry) read(name string, v any) error {
	if !e.isYoung() {
		return readJSON(filepath.Join(e.dir(), name), v)
	}
	return e.s.journal.look(e.key).read(name, v)
}

func (y *youngFolder) read(name string, v any) error {
	if y == nil || len(y.files[name]) == 0 {
		return fs.ErrNotExist
	}
	return json.Unmarshal(y.files[name], v)
}

// drop removes what put wrote, if it is there.
func (e *Entry) drop(name string) error {
	if !e.isYoung() {
		return removeFile(filepath.Join(e.dir(), name))
	}
	if y := e.s.journal.look(e.key); y == nil || len(y.files[name]) == 0 {
		return nil
	}
	_, err := e.s.journal.write(e, note{Key: e.key, File: name})
	e.s.soon()
	return err
}

// saveYoung is save.
func (e *Entry) saveYoung(rec, old *record, safe bool) error {
	err := e.noteRecord(rec, "")
	if err == nil && safe {
		err = e.s.journal.barrier(e.line)
	}
	if err != nil {
		e.mu.Lock()
		e.rec = *old
		e.mu.Unlock()
		return fmt.Errorf("write entry: %w", err)
	}
	e.s.did("save")
	e.lazy = !safe
	if !safe {
		e.s.soon()
	}
	return nil
}

// moveYoung is move. What may lie there for long, for a person to look at, and what is large get folders of their own. Only of what is
// settled the next one to see it, Config.Settled, may take the bytes away, so all that was known before has to be on the disk.
func (e *Entry) moveYoung(to string) error {
	if to == parked || to == outbox && (!e.small() || e.s.cfg.testOnlyFolders) {
		return e.grow(to)
	}
	line, err := e.s.journal.write(e, note{Key: e.key, In: to})
	if err == nil && to == uploaded {
		err = e.s.journal.barrier(line)
	}
	if err != nil {
		return fmt.Errorf("move entry to %s: %w", to, err)
	}
	e.mu.Lock()
	e.folder = to
	e.mu.Unlock()
	e.s.did("move to " + to)
	e.s.soon()
	return nil
}

// grow gives a young entry a folder of its own among those of a stage, durably.
func (e *Entry) grow(to string) error {
	rec, _, _ := e.get()
	y := e.s.journal.look(e.key)
	dir := e.s.path(to, e.key)
	tmp := dir + ".new"
	err := os.RemoveAll(tmp)
	if err == nil {
		err = os.Mkdir(tmp, 0o700)
	}
	if err == nil {
		err = os.Link(e.s.youngPath(e.key), filepath.Join(tmp, dataName))
	}
	for _, name := range []string{creatingName, uploadName, itemName} {
		if err == nil && y != nil && len(y.files[name]) > 0 {
			err = writeFile(tmp, name, y.files[name], durable)
		}
	}
	if err == nil {
		err = rec.store(tmp, durable, false)
	}
	if err == nil {
		err = os.Rename(tmp, dir)
	}
	if err == nil {
		err = platter.SyncDir(filepath.Join(e.s.cfg.Dir, to))
	}
	if err != nil {
		os.RemoveAll(tmp)
		return fmt.Errorf("give the entry a folder in %s: %w", to, err)
	}
	e.s.did("grow")
	e.mu.Lock()
	e.young, e.folder = false, to
	e.mu.Unlock()
	e.frail, e.previous, e.lazy = false, false, false
	return e.s.forget(e.key)
}

// forget ends what the journal knows of entries.
func (s *Spool) forget(keys ...Key) error {
	s.stock.busy()
	var notes []note
	var failed error
	for _, k := range keys {
		if err := removeFile(s.youngPath(k)); err != nil { // first: bytes that no line tells of would be taken for somebody's only copy
			failed = errors.Join(failed, err)
			continue
		}
		notes = append(notes, note{Key: k, Done: true})
	}
	if len(notes) == 0 {
		return failed
	}
	s.did("remove bytes")
	_, err := s.journal.write(nil, notes...)
	s.did("forget")
	return errors.Join(failed, err)
}

// What a discarded young entry leaves goes with the next commit if it is little: to remove a file costs the disk more than all else that a
// removal is. So its room comes back a quarter of a second later, which nobody notices while there is enough.
const (
	littleBytes = 64 << 10 // bytes of one
	littleMost  = 4096     // that wait at a time
	littleRoom  = 1 << 30  // bytes that the disk has left then
)

// bury removes what is left of a discarded young entry. If another one has its name that has to be on the disk first, or a loss of
// power could leave neither.
func (e *Entry) bury(over bool) error {
	s := e.s
	s.soon()
	if over || e.Size() <= littleBytes && s.Free() > littleRoom {
		if s.leave(e.key, over) {
			return nil
		}
	}
	return s.forget(e.key)
}

// leave has what is left of a young entry go with the next commit; false if too much does already.
func (s *Spool) leave(k Key, over bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case over:
		s.remains = append(s.remains, k)
	case len(s.litter) < littleMost:
		s.litter = append(s.litter, k)
	default:
		return false
	}
	return true
}

// shut closes the bytes that beYoung has opened, if nobody came to use them.
func (e *Entry) shut() {
	e.gate.Lock()
	defer e.gate.Unlock()
	e.mu.Lock()
	unused := e.uses == 0
	e.mu.Unlock()
	if unused && e.data != nil {
		e.data.Close()
		e.data = nil
	}
}

// recoverYoung takes up what the journal knows, and whatever bytes it does not know of.
func (s *Spool) recoverYoung() (found []*Entry, err error) {
	for _, k := range s.journal.keys() {
		e, err := s.recoverYoungOne(k, s.journal.look(k))
		if err != nil {
			return nil, fmt.Errorf("recover young/%s: %w", k, err)
		}
		if e != nil {
			found = append(found, e)
		}
	}
	list, err := os.ReadDir(filepath.Join(s.cfg.Dir, young))
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if s.byKey[Key(d.Name())] != nil && s.byKey[Key(d.Name())].young {
			continue
		}
		e, err := s.recoverBytes(d)
		if err != nil {
			return nil, fmt.Errorf("recover young/%s: %w", d.Name(), err)
		}
		if e != nil {
			found = append(found, e)
		}
	}
	for _, k := range s.journal.keys() {
		if e := s.byKey[k]; e != nil && e.young {
			continue
		}
		if _, err := s.journal.write(nil, note{Key: k, Done: true}); err != nil { // last: whose bytes are still there is not done
			return nil, err
		}
	}
	return found, nil
}

// recoverYoungOne takes up one entry; nil if there is nothing of it any more.
func (s *Spool) recoverYoungOne(k Key, y *youngFolder) (*Entry, error) {
	rec := record{}
	bad := errors.Join(y.read(recordName, &rec), rec.unfit(k))
	e := s.newEntry(k, rec)
	e.young, e.folder, e.line = true, y.in, y.line
	e.readUpload(y.read)
	if e.folder == "" {
		e.folder = drafts
	}
	st, err := os.Stat(s.youngPath(k))
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		return nil, err
	case s.byKey[k] != nil: // it has a folder by now
		return nil, s.forget(k)
	case y.gone, missing && e.placed == nil:
		if !y.gone { // it was removed, or was made, within the second before power was lost
			s.log.Warn("a file that was removed or made just before power was lost is not there any more", "key", k, "name", rec.Target.Name)
		}
		err = s.orphan(e.remains(e.asset, e.placed), nil)
		return nil, errors.Join(err, s.forget(k))
	case missing:
		e.size.Store(e.placed.Item.Size)
	default:
		e.size.Store(st.Size())
		e.modified.Store(st.ModTime().UnixNano())
	}
	if bad != nil {
		return nil, nil // its bytes are found without it
	}
	e.rec.Synced = e.rec.Synced || !e.rec.Closed.IsZero() && !e.rec.Past && s.journal.vouches(e.line)
	s.mu.Lock()
	s.byKey[k] = e
	s.lay(e)
	s.mu.Unlock()
	e.step.Lock()
	defer e.step.Unlock()
	return e, e.recover()
}

// recoverBytes sees to bytes without a record: none were acknowledged if there are none, or else the journal is damaged.
func (s *Spool) recoverBytes(d fs.DirEntry) (*Entry, error) {
	k, path := Key(d.Name()), filepath.Join(s.cfg.Dir, young, d.Name())
	st, err := d.Info()
	switch {
	case err != nil:
		return nil, err
	case !k.Valid():
		s.log.Warn("a name that is not the spool's lies in its folder; it is left alone", "path", path)
		return nil, nil
	case st.Size() == 0, s.byKey[k] != nil, s.journal.isDone(k):
		return nil, os.Remove(path)
	}
	dir := s.path(parked, k)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Rename(path, filepath.Join(dir, dataName)); err != nil {
		return nil, err
	}
	return s.recoverOne(parked, string(k))
}
