package remote

import (
	"context"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// MinBandwidth is the least that may be set, in bytes per second: with less, the many connections would each stand still for so long that
// the hosts cut them.
const MinBandwidth = 8 << 10

// SetBandwidth limits the bytes per second of all parts that are sent together, and of all that is read of files; 0 is no limit. It holds from
// the next few kilobytes on. The calls of the API are not counted.
func (c *Conn) SetBandwidth(up, down int64) {
	c.up.set(up)
	c.down.set(down)
}

// bandwidth lets so many bytes per second through. Without a limit it costs a look.
type bandwidth struct{ limit atomic.Pointer[throttle] }

type throttle struct {
	*rate.Limiter
	chunk int // bytes that are let through at once
}

// Bounds of a chunk: small enough that many connections take turns within seconds, and not so small that it is work.
const (
	leastChunk = 1 << 10
	mostChunk  = 64 << 10
)

func (b *bandwidth) set(perSecond int64) {
	if perSecond <= 0 {
		b.limit.Store(nil)
		return
	}
	chunk := int(min(max(perSecond/64, leastChunk), mostChunk))
	b.limit.Store(&throttle{rate.NewLimiter(rate.Limit(perSecond), max(chunk, int(min(perSecond/10, 1<<20)))), chunk})
}

func (b *bandwidth) on() bool { return b.limit.Load() != nil }

// clip is how many of n bytes may go at once.
func (b *bandwidth) clip(n int) int {
	if t := b.limit.Load(); t != nil {
		return min(n, t.chunk)
	}
	return n
}

// wait returns when n more bytes may go, which are not more than clip has let.
func (b *bandwidth) wait(ctx context.Context, n int) error {
	t := b.limit.Load()
	if t == nil || n <= 0 {
		return nil
	}
	return t.WaitN(ctx, min(n, t.Burst())) // the limit may have changed since clip
}
