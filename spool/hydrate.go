package spool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool/platter"
)

// Frame.io takes whole files only. So an asset that was changed in part is made whole before it is sealed: what base still has
// of it is fetched, while it settles, until somebody opens it for writing again.
const (
	hydrateStep  = 2 << 20   // what is fetched in one go: long enough that the way there and back counts for little
	maxFetching  = 16        // of these at once, all entries together
	hydrateSave  = 256 << 20 // bytes after which a restart need not fetch them again
	maxHydrating = 4         // entries
)

// hydration is the fetching of an entry's rest. One that is not Entry.hydrating any more changes nothing.
type hydration struct {
	cancel  context.CancelFunc
	lacking int64 // bytes when it began
}

// partial reports whether base still has bytes of the entry, or nobody has yet written down that it has none.
func (e *Entry) partial() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rec.Format == formatPartial
}

// hydrate begins to make a settling entry whole, if that is not going on. When it is, the entry gets another turn to be sealed.
func (s *Spool) hydrate(ctx context.Context, wg *sync.WaitGroup, e *Entry) {
	e.step.Lock()
	defer e.step.Unlock()
	if _, stage, _ := e.get(); stage != Settling || e.hydrating != nil {
		return
	}
	run := ctx
	ctx, cancel := context.WithCancel(remote.WithPriority(ctx, remote.Uploads))
	hy := &hydration{cancel, e.lacks.Load()}
	e.hydrating = hy
	e.mu.Lock()
	e.nextTry = time.Time{} // err stands until it succeeds
	e.mu.Unlock()
	wg.Go(func() {
		defer cancel()
		err := s.hydrations.Acquire(ctx, 1)
		if err == nil {
			err = remote.Contain(s.log, "fetch the rest of a file", func() error { return s.believed(ctx, e, e.complete(ctx)) })
			s.hydrations.Release(1)
		}
		if err == nil || run.Err() == nil {
			e.hydrated(hy, err)
		}
	})
}

// believed is err, unless that says that base is not to be had, and Config.Remote does not vouch for it: it does not if it cannot be
// asked, or if the token has come to speak for somebody else, to whom what is there is not shown.
func (s *Spool) believed(ctx context.Context, e *Entry, err error) error {
	if err == nil || judge(err) != remote.Final {
		return err
	}
	rec, _, _ := e.get()
	if rec.Base == nil {
		return err
	}
	_, serr := s.cfg.Remote.Stat(ctx, remote.Ref{Kind: remote.File, ID: rec.Base.Content, Account: rec.Base.Account})
	if serr != nil && judge(serr) != remote.Final {
		return serr
	}
	return err
}

// dehydrate ends the fetching, with step held. What comes of it all the same does no harm.
func (e *Entry) dehydrate() {
	if e.hydrating != nil {
		e.hydrating.cancel()
		e.hydrating = nil
	}
}

// hydrated sees to what is next.
func (e *Entry) hydrated(hy *hydration, err error) {
	e.step.Lock()
	defer e.step.Unlock()
	if e.hydrating != hy {
		return
	}
	e.hydrating = nil
	if err == nil {
		err = e.whole()
	}
	_, stage, _ := e.get()
	switch {
	case stage != Settling: // held for its new name meanwhile
	case err == nil:
		e.untroubled()
		e.s.schedule(e, time.Now())
	case judge(err) == remote.Final:
		e.s.log.Warn("what a file had before it was changed cannot be had any more", "key", e.key, "name", e.Info().Name, "err", err)
		e.hold(holdBase)
	default:
		e.mu.Lock()
		if e.lacks.Load() < hy.lacking {
			e.tries = 0
		}
		wait := backoff(e.tries, err)
		e.tries++
		e.mu.Unlock()
		e.trouble(fmt.Errorf("fetch what was not changed in it: %w", err), wait)
		e.s.schedule(e, time.Now().Add(wait))
	}
}

// whole writes down that every byte is in data, after complete and with step held. The marks stay in the folder: they tell same
// what was written.
func (e *Entry) whole() error {
	if !e.partial() {
		return nil
	}
	if err := e.save(durable, func(r *record) { r.Format = formatWhole }); err != nil {
		return err
	}
	e.gate.Lock()
	defer e.gate.Unlock()
	e.blocks.close()
	e.blocks = nil
	return nil
}

