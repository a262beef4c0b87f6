package cache

import (
	"context"
	"path"
	"strings"

	"github.com/frameiofs/frameiofs/remote"
)

// What is fetched before the first read. A player, a thumbnailer and ffprobe look at a film's first bytes, and at its last ones for
// the index (MP4's moov, MXF's footer). They cost the same at once as one after the other.
const (
	headEarly  = 256 << 10 // at least; and the tail at least twice as much
	headMost   = 1 << 20
	tailEarly  = 512 << 10
	tailMost   = 4 << 20
	mediaEarly = 4 << 20 // of a smaller file little is left to fetch early
	maxEarly   = 16      // Readers at a time; a program that opens thousands in a row wants no more of each than it reads
)

// early is what a Reader has under way before it is read. Guarded by Reader.mu.
type early struct {
	cancel context.CancelFunc // nil: nothing
	holds  []*download
}

// earlyOf is how many bytes of a film's head and of its tail are fetched early: an index has some bytes for each frame, so it grows with
// the film. Of one with 10 GiB that is a two thousandth.
func earlyOf(size int64) (head, tail int64) {
	return min(max(headEarly, size>>14), headMost), min(max(tailEarly, size>>11), tailMost)
}

// isMedia reports whether a program will look for an index in it.
func isMedia(it remote.Item) bool {
	kind, sub, _ := strings.Cut(strings.ToLower(it.MediaType), "/")
	switch {
	case kind == "video", kind == "audio", kind == "application" && sub == "mxf":
		return true
	case kind != "" && sub != "octet-stream":
		return false
	}
	switch strings.ToLower(path.Ext(it.Name)) {
	case ".mov", ".mp4", ".m4v", ".m4a", ".mxf", ".mkv", ".webm", ".avi", ".wav", ".aif", ".aiff", ".mpg", ".mts", ".m2ts", ".r3d", ".braw":
		return true
	}
	return false
}

// prepare begins what can be done before the first read, and does not wait for it.
func (r *Reader) prepare() {
	b := r.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.early >= maxEarly || r.c.size == 0 || r.c.k.bytes >= r.c.size {
		return
	}
	b.early++
	r.c.k.users++ // or its files could be deleted while they are made, if the reader is closed at once
	var ctx context.Context
	ctx, r.early.cancel = context.WithCancel(remote.WithPriority(b.ctx, remote.Ahead))
	b.wg.Go(func() {
		defer func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.early--
			b.leaveLocked(r.c.k)
		}()
		_ = remote.Contain(b.log, "prepare to read", func() error { r.fetchEarly(ctx); return nil }) // whoever reads is told
	})
}

// fetchEarly asks for the link and, of a media file, the head and the tail, and waits until they are here: so long it counts as
// under way.
func (r *Reader) fetchEarly(ctx context.Context) {
	if r.c.open() != nil || r.c.whole() {
		return
	}
	if err := r.b.source.Prepare(ctx, r.c.ref); err != nil {
		r.b.log.Debug("cannot prepare to read", "err", err) // whoever reads is told
		return
	}
	if !r.media || r.c.size < mediaEarly {
		return
	}
	for _, d := range r.beginEarly(ctx) {
		_ = r.c.over(ctx, d)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endEarly()
}

// beginEarly begins the downloads of head and tail.
func (r *Reader) beginEarly(ctx context.Context) []*download {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	head, tail := earlyOf(r.c.size)
	from := r.c.size - tail
	r.holdAhead(ctx, &r.early.holds, 0, head, smallPiece)
	r.holdAhead(ctx, &r.early.holds, from-from%blockSize, r.c.size, smallPiece)
	return r.early.holds
}

// endEarly gives up what is still under way. r.mu is held.
func (r *Reader) endEarly() {
	if r.early.cancel == nil {
		return
	}
	r.early.cancel()
	r.c.mu.Lock()
	for _, d := range r.early.holds {
		r.c.leave(d, false)
	}
	r.c.mu.Unlock()
	r.early = early{}
}
