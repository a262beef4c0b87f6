package cache

import (
	"context"
	"errors"
	"fmt"

	"github.com/frameiofs/frameiofs/remote"
)

const (
	warmPiece  = 4 << 20 // bytes of one download; a reader who wants some of it waits for at most so much
	warmAtOnce = 4       // downloads, while nobody reads
	warmRounds = 3       // over a content, before the cache counts as too small for it
)

// Warm fetches what is not here of it, at Background priority and over few connections: over one while somebody reads. progress, if
// not nil, is told the bytes that are here beyond those that it was told of before: first what was here already, so that it comes
// to it.Size in all; it is called by one goroutine at a time. More than the cache may hold is refused with ErrTooBig. What has
// come stays if Warm fails or ctx ends.
func (b *Blocks) Warm(ctx context.Context, it remote.Item, progress func(n int64)) error {
	c := b.acquire(it)
	defer b.release(c.k)
	if err := c.open(); err != nil {
		return fmt.Errorf("warm %s: %w", it.Name, err)
	}
	if err := b.fits(c.k.key); err != nil {
		return fmt.Errorf("warm %s: %w", it.Name, err)
	}
	told := int64(0)
	tell := func() {
		if n, _ := c.there(); n > told && progress != nil {
			progress(n - told)
			told = n
		}
	}
	tell()
	ctx = remote.WithPriority(ctx, remote.Background)
	for range warmRounds {
		if c.whole() {
			return nil
		}
		if err := c.warm(ctx, tell); err != nil {
			return fmt.Errorf("warm %s: %w", it.Name, err)
		}
	}
	if !c.whole() {
		return fmt.Errorf("warm %s: %w", it.Name, ErrTooBig)
	}
	return nil
}

// fits reports whether all of a content can be here beside what is pinned.
func (b *Blocks) fits(key contentKey) error {
	<-b.scanned
	b.mu.Lock()
	defer b.mu.Unlock()
	pinned := b.pinned
	if b.pins[key] {
		pinned -= key.size
	}
	if most := b.limitLocked(); key.size > most-pinned {
		return fmt.Errorf("%w: %d bytes, and it has %d beside what is pinned", ErrTooBig, key.size, most-pinned)
	}
	return nil
}

// warm goes once over the content from its beginning to its end.
func (c *content) warm(ctx context.Context, tell func()) error {
	var holds []claim
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, cl := range holds {
			c.leave(cl.download, false)
		}
	}()
	for off := int64(0); off < c.size || len(holds) > 0; {
		most := warmAtOnce
		if c.b.isRead() {
			most = 1
		}
		if off < c.size && len(holds) < most {
			var cl claim
			if cl, off = c.warmNext(ctx, off); cl.download != nil {
				holds = append(holds, cl)
			}
			continue
		}
		cl := holds[0]
		err := c.over(ctx, cl.download)
		c.mu.Lock()
		c.leave(cl.download, false)
		c.mu.Unlock()
		holds = holds[1:]
		if err != nil && (cl.own || ctx.Err() != nil) && !errors.Is(err, errUnwanted) {
			return err
		}
		tell()
	}
	return nil
}

// warmNext joins, or begins, the download of what is missing next, and answers where to go on.
func (c *content) warmNext(ctx context.Context, off int64) (claim, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for off < c.size && c.have.has(off/blockSize) {
		off += blockSize
	}
	if off >= c.size {
		return claim{}, off
	}
	d := c.flight(off)
	own := d == nil
	if own {
		d = c.begin(ctx, off, c.gap(off, min(off+warmPiece, c.size)), notAhead)
	}
	d.wanted++
	return claim{d, own, d.end}, d.end
}

// isRead reports whether a program waits for bytes, or some are fetched for it.
func (b *Blocks) isRead() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting > 0 || b.pieces > 0
}
