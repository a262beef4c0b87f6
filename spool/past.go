package spool

import (
	"errors"
	"math"
	"os"
	"sync"
	"syscall"
	"time"
)

// The kernel can read and write the bytes by itself (passthrough), at the speed of the disk. Then nobody tells what is written: it is
// found out by the size and the modification time of the file, when it matters. Who wrote can still write after his close(2), by
// another descriptor, and even after the last release, by a mapping. So
//
//   - before the file is handed out for writing the disk knows that it is not closed;
//   - what a Flush notes is believed after the death of every process only if size and time are still those (record.Past), and
//     nobody vouches for it: after a loss of power it counts for nothing until the last writer has let go;
//   - nothing is sealed while a mapping is left, and whatever changes later, until Frame.io has it, begins the quiet time anew.

// past is what is known of an entry that the kernel was given.
type past struct {
	mu    sync.Mutex // a leaf, but for Entry.mu
	ever  bool       // it was given to the kernel
	size  int64      // of the file, as last seen,
	mtime int64      // in nanoseconds since 1970
}

// RoomToPass is how much the disk must have, beyond what is to stay free, before writes are not counted any more: what a fast disk takes
// in several seconds. Who writes more than there is finds out by the disk itself, or at close.
const RoomToPass = 8 << 30

// Past gives the file that has the entry's bytes, for the kernel to read and, if the handle may, to write past the spool, until Release;
// nil if that cannot be. It is always the same file for as long as anybody has it. must tells that others have it already, fit whether
// it is one that the kernel can be given.
func (h *Handle) Past(must bool, fit func(*os.File) bool) (*os.File, error) {
	e := h.e
	for {
		e.step.Lock()
		e.gate.RLock()
		f, whole, writable := e.data, e.blocks == nil, e.writable
		e.gate.RUnlock()
		_, stage, _ := e.get()
		if f == nil || !whole || e.given || e.copying != nil || h.released.Load() || !fit(f) {
			e.step.Unlock()
			return nil, nil
		}
		if !h.write || writable {
			if h.write && !must && e.s.Free() < RoomToPass {
				f = nil
			}
			if f != nil {
				h.pass()
			}
			e.step.Unlock()
			return f, nil
		}
		var err error
		switch {
		case stage == Gone:
			e.unseal()
		case !must && (e.attempt != nil || stage != Writing && stage != Settling):
			e.step.Unlock()
			return nil, nil // who may not write at all need not stop it
		default:
			h.before = e.closer()
			err = e.reopen()
		}
		e.step.Unlock()
		if err != nil {
			return nil, err
		}
	}
}

// closer is who closed the entry last, nil if it is not closed; with step held.
func (e *Entry) closer() *Closing {
	rec, _, _ := e.get()
	if rec.Closed.IsZero() {
		return nil
	}
	return &rec.Closer
}

// pass notes that the kernel has the file, with step held.
func (h *Handle) pass() {
	e := h.e
	e.look()
	e.past.mu.Lock()
	first := !e.past.ever
	e.past.ever = true
	e.past.mu.Unlock()
	if first {
		e.firstLook()
	}
	if h.write {
		e.mu.Lock()
		h.past = true
		e.unseen++
		e.mu.Unlock()
	}
}

// firstLook notes what the file is like before the kernel has it.
func (e *Entry) firstLook() {
	e.gate.RLock()
	defer e.gate.RUnlock()
	if e.data == nil {
		return
	}
	if st, err := e.data.Stat(); err == nil {
		e.past.mu.Lock()
		e.past.size, e.past.mtime = st.Size(), st.ModTime().UnixNano()
		e.past.mu.Unlock()
	}
}

// Look finds out what was written past the spool, for who is about to tell size and times: whether something was, since the last look.
func (e *Entry) Look() (changed bool) { return e.look() }

// look finds out whether something was written since the last look. It takes the gate.
func (e *Entry) look() (changed bool) {
	e.past.mu.Lock()
	ever := e.past.ever
	e.past.mu.Unlock()
	if !ever {
		return false
	}
	e.gate.RLock()
	defer e.gate.RUnlock()
	if e.data == nil || e.given {
		return false
	}
	st, err := e.data.Stat()
	if err != nil {
		return false
	}
	return e.saw(st)
}

// saw takes over what the file is like.
func (e *Entry) saw(st os.FileInfo) (changed bool) {
	e.past.mu.Lock()
	defer e.past.mu.Unlock()
	size, mtime := st.Size(), st.ModTime().UnixNano()
	if size == e.past.size && mtime == e.past.mtime {
		return false
	}
	e.past.size, e.past.mtime = size, mtime
	e.size.Store(size)
	e.modified.Store(mtime)
	e.mods.Add(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mtimeSet.Load() {
		e.rec.Attr.Mtime = time.Time{}
		e.mtimeSet.Store(false)
	}
	for w := range e.writers {
		if w.past {
			w.touched.Store(true)
			w.flushed.Store(false)
		}
	}
	return true
}

// own takes over what we have changed in the file ourselves, with the gate held.
func (e *Entry) own() {
	e.past.mu.Lock()
	defer e.past.mu.Unlock()
	if !e.past.ever || e.data == nil {
		return
	}
	if st, err := e.data.Stat(); err == nil {
		e.past.size, e.past.mtime = st.Size(), st.ModTime().UnixNano()
		e.modified.Store(e.past.mtime)
	}
}

// passed reports whether the kernel was ever given the file.
func (e *Entry) passed() bool {
	e.past.mu.Lock()
	defer e.past.mu.Unlock()
	return e.past.ever
}

// unseenWriters reports whether somebody may write past the spool, with mu held.
func (e *Entry) unseenWriters() bool { return e.unseen > 0 }

// overfull holds what was written past the spool to the room that there is: at the limit it counts as torn, like a write that was refused.
func (h *Handle) overfull() {
	if h.past && h.touched.Load() && h.e.s.Free() <= 0 {
		h.failed.Store(true)
		h.e.tear(span{0, math.MaxInt64})
	}
}

// mapped reports whether somebody can still write to the file though nobody has it open here: a mapping outlives its descriptor. Only
// a file that nobody may write can be leased (fcntl(2), F_SETLEASE). With step held.
func (e *Entry) mapped() bool {
	e.gate.RLock()
	ours := e.data != nil
	e.gate.RUnlock()
	if ours || !e.passed() {
		return false
	}
	f, err := os.Open(e.dataPath())
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(lease(f), syscall.EAGAIN)
}

// errWrittenPast: somebody wrote to the file past the spool after it was sealed.
var errWrittenPast = errors.New("it was written to through a mapping after it was closed")

// writtenPast begins anew with an entry whose bytes were changed past the spool after it was sealed, with step held and no attempt on it.
func (e *Entry) writtenPast() {
	e.mu.Lock()
	last := e.last
	e.mu.Unlock()
	e.look()
	err := e.reopen()
	if err == nil {
		err = e.close(last)
	}
	if err != nil {
		e.s.log.Error("cannot take up a file that was changed after it was closed", "key", e.key, "name", e.Info().Name, "err", err)
		e.park(parkError(errBytesChanged.Error()))
		return
	}
	e.settle(e.s.cfg.Settle)
}
