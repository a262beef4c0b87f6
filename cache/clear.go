package cache

import (
	"fmt"

	"github.com/frameiofs/frameiofs/remote"
)

// Stats are figures of Blocks, as of now.
type Stats struct {
	Used   int64 // bytes on disk, and promised to downloads
	Limit  int64 // bytes that may be on disk: BlocksConfig.Size, or less if others need the disk
	Pinned int64 // bytes of all that is pinned, here or not
	Files  int   // contents of which there is something
	Pins   int   // contents that are pinned
	Open   int   // contents that are being read, or were a moment ago
	Ahead  int64 // bytes of read-ahead under way
}

// Fetched is how many bytes have come to be read since OpenBlocks.
func (b *Blocks) Fetched() int64 { return b.fetched.Load() }

// Stats tells how full the cache is. Right after OpenBlocks that may be less than there is: the disk is still looked through.
func (b *Blocks) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	st := Stats{Used: b.used, Limit: b.limitLocked(), Pinned: b.pinned, Pins: len(b.pins), Open: b.opened, Ahead: b.ahead}
	for _, k := range b.table {
		if k.bytes > 0 {
			st.Files++
		}
	}
	return st
}

// Usage tells how many bytes are on disk, and how many may be.
func (b *Blocks) Usage() (used, limit int64) {
	st := b.Stats()
	return st.Used, st.Limit
}

// Held tells how many bytes of it are here, and whether it is pinned.
func (b *Blocks) Held(it remote.Item) (bytes int64, pinned bool) {
	_, key := contentOf(it)
	<-b.scanned
	b.mu.Lock()
	k := b.table[key]
	pinned = b.pins[key]
	var c *content
	if k != nil {
		bytes, c = k.bytes, k.c
	}
	b.mu.Unlock()
	if c != nil {
		if n, known := c.there(); known {
			bytes = n
		}
	}
	return bytes, pinned
}

// there is how many bytes are here; known is false before the files were opened.
func (c *content) there() (n int64, known bool) {
	c.disk.RLock()
	defer c.disk.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.thereLocked(), c.opened
}

// thereLocked is how many bytes are here. c.mu is held.
func (c *content) thereLocked() int64 {
	last := blocksOf(c.size) - 1
	if last >= 0 && c.have.has(last) {
		return (c.n-1)*blockSize + c.blockLen(last)
	}
	return c.n * blockSize
}

// Clear deletes what is here of it, or of everything if it is nil, and answers how many bytes that were. What is pinned, open, or
// just being adopted stays; if that is it, Clear answers ErrPinned or ErrOpen.
func (b *Blocks) Clear(it *remote.Item) (freed int64, err error) {
	var gone []*kept
	<-b.scanned
	b.mu.Lock()
	if it == nil {
		for key, k := range b.table {
			if k.users == 0 && !b.pins[key] {
				gone = append(gone, k)
			}
		}
	} else {
		_, key := contentOf(*it)
		k := b.table[key]
		switch {
		case b.pins[key]:
			err = fmt.Errorf("clear %s: %w", it.Name, ErrPinned)
		case k != nil && k.users > 0:
			err = fmt.Errorf("clear %s: %w", it.Name, ErrOpen)
		case k != nil:
			gone = append(gone, k)
		}
	}
	for _, k := range gone {
		freed += b.strikeLocked(k)
	}
	b.mu.Unlock()
	for _, k := range gone {
		b.delete(k.base, k.c)
	}
	return freed, err
}
