package remote

import (
	"container/heap"
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Rate is one endpoint's limit: N calls in Window.
type Rate struct {
	N      int
	Window time.Duration
}

// limit keeps every endpoint within the rate that Frame.io tells in its headers, so that a 429 is the exception. Each
// endpoint has a bucket of its own (spec: frameio-v2.md §8, frameio-v4.md §7).
type limit struct {
	next    http.RoundTripper
	observe func(Seen) // may be nil

	mu      sync.Mutex // guards buckets
	buckets map[string]*bucket
}

func newLimit(next http.RoundTripper) *limit {
	return &limit{next: next, buckets: map[string]*bucket{}}
}

func (l *limit) RoundTrip(req *http.Request) (*http.Response, error) {
	c := callOf(req.Context())
	if c == nil || c.Endpoint == "" {
		return l.next.RoundTrip(req)
	}
	b, came := l.bucket(c), time.Now()
	if err := b.wait(req.Context(), PriorityOf(req.Context())); err != nil {
		closeBody(req)
		return nil, &limitedError{err}
	}
	sent := time.Now()
	resp, err := l.next.RoundTrip(req)
	b.learn(resp, err)
	if l.observe != nil {
		l.observe(seen(Seen{Op: c.Op, Endpoint: c.Endpoint, Waited: sent.Sub(came), Took: time.Since(sent)}, req, resp, err))
	}
	return resp, err
}

func (l *limit) bucket(c *Call) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[c.Endpoint]
	if b == nil {
		b = &bucket{rate: c.Rate, last: time.Now()}
		l.buckets[c.Endpoint] = b
	}
	return b
}

// limitedError marks that the context ended while the call waited for its turn; nothing went out.
type limitedError struct{ err error }

func (e *limitedError) Error() string        { return "waiting for Frame.io's rate limit: " + e.err.Error() }
func (e *limitedError) Unwrap() error        { return e.err }
func (e *limitedError) Is(target error) bool { return target == ErrLimited }

// share is how full a priority may make a bucket. What is left is a burst for those who are more urgent; in the long run
// everyone gets the full rate, because a bucket drains at the same pace however full it is.
var share = [priorities]float64{1, 0.98, 0.8, 0.5}

// jitter is by how much calls may get closer to each other on their way, which a short window does not forgive: a refused call costs a
// second and more.
const (
	jitter      = 100 * time.Millisecond
	shortWindow = time.Second
)

// bucket is the leaky bucket of one endpoint, the same algorithm as Frame.io's own limiter: it holds a level of time that
// drains as time passes; a call pours in Window/N and must not make it run over.
type bucket struct {
	mu     sync.Mutex // guards what follows
	rate   Rate       // N 0: no limit
	level  time.Duration
	last   time.Time // when level was true
	out    int       // calls that have not been answered
	mixed  bool      // some of them were under way together, so that their answers may come in another order
	shutTo time.Time // after a 429 nobody goes before this
	queue  waiters
	seq    int
}

func (b *bucket) wait(ctx context.Context, p Priority) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	w := &waiter{prio: p, seq: b.seq, wake: make(chan struct{}, 1)}
	b.seq++
	heap.Push(&b.queue, w)
	defer func() {
		heap.Remove(&b.queue, w.index)
		b.wakeFirst()
		b.mu.Unlock()
	}()
	for {
		now, raised := urgency(ctx)
		if now < w.prio {
			w.prio = now
			heap.Fix(&b.queue, w.index)
			b.wakeFirst()
		}
		// A timer runs only in front: everybody else is woken by the one before them.
		var timer *time.Timer
		var due <-chan time.Time
		if b.queue[0] == w {
			d := b.due(w.prio)
			if d <= 0 {
				b.level += b.cost()
				b.mixed = b.out > 0 // stays so until one goes alone again
				b.out++
				return nil
			}
			// Who cannot be served in time is told at once, so that a program does not wait for a refusal.
			if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
				return context.DeadlineExceeded
			}
			timer = time.NewTimer(d)
			due = timer.C
		}
		b.mu.Unlock()
		var err error
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-w.wake:
		case <-raised:
		case <-due:
		}
		if timer != nil {
			timer.Stop()
		}
		b.mu.Lock()
		if err != nil {
			return err
		}
	}
}

