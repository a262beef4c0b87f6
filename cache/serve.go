package cache

import (
	"errors"
	"fmt"
	"io"
)

// covered reports whether the bytes from off to end can be read now: their blocks are there, or have come so far, perhaps by
// claims that failed since. c.mu is held.
func (c *content) covered(off, end int64, claims []claim) bool {
	for off < end {
		i := off / blockSize
		if c.have.has(i) {
			off = (i + 1) * blockSize
			continue
		}
		d := c.came(off, claims)
		if d == nil {
			return false
		}
		off = d.pos
	}
	return true
}

// came returns a download that has the byte at off in memory, if there is one. c.mu is held.
func (c *content) came(off int64, claims []claim) *download {
	if d := c.flight(off); d != nil && off < d.pos {
		return d
	}
	for _, cl := range claims {
		if cl.base <= off && off < cl.pos && cl.buf != nil {
			return cl.download
		}
	}
	return nil
}

// span is a run of a content's bytes.
type span struct{ off, end int64 }

// plan is how a read is put together.
type plan struct {
	disk   []span  // in order; blocks that are to be checked first stand alone
	unsure []int64 // blocks to be checked
}

// read reads what can be read now into p, for which claims were made, which is all or nothing.
func (c *content) read(p []byte, off int64, claims []claim) (ok bool, err error) {
	c.disk.RLock()
	ok, bad, err := c.readParts(p, off, claims)
	f, fixed := c.f, c.fixed
	c.disk.RUnlock()
	if bad && fixed {
		return false, c.renew(f)
	}
	return ok, err
}

// readParts is read; bad tells that blocks were forgotten because their bytes are not what they were. c.disk is read-locked.
func (c *content) readParts(p []byte, off int64, claims []claim) (ok, bad bool, err error) {
	if c.f == nil {
		return false, false, c.err
	}
	end := off + int64(len(p))
	c.mu.Lock()
	ok = c.covered(off, end, claims)
	var pl plan
	if ok {
		c.touch(off, end)
		pl = c.gather(p, off, claims)
	}
	c.mu.Unlock()
	if !ok {
		return false, false, nil
	}
	for _, s := range pl.disk {
		if _, err := c.f.ReadAt(p[s.off-off:s.end-off], s.off); err != nil {
			return false, false, c.unreadable(s, err)
		}
	}
	for _, i := range pl.unsure {
		good, err := c.check(i, p, off)
		if err != nil {
			return false, false, c.unreadable(span{i * blockSize, i*blockSize + c.blockLen(i)}, err)
		}
		bad = bad || !good
	}
	return !bad, bad, nil
}

// gather copies to p what is still in memory, and tells where the rest is. c.mu is held, and all is covered.
func (c *content) gather(p []byte, off int64, claims []claim) (pl plan) {
	for at, end := off, off+int64(len(p)); at < end; {
		i := at / blockSize
		upto := min((i+1)*blockSize, end)
		switch {
		case !c.have.has(i):
			copy(p[at-off:upto-off], c.came(at, claims).memory(at, upto))
		case c.unsure.has(i):
			pl.unsure = append(pl.unsure, i)
		case len(pl.disk) > 0 && pl.disk[len(pl.disk)-1].end == at:
			pl.disk[len(pl.disk)-1].end = upto
		default:
			pl.disk = append(pl.disk, span{at, upto})
		}
		at = upto
	}
	return pl
}

// unreadable deals with bytes that the disk does not give back, and tells whether that is more than a reason to fetch them again.
func (c *content) unreadable(s span, err error) error {
	if c.fixed {
		return diskError{fmt.Errorf("read block: %w", err)}
	}
	c.lose(s.off, s.end)
	if errors.Is(err, io.EOF) { // someone cut the file
		err = c.f.Truncate(c.size)
	}
	if err != nil {
		return diskError{fmt.Errorf("read block: %w", err)}
	}
	return nil
}

// lose forgets blocks that the disk does not give back.
func (c *content) lose(off, end int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := off / blockSize; i < blocksOf(end); i++ {
		c.forget(i)
	}
}

// forget clears a block's bit and returns how many bytes it had. c.mu is held.
func (c *content) forget(i int64) int64 {
	if !c.have.has(i) {
		return 0
	}
	c.have.clear(i)
	c.n--
	c.sure(i)
	c.changed = true
	n := c.blockLen(i)
	c.b.mu.Lock()
	c.b.used -= n
	c.k.bytes -= n
	c.b.mu.Unlock()
	return n
}

// touch notes that bytes were read or written. c.mu is held.
func (c *content) touch(off, end int64) {
	now, s := c.b.clock.Add(1), c.b.stretch()
	for i := off / s; i*s < end; i++ {
		c.touched[i] = now
	}
}
