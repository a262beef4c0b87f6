package intent

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// job is one call, with all that it needs.
type job struct {
	i     *intent
	kind  call
	ref   remote.Ref
	item  remote.Item
	to    place
	since time.Time // a creation: when it was first tried, if it was
	begun time.Time
	again bool // it may have been begun before
	first bool // what was noted has to be on the disk before
	doubt bool // only this call makes it doubtful where the item is, or what its name is
}

// start has i carried on by one call.
func (j *Journal) start(ctx context.Context, wg *sync.WaitGroup, i *intent, kind call) {
	b := job{i: i, kind: kind, ref: i.ref(), item: i.item(), begun: time.Now(), again: i.again || i.tries > 0}
	if kind != tell {
		b.to = i.goal()
	}
	switch kind {
	case createFolder:
		if i.Tried != nil {
			b.to, b.since = i.Tried.place, i.Tried.Since
		} else {
			i.Tried = &try{b.to, b.begun}
			j.index(i)
		}
		if b.to.Parent.ID.Pending() {
			i.Tried = nil
			j.index(i)
			j.refuse(i, b, parkError("the folder that it belongs in was given up: move it to another"))
			return
		}
		// Frame.io may make it and the answer be lost with us: that it was tried has to be known then.
		if err := j.append(entry{Set: &i.record}); err != nil {
			i.Tried = nil
			j.index(i)
			j.again(i, err)
			return
		}
		b.first = true
	case renameFolder, renameFile:
		b.first = b.to.Parent.ID != i.At.Parent.ID || kind == renameFolder && j.lastMade > j.synced
		b.doubt = !i.DoubtName
		i.DoubtName = true
	case moveFolder, moveFile:
		if b.to.Parent.ID.Pending() {
			j.refuse(i, b, parkError("the folder that it belongs in was given up: move it to another"))
			return
		}
		b.first = b.to.Name != i.At.Name || kind == moveFolder && j.lastMade > j.synced
		b.doubt = i.maybe(b.to.Parent)
		j.index(i)
	}
	priority := remote.Uploads
	if i.waiter != nil {
		priority = remote.Interactive
	}
	i.busy, i.doing = true, b.to
	j.busy[kind]++
	j.inflight++
	wg.Go(func() {
		var it remote.Item
		err := remote.Contain(j.log, "change a name", func() (err error) {
			it, err = j.call(remote.WithTrouble(remote.WithPriority(ctx, priority), func(err error) { j.stuck(i, err) }), &b)
			return err
		})
		j.mu.Lock()
		i.busy, i.doing = false, place{}
		j.busy[kind]--
		j.inflight--
		j.outcome(ctx, b, it, err)
		j.news()
		j.mu.Unlock()
		poke(j.wake)
	})
}

// call makes the call. No lock is held.
func (j *Journal) call(ctx context.Context, b *job) (remote.Item, error) {
	if b.first { // a loss of power must not leave it between two calls, nor a folder on Frame.io that nobody here knows, or looks for elsewhere
		if err := j.Sync(ctx); err != nil && ctx.Err() != nil {
			return remote.Item{}, err
		}
	}
	switch b.kind {
	case tell:
		if j.cfg.Made == nil {
			return remote.Item{}, nil
		}
		made := b.item
		here := made.Ref
		made.Ref = b.ref
		return remote.Item{}, j.cfg.Made(here, made)
	case createFolder:
		if !b.since.IsZero() {
			ctx = remote.WithSince(ctx, b.since)
		}
		return j.cfg.Remote.CreateFolder(ctx, b.to.Parent, b.to.Name)
	case renameFolder, renameFile:
		return j.cfg.Remote.Rename(ctx, b.ref, b.to.Name)
	case moveFolder, moveFile:
		return j.cfg.Remote.Move(ctx, b.ref, b.to.Parent)
	case deleteFolder:
		return remote.Item{}, j.deleteFolder(ctx, b)
	default:
		err := missing(j.cfg.Remote.Delete(ctx, b.ref))
		if err == nil && b.again && b.item.Kind == remote.Stack && b.item.Content != "" { // what is left of a stack may be its newest file
			err = missing(j.cfg.Remote.Delete(ctx, remote.Ref{Kind: remote.File, ID: b.item.Content, Account: b.ref.Account}))
		}
		return remote.Item{}, err
	}
}

