package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
)

// demandPiece is the most that one download fetches of what a program waits for: a read of 1 MiB is fetched in several at once.
const demandPiece = 256 << 10

// download fetches a run of blocks. Whoever needs bytes of it waits for them, not for all of it.
type download struct {
	off, end int64 // of whole blocks, but for the content's end
	ahead    bool  // no program waited for it when it began
	cancel   context.CancelCauseFunc

	// Guarded by content.mu:
	pos     int64 // what came up to here is written, and may be read
	wrote   int64 // to here the disk may have got bytes
	wanted  int   // programs that wait, and streams that will
	kept    bool  // a program got bytes of it: let it end, it is small
	dropped bool  // no one wanted it any more
	done    bool
	err     error
	waits   []wait
}

// wait is a program that waits for bytes up to an offset.
type wait struct {
	upto  int64
	there chan struct{} // closed when they have come, or never will
}

// claim is a download that a program waits for.
type claim struct {
	*download
	own bool // began for this program
}

// What begin is told of a download's reason.
const (
	notAhead = false
	isAhead  = true
)

var errUnwanted = errors.New("no one reads it any more")

// flight returns the download that fetches the byte at off, if there is one. c.mu is held.
func (c *content) flight(off int64) *download {
	for _, d := range c.flights {
		if d.off <= off && off < d.end {
			return d
		}
	}
	return nil
}

// gap returns the end of the blocks from off on, up to end, that are neither there nor being fetched. c.mu is held.
func (c *content) gap(off, end int64) int64 {
	for off < end && !c.have.has(off/blockSize) && c.flight(off) == nil {
		off = (off/blockSize + 1) * blockSize
	}
	return min(off, c.size)
}

// claim joins the downloads of all bytes from off to end that are not there, and begins those that no one has begun.
func (c *content) claim(ctx context.Context, off, end int64) (claims []claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	off -= off % blockSize
	for off < end {
		if c.have.has(off / blockSize) {
			off += blockSize
			continue
		}
		d := c.flight(off)
		own := d == nil
		if own {
			d = c.begin(ctx, off, min(c.gap(off, end), off+demandPiece), notAhead)
		}
		d.wanted++
		claims = append(claims, claim{d, own})
		off = d.end
	}
	return claims
}

// begin begins a download. Its context has the values of ctx, but not its end. c.mu is held.
func (c *content) begin(ctx context.Context, off, end int64, ahead bool) *download {
	d := &download{off: off, end: end, ahead: ahead, pos: off, wrote: off}
	ctx, d.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	if c.b.closed {
		d.done, d.err = true, os.ErrClosed
		return d
	}
	c.k.users++
	c.flights = append(c.flights, d)
	c.b.wg.Go(func() { c.run(ctx, d) })
	return d
}

// settle waits until all claims have come as far as end. A download that others began may fail for reasons of theirs: then again is
// true, and there is no error.
func (c *content) settle(ctx context.Context, claims []claim, end int64) (again bool, err error) {
	if len(claims) == 0 {
		return false, nil
	}
	c.b.wait(1)
	defer func() {
		c.b.wait(-1)
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, cl := range claims {
			c.leave(cl.download, ctx.Err() == nil)
		}
	}()
	for _, cl := range claims {
		err := c.await(ctx, cl.download, min(end, cl.end))
		switch {
		case err == nil:
		case cl.own || ctx.Err() != nil:
			return false, err
		default:
			again = true
		}
	}
	return again, nil
}

// wait counts programs that wait.
func (b *Blocks) wait(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting += n
}

