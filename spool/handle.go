package spool

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"syscall"
	"time"
)

// Handle is an open file. It belongs to an Entry whatever becomes of its name.
type Handle struct {
	e     *Entry
	write bool

	past   bool     // the kernel writes past us; changed with Entry.step and Entry.mu held
	before *Closing // who had closed the entry before it was opened for that

	flushed  atomic.Bool // closed by some descriptor since its last modification
	touched  atomic.Bool // has ever modified
	failed   atomic.Bool // one of its writes failed
	released atomic.Bool
}

// Entry is the entry the handle is on.
func (h *Handle) Entry() *Entry { return h.e }

// ReadAt is io.ReaderAt with a context: of the bytes as they are now, those of an asset that were not modified from Config.Base.
func (h *Handle) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if h.released.Load() {
		return 0, ErrClosed
	}
	return h.e.readAt(ctx, p, off)
}

// WriteAt is io.WriterAt with a context. It waits for the network only if it modifies blocks of an asset in part that are not
// here. It answers syscall.ENOSPC before the disk is full.
func (h *Handle) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	n, s := 0, span{off, off + int64(len(p))}
	if len(p) == 0 {
		return 0, nil
	}
	err := h.modify(ctx, s, math.MaxInt64, func() (err error) {
		// Many may write at once: the kernel sees to it that those of one file do not overlap.
		h.e.gate.RLock()
		defer h.e.gate.RUnlock()
		if !h.e.writable {
			return errNotWritable
		}
		n, err = h.put(p, off)
		return err
	})
	if err != nil && h.write && ctx.Err() == nil {
		h.failed.Store(true)
		h.e.tear(s)
	}
	return n, err
}

// put writes, with the gate shared.
func (h *Handle) put(p []byte, off int64) (int, error) {
	e := h.e
	h.flushed.Store(false)
	h.touched.Store(true)
	err, n := e.s.space.take(int64(len(p))), 0
	if err == nil {
		n, err = e.over(span{off, off + int64(len(p))}, func() (int, error) { return e.data.WriteAt(p, off) })
	}
	if n > 0 {
		e.changed()
		for end := off + int64(n); ; {
			if size := e.size.Load(); end <= size || e.size.CompareAndSwap(size, end) {
				break
			}
		}
	}
	if err == nil && e.broken.Load() {
		e.heal(span{off, off + int64(n)})
	}
	return n, err
}

// Truncate sets the size. Setting the size it has changes nothing.
func (h *Handle) Truncate(ctx context.Context, size int64) error {
	h.e.look()
	if size == h.e.Size() && h.write {
		return nil
	}
	return h.modify(ctx, span{size, size}, size, h.alone(func(e *Entry) error {
		if size > e.size.Load() {
			if err := e.blocks.shrink(e.size.Load()); err != nil {
				return err
			}
		}
		if err := e.data.Truncate(size); err != nil {
			return err
		}
		e.size.Store(size)
		e.changed()
		if err := e.blocks.shrink(size); err != nil { // after data: see loadBlocks
			return err
		}
		e.heal(span{size, math.MaxInt64})
		return nil
	}))
}

// Allocate makes sure that the disk has room for n bytes from off; the size grows to off+n unless keepSize is set.
func (h *Handle) Allocate(ctx context.Context, off, n int64, keepSize bool) error {
	if n <= 0 {
		return fmt.Errorf("allocate %d bytes: %w", n, syscall.EINVAL)
	}
	h.e.look()
	return h.modify(ctx, span{off, off + n}, math.MaxInt64, h.alone(func(e *Entry) error {
		if err := e.s.space.take(n); err != nil {
			return err
		}
		if err := allocate(e.data, off, n); err != nil {
			return err
		}
		if end := off + n; !keepSize && end > e.size.Load() {
			if err := e.blocks.shrink(e.size.Load()); err != nil {
				return err
			}
			if err := e.data.Truncate(end); err != nil {
				return err
			}
			e.size.Store(end)
		}
		e.changed()
		return nil
	}))
}

// modify runs f until it finds the bytes writable, and those of s here that it needs: it answers errNotWritable or errAbsent if
// not. keep is how many bytes of what was there before still matter.
func (h *Handle) modify(ctx context.Context, s span, keep int64, f func() error) error {
	switch {
	case h.released.Load():
		return ErrClosed
	case !h.write:
		return syscall.EBADF
	case s.off < 0:
		return syscall.EINVAL
	case s.end < s.off:
		return syscall.EFBIG
	}
	for {
		err := f()
		switch err {
		case errNotWritable:
			err = h.e.makeWritable(ctx, keep)
		case errAbsent:
			err = h.e.bring(ctx, s)
		default:
			return err
		}
		if err != nil {
			return err
		}
	}
}

