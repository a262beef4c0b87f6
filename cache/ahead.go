package cache

import (
	"context"
	"os"
	"slices"
)

// How far a stream runs ahead. Someone who reads 1 MiB somewhere pays for at most one more; whoever goes on gets as much ahead as
// he has read, up to the share of the memory, in pieces so that a good number is under way at once: a single connection seldom fills a link.
const (
	smallContent = 1 << 20 // what is no larger is fetched whole
	unproven     = 4 << 20 // before so much was read in one go, at most firstAhead is fetched ahead
	firstAhead   = 1 << 20
	atOnce       = 16 // pieces of one window
	maxPieces    = 32 // of all streams
	smallPiece   = 256 << 10
	largePiece   = 16 << 20

	maxStreams = 4       // places in a file at which one reader reads in turns, as a player does sound and picture
	nearAhead  = 1 << 20 // a read this much further on belongs to a stream still
	nearBehind = 4 << 20 // a kernel's reads come out of order
)

// stream is a place at which a Reader goes on and on. Guarded by Reader.mu.
type stream struct {
	pos     int64 // read up to here
	run     int64 // bytes read in one go
	reads   int
	planned int64 // read-ahead has been begun up to here
	running bool  // counted in Blocks.running
	holds   []*download
}

// follow notes a read, for which claims were made, and begins what will be read next.
func (r *Reader) follow(ctx context.Context, off, end int64, claims []claim) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return os.ErrClosed
	}
	s := r.stream(off)
	if end > s.pos {
		s.run += end - max(off, s.pos)
		s.pos = end
	}
	s.reads++
	if slices.ContainsFunc(claims, func(cl claim) bool { return cl.own }) {
		s.planned = s.pos // there was a hole in what was fetched ahead
	}
	s.planned = max(s.planned, s.pos)
	r.prune(s)
	if window := r.window(s); window > 0 {
		r.plan(ctx, s, window)
	}
	return nil
}

// stream returns the stream that a read at off belongs to. If it belongs to none, it is a seek: what the others have under way is
// given up, and they start small if they are ever gone on with.
func (r *Reader) stream(off int64) *stream {
	for i, s := range r.streams {
		if s.pos-nearBehind <= off && off <= s.pos+nearAhead {
			copy(r.streams[1:i+1], r.streams[:i])
			r.streams[0] = s
			return s
		}
	}
	for _, s := range r.streams {
		r.stop(s)
		s.run = min(s.run, firstAhead)
	}
	s := &stream{pos: off}
	r.streams = slices.Insert(r.streams, 0, s)
	if len(r.streams) > maxStreams {
		r.streams = r.streams[:maxStreams]
	}
	return s
}

// window is how many bytes beyond s.pos should be under way or here.
func (r *Reader) window(s *stream) int64 {
	switch {
	case r.c.size <= smallContent:
		return smallContent
	case s.reads < 2:
		return 0
	case s.run < unproven:
		return min(s.run, firstAhead)
	}
	if !s.running {
		s.running = true
		r.b.mu.Lock()
		r.b.running++
		r.b.mu.Unlock()
	}
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	return min(s.run, r.b.memory/int64(max(1, r.b.running)), r.b.size/4)
}

// plan begins downloads up to a window beyond s.pos.
func (r *Reader) plan(ctx context.Context, s *stream, window int64) {
	c := r.c
	piece := min(max(window/atOnce, smallPiece), largePiece)
	piece -= piece % blockSize
	to := min(s.pos+window, c.size)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == blocksOf(c.size) {
		return
	}
	off := blocksOf(s.planned) * blockSize
	for off < to {
		if c.have.has(off / blockSize) {
			off += blockSize
			continue
		}
		d := c.flight(off)
		if d == nil {
			end := c.gap(off, min(off+piece, c.size))
			if end > to && to < c.size { // wait until a whole piece fits the window
				break
			}
			if !r.b.takeoff(end - off) {
				break
			}
			d = c.begin(ctx, off, end, isAhead)
			if d.done { // closed
				r.b.landed(end - off)
				break
			}
		}
		if !slices.Contains(s.holds, d) {
			d.wanted++
			s.holds = append(s.holds, d)
		}
		off = d.end
	}
	s.planned = max(s.planned, min(off, c.size))
}

// prune lets go of what has come, or was passed.
func (r *Reader) prune(s *stream) {
	if len(s.holds) == 0 {
		return
	}
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	s.holds = slices.DeleteFunc(s.holds, func(d *download) bool {
		over := d.done || d.end <= s.pos-nearBehind
		if over {
			r.c.leave(d, false)
		}
		return over
	})
}

// stop gives up what s has under way.
func (r *Reader) stop(s *stream) {
	r.c.mu.Lock()
	for _, d := range s.holds {
		r.c.leave(d, false)
	}
	r.c.mu.Unlock()
	s.holds, s.planned = nil, 0
	if s.running {
		s.running = false
		r.b.mu.Lock()
		r.b.running--
		r.b.mu.Unlock()
	}
}

// takeoff reports whether n more bytes may be fetched ahead, and counts them.
func (b *Blocks) takeoff(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pieces >= maxPieces || b.ahead+n > b.memory {
		return false
	}
	b.pieces++
	b.ahead += n
	return true
}

// landed undoes takeoff.
func (b *Blocks) landed(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pieces--
	b.ahead -= n
}
