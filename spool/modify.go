package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// errNotWritable asks for makeWritable.
var errNotWritable = errors.New("spool: not writable")

// makeWritable brings the entry to where its bytes may be changed: being written, with the disk saying so, and with nobody
// else reading them. keep is how many of the bytes that Settled has given away still matter. It does not wait for the network.
func (e *Entry) makeWritable(ctx context.Context, keep int64) error {
	for {
		e.step.Lock()
		e.gate.RLock()
		ready, have := e.writable, e.data != nil
		e.gate.RUnlock()
		copying := e.copying
		_, stage, _ := e.get()
		switch {
		case ready:
			e.step.Unlock()
			return nil
		case copying != nil: // one copies, the others wait
			e.step.Unlock()
			select {
			case <-copying:
			case <-ctx.Done():
				return ctx.Err()
			}
		case !have:
			err := e.splitOff()
			e.step.Unlock()
			return err
		case e.given:
			e.copying = make(chan struct{})
			e.step.Unlock()
			if err := e.copyOut(ctx, keep); err != nil {
				return err
			}
		case stage == Gone: // unlinked, but open: the bytes are ours until the last handle goes
			e.unseal()
			e.step.Unlock()
			return nil
		default:
			err := e.reopen()
			e.step.Unlock()
			return err
		}
	}
}

// unseal lets writers in, with step held.
func (e *Entry) unseal() {
	e.gate.Lock()
	e.writable = true
	e.gate.Unlock()
}

// reopen turns a closed entry, at whatever stage, into one that is being written, with step held. The record is the turning
// point: once it says "not closed", recovery finishes the rest. It is on the disk before the first byte changes, or a loss of
// power could leave changed bytes under a record that calls them closed.
func (e *Entry) reopen() error {
	rec, was, _ := e.get()
	line, source := e.line, rec.Base
	done, confirmed := e.receipt()
	err := e.save(!e.isYoung(), func(r *record) {
		r.Closed, r.Closer, r.Synced, r.Broken, r.Past = time.Time{}, Closing{}, false, false, false
		r.Hold, r.Reason, r.Failures, r.Sealed = "", "", 0, time.Time{}
		r.Own, r.Base = e.becomes(r), r.madeOf(e.placed)
	})
	// If nothing vouches for the bytes of a young entry yet, nothing will: what would do so comes behind this line in the journal.
	if err == nil && e.isYoung() && (rec.Synced || e.s.journal.vouches(line)) {
		err = e.s.journal.barrier(e.line)
	}
	if err != nil {
		return err
	}
	if confirmed {
		e.s.superseded(done)
	}
	if rec, _, _ := e.get(); rec.Base != source {
		e.turnFrom()
	}
	if was != Writing {
		e.s.log.Info("file is changed again", "key", e.key, "name", e.Info().Name, "was", was)
	}
	e.dehydrate()
	e.s.unschedule(e)
	a := e.stop()
	e.setStage(Writing)
	if err := e.toDrafts(a); err != nil {
		return err
	}
	if !e.partial() && !e.isYoung() { // what is written from here on is not marked
		if err := removeFile(filepath.Join(e.dir(), blocksName)); err != nil {
			return err
		}
	}
	e.unseal()
	e.catchUp()
	return nil
}

// turnFrom has the bytes that are not here come from what the record says now. Who reads from what was before may do so to the end.
func (e *Entry) turnFrom() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.base != nil {
		e.bases = append(e.bases, e.base)
		e.base = nil
	}
}

// splitOff gives a clean entry data of its own, with step held: as long as the asset's, without any byte in it. The rest is
// base's still.
func (e *Entry) splitOff() error {
	dir, err := e.newDir()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, dataName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Truncate(e.Size())
	}
	var b *blocks
	if err == nil {
		b, err = makeBlocks(dir, e.Size(), &e.lacks)
	}
	if err == nil {
		err = e.adopt(dir, f, b)
	}
	if err != nil {
		if f != nil {
			f.Close()
		}
		b.close()
		e.lacks.Store(0)
		return errors.Join(err, os.RemoveAll(dir))
	}
	e.split = true
	return nil
}

// newDir makes the folder in which an entry's next bytes are prepared.
func (e *Entry) newDir() (string, error) {
	dir := e.s.path(drafts, e.key) + ".new"
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}

// becomes is the record's Own once the content that is being sent is superseded by another: what Frame.io has confirmed is
// not deleted, the next content becomes its newer version. With step and mu held.
func (e *Entry) becomes(r *record) *own {
	p := e.placed
	if p == nil || p.Same {
		return r.Own
	}
	o := &own{File: p.File, Ref: p.Item.Ref}
	if over := r.replaces(); !over.IsZero() && over != p.Over && over != p.Item.Ref {
		o.Ref, o.Over, o.Name = p.File, over, p.Name // whether AddVersion was asked is not known; asking again does no harm
	}
	return o
}

// stop ends the running attempt, with step held. When it returns, no byte is read for it any more, whatever its goroutines
// and the HTTP transport still do: this waits for one read of the disk at most.
func (e *Entry) stop() *attempt {
	a := e.attempt
	if a == nil {
		return nil
	}
	a.guard.revoke()
	a.cancel()
	e.attempt = nil
	e.mu.Lock()
	e.sending, e.err, e.nextTry, e.tries = nil, "", time.Time{}, 0
	e.mu.Unlock()
	return a
}