// alone is f for modify, with nobody reading or writing beside.
func (h *Handle) alone(f func(e *Entry) error) func() error {
	return func() error {
		e := h.e
		e.gate.Lock()
		defer e.gate.Unlock()
		if !e.writable {
			return errNotWritable
		}
		h.flushed.Store(false)
		h.touched.Store(true)
		return f(e)
	}
}

// changed notes a modification, with the gate held.
func (e *Entry) changed() {
	e.modified.Store(time.Now().UnixNano())
	e.mods.Add(1)
	e.own()
	if e.mtimeSet.Load() {
		e.mu.Lock()
		e.rec.Attr.Mtime = time.Time{}
		e.mtimeSet.Store(false)
		e.mu.Unlock()
	}
}

// Refuse notes that a write was refused before it came here: like one that failed, it leaves a hole, and a file with a hole is
// held until the bytes are written after all.
func (h *Handle) Refuse(off, n int64) {
	h.failed.Store(true)
	h.e.tear(span{off, off + n})
}

// tear notes that a write failed: an entry with such a hole is not sent.
func (e *Entry) tear(s span) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.broken.Load() {
		e.hole = s
	}
	e.hole = span{min(e.hole.off, s.off), max(e.hole.end, s.end)}
	e.broken.Store(true)
}

// heal notes that s is good now: by a write, or because it is beyond the end.
func (e *Entry) heal(s span) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case s.off <= e.hole.off && s.end >= e.hole.end:
		e.hole = span{}
	case s.off <= e.hole.off && s.end > e.hole.off:
		e.hole.off = s.end
	case s.end >= e.hole.end && s.off < e.hole.end:
		e.hole.end = s.off
	}
	e.broken.Store(e.hole.end > e.hole.off)
}

// Sync is Entry.Sync.
func (h *Handle) Sync(ctx context.Context) error { return h.e.Sync(ctx) }

// Flush is close(2) of one descriptor, not the end of the handle: it may come often, and before the first write. It returns
// the handle's standing error, if a write failed, and notes who closes. On return everything written survives a kill -9,
// and within a second a loss of power. Of a reader it means nothing.
func (h *Handle) Flush(_ context.Context, c Closing) error {
	if !h.write || h.released.Load() {
		return nil
	}
	e := h.e
	e.step.Lock()
	defer e.step.Unlock()
	e.look()
	h.overfull()
	h.flushed.Store(true)
	e.mu.Lock()
	if h.before != nil && !h.touched.Load() {
		c = *h.before // nothing was written since
	}
	e.last = c
	stage, rec, all := e.stage, e.rec, true
	for w := range e.writers {
		all = all && w.flushed.Load()
	}
	e.mu.Unlock()
	if stage == Writing {
		var err error
		switch closed := !rec.Closed.IsZero(); {
		case (!closed || rec.Past && e.mods.Load() != e.closedMods) && all && e.mods.Load() > 0:
			err = e.close(c)
		case closed && c.Signalled != rec.Closer.Signalled && (h.touched.Load() || rec.Closer.Signalled):
			err = e.save(lazily, func(r *record) { r.Closer = c })
		}
		if err != nil {
			return err
		}
	}
	if h.failed.Load() && e.broken.Load() {
		return fmt.Errorf("%s: a write failed before: %w", rec.Target.Name, syscall.EIO)
	}
	return nil
}

// close records that every writer has closed the entry, with step held. From here on a modification needs makeWritable.
func (e *Entry) close(c Closing) error {
	e.gate.Lock()
	e.writable = false
	e.gate.Unlock()
	e.closedMods = e.mods.Load()
	return e.save(lazily, func(r *record) {
		r.Closed, r.Closer, r.Synced, r.Broken, r.Past = time.Now(), c, false, e.broken.Load(), e.unseenWriters()
	})
}

// Release ends the handle. When the last writer is released the quiet time begins.
func (h *Handle) Release() {
	if !h.released.CompareAndSwap(false, true) {
		return
	}
	e := h.e
	defer e.release()
	e.step.Lock()
	defer e.step.Unlock()
	if e.look() {
		h.overfull()
	}
	e.mu.Lock()
	delete(e.writers, h)
	if h.past {
		e.unseen--
	}
	writers, others, stage := len(e.writers), e.uses > 1, e.stage
	e.mu.Unlock()
	switch {
	case stage == Clean && e.steady > 0: // unsteady sees to it
	case stage == Clean && (!others || h.write && writers == 0):
		e.vanish()
	case h.write && writers == 0:
		e.rest(h.flushed.Load())
	}
}
