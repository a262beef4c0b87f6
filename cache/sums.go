package cache

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/cespare/xxhash/v2"
)

// sumsSize is how long the file of a content's sums is: 8 bytes for each block.
func sumsSize(size int64) int64 { return 8 * blocksOf(size) }

// openSums opens the sums of a content of which have is there, and tells for which blocks there is one. Where the map tells of none
// (summed is false: an earlier version wrote it), the file is made.
func openSums(path string, have bitmap, summed bool, size int64) (f *os.File, unsure bitmap, err error) {
	unsure = newBitmap(size)
	if !summed {
		if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err == nil {
			err = f.Truncate(sumsSize(size))
		}
	} else if f, err = os.OpenFile(path, os.O_RDWR, 0); err == nil {
		err = readSums(f, have, unsure, size)
	}
	if err != nil && f != nil {
		_ = f.Close()
	}
	return f, unsure, err
}

// readSums sets in unsure the blocks that are there and have a sum.
func readSums(f *os.File, have, unsure bitmap, size int64) error {
	if fi, err := f.Stat(); err != nil || fi.Size() != sumsSize(size) {
		return errors.New("the sums are of another size than their content")
	}
	buf := make([]byte, 8<<10)
	for at := int64(0); at < sumsSize(size); {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), sumsSize(size)-at)], at)
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			return errors.New("the sums cannot be read")
		}
		for j := 0; j+8 <= n; j += 8 {
			if i := (at + int64(j)) / 8; have.has(i) && binary.BigEndian.Uint64(buf[j:]) != 0 {
				unsure.set(i)
			}
		}
		at += int64(n)
	}
	return nil
}

// writeSums puts down the sums of whole blocks, of which p begins with block i.
func (c *content) writeSums(p []byte, i int64) error {
	var b [8 * bufferBlocks]byte
	sums := b[:0]
	for len(p) > 0 {
		block := p[:min(blockSize, len(p))]
		sums, p = binary.BigEndian.AppendUint64(sums, xxhash.Sum64(block)), p[len(block):]
	}
	_, err := c.sums.WriteAt(sums, 8*i)
	return err
}

// check reads into p, which begins at off, what it shall have of block i, and reports whether the block is what it was when it
// came; if it is not, it is forgotten. c.disk is read-locked.
func (c *content) check(i int64, p []byte, off int64) (good bool, err error) {
	at, n := i*blockSize, c.blockLen(i)
	var block []byte
	inside := off <= at && at+n <= off+int64(len(p))
	if inside {
		block = p[at-off:][:n]
	} else {
		buf := buffers.Get().(*[bufferSize]byte)
		defer buffers.Put(buf)
		block = buf[:n]
	}
	var sum [8]byte
	if _, err := c.f.ReadAt(block, at); err != nil {
		return false, err
	}
	if _, err := c.sums.ReadAt(sum[:], 8*i); err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if xxhash.Sum64(block) != binary.BigEndian.Uint64(sum[:]) {
		c.forget(i)
		if !c.warned {
			c.warned = true
			c.b.log.Warn("the disk has changed bytes in the cache; they are fetched again", "file", c.k.base+dataExt, "offset", at)
		}
		return false, nil
	}
	c.sure(i)
	if !inside { // from these very bytes: what is on disk may be replaced meanwhile
		from := max(off, at)
		copy(p[from-off:], block[from-at:])
	}
	return true, nil
}

// sure notes that block i needs no check any more. c.mu is held.
func (c *content) sure(i int64) {
	if c.unsure.has(i) {
		c.unsure.clear(i)
		c.doubts--
	}
}

// renew begins anew with nothing, because the data in damaged was handed out and may not be mended in its place.
func (c *content) renew(damaged *os.File) error {
	c.saving.Lock()
	defer c.saving.Unlock()
	c.disk.Lock()
	defer c.disk.Unlock()
	if c.f != damaged || c.f == nil { // another reader has done it
		return nil
	}
	c.mu.Lock()
	for i := range blocksOf(c.size) {
		c.forget(i)
	}
	c.mu.Unlock()
	_, _ = c.f.Close(), c.sums.Close()
	c.f, c.sums, c.fixed, c.saved = nil, nil, false, newBitmap(c.size)
	if err := c.make(); err != nil {
		c.err = diskError{err}
	}
	return c.err
}