// missing makes what is not there no error.
func missing(err error) error {
	if errors.Is(err, iofs.ErrNotExist) {
		return nil
	}
	return err
}

// outcome takes what a call came to.
func (j *Journal) outcome(ctx context.Context, b job, it remote.Item, err error) {
	i := b.i
	var wait waitError
	switch {
	case err != nil && ctx.Err() != nil:
		return // the next run begins with it again
	case b.kind == tell && err != nil:
		j.log.Warn("cannot tell that a folder was made; trying again", "name", b.item.Name, "error", err)
		j.again(i, err)
	case b.kind == tell:
		i.Told = true
		i.Item.Ref = i.Real
		j.goOn(i)
	case errors.As(err, &wait):
		j.free(i)
		j.due(i, time.Now())
	case err == nil:
		j.link(nil)
		j.succeed(b, it)
	case passes(err):
		j.link(err)
		if errors.Is(err, remote.ErrLimited) && b.kind != createFolder {
			b.clear(i) // it was not sent
			j.index(i)
		}
		if i.waiter != nil {
			j.accept(i)
		}
		j.again(i, err)
	default:
		j.link(nil)
		j.refuse(i, b, err)
	}
}

// succeed notes what Frame.io has done.
func (j *Journal) succeed(b job, it remote.Item) {
	i := b.i
	i.tries, i.err, i.retry = 0, nil, time.Time{}
	switch b.kind {
	case createFolder:
		if _, other := j.made[it.ID]; other || j.byID[it.ID] != nil || it.ID == "" {
			// A look for a lost answer found a folder that is another's: this one was not made.
			j.log.Warn("Frame.io answered with another folder than the one to be made", "name", b.to.Name, "id", it.ID)
			i.Tried = nil
			j.index(i)
			j.again(i, fmt.Errorf("make folder: %w", remote.ErrNotFrameio))
			return
		}
		j.make(i, b.to, it)
	case renameFolder, renameFile:
		i.At.Name, i.DoubtName = b.to.Name, false
		i.take(it)
	case moveFolder, moveFile:
		i.At.Parent, i.Maybe = b.to.Parent, nil
		j.arrived(b.to.Parent)
		i.take(it)
	case deleteFolder:
		j.deleted(i)
		return
	case deleteFile:
		i.At = place{}
		j.finish(i, nil)
		return
	}
	j.goOn(i)
}

// arrived makes a look at a folder void: there is something else in it now.
func (j *Journal) arrived(in remote.Ref) {
	if o := j.byID[in.ID]; o != nil {
		o.looked = time.Time{}
	}
}

// take keeps what Frame.io tells of the item.
func (i *intent) take(it remote.Item) {
	if it.ID == i.ref().ID && it.Kind == i.Item.Kind {
		it.Ref = i.Item.Ref
		i.Item = it
	}
}

// make notes that a folder has been made, in the very place of to.
func (j *Journal) make(i *intent, to place, it remote.Item) {
	here := i.Item.Ref
	i.Real, i.At, i.From, i.Tried = it.Ref, to, to, nil
	it.Ref = here
	i.Item = it
	if !i.handed { // nobody has seen the pending id
		i.Told = true
		i.Item.Ref = i.Real
		i.shown = to
	}
	a := alias{Here: here.ID, Is: i.Real, At: time.Now()}
	j.become(a)
	j.arrived(to.Parent)
	delete(j.byID, here.ID)
	j.byID[i.Real.ID] = i
	j.state.rename(here.ID, i.Real)
	j.note(entry{Made: &a})
	j.lastMade = j.appended
}

