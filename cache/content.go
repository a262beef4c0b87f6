package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/frameiofs/frameiofs/remote"
)

// blockSize is the unit in which bytes are fetched and kept. A read of one byte moves as much; a kernel reads as much at once.
const blockSize = 128 << 10

// content is one file of Frame.io's whose bytes we have, or fetch, in part. It is open as long as it has users, and a little longer.
type content struct {
	b    *Blocks
	k    *kept
	ref  remote.Ref
	size int64

	saving sync.Mutex // one at a time writes the map, or makes holes
	saved  bitmap     // guarded by saving: what the map on disk tells
	dead   bool       // guarded by saving: its files are gone

	disk   sync.RWMutex // read-locked to read and write blocks; locked to make holes and to change f
	opened bool
	f      *os.File
	fixed  bool  // f is in others' hands: nothing of it may change any more
	err    error // why it could not be opened; then bytes go past the cache

	mu      sync.Mutex // guards what follows
	have    bitmap     // invariant: the bytes of a block are written before its bit is set, and the bit is cleared before they are given up
	n       int64      // bits that are set
	changed bool       // since the map was written
	flights []*download
	touched []int64 // by stretch, when it was last read or written, by Blocks.clock
}

// diskError is trouble with the cache's own disk. Readers are not told of it: they are served past the cache.
type diskError struct{ error }

func (e diskError) Unwrap() error { return e.error }

func newContent(b *Blocks, k *kept, ref remote.Ref) *content {
	size := k.key.size
	return &content{
		b: b, k: k, ref: ref, size: size,
		have: newBitmap(size), saved: newBitmap(size), touched: make([]int64, (size+b.stretch()-1)/b.stretch()),
	}
}

// open opens the files, or makes them. Only the first call does anything, and it comes before all else.
func (c *content) open() error {
	c.disk.Lock()
	defer c.disk.Unlock()
	if c.opened {
		return c.err
	}
	if c.b.ctx.Err() != nil {
		return os.ErrClosed
	}
	c.opened = true
	if err := c.load(); err == nil {
		return nil
	}
	c.err = c.make()
	c.account(0)
	if c.err != nil {
		c.err = diskError{fmt.Errorf("cache: %w", c.err)}
		c.b.log.Warn("cannot keep what is read", "err", c.err)
	}
	return c.err
}

// load opens what an earlier run, or an earlier reader, left.
func (c *content) load() error {
	b, err := os.ReadFile(c.k.base + mapExt)
	if err != nil {
		return err
	}
	have, err := decodeMap(b, c.size)
	if err != nil {
		return err
	}
	f, fixed, err := openData(c.k.base+dataExt, c.size)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var n, there int64
	for i := range blocksOf(c.size) {
		if have.has(i) {
			n++
			there += c.blockLen(i)
		}
	}
	if fixed && n < blocksOf(c.size) { // what is missing may not be put there: it goes, as a whole
		_ = f.Close()
		return errors.New("the map tells less than was handed out")
	}
	c.f, c.fixed, c.n, c.have, c.saved = f, fixed, n, have, bytes.Clone(have) // saved: no one else knows c's files yet
	c.account(there)
	return nil
}

// make begins with nothing, and with new names: what load could not use shall not be taken for a map of what comes now.
func (c *content) make() error {
	for _, ext := range []string{mapExt, dataExt} {
		_ = os.Remove(c.k.base + ext) // if it stays, the next start deletes it
	}
	c.b.mu.Lock()
	c.k.base = c.b.newBase(c.k.key)
	c.b.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(c.k.base), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(c.k.base+dataExt, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(c.size); err != nil {
		_ = f.Close()
		return err
	}
	c.f = f
	return nil
}

// account puts bytes in place of what was thought to be on disk. It comes before any download.
func (c *content) account(bytes int64) {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	c.b.used += bytes - c.k.bytes
	c.k.bytes = bytes
}

// close closes the files.
func (c *content) close() error {
	c.disk.Lock()
	defer c.disk.Unlock()
	f := c.f
	c.opened, c.f, c.err = true, nil, os.ErrClosed
	if f == nil {
		return nil
	}
	return f.Close()
}

// blockLen is the length of block i.
func (c *content) blockLen(i int64) int64 { return min(blockSize, c.size-i*blockSize) }

// whole reports whether every block is there.
func (c *content) whole() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n == blocksOf(c.size)
}

