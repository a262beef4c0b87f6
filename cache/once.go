package cache

import (
	"context"
	"fmt"
)

// ReadOnce is ReadAt for who keeps the bytes himself: what is not here is fetched past the cache, in one request for each run of
// blocks, nothing is run ahead, and nothing has to make room.
func (r *Reader) ReadOnce(ctx context.Context, p []byte, off int64) (int, error) {
	p, eof, err := r.within(p, off)
	if err != nil {
		return 0, err
	}
	usable := r.c.open() == nil
	for at := 0; at < len(p); {
		n, here := len(p)-at, false
		if usable {
			n, here = r.c.alike(off+int64(at), off+int64(len(p)))
		}
		part := p[at : at+n]
		if here {
			ok, err := r.c.read(part, off+int64(at), nil)
			here = ok && err == nil // else it has gone meanwhile, is not what it was, or the disk has trouble
		}
		if !here {
			if err := r.direct(ctx, part, off+int64(at)); err != nil {
				return at, fmt.Errorf("read: %w", err)
			}
		}
		at += n
	}
	return len(p), eof
}

// alike tells how many bytes from off on, up to end, are all here, or all not.
func (c *content) alike(off, end int64) (n int, here bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	here = c.have.has(off / blockSize)
	at := off
	for at < end && c.have.has(at/blockSize) == here {
		at = (at/blockSize + 1) * blockSize
	}
	return int(min(at, end) - off), here
}