// deleted finishes the deletion of a folder and all that was folded into it.
func (j *Journal) deleted(top *intent) {
	folders, _ := j.inside(top)
	for _, f := range append(folders, top) {
		for _, id := range []remote.ID{f.Item.ID, f.Real.ID} {
			for o := range j.in[id] {
				if o.At.Parent.ID == id && id != "" && o.foldable() && !o.busy && !o.folder() {
					o.At = place{}
					j.finish(o, nil)
				}
			}
		}
	}
	for _, f := range append(folders, top) {
		f.At = place{}
		j.finish(f, nil)
	}
}

// refuse takes Frame.io's no. Who waits is told, and it is as before; else a person has to see to it.
func (j *Journal) refuse(i *intent, b job, err error) {
	i.err = err
	b.clear(i)
	if i.Back { // then it stays where it is
		j.undone(i.At.Parent, i.From.Parent)
		i.Back, i.shown, i.From = false, i.At, i.At
		j.goOn(i)
		return
	}
	if len(i.Steps) > 0 && !i.Steps[0].is(b.to) { // what was refused is not wanted any more
		j.goOn(i)
		return
	}
	if len(i.Steps) > 1 { // it was only on its way
		i.Steps = i.Steps[1:]
		j.goOn(i)
		return
	}
	if i.waiter != nil {
		j.answer(i, err)
		j.arrived(i.At.Parent)
		if !i.there() {
			j.finish(i, err)
			return
		}
		i.Steps = nil
		if !i.reached(i.shown) {
			j.aim(i, i.shown)
		}
		j.goOn(i)
		return
	}
	j.park(i, reason(err))
}

// clear strikes off the doubt that a call brought which did not do anything.
func (b *job) clear(i *intent) {
	switch {
	case b.kind == createFolder:
		i.Tried = nil
	case !b.doubt || i.Item.Kind == remote.Stack && b.kind == renameFile: // that is several calls, and who knows which of them it was
	case b.kind == renameFolder || b.kind == renameFile:
		i.DoubtName = false
	case b.kind == moveFolder || b.kind == moveFile:
		i.Maybe = slices.DeleteFunc(slices.Clone(i.Maybe), func(f remote.Ref) bool { return f.ID == b.to.Parent.ID })
	}
}

// park leaves i to a person. What Frame.io has is shown as it is there; a folder that is not made yet stays, like what is in it.
func (j *Journal) park(i *intent, why string) {
	j.log.Warn("a change of names is refused by Frame.io and needs a person", "what", i.what(), "name", i.last().Name, "item", i.Item.Name, "why", why)
	folders := []remote.Ref{i.shown.Parent, i.At.Parent, i.last().Parent}
	if i.folder() {
		folders = append(folders, i.ref())
	}
	i.Parked = why
	if i.there() {
		j.arrived(i.At.Parent) // as what is not to be deleted
		for _, f := range i.Maybe {
			j.arrived(f)
		}
		if i.last().is(i.From) { // it cannot go back
			i.From = i.At
		}
		i.shown = i.At
		i.Back = !i.last().Gone && i.From.Parent.ID != "" && !i.reached(i.From)
	}
	j.index(i)
	j.note(entry{Set: &i.record})
	j.undone(folders...)
	j.free(i)
	j.news()
	if i.Back {
		j.due(i, time.Now())
	}
}

// hold leaves a deletion to a person. It stays laid over the listings.
func (j *Journal) hold(i *intent) {
	if !i.Held {
		j.held++
	}
	i.Held, i.Parked = true, fmt.Sprintf(tooMany, j.cfg.MaxDelete)
	j.note(entry{Set: &i.record})
	j.free(i)
	j.news()
}

// errStranger is why a folder is not deleted.
type errStranger struct{ name string }

func (e errStranger) Error() string {
	return fmt.Sprintf("%q is in it, which was not removed here: look at it, and remove the folder again", e.name)
}

func (e errStranger) Is(err error) bool { return err == errPark || err == syscall.ENOTEMPTY }

func (e errStranger) As(target any) bool {
	if n, ok := target.(*syscall.Errno); ok {
		*n = syscall.ENOTEMPTY
		return true
	}
	return false
}
