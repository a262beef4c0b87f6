package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// blockSize is the unit in which an asset's bytes are fetched when it is changed: the cache's.
const blockSize = 128 << 10

// errAbsent asks for bring.
var errAbsent = errors.New("spool: bytes are not here")

// blocks tells which bytes of a changed asset are in the entry's data; the rest is base's still. What lies at keep or beyond is
// data's, whatever the marks say: there base's bytes were cut off, or it never had any. Below keep a block that is absent is read
// from base, and data may have anything there.
//
// On the disk it is the file blocks: a head with keep, and a byte for every block of base. A mark follows its bytes, and both
// are written before the change is acknowledged, so the death of every process loses nothing. Power loss: commit and hydrate.
type blocks struct {
	// mu is held alone by who writes to a block that was not written before, and while keep changes. It comes after Entry.gate.
	mu    sync.RWMutex
	f     *os.File // nil for an unlinked entry, which nobody will open again
	keep  int64
	stale bool          // keep on the disk may be larger
	marks []byte        // by block
	lacks *atomic.Int64 // bytes that are absent
}

// The marks.
const (
	absent  = 0
	fetched = 1 // as base has it. On the disk only once the bytes survive a loss of power: none of them was acknowledged
	written = 2
)

// The head of the file: a name for what it is, and keep.
const (
	blocksMagic = "blocks1\n"
	blocksHead  = 16
)

func blocksOf(n int64) int64 { return (n + blockSize - 1) / blockSize }

