package cache

import (
	"context"
	"os"
	"slices"

	"github.com/frameiofs/frameiofs/remote"
)

// How far a stream runs ahead. A kernel makes of a read of 1 MiB somewhere one of just that and one of a page, or, without the
// right to be told to do so, many small ones one after the other; and of the first read of a file as much as it is told to read
// ahead, 2 MiB. None of that says that the reader will go on, so for what a program may have asked for in one go, little or
// nothing is added. Whoever goes on beyond gets several times as much ahead as he has read, so that a link with a long way is
// filled after two or three round trips, in pieces so that a good number is under way at once: a single connection seldom fills a
// link.
const (
	smallContent = 1 << 20   // what is no larger is fetched whole
	smallStep    = 256 << 10 // who reads in such steps, one after the other, gets firstAhead early
	firstAhead   = 1 << 20
	unproven     = 2 << 20 // who has read no more in one go may be done
	growth       = 4       // times what was read in one go, and half as much up to
	peek         = 8 << 20 // which file(1) reads, to look at a file
	atOnce       = 16      // pieces of one window
	maxPieces    = 32      // of all streams
	smallPiece   = 256 << 10
	largePiece   = 16 << 20
	tailAhead    = 8 << 20 // who reads a media file this close to its end, reads its index, to the end

	maxStreams = 4       // places in a file at which one reader reads in turns, as a player does sound and picture
	nearAhead  = 1 << 20 // a read this much further on belongs to a stream still
	nearBehind = 4 << 20 // a kernel's reads come out of order
)

// stream is a place at which a Reader goes on and on. Guarded by Reader.mu.
type stream struct {
	pos     int64 // read up to here
	run     int64 // bytes read in one go
	step    int64 // the largest read
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
	s.step = max(s.step, end-off)
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
		if s.near(off) {
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
	case r.media && s.pos > max(r.c.size-tailAhead, r.c.size/2):
		return tailAhead
	case s.run > unproven:
	case s.reads < 2 || s.step > smallStep:
		return 0
	default:
		return min(growth*s.run, firstAhead)
	}
	if !s.running {
		s.running = true
		r.b.mu.Lock()
		r.b.running++
		r.b.mu.Unlock()
	}
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	window := growth * s.run
	if s.run <= peek {
		window /= 2
	}
	return min(window, r.b.memory/int64(max(1, r.b.running)), r.b.size/4)
}

// plan begins downloads up to a window beyond s.pos.
func (r *Reader) plan(ctx context.Context, s *stream, window int64) {
	from, to := blocksOf(s.planned)*blockSize, min(s.pos+window, r.c.size)
	if from < to {
		s.planned = max(s.planned, r.holdAhead(ctx, &s.holds, from, to, window))
	}
}

// holdAhead begins, or joins, downloads of what is not here from off, which is a block's, to end, in pieces fit for a window, as
// far as there is memory; it puts them into holds, and answers how far it came. r.mu is held.
func (r *Reader) holdAhead(ctx context.Context, holds *[]*download, off, end, window int64) int64 {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == blocksOf(c.size) {
		return end
	}
	for off < end {
		if c.have.has(off / blockSize) {
			off += blockSize
			continue
		}
		d := c.flight(off)
		if d == nil {
			upto := c.gap(off, min(off+pieceOf(min(window, c.size-off)), c.size)) // smaller at the end, so that it comes over all connections
			if upto > end && end < c.size {                                       // wait until a whole piece fits the window
				break
			}
			if !r.b.takeoff(upto - off) {
				break
			}
			d = c.begin(remote.WithPriority(ctx, remote.Ahead), off, upto, isAhead)
			if d.done { // closed
				r.b.landed(upto - off)
				break
			}
		}
		if !slices.Contains(*holds, d) {
			d.wanted++
			*holds = append(*holds, d)
		}
		off = d.end
	}
	return min(off, c.size)
}

// pieceOf is how much one of atOnce downloads fetches of a window.
func pieceOf(window int64) int64 {
	piece := min(max(window/atOnce, smallPiece), largePiece)
	return piece - piece%blockSize
}

// demandPiece is how much one download fetches of what a program waits for at off: where nothing says that it goes on, each block
// comes over a connection of its own.
func (r *Reader) demandPiece(off int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.streams {
		if s.near(off) && s.run > unproven {
			return smallPiece
		}
	}
	return blockSize
}

// near reports whether a read at off goes on with s.
func (s *stream) near(off int64) bool { return s.pos-nearBehind <= off && off <= s.pos+nearAhead }

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
