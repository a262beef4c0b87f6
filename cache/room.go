package cache

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

var errNoRoom = diskError{errors.New("no room in the cache")}

// stretch is the unit in which parts of contents that are being read give way, in bytes: whole blocks.
func (b *Blocks) stretch() int64 {
	s := min(max(b.size/64, blockSize), 16<<20)
	return s - s%blockSize
}

// limitLocked is how many bytes may be on disk: cfg.Size, or less if the disk is needed by others. b.mu is held.
func (b *Blocks) limitLocked() int64 {
	if now := time.Now(); now.Sub(b.asked) > time.Second {
		b.asked, b.byFree = now, b.size
		if free, err := b.free(b.dir); err == nil {
			b.byFree = max(b.used+free-b.keepFree, 0)
		}
	}
	return min(b.size, b.byFree)
}

// makeRoom promises n bytes to k, or to no one if k is nil, and takes none if it fails. For that what was not read for the
// longest time gives way, first contents that no one has open, then parts of those that are.
func (b *Blocks) makeRoom(k *kept, n int64) error {
	if b.promise(k, n) <= 0 {
		return nil
	}
	<-b.scanned // or what is not the oldest would give way, or what is pinned
	b.room.Lock()
	defer b.room.Unlock()
	for {
		over := b.promise(k, n)
		if over <= 0 {
			return nil
		}
		some := over + b.size/50 // or every download would have to
		freed := b.retireOldest(some)
		if freed < over {
			freed += b.punchOldest(some - freed)
		}
		if freed < over {
			return errNoRoom
		}
	}
}

// promise promises n bytes to k if there is room; if not, it tells how many are missing.
func (b *Blocks) promise(k *kept, n int64) (over int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	over = b.used + n - b.limitLocked()
	if over <= 0 && k != nil {
		k.bytes += n
		b.used += n
	}
	return over
}

// refund takes back n of the bytes that were promised to k.
func (b *Blocks) refund(k *kept, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k.bytes -= n
	b.used -= n
}

// retireOldest deletes contents that no one has open until n bytes are free, or none is left.
func (b *Blocks) retireOldest(n int64) (freed int64) {
	b.mu.Lock()
	var old []*kept
	for _, k := range b.table {
		if k.users == 0 && !b.pins[k.key] {
			old = append(old, k)
		}
	}
	slices.SortFunc(old, func(x, y *kept) int { return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.key.id, y.key.id)) })
	for i, k := range old {
		if freed >= n {
			old = old[:i]
			break
		}
		freed += b.strikeLocked(k)
	}
	b.mu.Unlock()
	for _, k := range old {
		b.delete(k.base, k.c)
	}
	return freed
}

// strikeLocked takes a content that no one uses out of the table and answers how many bytes it had; its files are to be deleted
// next, holding no lock. b.mu is held.
func (b *Blocks) strikeLocked(k *kept) int64 {
	delete(b.table, k.key)
	b.used -= k.bytes
	if k.c != nil {
		b.opened--
	}
	return k.bytes
}

// delete deletes the files of a content that is no longer in the table; c is nil if it was not open.
func (b *Blocks) delete(base string, c *content) {
	if c != nil {
		c.saving.Lock()
		c.dead = true
		_ = c.close()
		c.saving.Unlock()
	}
	for _, ext := range exts {
		if err := os.Remove(base + ext); err != nil && !errors.Is(err, os.ErrNotExist) {
			b.log.Warn("cannot delete from the cache", "err", err)
		}
		b.step("delete")
	}
}

// part is a stretch of a content.
type part struct {
	c       *content
	i       int64
	touched int64
}

// punchOldest makes holes in contents that are being read until n bytes are free, or nothing is left that may go.
func (b *Blocks) punchOldest(n int64) (freed int64) {
	var parts []part
	for _, c := range b.open() {
		if !c.mayPunch() {
			continue
		}
		c.mu.Lock()
		for i, at := range c.touched {
			if at > 0 || c.anyIn(int64(i)) {
				parts = append(parts, part{c, int64(i), at})
			}
		}
		c.mu.Unlock()
	}
	slices.SortStableFunc(parts, func(x, y part) int { return cmp.Compare(x.touched, y.touched) })
	// A map is written for each content once, so all of one content's parts go together.
	for len(parts) > 0 && freed < n {
		c, take, need := parts[0].c, []int64{}, n-freed
		rest := parts[:0:0]
		for _, p := range parts {
			if p.c == c && need > 0 {
				take = append(take, p.i)
				need -= c.bytesIn(p.i)
			} else {
				rest = append(rest, p)
			}
		}
		got, err := c.punch(take)
		freed += got
		if err != nil {
			b.log.Warn("cannot make room in the cache", "err", err)
			return freed
		}
		parts = rest
	}
	return freed
}

// blocksIn calls f for the blocks of a stretch. c.mu is held.
func (c *content) blocksIn(i int64, f func(block int64)) {
	per := c.b.stretch() / blockSize
	for j := i * per; j < min((i+1)*per, blocksOf(c.size)); j++ {
		f(j)
	}
}

// anyIn reports whether a stretch has blocks. c.mu is held.
func (c *content) anyIn(i int64) (has bool) {
	c.blocksIn(i, func(j int64) { has = has || c.have.has(j) })
	return has
}

// bytesIn is how many bytes of a stretch are there.
func (c *content) bytesIn(i int64) (n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocksIn(i, func(j int64) {
		if c.have.has(j) {
			n += c.blockLen(j)
		}
	})
	return n
}

// punch gives up stretches: it forgets them, makes that durable, and only then gives their bytes back to the disk. Blocks that
// a download has begun to write meanwhile are left.
func (c *content) punch(stretches []int64) (freed int64, err error) {
	c.saving.Lock()
	defer c.saving.Unlock()
	if !c.mayPunch() {
		return 0, nil
	}
	var forgot []int64
	c.mu.Lock()
	for _, i := range stretches {
		c.touched[i] = 0
		c.blocksIn(i, func(j int64) {
			if n := c.forget(j); n > 0 {
				freed += n
				forgot = append(forgot, j)
			}
		})
	}
	c.mu.Unlock()
	told := false
	for _, j := range forgot {
		told = told || c.saved.has(j)
		c.saved.clear(j)
	}
	if told { // on disk, of blocks that are about to go; those that came since are not synced yet, and wait for save
		if err := errors.Join(c.saveMap(c.saved), syncDir(filepath.Dir(c.k.base))); err != nil {
			return 0, fmt.Errorf("make a hole: %w", err)
		}
	}
	c.disk.Lock()
	defer c.disk.Unlock()
	if c.fixed { // all of it has come again meanwhile
		return freed, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range forgot {
		if c.f == nil || c.have.has(j) || c.flight(j*blockSize) != nil {
			continue
		}
		if err := punchHole(c.f, j*blockSize, c.blockLen(j)); err != nil {
			return freed, fmt.Errorf("make a hole: %w", err)
		}
		c.b.step("hole")
	}
	return freed, nil
}
