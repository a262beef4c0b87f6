package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/frameiofs/frameiofs/remote"
)

// newFile is the call that the intent announces. again tells that it may have been carried out once: then Frame.io's client
// deletes the placeholder of that time first. Clocks differ: a minute is allowed for ours being ahead.
func (in *intent) newFile(again bool) remote.NewFile {
	f := remote.NewFile{Parent: in.Parent, Name: in.Name, Size: in.Size, MediaType: in.MediaType, Mtime: in.Mtime}
	if again {
		f.Since = in.Began.Add(-time.Minute)
	}
	return f
}

// send brings all bytes to Frame.io and waits until it has confirmed them; at once if that is done.
func (a *attempt) send() error {
	e := a.e
	e.mu.Lock()
	p := e.placed
	e.mu.Unlock()
	if p != nil {
		return nil
	}
	fresh, err := a.prepare()
	if err != nil {
		return err
	}
	if err := a.parts(fresh); err != nil {
		return err
	}
	it, err := a.confirm()
	if err != nil {
		return err
	}
	return a.step(func() error {
		a.mu.Lock()
		file := a.up.File
		a.mu.Unlock()
		p := &placed{File: file.Ref, Item: it, Parent: file.Parent, Name: file.Name}
		if err := writeJSON(e.dir(), itemName, p, durable); err != nil {
			return err
		}
		e.s.did("item")
		e.mu.Lock()
		e.placed = p
		e.mu.Unlock()
		e.s.reindex(e)
		return nil
	})
}

// prepare takes up the upload that was begun, or begins one. fresh tells that its URLs have just been made.
func (a *attempt) prepare() (fresh bool, err error) {
	var up remote.Upload
	err = a.step(func() error {
		rec, _, _ := a.e.get()
		if err := a.sealed(rec); err != nil {
			return err
		}
		if err := readJSON(a.path(uploadName), &up); err != nil {
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
		return parkError(errBytesChanged.Error() + "; look at " + a.path(dataName) + ", then retry")
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

// create makes the placeholder. The intent is on the disk before the call, the answer before the first PUT.
func (a *attempt) create() (remote.Upload, error) {
	e := a.e
	var in intent
	again := false
	err := a.step(func() error {
		if again = e.intent != nil; !again {
			rec, _, _ := e.get()
			e.intent = &intent{
				Parent: rec.Target.Parent, Name: rec.Target.Name, Size: e.Size(), MediaType: mediaType(rec.Target.Name),
				Mtime: e.Attr().Mtime, Began: time.Now(),
			}
			if err := writeJSON(e.dir(), creatingName, e.intent, durable); err != nil {
				e.intent = nil
				return err
			}
			e.s.did("creating")
		}
		in = *e.intent
		a.creating = true
		return nil
	})
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
		if judge(err) == final { // Frame.io has said no: nothing was made
			rec, _, _ := e.get()
			if rec.Target.Parent != in.Parent || rec.Target.Name != in.Name {
				err = &failure{why: "it was renamed meanwhile", left: nothing}
			}
			e.intent = nil
			if rerr := removeFile(a.path(creatingName)); rerr != nil {
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
	if err := writeJSON(e.dir(), uploadName, up, durable); err != nil {
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

// givenUp is CreateFile's answer after the attempt was given up, with step held.
func (a *attempt) givenUp(up remote.Upload, err error) {
	s := a.e.s
	switch {
	case err == nil:
		if oerr := s.orphan(orphan{Key: a.e.key, Ref: up.File.Ref}, nil); oerr != nil {
			s.log.Error("cannot note a placeholder that is left on Frame.io; delete it there", "id", up.File.ID, "err", oerr)
		}
	case judge(err) != final: // nobody knows; it is looked for
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
		done, err = readParts(a.path(partsName), up)
		return err
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.up, a.done, a.nDone = up, done, 0
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

// parts sends what is not yet done, in the order of the URLs, several at once.
func (a *attempt) parts(fresh bool) error {
	a.mu.Lock()
	up, done := a.up, append([]bool(nil), a.done...)
	a.mu.Unlock()
	var log *os.File
	err := a.step(func() (err error) {
		log, err = os.OpenFile(a.path(partsName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	defer log.Close()
	g, ctx := errgroup.WithContext(a.ctx)
	mine := semaphore.NewWeighted(int64(a.e.s.cfg.Parts))
	for i, part := range up.Parts {
		if done[i] {
			continue
		}
		if !fresh && !part.Expires.IsZero() && time.Now().After(part.Expires) {
			g.Go(func() error { return fmt.Errorf("part %d: %w", part.Number, remote.ErrExpired) })
			break
		}
		if mine.Acquire(ctx, 1) != nil {
			break
		}
		if a.e.s.puts.Acquire(ctx, 1) != nil {
			mine.Release(1)
			break
		}
		g.Go(func() error {
			defer mine.Release(1)
			defer a.e.s.puts.Release(1)
			return a.put(ctx, i, part, log)
		})
	}
	err = g.Wait()
	switch {
	case a.ctx.Err() != nil:
		return errRevoked
	case err != nil && judge(err) == expired:
		return &failure{why: err.Error(), counted: fresh, left: leftover}
	case err != nil:
		return err
	}
	return a.step(func() error {
		rec, _, _ := a.e.get()
		return a.sealed(rec)
	})
}

// partTries is how often one part is tried before the whole attempt waits for its next turn.
const partTries = 8

// put sends one part until it is done. Other parts go on meanwhile.
func (a *attempt) put(ctx context.Context, i int, part remote.Part, log *os.File) error {
	r := &partReader{g: &a.guard, off: part.Off}
	a.mu.Lock()
	a.flight[i] = r
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.flight, i)
		a.mu.Unlock()
	}()
	for n := 1; ; n++ {
		err := a.e.s.cfg.Remote.PutPart(ctx, part, r)
		if err == nil {
			break
		}
		if ctx.Err() != nil || judge(err) != passing || n >= partTries {
			return err
		}
		r.at.Store(0)
		if err := a.pause(ctx, err, n); err != nil {
			return err
		}
	}
	return a.step(func() error {
		if err := logPart(log, a.e.asset.ID, part.Number); err != nil {
			return fmt.Errorf("note part %d: %w", part.Number, err)
		}
		a.e.s.did("part")
		a.mu.Lock()
		a.done[i] = true
		a.nDone++
		delete(a.flight, i)
		a.mu.Unlock()
		a.sent.Add(part.Size)
		a.e.untroubled()
		return nil
	})
}

// partReader is a part's view of the guard. It knows how far reading has come, also when a try begins anew.
type partReader struct {
	g   *guard
	off int64
	at  atomic.Int64 // bytes of the part
}

func (r *partReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.g.ReadAt(p, off)
	r.at.Store(max(0, off+int64(n)-r.off))
	return n, err
}
