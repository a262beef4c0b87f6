package intent

import (
	"context"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// waiter is a program that waits for what Frame.io says to a change.
type waiter struct {
	done chan struct{} // closed once what follows is there
	item remote.Item
	err  error
}

// budget is how long programs may still wait, all of them together.
type budget struct {
	full time.Duration
	left time.Duration
	at   time.Time // when left was so
}

// refill is how much slower than time the budget comes back, and short what part of it is not worth a wait.
const (
	refill = 10
	short  = 10
)

// allowance is how long the next one may wait.
func (b *budget) allowance(now time.Time) time.Duration {
	if b.full <= 0 {
		return 0
	}
	b.left = min(b.full, b.left+max(0, now.Sub(b.at))/refill)
	b.at = now
	if b.left < b.full/short {
		return 0
	}
	return b.left
}

// Patient reports whether programs may still wait for Frame.io now, or have had their share of that.
func (j *Journal) Patient() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.allowance(time.Now()) > 0
}

// spend takes what was waited.
func (b *budget) spend(d time.Duration) { b.left -= d }

// accept makes a change a promise: whoever waits for it goes on.
func (j *Journal) accept(i *intent) remote.Item {
	i.shown, i.handed = i.last(), true
	it := i.item()
	if w := i.waiter; w != nil {
		i.waiter, w.item = nil, it
		close(w.done)
	}
	return it
}

// answer tells whoever waits how Frame.io answered.
func (j *Journal) answer(i *intent, err error) {
	if w := i.waiter; w != nil {
		i.waiter, w.item, w.err = nil, i.item(), err
		close(w.done)
	}
}

// await gives i a turn and waits for Frame.io as long as may be; then it is accepted. It is called with the lock held and returns
// without.
func (j *Journal) await(ctx context.Context, i *intent) (remote.Item, error) {
	if i.finished {
		it := i.item()
		j.mu.Unlock()
		return it, nil
	}
	begun := time.Now()
	patience := j.allowance(begun)
	if patience <= 0 || !j.running || j.down || i.Held || j.stays(i) || j.mustQueue(i) {
		it := j.accept(i)
		j.due(i, begun)
		j.mu.Unlock()
		return it, nil
	}
	w := &waiter{done: make(chan struct{})}
	i.waiter, i.unclaimed = w, false
	j.due(i, begun)
	j.mu.Unlock()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-w.done:
	case <-ctx.Done(): // the intent stays
	case <-t.C:
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spend(time.Since(begun))
	if i.waiter == w {
		j.accept(i)
	}
	return w.item, w.err
}

// mustQueue reports whether i waits for something that is not being done at this moment. What only rests is done now: a program waits for
// it.
func (j *Journal) mustQueue(i *intent) bool {
	now := time.Now()
	for range len(j.byKey) {
		_, o := j.ready(i)
		switch {
		case o == nil || o.busy:
			return false
		case o.folder() || !o.unclaimed || o.waiter != nil || o.idle() || o.retry.After(now) || j.rests(o):
			return true
		}
		o.unclaimed = false
		j.due(o, now)
		i = o
	}
	return true
}
