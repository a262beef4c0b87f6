// Package limit is Frame.io's rate limiter: a leaky bucket per user and endpoint.
//
// Make one Limiter for a service and call Take once per request; it sets the three x-ratelimit headers and says
// whether the request may go on. Which endpoint has which Rate is the wires' business.
//
// The arithmetic is that of Frame.io's published limiter (spec: frameio-v2.md §8): a bucket holds a level in
// milliseconds that drains one per millisecond, a call costs round(window/limit), it is admitted if it fits into the
// window, and a refused call adds nothing.
package limit

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Rate is how many calls an endpoint takes in a window.
type Rate struct {
	Calls  int
	Window time.Duration
}

// PerSecond, PerMinute name the windows that occur.
func PerSecond(n int) Rate { return Rate{n, time.Second} }

// PerMinute is n calls in 60,000 ms.
func PerMinute(n int) Rate { return Rate{n, time.Minute} }

// Limiter holds the buckets of one service.
type Limiter struct {
	now func() time.Time

	mu      sync.Mutex
	scale   float64
	buckets map[key]bucket
}

type key struct{ user, endpoint string }

type bucket struct {
	level float64 // milliseconds
	at    time.Time
}

// New returns a limiter with the real limits. A nil clock means time.Now.
func New(now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	return &Limiter{now: now, scale: 1, buckets: make(map[key]bucket)}
}

// SetScale makes the buckets drain scale times as fast; 0 or less switches refusals off. The headers always tell the
// unscaled limits, as the service would. What is in the buckets is forgotten.
func (l *Limiter) SetScale(scale float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scale = scale
	clear(l.buckets)
}

// Take counts one call of user on endpoint, sets the x-ratelimit headers in h, and reports whether the call is
// admitted. The caller answers a refused one with 429.
func (l *Limiter) Take(user, endpoint string, r Rate, h http.Header) bool {
	remaining, ok := l.take(user, endpoint, r)
	h.Set("x-ratelimit-limit", strconv.Itoa(r.Calls))
	h.Set("x-ratelimit-remaining", strconv.Itoa(remaining))
	h.Set("x-ratelimit-window", strconv.FormatInt(r.Window.Milliseconds(), 10))
	return ok
}

func (l *Limiter) take(user, endpoint string, r Rate) (remaining int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.scale <= 0 {
		return r.Calls, true
	}
	window := float64(r.Window.Milliseconds())
	cost := math.Round(window / float64(r.Calls))
	k, now := key{user, endpoint}, l.now()
	b := l.buckets[k]
	if elapsed := now.Sub(b.at); elapsed > 0 {
		b.level = max(0, b.level-float64(elapsed.Milliseconds())*l.scale)
		// Whole milliseconds only are counted as drained; the rest stays for the next call.
		b.at = b.at.Add(elapsed.Truncate(time.Millisecond))
		if b.level == 0 {
			b.at = now
		}
	}
	if ok = b.level+cost <= window; ok {
		b.level += cost
	}
	l.buckets[k] = b
	return int(math.Round(max(window-b.level, 0) * float64(r.Calls) / window)), ok
}
