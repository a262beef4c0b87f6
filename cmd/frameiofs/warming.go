package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
)

// Warm fetches what is not here of paths.
func (s *session) Warm(ctx context.Context, paths []string, progress func(control.Holding)) (control.Holding, error) {
	for {
		if h, err := s.warm(ctx, paths, progress); !errors.Is(err, errAgain) {
			return h, err
		}
	}
}

func (s *session) warm(ctx context.Context, paths []string, progress func(control.Holding)) (sum control.Holding, err error) {
	ctx, done, err := s.borrow(ctx)
	if err != nil {
		return sum, err
	}
	defer done()
	var stocks []stock
	for _, name := range paths {
		st, err := s.take(ctx, name)
		if err != nil {
			return sum, causeOf(ctx, err)
		}
		stocks = append(stocks, st)
	}
	all := unite(stocks)
	sum = s.holding(all)
	if now := s.blocks.Stats(); s.unpinned(all) > now.Limit-now.Pinned {
		return sum, fmt.Errorf("%s: %w: there are %s, and it has %s, of which %s are pinned", path.Join("/", all.path), control.ErrTooBig,
			size(sum.Size), size(now.Limit), size(now.Pinned))
	}
	var here atomic.Int64
	stop := tell(ctx, func() {
		h := sum
		h.Here = min(here.Load(), h.Size)
		progress(h)
	})
	err = s.fetchAll(ctx, all.files, &here)
	stop()
	return s.holding(all), causeOf(ctx, err)
}

// unpinned is how many bytes of st the cache must have room for beside what is pinned.
func (s *session) unpinned(st stock) (n int64) {
	for _, e := range st.files {
		if _, pinned := s.blocks.Held(e.Item); !pinned {
			n += e.Size
		}
	}
	return n
}

// fetchAll fetches files, and goes on if one cannot be had unless it is the link that is missing. here counts the bytes that are here.
func (s *session) fetchAll(ctx context.Context, files []cache.Entry, here *atomic.Int64) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetchAtOnce)
	var first atomic.Pointer[error]
	for _, e := range files {
		group.Go(s.contained("fetch a file", func() error {
			err := s.blocks.Warm(ctx, e.Item, func(n int64) { here.Add(n) })
			switch {
			case err == nil:
				return nil
			case errors.Is(err, cache.ErrTooBig):
				return fmt.Errorf("%s: %w", e.Name, control.ErrTooBig)
			case ctx.Err() != nil, linkless(err), errors.Is(err, remote.ErrToken):
				return err
			}
			first.CompareAndSwap(nil, &err)
			return nil
		}))
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}
