package remote

import (
	"context"
	"sync"
	"time"
)

// made remembers what Conn has made, so that nothing is made twice and nothing of ours is taken for a leftover.
type made struct {
	mu    sync.Mutex
	open  map[string]time.Time // creates whose outcome is unknown, by what they make, since when
	busy  map[string]*turn     // creates under way, by what they make: one at a time
	known recall               // what was made and acknowledged
}

// turn is a lock with a context, and the number of those who hold or want it.
type turn struct {
	free  chan struct{}
	users int
}

// remembered is how long an acknowledged create is known to be none of the leftovers; look-ups never reach further back.
const remembered = 24 * time.Hour

// lateness is how long a request whose answer was lost may still come to something on Frame.io's side.
const lateness = 2 * time.Minute

// slack is how far Frame.io's idea of when something was made may be before ours: its Date header has whole seconds.
const slack = 2 * time.Second

// Make describes something that must come into being exactly once.
type Make[T any] struct {
	Key   string    // what it is: two makes with one key take turns
	Since time.Time // not zero: an earlier attempt from then on (our clock) may have succeeded; WithSince says the same
	// Look looks for the outcome of attempts since the given time (Frame.io's clock, with slack) and answers whether it
	// found one to adopt. It may also clear leftovers away, as long as Mine does not know them.
	Look func(ctx context.Context, since time.Time) (T, bool, error)
	Do   func(ctx context.Context) (T, error)
	ID   func(T) ID
	// Sweep: Look only clears leftovers away. Then it is called once more after a success that soon follows an attempt of
	// unknown outcome, because that attempt may have come to something meanwhile.
	Sweep bool
}

// Once makes it. When an attempt's answer is lost, the outcome is looked for before another attempt.
func Once[T any](ctx context.Context, c *Conn, m Make[T]) (T, error) {
	var none T
	done, err := c.made.enter(ctx, m.Key)
	if err != nil {
		return none, err
	}
	defer done()
	told := m.Since
	if told.IsZero() {
		told = sinceOf(ctx)
	}
	since := c.made.since(m.Key, told)
	begun := time.Now()
	for n := 0; ; n++ {
		if !since.IsZero() {
			found, ok, err := m.Look(ctx, c.serverTime(since).Add(-slack))
			if err != nil {
				return none, err
			}
			if ok {
				c.made.settle(m.Key, m.ID(found))
				return found, nil
			}
		}
		attempt := time.Now()
		got, err := m.Do(ctx)
		if err == nil {
			c.made.settle(m.Key, m.ID(got))
			if m.Sweep && !since.IsZero() && time.Since(since) < lateness {
				if _, _, err := m.Look(ctx, c.serverTime(since).Add(-slack)); err != nil {
					c.log.Warn("could not look for leftovers of a repeated create", "error", err)
				}
			}
			return got, nil
		}
		if !unknownOutcome(err) {
			return none, err
		}
		if since.IsZero() {
			since = attempt
		}
		c.made.doubt(m.Key, since)
		troubled(ctx, n, err)
		wait := backoff(500*time.Millisecond, n, maxWait)
		if n == 0 && m.Sweep { // what comes to something after the look is found later
			wait = nextTry(n)
		}
		if time.Since(begun)+wait > c.patience || sleep(ctx, wait) != nil {
			return none, err
		}
	}
}

// Mine reports whether the thing with this id was made and acknowledged by this connection, and so is no leftover.
func (c *Conn) Mine(id ID) bool {
	c.made.mu.Lock()
	defer c.made.mu.Unlock()
	return c.made.known.knows(id)
}

func (m *made) enter(ctx context.Context, key string) (leave func(), err error) {
	m.mu.Lock()
	t := m.busy[key]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		m.busy[key] = t
	}
	t.users++
	m.mu.Unlock()
	drop := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(m.busy, key)
		}
	}
	select {
	case t.free <- struct{}{}:
		return func() { <-t.free; drop() }, nil
	case <-ctx.Done():
		drop()
		return nil, ctx.Err()
	}
}

// since answers from when on attempts with an unknown outcome are to be looked for; zero if there are none.
func (m *made) since(key string, told time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.open[key]; ok && (told.IsZero() || t.Before(told)) {
		return t
	}
	return told
}

func (m *made) doubt(key string, since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[key] = since
	for k, t := range m.open {
		if time.Since(t) > remembered {
			delete(m.open, k)
		}
	}
}

func (m *made) settle(key string, id ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.open, key)
	m.known.note(id, time.Now(), remembered)
}
