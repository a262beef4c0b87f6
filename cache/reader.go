package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/frameiofs/frameiofs/remote"
)

// Reader reads one content. It notices sequential reading and runs ahead. Its methods may be called at the same time.
type Reader struct {
	b     *Blocks
	c     *content
	media bool // a film or a sound: its head and its tail are read first

	mu      sync.Mutex // guards what follows
	streams []*stream  // the last used first
	early   early
	closed  bool
}

// Open begins to read it. It returns at once; behind, all is made ready for the first ReadAt, and of a media file the head and
// the tail are fetched, unless too much else is under way.
func (b *Blocks) Open(it remote.Item) *Reader {
	r := &Reader{b: b, c: b.acquire(it), media: isMedia(it)}
	r.prepare()
	return r
}

// Size returns the bytes of the content.
func (r *Reader) Size() int64 { return r.c.size }

// Close ends the read-ahead. What has arrived is kept.
func (r *Reader) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return os.ErrClosed
	}
	r.closed = true
	for _, s := range r.streams {
		r.stop(s)
	}
	r.streams = nil
	r.endEarly()
	r.mu.Unlock()
	r.b.release(r.c.k)
	return nil
}

// within is what of p can be read from off on; eof is io.EOF if that is not all. The error is what a read answers that begins nowhere.
func (r *Reader) within(p []byte, off int64) (_ []byte, eof, err error) {
	if off < 0 {
		return nil, nil, fmt.Errorf("read: negative offset %d", off)
	}
	if off >= r.c.size {
		return nil, nil, io.EOF
	}
	if rest := r.c.size - off; int64(len(p)) > rest {
		p, eof = p[:rest], io.EOF
	}
	return p, eof, nil
}

// ReadAt is io.ReaderAt with a context that bounds the wait of this caller only. It is short only at the end, with io.EOF. It
// returns as soon as its bytes have come. After an error the next call tries again.
func (r *Reader) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	p, eof, err := r.within(p, off)
	if err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	err = r.fill(ctx, p, off)
	if errors.As(err, new(diskError)) {
		err = r.direct(ctx, p, off)
	}
	if err != nil {
		return 0, fmt.Errorf("read: %w", err)
	}
	return len(p), eof
}

// fill reads p through the cache.
func (r *Reader) fill(ctx context.Context, p []byte, off int64) error {
	end := off + int64(len(p))
	if err := r.c.open(); err != nil {
		return err
	}
	r.c.meter(ctx, off, end)
	// A second round is needed when someone else's download failed, or what came was made room with before it was read. More
	// rounds than these mean that the cache is far too small for its readers.
	for range 4 {
		claims := r.c.claim(ctx, off, end, r.demandPiece(off))
		err := r.follow(ctx, off, end, claims)
		again, failed := r.c.settle(ctx, claims)
		if err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
		if again {
			continue
		}
		if ok, err := r.c.read(p, off, claims); ok || err != nil {
			return err
		}
	}
	return diskError{errors.New("the cache is too small")}
}

// direct reads past the cache, which has trouble of its own.
func (r *Reader) direct(ctx context.Context, p []byte, off int64) error {
	body, err := r.b.source.OpenRange(ctx, r.c.ref, off, int64(len(p)))
	if err != nil {
		return fmt.Errorf("open range: %w", err)
	}
	defer func() { _ = body.Close() }()
	if _, err := io.ReadFull(body, p); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read range: %w", err)
	}
	return nil
}