func (b *bucket) cost() time.Duration {
	if b.rate.N <= 0 {
		return 0
	}
	return b.rate.Window / time.Duration(b.rate.N)
}

// forecast answers how long a call of priority p would wait if it came now.
func (b *bucket) forecast(p Priority) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := time.Duration(0)
	for _, w := range b.queue {
		if w.prio <= p {
			before++
		}
	}
	due := b.due(p)
	if before > 0 {
		due = max(due, 0) + before*b.cost()
	}
	return max(0, due)
}

// due drains the bucket and answers how long a call of priority p must wait from now.
func (b *bucket) due(p Priority) time.Duration {
	now := time.Now()
	b.level = max(0, b.level-now.Sub(b.last))
	b.last = now
	d := b.shutTo.Sub(now)
	if b.rate.N <= 0 {
		return d
	}
	// Even the least urgent call fits into an empty bucket.
	room := time.Duration(share[p] * float64(b.rate.Window))
	if b.rate.Window <= shortWindow {
		room -= min(b.cost()/2, jitter)
	}
	room = max(room, b.cost())
	return max(d, b.level+b.cost()-room)
}

// learn takes over what the headers of an answer say.
func (b *bucket) learn(resp *http.Response, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out--
	if err != nil {
		return
	}
	n, okN := headerInt(resp.Header, "x-ratelimit-limit")
	win, okW := headerInt(resp.Header, "x-ratelimit-window")
	left, okL := headerInt(resp.Header, "x-ratelimit-remaining")
	admitted := resp.StatusCode < 300
	switch {
	case okN && okW && n > 0 && win > 0:
		b.due(Interactive)
		b.adopt(Rate{N: n, Window: time.Duration(win) * time.Millisecond})
		if okL {
			b.correct(left, admitted)
		}
	case !okN && !okW && admitted:
		b.rate = Rate{} // it tells of no limit, so there is none until it does
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		b.shutTo = time.Now().Add(time.Second) // "wait 1 s": spec frameio-v4.md §7
	}
	b.wakeFirst()
}

func (b *bucket) adopt(r Rate) {
	if r == b.rate {
		return
	}
	if b.rate.Window > 0 {
		b.level = time.Duration(float64(b.level) / float64(b.rate.Window) * float64(r.Window))
	}
	b.rate = r
}

// correct compares the level with Frame.io's. Others may pour into the same bucket (same user, another program), so a
// fuller one is believed at once. An emptier one is believed from a call that was alone: else it may be old.
func (b *bucket) correct(left int, admitted bool) {
	if left >= b.rate.N && admitted {
		b.rate.N = 0 // this very call was not counted: nothing is
		return
	}
	told := b.rate.Window - b.cost()*time.Duration(min(left, b.rate.N))
	half := b.cost() / 2 // what is told is rounded to whole calls
	if b.level < told-half {
		b.level = told + half
	}
	if b.out == 0 && !b.mixed {
		b.level = min(b.level, told+half)
	}
}

func (b *bucket) wakeFirst() {
	if len(b.queue) > 0 {
		select {
		case b.queue[0].wake <- struct{}{}:
		default:
		}
	}
}

// maxHeaderInt keeps products of header values far from overflow, and a wrong one from keeping us waiting for long: it is an hour in
// milliseconds. Frame.io's limits are for a second or a minute.
const maxHeaderInt = 3_600_000

func headerInt(h http.Header, key string) (int, bool) {
	n, err := strconv.Atoi(h.Get(key))
	return n, err == nil && n >= 0 && n <= maxHeaderInt
}

// waiter is one call that waits for its turn.
type waiter struct {
	prio  Priority
	seq   int
	index int
	wake  chan struct{}
}

// waiters is a heap: the most urgent first, among equals the oldest.
type waiters []*waiter

func (q waiters) Len() int { return len(q) }
func (q waiters) Less(i, j int) bool {
	if q[i].prio != q[j].prio {
		return q[i].prio < q[j].prio
	}
	return q[i].seq < q[j].seq
}
func (q waiters) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *waiters) Push(x any) {
	w := x.(*waiter)
	w.index = len(*q)
	*q = append(*q, w)
}
func (q *waiters) Pop() any {
	old := *q
	w := old[len(old)-1]
	*q = old[:len(old)-1]
	return w
}
