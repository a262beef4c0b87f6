package cache

import (
	"bytes"
	"errors"
	"fmt"
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
	sums   *os.File // of f's blocks
	fixed  bool     // f is in others' hands: nothing of it may change any more
	err    error    // why it could not be opened; then bytes go past the cache

	mu      sync.Mutex // guards what follows
	have    bitmap     // invariant: the bytes of a block are written before its bit is set, and the bit is cleared before they are given up
	n       int64      // bits that are set
	unsure  bitmap     // blocks of an earlier run whose bytes have not been compared with their sum in this one
	doubts  int64      // bits that are set
	warned  bool       // that bytes were not what they were
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
		have: newBitmap(size), saved: newBitmap(size), unsure: newBitmap(size), touched: make([]int64, (size+b.stretch()-1)/b.stretch()),
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
	have, summed, err := decodeMap(b, c.size)
	if err != nil {
		return err
	}
	f, fixed, err := openData(c.k.base+dataExt, c.size)
	if err != nil {
		return err
	}
	if fixed && have.count() < blocksOf(c.size) { // what is missing may not be put there: it goes, as a whole
		_ = f.Close()
		return errors.New("the map tells less than was handed out")
	}
	sums, unsure, err := openSums(c.k.base+sumsExt, have, summed, c.size)
	if err != nil {
		_ = f.Close()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.f, c.sums, c.fixed = f, sums, fixed
	c.have, c.n, c.unsure, c.doubts = have, have.count(), unsure, unsure.count()
	c.saved = bytes.Clone(have) // no one else knows c's files yet
	c.account(c.thereLocked())
	return nil
}

// make begins with nothing, and with new names: what load could not use shall not be taken for a map of what comes now.
func (c *content) make() error {
	for _, ext := range exts {
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
	c.b.step("make")
	sums, err := os.OpenFile(c.k.base+sumsExt, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		_ = f.Close()
		return err
	}
	if err := errors.Join(f.Truncate(c.size), sums.Truncate(sumsSize(c.size))); err != nil {
		_, _ = f.Close(), sums.Close()
		return err
	}
	c.f, c.sums = f, sums
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
	f, sums := c.f, c.sums
	c.opened, c.f, c.sums, c.err = true, nil, nil, os.ErrClosed
	if f == nil {
		return nil
	}
	return errors.Join(f.Close(), sums.Close())
}

// blockLen is the length of block i.
func (c *content) blockLen(i int64) int64 { return min(blockSize, c.size-i*blockSize) }

// whole reports whether every block is there.
func (c *content) whole() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n == blocksOf(c.size)
}
