package fs

import (
	"context"
	"errors"
	"syscall"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// exchange is RENAME_EXCHANGE: both names stay, and change what they stand for.
const exchange = 2

// side is one of two names that are exchanged.
type side struct {
	*dir
	name string // as the kernel has it
	line line
	is   remote.Ref // what Frame.io has under the name, other than what is on its way there
}

// exchange swaps two names. Of what is still leaving that is ours; what is on Frame.io is relocated there, with all its versions, one
// after the other: equal names may stand beside each other there meanwhile.
//
// It is refused (EINVAL) between what is on Frame.io and what is not yet. Who saves that way would next remove what was there
// before, and all its versions with it; refused, he renames over it, and that makes a version.
func (d *dir) exchange(ctx context.Context, name string, to *dir, newName string) error {
	a, b := side{dir: d, name: name}, side{dir: to, name: newName}
	for _, s := range []*side{&a, &b} {
		if err := s.mayName(s.name); err != nil {
			return err
		}
		l, err := s.find(ctx, s.name)
		if err != nil {
			return err
		}
		if l.entry == nil && l.item.IsDir() && l.item.Kind != remote.Folder {
			return syscall.EPERM
		}
		there, let, err := l.steady()
		if err != nil {
			return err
		}
		defer let()
		if s.line = l; !there.Own {
			s.is = there.Ref
		}
	}
	there := !a.is.IsZero()
	switch {
	case a.line.entry == b.line.entry && a.line.item.ID == b.line.item.ID: // the same file in another spelling
		return nil
	case there != !b.is.IsZero():
		return syscall.EINVAL
	case !there:
		return exchangeEntries(a, b)
	}
	if err := exchangeItems(ctx, a, b); err != nil {
		return err
	}
	return exchangeEntries(a, b)
}

// exchangeItems swaps two places on Frame.io; if the second step is refused the first is undone.
func exchangeItems(ctx context.Context, a, b side) error {
	isA, err := a.relocate(ctx, a.line.asset(a.is), b.dir, b.name)
	if err != nil {
		return err
	}
	isB, err := b.relocate(ctx, b.line.asset(b.is), a.dir, a.name)
	if err != nil {
		if _, undo := b.relocate(ctx, isA, a.dir, a.name); undo != nil {
			a.fs.log.Warn("put back after a refused exchange", "name", a.name, "error", undo)
		}
		return err
	}
	nodeA, nodeB := a.GetChild(a.name), b.GetChild(b.name)
	if nodeA != nil {
		isNow(nodeA.Operations(), b.dir, isA)
	}
	if nodeB != nil {
		isNow(nodeB.Operations(), a.dir, isB)
	}
	return nil
}

// isNow tells a node where Frame.io has it now.
func isNow(node any, in *dir, it remote.Item) {
	switch n := node.(type) {
	case *dir:
		n.mu.Lock()
		n.item = it
		n.mu.Unlock()
	case *file:
		if it.Content == "" { // no more is told of it than that it is to have that name
			now := it.Name
			it, _ = n.get()
			it.Name = now
		}
		n.is(in.get().Ref, it)
	}
}

// exchangeEntries swaps what is leaving under two names, of which either may have nothing.
func exchangeEntries(a, b side) error {
	ea, eb := a.line.entry, b.line.entry
	if ea == nil || eb == nil {
		return errors.Join(a.takes(b), b.takes(a))
	}
	if err := a.fs.cfg.Spool.Exchange(ea, eb); err != nil {
		return err
	}
	a.dropped(ea, b)
	b.dropped(eb, a)
	return nil
}

// takes gives what is leaving under one name the other.
func (s side) takes(other side) error {
	e := s.line.entry
	if e == nil {
		return nil
	}
	t := e.Target()
	t.Parent, t.Name = other.get().Ref, cache.Actual(other.name)
	return s.retarget(e, t, nil)
}

// dropped takes out of a folder what Settled put there while the entry was on its way to another.
func (s side) dropped(e *spool.Entry, other side) {
	if from := s.get().Ref; from.ID != other.get().ID {
		for _, id := range e.Assets() {
			s.fs.cfg.Tree.Drop(from, id)
		}
	}
}
