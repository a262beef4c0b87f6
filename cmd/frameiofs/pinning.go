package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
)

// Pin keeps paths here from now on.
func (s *session) Pin(ctx context.Context, paths []string) (sum control.Holding, err error) {
	ctx, done, err := s.borrow(ctx)
	if err != nil {
		return sum, err
	}
	defer done()
	s.pins.work.Lock()
	defer s.pins.work.Unlock()
	var stocks []stock
	for _, name := range paths {
		st, err := s.take(ctx, name)
		if err != nil {
			return sum, causeOf(ctx, err)
		}
		stocks = append(stocks, st)
	}
	if err := s.pins.admit(stocks); err != nil {
		return sum, err
	}
	if err := s.pins.add(stocks); err != nil {
		return sum, err
	}
	s.pins.relook(ctx)
	sum = s.holding(unite(stocks))
	sum.Path = ""
	return sum, nil
}

// unite makes one of several; each file counts once.
func unite(stocks []stock) (all stock) {
	all.path = stocks[0].path
	seen := map[remote.ID]bool{}
	for _, st := range stocks {
		all.leaving += st.leaving
		for _, e := range st.files {
			if !seen[e.Content] {
				seen[e.Content] = true
				all.files = append(all.files, e)
			}
		}
	}
	return all
}

// causeOf is why ctx has ended, if it has.
func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// admit has the cache pin all files of stocks, or none.
func (p *pins) admit(stocks []stock) error {
	var mine []remote.Item
	for _, st := range stocks {
		for _, e := range st.files {
			_, pinned := p.s.blocks.Held(e.Item)
			if pinned {
				continue
			}
			err := p.s.blocks.Pin(e.Item)
			if err == nil {
				mine = append(mine, e.Item)
				continue
			}
			for _, it := range mine {
				err = errors.Join(err, p.s.blocks.Unpin(it))
			}
			if errors.Is(err, cache.ErrTooBig) {
				h, now := p.s.holding(st), p.s.blocks.Stats()
				err = fmt.Errorf("%s: %w: it has %s, and of %s that can be pinned %s are", path.Join("/", st.path), control.ErrTooBig,
					size(h.Size), size(now.Limit-now.Limit/10), size(now.Pinned))
			}
			return err
		}
	}
	return nil
}

// add notes what is pinned from now on.
func (p *pins) add(stocks []stock) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, st := range stocks {
		n := &pin{Path: st.path, Folder: st.folder, Name: st.name}
		if st.there != nil {
			n.ID = st.there.ID
		}
		if !slices.ContainsFunc(p.kept.Pins, func(o *pin) bool { return o.Path == n.Path && o.Folder == n.Folder && o.Name == n.Name }) {
			p.kept.Pins = append(p.kept.Pins, n)
		}
		for _, e := range st.files {
			p.kept.Contents[e.Content] = e.Item
		}
	}
	return p.saveLocked()
}

// relook looks at all, for one who holds p.work. If Frame.io cannot be asked that is done later.
func (p *pins) relook(ctx context.Context) {
	p.mu.Lock()
	p.looked = time.Time{}
	p.mu.Unlock()
	if err := p.lookNow(ctx); err != nil {
		p.s.log.Log(ctx, levelOf(err), "cannot look at what is pinned", "err", err)
		poke(p.wake)
	}
}

// Unpin undoes Pin for paths and what is pinned below them.
func (s *session) Unpin(ctx context.Context, paths []string) (out control.Unpinned, err error) {
	ctx, done, err := s.borrow(ctx)
	if err != nil {
		return out, err
	}
	defer done()
	s.pins.work.Lock()
	defer s.pins.work.Unlock()
	out.Paths = []string{}
	for _, name := range paths {
		gone := s.pins.remove(func(n *pin) bool { return below(n.Path, name) })
		if len(gone) == 0 { // it may have another name than when it was pinned
			if at, err := s.spotOf(ctx, name); err == nil {
				gone = s.pins.remove(func(n *pin) bool { return n.Folder == at.folder && n.Name == at.name })
			}
		}
		if len(gone) == 0 {
			return out, s.pins.explain(name)
		}
		out.Paths = append(out.Paths, gone...)
	}
	s.pins.mu.Lock()
	err = s.pins.saveLocked()
	s.pins.mu.Unlock()
	s.pins.relook(ctx)
	return out, err
}

// remove takes pins away, and answers their paths.
func (p *pins) remove(which func(*pin) bool) (gone []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept.Pins = slices.DeleteFunc(p.kept.Pins, func(n *pin) bool {
		if which(n) {
			gone = append(gone, n.Path)
			return true
		}
		return false
	})
	return gone
}

// explain tells why nothing is to be unpinned.
func (p *pins) explain(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.kept.Pins {
		if n.Name == "" && below(name, n.Path) {
			return fmt.Errorf("%s: %w itself, but with /%s", name, control.ErrNotPinned, n.Path)
		}
	}
	return fmt.Errorf("%s: %w", name, control.ErrNotPinned)
}

// fetchAtOnce is how many files are fetched at once: small ones take a round trip each, large ones use several connections anyway.
const fetchAtOnce = 4

// fetch fetches what is pinned and not here.
func (p *pins) fetch(ctx context.Context) {
	for {
		failed := p.fetchAll(ctx)
		var later <-chan time.Time
		if failed {
			later = time.After(pinsSoon)
		}
		select {
		case <-ctx.Done():
			return
		case <-p.kick:
		case <-later:
		}
	}
}

// fetchAll fetches what is missing now; what cannot be had is noted.
func (p *pins) fetchAll(ctx context.Context) (failed bool) {
	p.mu.Lock()
	missing := slices.Collect(maps.Values(p.kept.Contents))
	p.mu.Unlock()
	missing = slices.DeleteFunc(missing, func(it remote.Item) bool {
		bytes, pinned := p.s.blocks.Held(it)
		return !pinned || bytes >= it.Size
	})
	var mu sync.Mutex // guards failed
	var group errgroup.Group
	group.SetLimit(fetchAtOnce)
	for _, it := range missing {
		group.Go(p.s.contained("fetch what is pinned", func() error {
			if _, pinned := p.s.blocks.Held(it); !pinned || ctx.Err() != nil {
				return nil
			}
			if err := p.s.blocks.Warm(ctx, it, nil); err != nil {
				if ctx.Err() == nil {
					p.fail(it.Content, err)
				}
				mu.Lock()
				defer mu.Unlock()
				failed = true
				return nil
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.failed, it.Content)
			return nil
		}))
	}
	group.Wait()
	return failed
}