// complete brings here what base still has of the entry. On return it survives a loss of power.
func (e *Entry) complete(ctx context.Context) error {
	e.step.Lock()
	if err := e.acquire(); err != nil {
		e.step.Unlock()
		return err
	}
	e.gate.RLock()
	b := e.blocks
	e.gate.RUnlock()
	e.step.Unlock()
	defer e.release()
	if b == nil {
		return nil
	}
	all := span{0, int64(len(b.state)) * blockSize}
	for off := int64(0); off < all.end; off += hydrateSave {
		some := span{off, min(off+hydrateSave, all.end)}
		gaps := b.gaps(some)
		if len(gaps) == 0 {
			continue
		}
		// What has come is kept also if more does not.
		if err := errors.Join(e.fetchAll(ctx, b, gaps), e.keepFetched(b, some)); err != nil {
			return err
		}
	}
	return e.keepFetched(b, all) // writers have fetched something, too
}

// fetchAll fetches in order, several pieces at once.
func (e *Entry) fetchAll(ctx context.Context, b *blocks, gaps []span) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(maxFetching)
	at := int64(0)
	for _, gap := range gaps {
		for off := max(at, gap.off-gap.off%blockSize); off < gap.end && gctx.Err() == nil; off += hydrateStep {
			piece := span{off, min(off+hydrateStep, blocksOf(gap.end)*blockSize)}
			at = piece.end
			g.Go(func() error {
				if err := e.s.fetches.Acquire(gctx, 1); err != nil {
					return err
				}
				defer e.s.fetches.Release(1)
				return remote.Contain(e.s.log, "fetch the rest of a file", func() error { return e.fetchOnce(gctx, b, piece) })
			})
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// pieceTries is how often one piece is tried before all of them wait.
const pieceTries = 4

// fetchOnce fetches a piece for nobody but the entry. The others go on while it is tried again.
func (e *Entry) fetchOnce(ctx context.Context, b *blocks, s span) error {
	for n := 1; ; n++ {
		err := e.fetch(ctx, b, s, once)
		if err == nil || ctx.Err() != nil || judge(err) != remote.Passing || errors.Is(err, syscall.ENOSPC) || n >= pieceTries {
			return err
		}
		if err := sleep(ctx, backoff(n-1, err)); err != nil {
			return err
		}
	}
}

// keepFetched brings what was fetched to the disk, and then the marks of the blocks of s that say so.
func (e *Entry) keepFetched(b *blocks, s span) error {
	e.gate.RLock()
	f := e.data
	mine := e.blocks == b
	e.gate.RUnlock()
	if !mine || f == nil || b.f == nil || !b.file.take() {
		return nil // closed: somebody else has fetched all, and the record says so
	}
	defer b.file.give(b.f)
	first, last := s.off/blockSize, s.end/blockSize
	b.mu.RLock()
	had := append([]byte(nil), b.state[first:last]...)
	b.mu.RUnlock()
	if err := platter.Sync(f); err != nil {
		return fmt.Errorf("sync what was fetched: %w", err)
	}
	b.mu.Lock()
	var raw []byte
	for i := first; i < last; i++ {
		if now := b.state[i]; now == had[i-first] && (now == fetched || now == mended) {
			raw = encodeMark(raw, i, now, span{})
		} else {
			raw = b.encode(raw, i)
		}
	}
	_, err := b.f.WriteAt(raw, blocksHead+markSize*first)
	b.mu.Unlock()
	if err != nil {
		return fmt.Errorf("mark what was fetched: %w", err)
	}
	return platter.Sync(b.f)
}

// Fetch makes the entry whole now, for who is about to remove from Frame.io what its bytes are fetched from.
func (e *Entry) Fetch(ctx context.Context) error {
	if !e.partial() {
		return nil
	}
	if err := e.complete(ctx); err != nil {
		return fmt.Errorf("fetch the rest of %s: %w", e.Info().Name, err)
	}
	return nil
}
