package cache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// films is a Source: of every id any number of bytes, all different.
type films struct {
	chunk int           // most bytes that one Read of a body gives; 0: any
	rtt   time.Duration // before the first byte
	pace  time.Duration // for each chunk
	line  time.Duration // for each chunk, of all bodies together
	dial  time.Duration // for a connection, when more bodies are open than ever before
	fault func(id remote.ID, off, n int64) (cut int64, err error)
	gate  func(ctx context.Context, off int64) error // called before each Read, with the offset

	mu       sync.Mutex
	requests []request
	asked    int64 // bytes
	moved    int64 // bytes
	open     int   // bodies
	mostOpen int
	ended    int // bodies that ended by their context
	prepared []remote.ID
	free     time.Time // when the line is free again
}

type request struct {
	id     remote.ID
	off, n int64
}

var errFault = errors.New("the link broke")

func (s *films) OpenRange(ctx context.Context, file remote.Ref, off, n int64) (io.ReadCloser, error) {
	s.mu.Lock()
	s.requests = append(s.requests, request{file.ID, off, n})
	s.asked += n
	s.open++
	wait := s.rtt
	if s.open > s.mostOpen {
		s.mostOpen = s.open
		wait += s.dial
	}
	s.mu.Unlock()
	b := &body{s: s, ctx: ctx, id: file.ID, off: off, end: off + n, err: io.EOF}
	if s.fault != nil {
		cut, err := s.fault(file.ID, off, n)
		if err != nil && cut < 0 {
			_ = b.Close()
			return nil, err
		}
		if err != nil {
			b.end, b.err = off+min(cut, n), err
		}
	}
	if err := sleep(ctx, wait); err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

func (s *films) Prepare(ctx context.Context, file remote.Ref) error {
	s.mu.Lock()
	s.prepared = append(s.prepared, file.ID)
	s.mu.Unlock()
	return sleep(ctx, s.rtt)
}

type body struct {
	s        *films
	ctx      context.Context
	id       remote.ID
	off, end int64
	err      error
	closed   bool
}

func (b *body) Read(p []byte) (n int, err error) {
	if b.s.gate != nil {
		err = b.s.gate(b.ctx, b.off)
	}
	if err == nil {
		err = sleep(b.ctx, max(b.s.pace, b.s.turn()))
	}
	if err != nil {
		b.s.mu.Lock()
		b.s.ended++
		b.s.mu.Unlock()
		return 0, err
	}
	if b.s.chunk > 0 {
		p = p[:min(len(p), b.s.chunk)]
	}
	p = p[:min(int64(len(p)), b.end-b.off)]
	fill(p, b.id, b.off)
	b.off += int64(len(p))
	b.s.mu.Lock()
	b.s.moved += int64(len(p))
	b.s.mu.Unlock()
	if b.off == b.end {
		err = b.err
	}
	return len(p), err
}

// turn is how long the next chunk has to wait for the line.
func (s *films) turn() time.Duration {
	if s.line == 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.free.Before(now) {
		s.free = now
	}
	s.free = s.free.Add(s.line)
	return time.Until(s.free)
}

func (b *body) Close() error {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if !b.closed {
		b.closed = true
		b.s.open--
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// pattern's length is a prime, so that no two blocks of a film are equal for a long time.
var pattern = func() []byte {
	p := make([]byte, 1_048_583)
	rnd := rand.NewChaCha8([32]byte{1})
	_, _ = rnd.Read(p)
	return p
}()

// fill makes the bytes of a film from off on.
func fill(p []byte, id remote.ID, off int64) {
	for _, r := range id {
		off += 7919 * int64(r)
	}
	for len(p) > 0 {
		n := copy(p, pattern[off%int64(len(pattern)):])
		p, off = p[n:], off+int64(n)
	}
}

// counts returns what s has seen so far, and begins to count anew.
func (s *films) counts() (requests []request, asked, moved int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, asked, moved = s.requests, s.asked, s.moved
	s.requests, s.asked, s.moved = nil, 0, 0
	return requests, asked, moved
}

func film(id remote.ID, size int64) remote.Item {
	return remote.Item{Ref: remote.Ref{Kind: remote.File, ID: id, Account: "a"}, Content: id, Size: size, State: remote.Uploaded}
}

// openBlocks opens Blocks; what cfg leaves open suits small tests.
func openBlocks(t *testing.T, cfg BlocksConfig) *Blocks {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.KeepFree == 0 {
		cfg.KeepFree = 1
	}
	b, err := OpenBlocks(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeBlocks(t, b) })
	<-b.scanned
	return b
}

func closeBlocks(t *testing.T, b *Blocks) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// mustRead reads n bytes at off and checks them.
func mustRead(t *testing.T, r *Reader, id remote.ID, off, n int64) {
	t.Helper()
	p := make([]byte, n)
	got, err := r.ReadAt(t.Context(), p, off)
	checkRead(t, r, id, p, off, got, err)
}

// checkRead checks what a ReadAt answered.
func checkRead(t *testing.T, r *Reader, id remote.ID, p []byte, off int64, n int, err error) {
	t.Helper()
	left := max(r.Size()-off, 0)
	if int64(len(p)) > left && err == io.EOF {
		err, p = nil, p[:left]
	}
	if err != nil || n != len(p) {
		t.Errorf("read %d bytes at %d: got %d, %v", len(p), off, n, err)
		return
	}
	want := make([]byte, n)
	fill(want, id, off)
	if !bytes.Equal(p, want) {
		t.Fatalf("read %d bytes at %d of %s: WRONG BYTES", n, off, id)
	}
}

// mustReadAll reads all of r in order.
func mustReadAll(t *testing.T, r *Reader, id remote.ID, step int64) {
	t.Helper()
	for off := int64(0); off < r.Size(); off += step {
		mustRead(t, r, id, off, min(step, r.Size()-off))
	}
}

// land waits until all that has come to r is on disk; a program has it earlier.
func land(t *testing.T, r *Reader) {
	t.Helper()
	for {
		r.c.mu.Lock()
		if len(r.c.flights) == 0 {
			r.c.mu.Unlock()
			return
		}
		d := r.c.flights[0]
		r.c.mu.Unlock()
		_ = r.c.over(t.Context(), d)
	}
}