// makeBlocks makes the file, which says that nothing is here.
func makeBlocks(dir string, size int64, lacks *atomic.Int64) (*blocks, error) {
	f, err := os.OpenFile(filepath.Join(dir, blocksName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	b := &blocks{f: f, keep: size, marks: make([]byte, blocksOf(size)), lacks: lacks}
	err = f.Truncate(blocksHead + int64(len(b.marks)))
	if err == nil {
		err = b.saveKeep()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	lacks.Store(size)
	return b, nil
}

// loadBlocks opens the file of an entry whose data has size bytes.
func loadBlocks(dir string, size int64, lacks *atomic.Int64) (*blocks, error) {
	f, err := os.OpenFile(filepath.Join(dir, blocksName), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(f)
	if err == nil && (len(raw) < blocksHead || string(raw[:len(blocksMagic)]) != blocksMagic) {
		err = errors.New("the map of what was changed in it cannot be read")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	b := &blocks{f: f, keep: int64(binary.BigEndian.Uint64(raw[len(blocksMagic):])), marks: raw[blocksHead:], lacks: lacks}
	if b.keep < 0 || blocksOf(b.keep) > int64(len(b.marks)) {
		f.Close()
		return nil, fmt.Errorf("the map of what was changed in it has %d blocks for %d bytes", len(b.marks), b.keep)
	}
	if b.keep > size { // the program died between cutting data and saying so here
		b.keep, b.stale = size, true
	}
	b.count()
	return b, nil
}

// count finds out how much is absent, with mu held.
func (b *blocks) count() {
	n := int64(0)
	for i := int64(0); i*blockSize < b.keep; i++ {
		if b.marks[i] == absent {
			n += b.need(i).len()
		}
	}
	b.lacks.Store(n)
}

func (s span) len() int64 { return s.end - s.off }

// need is what base has of block i that matters.
func (b *blocks) need(i int64) span { return span{i * blockSize, min((i+1)*blockSize, b.keep)} }

// gaps are the runs of absent bytes in s.
func (b *blocks) gaps(s span) (gaps []span) {
	if b == nil {
		return nil
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	end := min(s.end, b.keep)
	for off := s.off; off < end; off = (off/blockSize + 1) * blockSize {
		if b.marks[off/blockSize] != absent {
			continue
		}
		upto := min((off/blockSize+1)*blockSize, end)
		if n := len(gaps); n > 0 && gaps[n-1].end == off {
			gaps[n-1].end = upto
		} else {
			gaps = append(gaps, span{off, upto})
		}
	}
	return gaps
}

// edges are the absent blocks that a write of s changes in part: they must be here first. There are two at most.
func (b *blocks) edges(s span) (edges []int64) {
	if b == nil || s.off >= s.end {
		return nil
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, i := range slices.Compact([]int64{s.off / blockSize, (s.end - 1) / blockSize}) {
		if i*blockSize >= b.keep || b.marks[i] != absent {
			continue
		}
		if n := b.need(i); n.off < s.off || n.end > s.end {
			edges = append(edges, i)
		}
	}
	return edges
}

// untouched reports whether s has a block that was not written before.
func (b *blocks) untouched(s span) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.stale {
		return true
	}
	for i := s.off / blockSize; i*blockSize < min(s.end, b.keep); i++ {
		if b.marks[i] != written {
			return true
		}
	}
	return false
}

// over runs f, which gives data new bytes in s, or in the first n bytes of it, and marks them. It is called with the gate held,
// and once edges has told that there are none.
func (e *Entry) over(s span, f func() (n int, err error)) (int, error) {
	b := e.blocks
	if b == nil || !b.untouched(s) {
		return f()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stale {
		if err := b.saveKeep(); err != nil {
			return 0, err
		}
	}
	// Of a block that is here as base has it, what matters is that nobody takes it for that any more: so its mark comes first.
	err := b.mark(s, func(i int64) bool { return b.marks[i] == fetched })
	if err != nil {
		return 0, err
	}
	n, err := f()
	if n > 0 {
		done := span{s.off, s.off + int64(n)}
		merr := b.mark(done, func(i int64) bool {
			need := b.need(i)
			return b.marks[i] == absent && done.off <= need.off && need.end <= done.end
		})
		if merr != nil {
			return 0, merr
		}
	}
	return n, err
}

// mark notes as written those blocks of s that which picks, with mu held: first on the disk, in one write.
func (b *blocks) mark(s span, which func(i int64) bool) error {
	first, last, gone := int64(-1), int64(-1), int64(0)
	for i := s.off / blockSize; i*blockSize < min(s.end, b.keep); i++ {
		if which(i) {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return nil
	}
	marks := append([]byte(nil), b.marks[first:last+1]...)
	for i := first; i <= last; i++ {
		if !which(i) {
			if marks[i-first] == fetched {
				marks[i-first] = absent // not to be believed on the disk yet; harmless, since nothing of it is new
			}
			continue
		}
		if b.marks[i] == absent {
			gone += b.need(i).len()
		}
		marks[i-first] = written
	}
	if b.f != nil {
		if _, err := b.f.WriteAt(marks, blocksHead+first); err != nil {
			return fmt.Errorf("mark what is written: %w", err)
		}
	}
	for i := first; i <= last; i++ {
		if marks[i-first] == written {
			b.marks[i] = written
		}
	}
	b.lacks.Add(-gone)
	return nil
}

// fill puts base's bytes from off on, which is a block's, into data, but for what has come there meanwhile. With the gate held.
func (b *blocks) fill(data *os.File, p []byte, off int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, end := off/blockSize, off+int64(len(p)); i*blockSize < min(end, b.keep); i++ {
		need := b.need(i)
		if b.marks[i] != absent || need.end > end {
			continue
		}
		if _, err := data.WriteAt(p[need.off-off:need.end-off], need.off); err != nil {
			return err
		}
		b.marks[i] = fetched
		b.lacks.Add(-need.len())
	}
	return nil
}

// shrink notes that data was cut to size, with the gate held alone. What is there from now on is zeros until it is written.
func (b *blocks) shrink(size int64) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if size < b.keep {
		b.keep, b.stale = size, true
		b.count()
	}
	if !b.stale {
		return nil
	}
	return b.saveKeep()
}

// saveKeep writes the head, with mu held. Before it has, nothing may be put beyond keep: base's bytes would be taken for it.
func (b *blocks) saveKeep() error {
	if b.f != nil {
		head := binary.BigEndian.AppendUint64([]byte(blocksMagic), uint64(b.keep))
		if _, err := b.f.WriteAt(head, 0); err != nil {
			return fmt.Errorf("note the size: %w", err)
		}
	}
	b.stale = false
	return nil
}

// sync brings the marks to the disk, after their bytes.
func (b *blocks) sync() error {
	if b == nil || b.f == nil {
		return nil
	}
	return syncData(b.f)
}

func (b *blocks) close() {
	if b != nil && b.f != nil {
		b.f.Close()
	}
}

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
		if err := readFull(ctx, base, p[g.off-off:g.end-off], g.off); err != nil {
			return 0, err
		}
	}
	return n, err
}

// readFull reads all of p. A base that ends before it said it would is an error.
func readFull(ctx context.Context, base Base, p []byte, off int64) error {
	n, err := base.ReadAt(ctx, p, off)
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
	base, was := e.base, e.rec.Base
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
		g.Go(func() error { return e.fetch(ctx, b, span{i * blockSize, (i + 1) * blockSize}) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("fetch what surrounds the bytes to be changed: %w", err)
	}
	return nil
}

// fetch brings the blocks of s here.
func (e *Entry) fetch(ctx context.Context, b *blocks, s span) error {
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
	if err := readFull(ctx, base, p, s.off); err != nil {
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
