package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Bytes come in pieces of any size. They are put on disk in whole blocks, some at once, because a write costs more than its bytes; a
// program that waits for the first of them has them from memory.
const (
	bufferBlocks = 2
	bufferSize   = bufferBlocks * blockSize
)

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// fetch brings d's bytes into the content.
func (c *content) fetch(ctx context.Context, d *download) error {
	if err := c.b.makeRoom(c.k, d.size); err != nil {
		return err
	}
	var fresh int64 // bytes of blocks that were not there before
	defer func() { c.b.refund(c.k, d.size-fresh) }()
	body, err := c.b.source.OpenRange(ctx, c.ref, d.off, d.size)
	if err != nil {
		return fmt.Errorf("open range: %w", err)
	}
	defer func() { _ = body.Close() }()
	buf := buffers.Get().(*[bufferSize]byte)
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if d.buf == nil || d.wanted == 0 {
			d.buf, d.pos = nil, d.base
			buffers.Put(buf)
		} // else it was cut, and who waited for what came before that may have it
	}()
	for base := d.off; ; {
		c.mu.Lock()
		upto := min(base+bufferSize, d.end)
		c.mu.Unlock()
		if base == upto {
			return nil
		}
		if err := c.receive(d, body, buf[:upto-base], base); err != nil {
			return err
		}
		n, err := c.put(d, buf[:upto-base], base)
		fresh += n
		if err != nil {
			return err
		}
		base = upto
	}
}

// receive fills buf with the bytes from base on, and wakes whoever waits for some of them.
func (c *content) receive(d *download, body io.Reader, buf []byte, base int64) error {
	empty := 0
	for at := 0; at < len(buf); {
		n, err := body.Read(buf[at:])
		at += n
		if n > 0 {
			c.b.fetched.Add(int64(n))
			c.mu.Lock()
			d.buf, d.base, d.pos = buf, base, base+int64(at)
			d.wake()
			c.mu.Unlock()
			empty = 0
		}
		switch {
		case at == len(buf): // whatever comes with the last bytes, they are here
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

// wake wakes whom enough has come for. content.mu is held.
func (d *download) wake() {
	d.waits = slices.DeleteFunc(d.waits, func(w wait) bool {
		if w.upto <= d.pos {
			close(w.there)
		}
		return w.upto <= d.pos
	})
}

// memory is what d has in memory of the bytes from off to end, which have come. content.mu is held.
func (d *download) memory(off, end int64) []byte { return d.buf[off-d.base : end-d.base] }

// put writes whole blocks of d, of which p begins at base, and their sums, and marks them.
func (c *content) put(d *download, p []byte, base int64) (fresh int64, err error) {
	c.disk.RLock()
	defer c.disk.RUnlock()
	if c.f == nil {
		return 0, c.err
	}
	end := base + int64(len(p))
	c.mu.Lock()
	over := d.dropped || c.fixed // others have fetched it meanwhile
	d.wrote = end
	c.mu.Unlock()
	if over {
		return 0, errUnwanted
	}
	if _, err := c.f.WriteAt(p, base); err != nil {
		return 0, diskError{fmt.Errorf("write block: %w", err)}
	}
	c.b.step("block")
	if err := c.writeSums(p, base/blockSize); err != nil {
		return 0, diskError{fmt.Errorf("write sums: %w", err)}
	}
	c.b.step("sums")
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.dropped {
		return 0, errUnwanted
	}
	for i := base / blockSize; i < blocksOf(end); i++ {
		if !c.have.has(i) {
			c.have.set(i)
			c.n++
			c.changed = true
			fresh += c.blockLen(i)
		}
	}
	d.base, d.buf = end, nil
	c.touch(base, end)
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
	for i := d.base / blockSize; i*blockSize < d.wrote; i++ {
		if !c.have.has(i) && c.flight(i*blockSize) == nil {
			_ = punchHole(c.f, i*blockSize, c.blockLen(i)) // where that cannot be, a few bytes are lost until the content gives way
		}
	}
}
