package cache

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/frameiofs/frameiofs/remote"
)

// download fetches a run of blocks. Whoever needs bytes of it waits for them, not for all of it.
type download struct {
	off    int64 // of a block
	size   int64 // bytes asked for: of whole blocks, but for the content's end
	ahead  bool  // no program waited for it when it began
	cancel context.CancelCauseFunc

	// Guarded by content.mu:
	end     int64  // less than off+size if someone else fetches the rest
	pos     int64  // what came up to here may be read: what is no whole block yet, from buf
	buf     []byte // what came from base on; the next buffer's worth overwrites it
	base    int64  // of a block; what is before is on disk
	wrote   int64  // to here the disk may have got bytes
	wanted  int    // programs that wait, and streams that will
	kept    bool   // a program got bytes of it: let it end, it is small
	dropped bool   // no one wanted it any more
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
	own  bool  // began for this program
	upto int64 // what it is waited for
}

// farIn is how far behind what has come of a download a program's bytes may lie for it to wait for them, if it does not read in
// order: about what a connection brings in a round trip. What lies further is fetched by itself.
const farIn = 512 << 10

// What begin is told of a download's reason.
const (
	notAhead = false
	isAhead  = true
)

var errUnwanted = errors.New("no one reads it any more")

// flight returns the download that fetches the byte at off, if there is one. What a download has put on disk is none of its
// business any more: it may have given way. c.mu is held.
func (c *content) flight(off int64) *download {
	for _, d := range c.flights {
		if d.base <= off && off < d.end {
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

// claim joins the downloads of all bytes from off to end that are not there, and begins those that no one has begun, each of at
// most piece bytes.
func (c *content) claim(ctx context.Context, off, end, piece int64) (claims []claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	off -= off % blockSize
	for off < end {
		if c.have.has(off / blockSize) {
			off += blockSize
			continue
		}
		d := c.flight(off)
		if d != nil && piece == blockSize && off > d.pos+farIn {
			d.end = off
			d = nil
		}
		own := d == nil
		if own {
			d = c.begin(ctx, off, min(c.gap(off, end), off+piece), notAhead)
		}
		d.wanted++
		claims = append(claims, claim{d, own, min(end, d.end)})
		off = d.end
	}
	return claims
}

// begin begins a download. Its context has the values of ctx, but not its end. c.mu is held.
func (c *content) begin(ctx context.Context, off, end int64, ahead bool) *download {
	d := &download{off: off, size: end - off, end: end, ahead: ahead, pos: off, base: off, wrote: off}
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

// settle waits until all claims have come as far as they are waited for. A download that others began may fail for reasons of
// theirs: then again is true, and there is no error.
func (c *content) settle(ctx context.Context, claims []claim) (again bool, err error) {
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
		err := c.await(ctx, cl.download, cl.upto)
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

// over waits until d has ended, with all of it on disk or an error.
func (c *content) over(ctx context.Context, d *download) error {
	return c.await(ctx, d, d.off+d.size+1)
}

// leave no longer wants d, because its bytes are there or for another reason. c.mu is held.
func (c *content) leave(d *download, served bool) {
	d.wanted--
	if served && !d.ahead {
		d.kept = true
	}
	if d.wanted == 0 && !d.kept && !d.done && d.pos < d.end {
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
	defer func() {
		c.b.mu.Lock()
		defer c.b.mu.Unlock()
		c.b.leaveLocked(c.k)
	}()
	defer context.AfterFunc(c.b.ctx, func() { d.cancel(os.ErrClosed) })()
	defer d.cancel(nil)
	err := remote.Contain(c.b.log, "fetch bytes", func() error { return c.fetch(ctx, d) })
	if err != nil {
		c.trim(d)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if d.ahead {
		c.b.landed(d.size)
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