// await waits until d has come up to an offset.
func (c *content) await(ctx context.Context, d *download, upto int64) error {
	c.mu.Lock()
	w := wait{upto, make(chan struct{})}
	if !d.done && d.pos < upto {
		d.waits = append(d.waits, w)
		c.mu.Unlock()
		select {
		case <-w.there:
		case <-ctx.Done():
			return ctx.Err()
		}
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	if d.pos >= upto {
		return nil
	}
	return d.err
}

// leave no longer wants d, because its bytes are there or for another reason. c.mu is held.
func (c *content) leave(d *download, served bool) {
	d.wanted--
	if served && !d.ahead {
		d.kept = true
	}
	if d.wanted == 0 && !d.kept && !d.done {
		d.dropped = true // it marks nothing any more: what it wrote may be made a hole from now on
		d.cancel(errUnwanted)
		c.unlist(d)
	}
}

// unlist takes d out of the downloads that others may join. c.mu is held.
func (c *content) unlist(d *download) {
	c.flights = slices.DeleteFunc(c.flights, func(f *download) bool { return f == d })
}

// run fetches d and tells whoever waits.
func (c *content) run(ctx context.Context, d *download) {
	defer c.b.release(c.k)
	defer context.AfterFunc(c.b.ctx, func() { d.cancel(os.ErrClosed) })()
	defer d.cancel(nil)
	err := c.fetch(ctx, d)
	if err != nil {
		c.trim(d)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if d.ahead {
		c.b.landed(d.end - d.off)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unlist(d)
	d.done, d.err = true, err
	for _, w := range d.waits {
		close(w.there)
	}
	d.waits = nil
}

var buffers = sync.Pool{New: func() any { return new([blockSize]byte) }}

// fetch writes d's bytes into the content.
func (c *content) fetch(ctx context.Context, d *download) error {
	if err := c.b.makeRoom(c.k, d.end-d.off); err != nil {
		return err
	}
	var fresh int64 // bytes of blocks that were not there before
	defer func() { c.b.refund(c.k, d.end-d.off-fresh) }()
	body, err := c.b.source.OpenRange(ctx, c.ref, d.off, d.end-d.off)
	if err != nil {
		return fmt.Errorf("open range: %w", err)
	}
	defer func() { _ = body.Close() }()
	buf := buffers.Get().(*[blockSize]byte)
	defer buffers.Put(buf)
	empty := 0
	for pos := d.off; pos < d.end; {
		n, err := body.Read(buf[:min(blockSize, d.end-pos)])
		if n > 0 {
			m, err := c.write(d, buf[:n], pos)
			fresh += m
			if err != nil {
				return err
			}
			pos, empty = pos+int64(n), 0
		}
		switch {
		case pos == d.end: // whatever comes with the last bytes, they are here
		case errors.Is(err, io.EOF):
			return fmt.Errorf("read range: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return fmt.Errorf("read range: %w", err)
		case n == 0:
			if empty++; empty > 100 {
				return fmt.Errorf("read range: %w", io.ErrNoProgress)
			}
		}
	}
	return nil
}

// write puts bytes of d in place, marks the blocks that they complete, and wakes whom they are enough for.
func (c *content) write(d *download, p []byte, pos int64) (fresh int64, err error) {
	c.disk.RLock()
	defer c.disk.RUnlock()
	if c.f == nil {
		return 0, c.err
	}
	c.mu.Lock()
	over := d.dropped || c.fixed // others have fetched it meanwhile
	d.wrote = pos + int64(len(p))
	c.mu.Unlock()
	if over {
		return 0, errUnwanted
	}
	if _, err := c.f.WriteAt(p, pos); err != nil {
		return 0, diskError{fmt.Errorf("write block: %w", err)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.dropped {
		return 0, errUnwanted
	}
	for i := d.pos / blockSize; i*blockSize+c.blockLen(i) <= pos+int64(len(p)); i++ {
		if !c.have.has(i) {
			c.have.set(i)
			c.n++
			c.changed = true
			fresh += c.blockLen(i)
		}
		if (i+1)*blockSize >= c.size {
			break
		}
	}
	d.pos = pos + int64(len(p))
	c.touch(pos, d.pos)
	d.waits = slices.DeleteFunc(d.waits, func(w wait) bool {
		if w.upto <= d.pos {
			close(w.there)
		}
		return w.upto <= d.pos
	})
	return fresh, nil
}

// trim gives back to the disk what d, which failed, wrote of blocks that it did not complete: no one counts those bytes.
func (c *content) trim(d *download) {
	c.disk.Lock()
	defer c.disk.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unlist(d) // no one can wait for more of it; what it completed is there
	if c.f == nil || c.fixed {
		return
	}
	for i := d.pos / blockSize; i*blockSize < d.wrote; i++ {
		if !c.have.has(i) && c.flight(i*blockSize) == nil {
			_ = punchHole(c.f, i*blockSize, c.blockLen(i)) // where that cannot be, a few bytes are lost until the content gives way
		}
	}
}
