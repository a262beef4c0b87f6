package spool

import (
	"errors"
	"iter"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// blockSize is the unit in which an asset's bytes are fetched when it is changed: the cache's.
const blockSize = 128 << 10

// errAbsent asks for bring.
var errAbsent = errors.New("spool: bytes are not here")

// blocks tells which bytes of a changed asset are in the entry's data; the rest is base's still. What lies at keep or beyond is
// data's, whatever the marks say: there base's bytes were cut off, or it never had any. Below keep a block is here as a whole, or
// not, or one run of its bytes is, as it is while somebody writes through it; of what is not, data may have anything.
//
// On the disk it is the file blocks: a head with keep, and a mark for every block of base. A mark follows its bytes, and both
// are written before the change is acknowledged, so the death of every process loses nothing. Power loss: commit and hydrate.
type blocks struct {
	// mu is held alone by who writes to a block that is not marked as written, and while keep changes. It comes after Entry.gate.
	mu    sync.RWMutex
	f     *os.File // nil for an unlinked entry, which nobody will open again
	file  users    // of f
	keep  int64
	stale bool           // keep on the disk may be larger
	state []byte         // by block
	runs  map[int64]span // of blocks that are here in part, or mended
	lacks *atomic.Int64  // bytes that are not here
}

// What is here of a block.
const (
	absent  = iota
	part    // runs tells what
	fetched // all of it, as base has it
	mended  // all of it: what was missing of a part was fetched. The disk knows neither fetched nor mended before keepFetched
	written // all of it
)

func blocksOf(n int64) int64 { return (n + blockSize - 1) / blockSize }

// count finds out how much is not here, with mu held.
func (b *blocks) count() {
	n := int64(0)
	for i := int64(0); i*blockSize < b.keep; i++ {
		n += b.need(i).len() - b.have(i).len()
	}
	b.lacks.Store(n)
}

func (s span) len() int64 { return s.end - s.off }

func (s span) and(t span) span {
	s = span{max(s.off, t.off), min(s.end, t.end)}
	s.end = max(s.off, s.end)
	return s
}

// need is what base has of block i that matters.
func (b *blocks) need(i int64) span { return span{i * blockSize, min((i+1)*blockSize, b.keep)} }

// have is what is here of that. With mu held, like the next two.
func (b *blocks) have(i int64) span {
	need := b.need(i)
	switch b.state[i] {
	case absent:
		return span{need.off, need.off}
	case part:
		if run := b.runs[i].and(need); run.len() > 0 {
			return run
		}
		return span{need.off, need.off} // cut off
	}
	return need
}

// overlaps are the blocks that have bytes in s of which base has some.
func (b *blocks) overlaps(s span) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i := s.off / blockSize; i*blockSize < min(s.end, b.keep); i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// far reports whether a write of s would leave two runs in block i.
func (b *blocks) far(i int64, s span) bool {
	need, have := b.need(i), b.have(i)
	w := s.and(need)
	return w.len() > 0 && w != need && have.len() > 0 && (w.end < have.off || w.off > have.end)
}

// gaps are the runs of bytes in s that are not here.
func (b *blocks) gaps(s span) (gaps []span) {
	if b == nil {
		return nil
	}
	add := func(g span) {
		if g = g.and(s); g.len() == 0 {
			return
		}
		if n := len(gaps); n > 0 && gaps[n-1].end == g.off {
			gaps[n-1].end = g.end
		} else {
			gaps = append(gaps, g)
		}
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	for i := range b.overlaps(s) {
		need, have := b.need(i), b.have(i)
		add(span{need.off, have.off})
		add(span{have.end, need.end})
	}
	return gaps
}

// edges are the blocks that must be here as a whole before s is written. There are two at most.
func (b *blocks) edges(s span) (edges []int64) {
	if b == nil || s.off >= s.end {
		return nil
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, i := range slices.Compact([]int64{s.off / blockSize, (s.end - 1) / blockSize}) {
		if i*blockSize < b.keep && b.far(i, s) {
			edges = append(edges, i)
		}
	}
	return edges
}

// marked reports whether nothing is to be noted when s is written.
func (b *blocks) marked(s span) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.stale {
		return false
	}
	for i := range b.overlaps(s) {
		w := s.and(b.need(i))
		if b.state[i] != written && (b.state[i] != part || w.and(b.have(i)) != w) {
			return false
		}
	}
	return true
}

// fill puts base's bytes from off on, which is a block's, into data, but for what is here already. With the gate held.
func (b *blocks) fill(data *os.File, p []byte, off int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := span{off, off + int64(len(p))}
	for i := range b.overlaps(all) {
		need, have := b.need(i), b.have(i)
		if b.state[i] >= fetched || need.end > all.end {
			continue
		}
		for _, gap := range []span{{need.off, have.off}, {have.end, need.end}} {
			if _, err := data.WriteAt(p[gap.off-off:gap.end-off], gap.off); err != nil {
				return err
			}
		}
		if have.len() > 0 {
			b.state[i] = mended
		} else {
			b.state[i] = fetched
			delete(b.runs, i)
		}
		b.lacks.Add(have.len() - need.len())
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