// toDrafts drops what an attempt left and brings the entry's folder to drafts/, with step held. a is the attempt that was
// stopped, if any. It may be called again if it failed half-way.
func (e *Entry) toDrafts(a *attempt) error {
	if err := e.dropUpload(a, leftover); err != nil {
		return err
	}
	err := e.move(drafts, durable)
	e.s.reindex(e)
	return err
}

// What dropUpload finds on Frame.io.
const (
	leftover = true  // perhaps a placeholder, that is to be deleted
	nothing  = false // nothing any more
)

// dropUpload forgets the attempt to send the present content, with step held. What is left of it on Frame.io becomes an
// orphan, unless every byte was confirmed: then it is an older version.
func (e *Entry) dropUpload(a *attempt, left bool) error {
	e.mu.Lock()
	asset, p, in := e.asset, e.placed, e.intent
	e.asset, e.placed, e.intent = remote.Ref{}, nil, nil
	e.mu.Unlock()
	e.s.reindex(e) // first: what an entry stands for is no orphan
	if p == nil && left {
		if err := e.s.orphan(orphanOf(e.key, asset, in), a); err != nil {
			e.mu.Lock()
			e.asset, e.intent = asset, in
			e.mu.Unlock()
			e.s.reindex(e)
			return fmt.Errorf("note the placeholder that is left on Frame.io: %w", err)
		}
	}
	// item.json goes last: without it upload.json would name an orphan.
	for _, name := range []string{uploadName, partsName, creatingName, itemName} {
		if err := e.drop(name); err != nil {
			return err
		}
		e.s.did("remove " + name)
	}
	return nil
}

// copyOut gives the entry bytes of its own: a copy of those that Settled has given away, up to keep. No lock is held while bytes
// are copied; e.copying keeps others out.
func (e *Entry) copyOut(ctx context.Context, keep int64) (err error) {
	var dir string
	var f *os.File
	defer func() {
		e.step.Lock()
		if err == nil {
			err = e.adopt(dir, f, nil)
		}
		if err != nil {
			if f != nil {
				f.Close()
			}
			os.RemoveAll(dir)
		}
		close(e.copying)
		e.copying = nil
		e.step.Unlock()
	}()
	if dir, err = e.newDir(); err != nil {
		return err
	}
	if f, err = os.OpenFile(filepath.Join(dir, dataName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	if err = e.copyTo(ctx, f, min(keep, e.Size())); err != nil {
		return fmt.Errorf("copy the bytes that are to be changed: %w", err)
	}
	return nil
}

// copyTo copies the first n bytes. The entry's writer that asks for it keeps data open.
func (e *Entry) copyTo(ctx context.Context, f *os.File, n int64) error {
	buf := make([]byte, min(n, 1<<20))
	for off := int64(0); off < n; {
		b := buf[:min(int64(len(buf)), n-off)]
		got, err := e.readAt(ctx, b, off)
		if got < len(b) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if err := e.s.space.take(int64(got)); err != nil {
			return err
		}
		if _, err := f.WriteAt(b, off); err != nil {
			return err
		}
		off += int64(got)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// adopt makes the prepared folder the entry's, with step held.
func (e *Entry) adopt(dir string, f *os.File, b *blocks) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	was, wasYoung := e.in(), e.isYoung()
	if e.unlinked {
		if err := os.RemoveAll(dir); err != nil { // the open file is all that an unlinked one has
			return err
		}
	} else {
		e.mu.Lock()
		rec := e.rec
		rec.Own = e.becomes(&rec)
		e.mu.Unlock()
		rec.Closed, rec.Closer, rec.Synced, rec.Boot, rec.Sealed = time.Time{}, Closing{}, false, e.s.boot, time.Time{}
		rec.Format, rec.Shared = formatWhole, false
		if b != nil {
			rec.Format = formatPartial
		}
		if err := rec.store(dir, lazily, false); err != nil {
			return err
		}
		if err := os.Rename(dir, e.s.path(drafts, e.key)); err != nil {
			return err
		}
		e.frail, e.previous, e.lazy = true, false, true
		e.s.later(e) // so that it is known by its name after a loss of power, too
		e.mu.Lock()
		e.rec, e.folder, e.young = rec, drafts, false
		e.asset, e.placed, e.intent = remote.Ref{}, nil, nil // as for a new content; what was confirmed is in rec.Own
		e.mu.Unlock()
		e.s.did("adopt a copy")
	}
	e.gate.Lock()
	old := e.data
	e.data, e.blocks, e.writable = f, b, true
	e.past.mu.Lock()
	e.past.ever = false // another file, which the kernel does not have
	e.past.mu.Unlock()
	e.size.Store(st.Size())
	e.gate.Unlock()
	if old != nil {
		old.Close()
	}
	e.gate.Lock()
	e.given = false
	e.gate.Unlock()
	if e.unlinked {
		return nil
	}
	e.stop()
	if was == uploaded && !e.telling { // else whoever tells removes it
		remove := os.RemoveAll
		if wasYoung {
			remove = func(string) error { return e.s.forget(e.key) }
		}
		if err := remove(e.s.path(uploaded, e.key)); err != nil {
			return err
		}
	}
	e.setStage(Writing)
	e.s.reindex(e)
	e.catchUp()
	return nil
}
