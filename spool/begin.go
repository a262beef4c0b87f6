package spool

import (
	"errors"
	"fmt"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// prepare takes up the upload that was begun, or begins one. fresh tells that its URLs have just been made.
func (a *attempt) prepare() (fresh bool, err error) {
	var up remote.Upload
	err = a.step(func() error {
		rec, _, _ := a.e.get()
		if err := a.sealed(rec); err != nil {
			return err
		}
		if err := a.e.read(uploadName, &up); err != nil {
			return nil // none yet, or one that cannot be read: then creating is still there and tells what to look for
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	if why := unfit(up, a.e.Size()); why == nil {
		return false, a.adopt(up)
	}
	up, err = a.create()
	if err != nil {
		return false, err
	}
	if why := unfit(up, a.e.Size()); why != nil {
		return false, &failure{why: why.Error(), counted: true, left: leftover}
	}
	return true, a.adopt(up)
}

// sealed makes sure that the bytes are those that were closed.
func (a *attempt) sealed(rec record) error {
	a.guard.mu.RLock()
	defer a.guard.mu.RUnlock()
	if a.guard.f == nil {
		return errRevoked
	}
	st, err := a.guard.f.Stat()
	if err != nil {
		return err
	}
	if st.Size() != rec.Size || !rec.SealTime.IsZero() && !st.ModTime().Equal(rec.SealTime) {
		if a.e.passed() {
			return errWrittenPast
		}
		return parkError(errBytesChanged.Error() + "; look at " + a.e.dataPath() + ", then retry")
	}
	return nil
}

// unfit tells why an upload cannot be used: its parts must be exactly the file.
func unfit(up remote.Upload, size int64) error {
	if up.File.ID == "" {
		return errors.New("there is no upload")
	}
	off := int64(0)
	for i, p := range up.Parts {
		if p.Off != off || p.Size <= 0 || p.Size > size-off {
			return fmt.Errorf("part %d of %d does not follow the one before", i+1, len(up.Parts))
		}
		off += p.Size
	}
	if off != size {
		return fmt.Errorf("the upload URLs are for %d bytes, the file has %d", off, size)
	}
	return nil
}

// intend notes that a file is about to be created, or a copy asked for of what is at from. again: it may have been before, and that is
// what is answered.
func (a *attempt) intend(from *origin) (in intent, again bool, err error) {
	e := a.e
	err = a.step(func() error {
		if again = e.intent != nil; !again {
			rec, _, _ := e.get()
			if rec.Target.Parent.ID.Pending() {
				return errNoFolder
			}
			e.intent = &intent{
				Parent: rec.Target.Parent, Name: rec.Target.Name, Size: e.Size(), Mtime: e.Attr().Mtime, Began: time.Now(), Origin: from,
			}
			if from == nil { // Frame.io knows a copy's
				e.intent.MediaType = mediaType(rec.Target.Name)
			}
			if err := e.put(creatingName, e.intent); err != nil {
				e.intent = nil
				return err
			}
			e.s.did("creating")
		}
		in = *e.intent
		a.creating = true
		return nil
	})
	return in, again, err
}

// create makes the placeholder. The intent is on the disk before the call, the answer before the first PUT.
func (a *attempt) create() (remote.Upload, error) {
	e := a.e
	in, again, err := a.intend(nil)
	if err != nil {
		return remote.Upload{}, err
	}
	// Not a.ctx: if the file is modified now, the answer still tells what to delete. Nobody waits for it then.
	up, err := e.s.cfg.Remote.CreateFile(a.run, in.newFile(again))
	e.step.Lock()
	defer e.step.Unlock()
	a.creating = false
	if e.attempt != a {
		a.givenUp(up, err)
		return remote.Upload{}, errRevoked
	}
	if err != nil {
		if judge(err) == remote.Final { // Frame.io has said no: nothing was made, this time
			rec, _, _ := e.get()
			if rec.Target.Parent != in.Parent || rec.Target.Name != in.Name {
				err = &failure{why: "it was renamed meanwhile", left: nothing}
			}
			if rerr := e.forgo(in, again); rerr != nil {
				return remote.Upload{}, rerr
			}
			if rerr := e.drop(creatingName); rerr != nil {
				return remote.Upload{}, rerr
			}
			e.s.did("remove creating")
		}
		return remote.Upload{}, fmt.Errorf("create %s: %w", in.Name, err)
	}
	if up.File.Name == "" || up.File.Parent == "" {
		up.File.Name, up.File.Parent = in.Name, in.Parent.ID
	}
	if up.File.ID == "" {
		return remote.Upload{}, fmt.Errorf("create %s: the answer has no id", in.Name)
	}
	// What was asked for counts, not what Frame.io made of it: see placed.
	up.File.Name, up.File.Parent = in.Name, in.Parent.ID
	if err := e.put(uploadName, up); err != nil {
		return remote.Upload{}, errors.Join(err, e.s.orphan(orphan{Key: e.key, Ref: up.File.Ref}, nil))
	}
	e.s.did("upload")
	e.mu.Lock()
	e.asset = up.File.Ref
	e.mu.Unlock()
	e.untroubled()
	e.s.reindex(e)
	e.s.log.Info("upload begins", "key", e.key, "name", in.Name, "asset", up.File.ID, "parts", len(up.Parts))
	return up, nil
}

// forgo notes that what was intended is not done, with step held. again tells that it may have been, before Frame.io refused it: then it is
// looked for.
func (e *Entry) forgo(in intent, again bool) error {
	if again {
		if err := e.s.orphan(orphan{Key: e.key, Lost: &in}, nil); err != nil {
			return err
		}
	}
	e.intent = nil
	return nil
}

// givenUp is CreateFile's answer after the attempt was given up, with step held.
func (a *attempt) givenUp(up remote.Upload, err error) {
	s := a.e.s
	switch {
	case err == nil:
		if oerr := s.orphan(orphan{Key: a.e.key, Ref: up.File.Ref}, nil); oerr != nil {
			s.log.Error("cannot note a placeholder that is left on Frame.io; delete it there", "id", up.File.ID, "err", oerr)
		}
	case judge(err) != remote.Final: // nobody knows; it is looked for
		s.mu.Lock()
		if o := s.orphans[a.lost]; o != nil {
			o.busy, o.after = false, time.Now().Add(lostDelay)
		}
		s.mu.Unlock()
		s.wakeOrphans()
		return
	}
	if a.lost != "" {
		s.unorphan(a.lost)
	}
}

// adopt makes up the attempt's upload, with the parts that are done already.
func (a *attempt) adopt(up remote.Upload) error {
	var done []bool
	err := a.step(func() (err error) {
		if a.e.isYoung() { // it has one part
			done = make([]bool, len(up.Parts))
			return nil
		}
		done, err = readParts(a.path(partsName), up)
		return err
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.up, a.done, a.nDone, a.nMatched = up, done, 0, 0
	sent := int64(0)
	for i, ok := range done {
		if ok {
			a.nDone++
			sent += up.Parts[i].Size
		}
	}
	a.sent.Store(sent)
	return nil
}
