package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"slices"
	"time"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
	"github.com/frameiofs/frameiofs/spool/intent"
)

// nameChanges is what the journal of names asks of Frame.io: its changes pass the guard, its listings do not.
type nameChanges struct {
	*guard
	cache.Namespace
}

// nameJournal is the journal of names, and what is never taken on for later.
type nameJournal struct {
	*intent.Journal
	guard *guard
}

// AddVersion makes a version at once. What is still to be renamed or moved would be so inside the stack, so that comes first.
func (n nameJournal) AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error) {
	for _, ref := range []remote.Ref{target, file} {
		if err := n.Idle(ctx, ref); err != nil {
			return remote.Item{}, err
		}
	}
	return n.guard.AddVersion(ctx, target, file)
}

func (s *session) openNames(dir string) (err error) {
	j, err := intent.Open(intent.Config{
		Dir: dir, Remote: nameChanges{s.guard, s.link}, Patience: s.cfg.patience, MaxDelete: s.cfg.maxDelete,
		Made: s.made, Undone: s.undone, Stays: spool.LocalFolder, Log: s.log,
		Ours:    func(id remote.ID) bool { return s.spool.Orphaned(id) },
		Lost:    func(in remote.ID, name string) bool { return s.spool.Lost(in, name) },
		Leaving: func(id remote.ID) bool { return s.spool.Claimed(id) }})
	if err != nil {
		return fail("", "open the journal of names: %w", err)
	}
	s.names = nameJournal{j, s.guard}
	return nil
}

// layLeft has the listings that an earlier run kept show what it was about to change when it was killed. Frame.io is asked for them all the
// same before they are shown, if it answers.
func (s *session) layLeft() {
	laid, doubtful := s.names.Left()
	known := map[remote.ID]remote.Item{}
	for _, l := range laid {
		for _, e := range s.tree.Seen(l.Parent) {
			if e.ID == l.Item.ID && !e.Updated.Before(known[e.ID].Updated) {
				known[e.ID] = e.Item
			}
		}
		doubtful = append(doubtful, l.Parent)
	}
	for _, ref := range doubtful {
		s.tree.Forget(ref)
	}
	for _, l := range laid {
		if l.Gone {
			s.tree.Drop(l.Parent, l.Item.ID)
		}
	}
	for _, l := range laid {
		if it, ok := known[l.Item.ID]; ok { // there may be a newer version than when the change was asked for
			it.Name, it.Parent = l.Item.Name, l.Item.Parent
			l.Item = it
		}
		if !l.Gone {
			s.tree.Put(l.Parent, l.Item)
		}
	}
}

// made tells those who know a folder by the id that it had here.
func (s *session) made(here remote.Ref, is remote.Item) error {
	if err := s.fs.Made(here, is); err != nil {
		return err
	}
	s.places.made(is)
	return nil
}

// undone has folders looked at again in which something did not come to what was shown, and so the kernel told.
func (s *session) undone(parents ...remote.Ref) {
	for _, ref := range parents {
		s.tree.Undone(ref)
		s.background.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), placesPatience)
			defer cancel()
			if err := s.contained("look again at a folder", func() error { _, err := s.tree.List(ctx, ref); return err })(); err != nil {
				s.log.Debug("look again at a folder", "err", err)
			}
		})
	}
}

// namesPoll is how often one who waits for changes of names looks whether there are any left.
const namesPoll = 50 * time.Millisecond

// errNamesParked is a wait that ended with changes that Frame.io refuses.
var errNamesParked = errors.New("some changes of names are parked")

// waitNames returns when no change at or below paths (all, if none) is on its way any more.
func (s *session) waitNames(ctx context.Context, paths []string) error {
	if len(paths) == 0 { // then nothing rests any more, either
		if err := s.names.Wait(ctx); err != nil {
			return err
		}
	}
	for {
		busy, parked := 0, 0
		for _, in := range s.namesUnder(paths) {
			switch {
			case in.Stays:
			case in.Parked || in.Stranded:
				parked++
			default:
				busy++
			}
		}
		switch {
		case busy == 0 && parked > 0:
			return fmt.Errorf("%w: %d", errNamesParked, parked)
		case busy == 0:
			return nil
		}
		t := time.NewTimer(namesPoll)
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-t.C:
		}
	}
}

// namesUnder are the changes at or below paths. One whose place cannot be found out counts: who waits must not be told that all is done.
func (s *session) namesUnder(paths []string) []intent.Info {
	all := s.names.Pending()
	if len(paths) == 0 || len(all) == 0 {
		return all
	}
	at, done := s.paths()
	defer done()
	return slices.DeleteFunc(all, func(in intent.Info) bool {
		name, ok := at(in.Parent, in.Name)
		return ok && !slices.ContainsFunc(paths, func(p string) bool { return below(name, p) || below(p, name) })
	})
}

// nameList is what status tells of changes, parked ones first.
func (s *session) nameList(all []intent.Info, q control.Query) (list []control.Name) {
	at, done := s.paths()
	defer done()
	slices.SortStableFunc(all, func(a, b intent.Info) int { return b2i(b.Parked) - b2i(a.Parked) })
	for _, in := range all {
		if q.Limit > 0 && len(list) >= q.Limit {
			break
		}
		name, ok := at(in.Parent, in.Name)
		if ok && !below(name, q.Under) {
			continue
		}
		n := control.Name{What: in.What, Path: name, Since: in.Since, Parked: in.Parked, Reason: oneLine(in.Reason), NextTry: timeOf(in.NextTry)}
		if in.Err != nil {
			n.Error = oneLine(in.Err.Error())
		}
		list = append(list, n)
	}
	return list
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// retryNames has parked changes of names tried again.
func (s *session) retryNames(paths []string) (int, error) {
	return s.parkedNames(paths, func(keys []string) error { return s.names.Retry(keys...) })
}

// parkedNames does something with the parked changes of names at or below paths.
func (s *session) parkedNames(paths []string, do func(keys []string) error) (int, error) {
	var keys []string
	for _, in := range s.namesUnder(paths) {
		if in.Parked {
			keys = append(keys, in.Key)
		}
	}
	if len(keys) == 0 {
		return 0, nil
	}
	return len(keys), do(keys)
}

// placesWire answers where a folder is that is not on Frame.io yet, and asks Frame.io of the others.
type placesWire struct {
	nameJournal
	link *link
}

// Stat tells of a pending folder what the journal knows.
func (p placesWire) Stat(ctx context.Context, ref remote.Ref) (remote.Item, error) {
	if !ref.ID.Pending() {
		return p.link.Stat(ctx, ref)
	}
	for _, in := range p.Pending() {
		if in.Ref == ref {
			return remote.Item{Ref: ref, Parent: in.Parent.ID, Name: in.Name}, nil
		}
	}
	if is, ok := p.Real(ref); ok {
		return p.link.Stat(ctx, is)
	}
	return remote.Item{}, iofs.ErrNotExist
}
