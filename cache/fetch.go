package cache

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// stall is how long a listing may go on without one more item before it counts as a link that is down.
const stall = time.Minute

// flight is one listing being fetched. Whoever asks meanwhile waits for it too.
type flight struct {
	key    folderKey
	began  time.Time
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when s and err are there

	waiting int // guarded by Tree.mu

	s   *siblings
	err error
}

var (
	errStalled = fmt.Errorf("no answer for %v: %w", stall, context.DeadlineExceeded)
	errNoOne   = errors.New("no one waits for it any more")
)

// join waits with others for the listing of k, or has it fetched. t.mu is held.
func (t *Tree) join(ctx context.Context, k folderKey, ref remote.Ref) (*flight, error) {
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	if t.ctx.Err() != nil {
		return nil, iofs.ErrClosed
	}
	fl := t.flights[k]
	if fl == nil {
		fl = &flight{key: k, began: t.now(), done: make(chan struct{})}
		var own context.Context // with the asker's values, not with its end: others may join
		own, fl.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
		t.flights[k] = fl
		t.wg.Go(func() { t.fetch(own, fl, ref) })
	}
	fl.waiting++
	return fl, nil
}

// await waits for a flight. When the last who waits was interrupted the flight ends; if it only ran out of time the flight goes on,
// so that the next to ask has the listing.
func (t *Tree) await(ctx context.Context, fl *flight) (*siblings, error) {
	select {
	case <-fl.done:
		return fl.s, fl.err
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-fl.done: // in the same moment
		return fl.s, fl.err
	default:
	}
	fl.waiting--
	if fl.waiting == 0 && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		fl.cancel(errNoOne)
		if t.flights[fl.key] == fl {
			delete(t.flights, fl.key)
		}
	}
	return nil, ctx.Err()
}

// fetch lists ref and publishes what stands there.
func (t *Tree) fetch(ctx context.Context, fl *flight, ref remote.Ref) {
	defer context.AfterFunc(t.ctx, func() { fl.cancel(iofs.ErrClosed) })()
	defer fl.cancel(nil)
	items, err := t.children(ctx, fl, ref)
	var s *siblings
	if err == nil {
		s = newSiblings(items)
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	defer close(fl.done)
	fl.s, fl.err = s, err
	current := t.flights[fl.key] == fl
	if current {
		delete(t.flights, fl.key)
	}
	switch {
	case err == nil:
		t.lay(fl.key, s, fl.began)
		if current {
			t.publish(fl.key, s)
		}
	case errors.Is(err, iofs.ErrNotExist) && current:
		t.gone(fl.key)
	}
}

// children collects a listing, as long as it makes headway.
func (t *Tree) children(ctx context.Context, fl *flight, ref remote.Ref) (items []remote.Item, err error) {
	timer := time.AfterFunc(stall, func() { fl.cancel(errStalled) })
	defer timer.Stop()
	for it, err := range t.namespace.Children(ctx, ref) {
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return nil, err
		}
		items = append(items, it)
		timer.Reset(stall)
	}
	return items, context.Cause(ctx)
}

// publish makes s what is shown in k. t.mu is held.
func (t *Tree) publish(k folderKey, s *siblings) {
	t.hold(k, s)
	t.checked[k] = t.now()
	t.keep(k, s)
	if !t.silent.IsZero() {
		t.silent = time.Time{}
		t.log.Info("Frame.io answers again")
	}
	t.sweep()
}

// keep has the index write s. t.mu is held.
func (t *Tree) keep(k folderKey, s *siblings) { t.index.setListing(k, &t.mu, s) }

// gone forgets a folder that Frame.io no longer has. t.mu is held.
func (t *Tree) gone(k folderKey) {
	t.listings.Del(string(k))
	t.use(k, nil)
	delete(t.checked, k)
	delete(t.changes, k)
	t.keep(k, nil)
}
