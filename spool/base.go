package spool

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/remote"
)

// readAt reads the bytes as they are now: data's, and base's where these are not here. The caller keeps them open.
func (e *Entry) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	e.gate.RLock()
	b, data := e.blocks, e.data
	gaps := b.gaps(span{off, off + int64(len(p))}) // before data is read: what is absent now may be there in a moment
	n, err := 0, error(nil)
	if data != nil {
		n, err = data.ReadAt(p, off)
	}
	e.gate.RUnlock()
	if data != nil && len(gaps) == 0 {
		return n, err
	}
	base, berr := e.source()
	if berr != nil {
		return 0, berr
	}
	if data == nil {
		return base.ReadAt(ctx, p, off)
	}
	for _, g := range gaps {
		if g.end = min(g.end, off+int64(n)); g.off >= g.end {
			break
		}
		if err := readFull(ctx, base.ReadAt, p[g.off-off:g.end-off], g.off); err != nil {
			return 0, err
		}
	}
	return n, err
}

// readFull reads all of p. A base that ends before it said it would is an error.
func readFull(ctx context.Context, read func(ctx context.Context, p []byte, off int64) (int, error), p []byte, off int64) error {
	n, err := read(ctx, p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// source is the bytes of the asset that is changed. It is closed with the last use of the entry's bytes, and the caller has one.
func (e *Entry) source() (Base, error) {
	e.mu.Lock()
	base, was := e.base, e.rec.madeOf(e.placed)
	e.mu.Unlock()
	if base != nil {
		return base, nil
	}
	if was == nil || e.s.cfg.Base == nil {
		return nil, ErrClosed
	}
	base = e.s.cfg.Base(*was)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.base == nil {
		e.base = base
	} else {
		base.Close()
	}
	return e.base, nil
}

// bring fetches what a write of s needs to be here first. No lock is held while the network is waited for.
func (e *Entry) bring(ctx context.Context, s span) error {
	e.gate.RLock()
	b := e.blocks
	e.gate.RUnlock()
	g, ctx := errgroup.WithContext(ctx)
	for _, i := range b.edges(s) {
		g.Go(func() error {
			return remote.Contain(e.s.log, "fetch a block", func() error {
				return e.fetch(ctx, b, span{i * blockSize, (i + 1) * blockSize}, forOthers)
			})
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("fetch what surrounds the bytes to be changed: %w", err)
	}
	return nil
}

// Whether base's bytes are wanted again, as far as fetch knows.
const (
	once      = true
	forOthers = false
)

// fetch brings the blocks of s here. It begins with one.
func (e *Entry) fetch(ctx context.Context, b *blocks, s span, once bool) error {
	b.mu.RLock()
	s.end = min(s.end, b.keep)
	b.mu.RUnlock()
	if s.off >= s.end {
		return nil
	}
	base, err := e.source()
	if err != nil {
		return err
	}
	p := make([]byte, s.len())
	read := base.ReadAt
	if once {
		read = base.ReadOnce
	}
	if err := readFull(ctx, read, p, s.off); err != nil {
		return err
	}
	if err := e.s.space.take(s.len()); err != nil {
		return err
	}
	e.gate.RLock()
	defer e.gate.RUnlock()
	if e.blocks != b || e.data == nil {
		return nil // all is here by now, or it has bytes of its own
	}
	return b.fill(e.data, p, s.off)
}

// over runs f, which gives data new bytes in s, or in the first n bytes of it, and marks them. It answers errAbsent before that if
// something must be fetched first. The gate is held.
func (e *Entry) over(s span, f func() (n int, err error)) (int, error) {
	b := e.blocks
	if b == nil || b.marked(s) {
		return f()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.overlaps(s) {
		if b.far(i, s) {
			return 0, errAbsent
		}
	}
	if b.stale {
		if err := b.saveKeep(); err != nil {
			return 0, err
		}
	}
	// Of a block that is here already it is enough that nobody takes it for base's any more: so its mark comes first.
	err := b.mark(s, func(i int64) (byte, span) {
		if b.state[i] == fetched || b.state[i] == mended {
			return written, span{}
		}
		return b.state[i], b.runs[i]
	})
	if err != nil {
		return 0, err
	}
	n, err := f()
	if n <= 0 {
		return n, err
	}
	done := span{s.off, s.off + int64(n)}
	merr := b.mark(done, func(i int64) (byte, span) {
		if b.state[i] == written {
			return written, span{}
		}
		need, run, w := b.need(i), b.have(i), done.and(b.need(i))
		switch {
		case w.len() == 0:
			return b.state[i], b.runs[i]
		case run.len() == 0, w == need:
			run = w
		case w.end < run.off || w.off > run.end: // what was written was less than s, and does not reach it
			return b.state[i], b.runs[i]
		default:
			run = span{min(run.off, w.off), max(run.end, w.end)}
		}
		if run == need {
			return written, span{}
		}
		return part, run
	})
	if merr != nil {
		return 0, merr
	}
	return n, err
}
