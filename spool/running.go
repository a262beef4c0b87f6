package spool

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// running is the xxHash64 of an attempt's bytes (spec: frameio-v2.md §4.2), found out while they are sent. It goes through them in order, and
// the parts go side by side: what the first part that is not done reads is taken as it comes by, and what others have read before is
// read once more, from the kernel's memory, where it still is.
type running struct {
	a *attempt

	mu  sync.Mutex // guards what follows
	h   *xxhash.Digest
	pos int64 // bytes up to here are in h
	buf []byte
}

const (
	runningStep = 128 << 10 // bytes read at a time
	runningTick = 50 * time.Millisecond
)

func newRunning(a *attempt) *running { return &running{a: a, h: xxhash.New()} }

// hashing begins to find out the attempt's hash, unless it is known. The func it returns ends what follows the parts.
func (a *attempt) hashing(ctx context.Context, parts int) (end func()) {
	if a.hash != "" {
		return func() {}
	}
	if a.running == nil {
		a.running = newRunning(a)
	}
	if parts < 2 {
		return func() {} // the part goes by in order
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.running.follow(ctx)
	}()
	return func() { cancel(); <-done }
}

// hashed ends it: all parts are done.
func (a *attempt) hashed() (err error) {
	if a.hash == "" {
		a.hash, err = a.running.finish(a.ctx)
	}
	if err != nil {
		return fmt.Errorf("read bytes to find out their checksum: %w", err)
	}
	return nil
}

// offer takes bytes that were just read, if they are the next. nil takes none.
func (r *running) offer(p []byte, off int64) {
	if r == nil || !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	if off == r.pos {
		r.h.Write(p)
		r.pos += int64(len(p))
	}
}

// follow takes what the parts have read until ctx ends.
func (r *running) follow(ctx context.Context) {
	tick := time.NewTicker(runningTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		pos := r.pos
		r.mu.Unlock()
		if r.reach(ctx, r.a.readTo(pos)) != nil {
			return // finish tells
		}
	}
}

// reach takes all bytes up to an offset.
func (r *running) reach(ctx context.Context, to int64) error {
	for ctx.Err() == nil {
		more, err := r.read(to)
		if err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

func (r *running) read(to int64) (more bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pos >= to {
		return false, nil
	}
	if r.buf == nil {
		r.buf = make([]byte, min(runningStep, r.a.e.Size()))
	}
	n, err := r.a.guard.ReadAt(r.buf[:min(int64(len(r.buf)), to-r.pos)], r.pos)
	r.h.Write(r.buf[:n])
	r.pos += int64(n)
	if n > 0 {
		err = nil
	}
	return true, err
}

// finish takes the rest, and answers the hash as Frame.io writes it.
func (r *running) finish(ctx context.Context) (string, error) {
	if err := r.reach(ctx, r.a.e.Size()); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf = nil
	return sumText(r.h), nil
}

func sumText(h *xxhash.Digest) string { return fmt.Sprintf("%016x", h.Sum64()) }

// readTo is how far the parts have read without a gap, from an offset on.
func (a *attempt) readTo(from int64) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, p := range a.up.Parts {
		switch {
		case p.Off+p.Size <= from || a.done[i]:
			from = max(from, p.Off+p.Size)
			continue
		case a.flight[i] != nil:
			return max(from, p.Off+a.flight[i].at.Load())
		default:
			return from
		}
	}
	return from
}
