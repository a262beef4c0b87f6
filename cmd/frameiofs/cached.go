package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"path"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// borrow keeps the parts open until done is called. The context it gives ends with ctx, or when whoever uses the parts must let go.
func (s *session) borrow(ctx context.Context) (_ context.Context, done func(), err error) {
	if !s.use() {
		return nil, nil, errEnding
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.stopping, func() { cancel(context.Cause(s.stopping)) })
	return ctx, func() { stop(); cancel(nil); s.parts.RUnlock() }, nil
}

// Cached tells how full the cache is. The mount's root is not walked: that would list all of Frame.io.
func (s *session) Cached(ctx context.Context, paths []string) (st control.CacheStatus, err error) {
	ctx, done, err := s.borrow(ctx)
	if err != nil {
		return st, err
	}
	defer done()
	now := s.blocks.Stats()
	st = control.CacheStatus{MountPoint: s.point, Used: now.Used, Limit: now.Limit, Pinned: now.Pinned, Files: now.Files, DiskFree: s.spool.Free(),
		Pins: s.pins.holdings()}
	for _, p := range paths {
		if p == "" {
			continue
		}
		stock, err := s.take(ctx, p)
		if err != nil && !errors.Is(err, control.ErrLeaving) {
			return st, err
		}
		st.Paths = append(st.Paths, s.holding(stock))
	}
	return st, nil
}

// stock is the files at and below a path that are on Frame.io.
type stock struct {
	spot
	files   []cache.Entry
	leaving int // files that are not on Frame.io yet
}

// walkAtOnce is how many folders are listed at once.
const walkAtOnce = 8

// take finds what is at and below a path. control.ErrLeaving if that is one file that is not on Frame.io yet.
func (s *session) take(ctx context.Context, name string) (st stock, err error) {
	if st.spot, err = s.spotOf(ctx, name); err != nil {
		return st, err
	}
	switch {
	case st.there != nil:
		st.files = []cache.Entry{*st.there}
		return st, nil
	case st.name != "":
		st.leaving = 1
		return st, fmt.Errorf("%s: %w", name, control.ErrLeaving)
	}
	err = s.walk(ctx, st.folder, func(_ remote.Ref, entries []cache.Entry, leaving int) {
		st.leaving += leaving
		for _, e := range entries {
			if !e.IsDir() {
				st.files = append(st.files, e)
			}
		}
	})
	if err != nil {
		return st, fmt.Errorf("%s: %w", path.Join("/", name), err)
	}
	return st, nil
}

// walk lists at and all folders below it. visit is called by one at a time; it is told of each folder's entries, and how many files in
// it are not on Frame.io yet. A folder that has gone meanwhile is left out.
func (s *session) walk(ctx context.Context, at remote.Ref, visit func(folder remote.Ref, entries []cache.Entry, leaving int)) error {
	var mu sync.Mutex // guards next, and the calls of visit
	for level := []remote.Ref{at}; len(level) > 0; {
		var next []remote.Ref
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(walkAtOnce)
		for _, folder := range level {
			group.Go(s.contained("look through a folder", func() error {
				leaving := s.leavingIn(folder)
				entries, err := s.tree.List(ctx, folder)
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, iofs.ErrNotExist) && folder != at {
					return nil
				}
				if err != nil {
					return err
				}
				for _, e := range entries {
					if e.IsDir() {
						next = append(next, e.Ref)
					}
				}
				visit(folder, entries, leaving)
				return nil
			}))
		}
		if err := group.Wait(); err != nil {
			return err
		}
		level = next
	}
	return nil
}

// leavingIn counts the files of a folder that are on their way, or will be.
func (s *session) leavingIn(folder remote.Ref) (n int) {
	if !folder.IsFolder() {
		return 0
	}
	for _, e := range s.spool.In(folder.ID) {
		if in := e.Info(); in.Stage != spool.Clean && in.Stage != spool.Settled && !in.Quiet {
			n++
		}
	}
	return n
}

// holding sums up how much of st is here.
func (s *session) holding(st stock) control.Holding {
	h := control.Holding{Path: st.path, Leaving: st.leaving}
	for _, e := range st.files {
		bytes, pinned := s.blocks.Held(e.Item)
		h.Files++
		h.Size += e.Size
		h.Here += min(bytes, e.Size)
		if bytes >= e.Size {
			h.Whole++
		}
		if pinned {
			h.Pinned++
		}
	}
	return h
}

// Clear gives the disk back what paths take.
func (s *session) Clear(ctx context.Context, paths []string) (done control.Cleared, err error) {
	ctx, giveBack, err := s.borrow(ctx)
	if err != nil {
		return done, err
	}
	defer giveBack()
	if len(paths) == 0 || slices.Contains(paths, "") {
		done.Freed, err = s.blocks.Clear(nil)
		return done, err
	}
	var refused error
	for _, p := range paths {
		st, err := s.take(ctx, p)
		if err != nil {
			return done, err
		}
		for _, e := range st.files {
			freed, err := s.blocks.Clear(&e.Item)
			done.Freed += freed
			switch {
			case err == nil:
				continue
			case errors.Is(err, cache.ErrPinned):
				done.Pinned++
				err = control.ErrPinned
			case errors.Is(err, cache.ErrOpen):
				done.Open++
				err = control.ErrOpen
			default:
				return done, fmt.Errorf("clear %s: %w", p, err)
			}
			if st.name != "" && refused == nil {
				refused = fmt.Errorf("%s: %w", p, err)
			}
		}
	}
	return done, refused
}