// covered reports whether the bytes from off to end can be read now: their blocks are there, or have come so far. c.mu is held.
func (c *content) covered(off, end int64) bool {
	for off < end {
		i := off / blockSize
		if c.have.has(i) {
			off = (i + 1) * blockSize
			continue
		}
		d := c.flight(off)
		if d == nil || d.pos <= off {
			return false
		}
		off = d.pos
	}
	return true
}

// read reads what can be read now into p, which is all or nothing.
func (c *content) read(p []byte, off int64) (ok bool, err error) {
	c.disk.RLock()
	defer c.disk.RUnlock()
	if c.f == nil {
		return false, c.err
	}
	c.mu.Lock()
	ok = c.covered(off, off+int64(len(p)))
	if ok {
		c.touch(off, off+int64(len(p)))
	}
	c.mu.Unlock()
	if !ok {
		return false, nil
	}
	if _, err := c.f.ReadAt(p, off); err != nil {
		if c.fixed {
			return false, diskError{fmt.Errorf("read block: %w", err)}
		}
		c.lose(off, off+int64(len(p)))
		if errors.Is(err, io.EOF) { // someone cut the file
			err = c.f.Truncate(c.size)
		}
		if err != nil {
			return false, diskError{fmt.Errorf("read block: %w", err)}
		}
		return false, nil
	}
	return true, nil
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

// save writes the map, after the blocks that it tells of.
func (c *content) save() error {
	c.saving.Lock()
	defer c.saving.Unlock()
	c.mu.Lock()
	changed, have := c.changed, bitmap(bytes.Clone(c.have))
	c.changed = false
	c.mu.Unlock()
	if !changed || c.dead {
		return nil
	}
	err := c.sync()
	if err == nil {
		c.saved = have
		err = c.saveMap(have)
	}
	if err != nil {
		c.mu.Lock()
		c.changed = true
		c.mu.Unlock()
	}
	return err
}

func (c *content) sync() error {
	c.disk.RLock()
	defer c.disk.RUnlock()
	if c.f == nil {
		return c.err
	}
	return c.f.Sync()
}

// saveMap writes a map; c.saving is held.
func (c *content) saveMap(m bitmap) error {
	c.b.mu.Lock()
	base, at := c.k.base, c.k.at
	c.b.mu.Unlock()
	return writeMap(base, encodeMap(c.size, m), at)
}

// saveTime notes on disk when the content was last used.
func (c *content) saveTime() {
	c.b.mu.Lock()
	base, at := c.k.base, c.k.at
	c.b.mu.Unlock()
	_ = os.Chtimes(base+mapExt, at, at) // there may be no map; and nothing but the order of giving way hangs on it
}

// adopt makes the file at path the content's data, and returns how many bytes of it were not there before.
func (c *content) adopt(path string) (fresh int64, err error) {
	c.saving.Lock()
	defer c.saving.Unlock()
	if c.whole() {
		return 0, os.Remove(path)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(f.Chmod(0o600), f.Sync(), os.Rename(path, c.k.base+dataExt)); err != nil {
		_ = f.Close()
		return 0, err
	}
	c.disk.Lock()
	old := c.f
	c.f = f
	c.mu.Lock()
	for i := range blocksOf(c.size) {
		if !c.have.has(i) {
			c.have.set(i)
			fresh += c.blockLen(i)
		}
	}
	c.n = blocksOf(c.size)
	c.touch(0, c.size)
	c.saved = bitmap(bytes.Clone(c.have))
	c.mu.Unlock()
	c.disk.Unlock()
	_ = old.Close()
	return fresh, c.saveMap(c.saved)
}
