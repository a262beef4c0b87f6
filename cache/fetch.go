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

// maxListing is for how much of one listing there is memory: more than a million files with names as people give them.
const maxListing = 512 << 20

// flight is one listing being fetched. Whoever asks meanwhile waits for it too.
type flight struct {
	key    folderKey
	began  time.Time
	cancel context.CancelCauseFunc
	raise  func(remote.Priority) // makes it more urgent, also what of it waits for its turn
	done   chan struct{}         // closed when s and err are there

	stall   *time.Timer // ends it
	waiting int         // guarded by Tree.mu
	then    []func()    // called when it ends, with Tree.mu held; guarded by it

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
		fl = t.begin(ctx, k, ref)
	}
	fl.raise(remote.PriorityOf(ctx))
	fl.stall.Reset(stall) // it may have waited for its turn so far
	fl.waiting++
	return fl, nil
}

// begin has the listing of k fetched, with ctx's values but not with its end, because others may join. t.mu is held.
func (t *Tree) begin(ctx context.Context, k folderKey, ref remote.Ref) *flight {
	fl := &flight{key: k, began: t.now(), done: make(chan struct{})}
	ctx, fl.raise = remote.WithRise(context.WithoutCancel(ctx), remote.PriorityOf(ctx))
	ctx, fl.cancel = context.WithCancelCause(ctx)
	fl.stall = time.AfterFunc(stall, func() { fl.cancel(errStalled) })
	t.flights[k] = fl
	t.wg.Go(func() { t.fetch(ctx, fl, ref) })
	return fl
}

// behind has the listing of k fetched while no one waits for it, if it is not being fetched. t.mu is held, and t not closed.
func (t *Tree) behind(k folderKey, ref remote.Ref, p remote.Priority) *flight {
	fl := t.flights[k]
	if fl == nil {
		fl = t.begin(remote.WithPriority(t.ctx, p), k, ref)
	}
	fl.raise(p)
	fl.waiting++ // so that an interruption of others does not end it
	return fl
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
	var h *harvest
	var s *siblings
	err := remote.Contain(t.log, "list a folder", func() (err error) {
		if h, err = t.children(ctx, fl, ref); err == nil && !h.nothingNew() {
			s = newSiblings(h.items())
		}
		return err
	})

	t.mu.Lock()
	defer t.mu.Unlock()
	defer close(fl.done)
	current := t.flights[fl.key] == fl
	if err == nil && s == nil {
		if s = t.known(fl.key); !current || s == nil || !h.still(s) || len(t.changes[fl.key]) > 0 { // shown, and changed meanwhile
			s = newSiblings(h.items())
		}
	}
	fl.s, fl.err = s, err
	if current {
		delete(t.flights, fl.key)
	}
	defer func() {
		for _, f := range fl.then {
			f()
		}
	}()
	switch {
	case err == nil:
		t.lay(fl.key, s, fl.began) // nothing if it is the one that is shown
		if current {
			fl.s = t.publish(fl.key, ref, s)
		}
	case !current:
	case errors.Is(err, iofs.ErrNotExist):
		t.gone(fl.key, ref)
	case errors.Is(err, iofs.ErrPermission) && !linkless(err): // then what was there is not shown without asking
		if s := t.known(fl.key); s != nil {
			s.at = time.Time{}
		}
	default:
		t.vain[fl.key] = t.now()
	}
}

// children collects a listing, as long as it makes headway.
func (t *Tree) children(ctx context.Context, fl *flight, ref remote.Ref) (h *harvest, err error) {
	defer fl.stall.Stop()
	t.mu.Lock()
	h = t.harvest(fl.key)
	t.mu.Unlock()
	bytes := int64(0)
	for it, err := range t.namespace.Children(ctx, ref) {
		if bytes += entryBytes + int64(len(it.Name)+len(it.URL)); bytes > maxListing {
			return nil, fmt.Errorf("%w: one folder with more than %d MiB of names", remote.ErrNotFrameio, maxListing>>20)
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return nil, err
		}
		h.add(it)
		fl.stall.Reset(stall)
	}
	return h, context.Cause(ctx)
}

// publish makes s what is shown in k, and returns what is: the old one if that says the same. t.mu is held.
func (t *Tree) publish(k folderKey, ref remote.Ref, s *siblings) *siblings {
	delete(t.vain, k)
	if !t.silent.IsZero() {
		t.silent = time.Time{}
		t.log.Info("Frame.io answers again")
		t.refreshAll()
	}
	old := t.known(k)
	changes, told := t.compare(k, old, s)
	if old != nil && len(changes) == 0 {
		s = old
		s.at = t.now()
		t.index.setAge(k, &t.mu, s)
	} else {
		s.at = t.now()
		t.hold(k, s)
		t.keep(k, s)
	}
	if l := t.looks[k]; l != nil {
		l.told, l.large = s.at, s.count() > largeFolder
	}
	t.tell(ref, told)
	t.sweep()
	return s
}

// keep has the index write s. t.mu is held.
func (t *Tree) keep(k folderKey, s *siblings) { t.index.setListing(k, &t.mu, s) }

// gone forgets a folder that Frame.io no longer has. t.mu is held.
func (t *Tree) gone(k folderKey, ref remote.Ref) {
	if old := t.known(k); old != nil {
		_, told := t.compare(k, old, newSiblings(nil))
		t.tell(ref, told)
	}
	t.forget(k)
}

// forget leaves nothing of a folder. t.mu is held.
func (t *Tree) forget(k folderKey) {
	t.listings.Del(string(k))
	t.use(k, nil)
	delete(t.vain, k)
	delete(t.changes, k)
	delete(t.looks, k)
	t.dropWalk(k)
	t.keep(k, nil)
}
