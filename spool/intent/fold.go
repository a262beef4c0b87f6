package intent

import (
	"context"
	"errors"
	iofs "io/fs"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/remote"
)

// Folders are deleted on Frame.io with all that is in them, so before that it is looked what that is. A look at the folder itself
// may be lookFresh old when the deletion is sent, one at the folders in it foldFresh when the looks began.
const (
	lookFresh = 2 * time.Second
	foldFresh = 10 * time.Second
	// With interruptions the looks may take so long together, and so much more for each folder; then they begin anew.
	longLook  = time.Minute
	longEach  = time.Second
	looksOnce = 4 // at the same time
)

// waitError is why a folder is not deleted now: something shall leave it first.
type waitError struct{}

func (waitError) Error() string { return "something is to leave the folder first" }

// errUnsettled is why a folder is looked at again in a moment.
var errUnsettled = errors.New("something in the folder is being changed")

// deleteFolder looks at all that would be deleted with a folder, and deletes it if all of that is to be deleted.
func (j *Journal) deleteFolder(ctx context.Context, b *job) error {
	j.mu.Lock()
	all, _ := j.inside(b.i)
	if time.Since(b.i.looking) > longLook+time.Duration(len(all))*longEach {
		b.i.looking = time.Now()
	}
	begun := b.i.looking // an interruption does not begin it anew
	j.mu.Unlock()
	for {
		j.mu.Lock()
		folders, before := j.inside(b.i)
		var todo []*intent
		for _, f := range folders {
			if f.looked.Before(begun.Add(-foldFresh)) {
				todo = append(todo, f)
			}
		}
		if len(todo) == 0 && time.Since(b.i.looked) > lookFresh {
			todo = append(todo, b.i) // last, so that it is the youngest
		}
		j.mu.Unlock()
		if before != nil {
			j.mu.Lock()
			b.i.looking = time.Time{}
			j.mu.Unlock()
			return waitError{}
		}
		if len(todo) == 0 {
			return missing(j.cfg.Remote.Delete(ctx, b.ref))
		}
		var looks errgroup.Group
		looks.SetLimit(looksOnce)
		for _, f := range todo {
			looks.Go(func() error {
				var settled bool
				err := remote.Contain(j.log, "look into a folder", func() (err error) {
					settled, err = j.look(ctx, f.ref())
					return err
				})
				if err == nil && !settled {
					err = errUnsettled
				}
				if err == nil {
					j.mu.Lock()
					f.looked = time.Now() // not when it began: it may have waited for its turn
					j.mu.Unlock()
				}
				return err
			})
		}
		if err := looks.Wait(); err != nil {
			return err
		}
	}
}

// look lists a folder as Frame.io has it. The error is an errStranger if there is anything that is not to be deleted or to leave.
// settled is false if some of it was being deleted or moved at that very moment, so that the look is to be repeated.
func (j *Journal) look(ctx context.Context, ref remote.Ref) (settled bool, err error) {
	j.mu.Lock()
	before := map[remote.ID]bool{}
	for i := range j.in[ref.ID] {
		before[i.ref().ID] = true
	}
	j.mu.Unlock()
	var items []remote.Item
	for it, err := range j.cfg.Remote.Children(ctx, ref) {
		if errors.Is(err, iofs.ErrNotExist) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		items = append(items, it)
	}
	settled = true
	var unknown []remote.Item
	j.mu.Lock()
	for _, it := range items {
		i := j.byID[it.ID]
		switch {
		case i == nil && (before[it.ID] || it.Kind == remote.Folder && j.unanswered(place{Parent: ref, Name: it.Name})):
			settled = false
		case i == nil:
			unknown = append(unknown, it)
		case i.refused() || !i.last().Gone && i.last().Parent.ID == ref.ID:
			j.mu.Unlock()
			return false, errStranger{it.Name}
		case i.deletion() && !i.busy && i.At.Parent.ID != ref.ID: // it was not known to be here
			i.At = place{Parent: ref, Name: it.Name}
			j.index(i)
			settled = settled && i.foldable()
		case i.busy || !i.foldable(): // who knows what comes of it
			settled = false
		}
	}
	j.mu.Unlock()
	for _, it := range unknown {
		if j.cfg.Leaving != nil && j.cfg.Leaving(it.ID) {
			settled = false
			continue
		}
		if it.Kind == remote.File && !it.Complete() && j.cfg.Lost != nil && j.cfg.Lost(ref.ID, it.Name) {
			settled = false
			continue
		}
		if it.Kind != remote.File || j.cfg.Ours == nil || !j.cfg.Ours(it.ID) { // also one that is complete: it was given up right after its last byte
			return false, errStranger{it.Name}
		}
	}
	return settled, nil
}

// lookNow is look for a program that waits, as long as that may. The time is zero if it could not be seen what is in the folder. It is
// called with the lock held, and returns so.
func (j *Journal) lookNow(ctx context.Context, ref remote.Ref) (time.Time, error) {
	begun := time.Now()
	patience := j.allowance(begun)
	if patience <= 0 || j.down || j.closed {
		return time.Time{}, nil
	}
	j.mu.Unlock()
	ctx, cancel := context.WithTimeout(remote.WithPriority(ctx, remote.Interactive), patience)
	settled, err := j.look(ctx, ref)
	cancel()
	j.mu.Lock()
	j.spend(time.Since(begun))
	switch {
	case err == nil && settled:
		return time.Now(), nil
	case err == nil || passes(err):
		return time.Time{}, nil
	}
	return time.Time{}, err
}

// holds reports whether something in the folder is held.
func (j *Journal) holds(i *intent) bool {
	if !i.folder() || j.held == 0 {
		return false
	}
	for o := range j.in[i.ref().ID] {
		if o.Held && o.At.Parent.ID == i.ref().ID {
			return true
		}
	}
	return false
}
