package intent

import (
	"context"
	iofs "io/fs"
	"slices"
	"syscall"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Mkdir makes a folder. What it answers is as Frame.io has it or, if the change was only accepted, has a pending id. The parent may
// be pending itself.
func (j *Journal) Mkdir(ctx context.Context, parent remote.Ref, name string) (remote.Item, error) {
	j.mu.Lock()
	parent, err := j.known(parent)
	if err != nil {
		j.mu.Unlock()
		return remote.Item{}, err
	}
	now := time.Now()
	key := newKey()
	i := &intent{record: record{Key: key, Since: now, Item: remote.Item{
		Ref:    remote.Ref{Kind: remote.Folder, ID: remote.PendingID(key), Account: parent.Account},
		Parent: parent.ID, Name: name, State: remote.Uploaded, Created: now, Updated: now,
	}}, shown: place{Gone: true}}
	j.aim(i, place{Parent: parent, Name: name})
	if err := j.append(entry{Set: &i.record}); err != nil {
		j.mu.Unlock()
		return remote.Item{}, err
	}
	j.insert(i)
	return j.await(ctx, i)
}

// known answers what a folder is called by now; io/fs.ErrNotExist if it is pending and was given up.
func (j *Journal) known(ref remote.Ref) (remote.Ref, error) {
	ref = j.canon(ref)
	if ref.ID.Pending() && j.byID[ref.ID] == nil {
		return ref, iofs.ErrNotExist
	}
	return ref, nil
}

// Relocate moves and renames a file, stack or folder: both or nothing. from is where it is shown, to and name are where it shall be.
// What it answers is the item there.
func (j *Journal) Relocate(ctx context.Context, it remote.Item, from, to remote.Ref, name string) (remote.Item, error) {
	j.mu.Lock()
	to, err := j.known(to)
	if err != nil {
		j.mu.Unlock()
		return it, err
	}
	i, err := j.change(it, from, place{Parent: to, Name: name})
	if err != nil {
		j.mu.Unlock()
		return it, err
	}
	return j.await(ctx, i)
}

// change finds or makes the intent of an item that is shown in parent, and aims it.
func (j *Journal) change(it remote.Item, parent remote.Ref, aim place) (*intent, error) {
	it.Ref = j.canon(it.Ref)
	i := j.byID[it.ID]
	fresh := i == nil
	if fresh {
		if it.ID.Pending() {
			return nil, iofs.ErrNotExist
		}
		parent, err := j.known(parent)
		if err != nil {
			return nil, err
		}
		at := place{Parent: parent, Name: it.Name}
		i = &intent{record: record{Key: newKey(), Item: it, At: at, From: at, Told: true}, shown: at}
	} else if i.waiter != nil {
		j.accept(i) // somebody else changes it once more: then it was seen
	}
	before := i.record
	j.aim(i, aim)
	i.Since, i.Parked, i.Held, i.Back = time.Now(), "", false, false
	err := j.append(entry{Set: &i.record})
	if err != nil {
		i.record = before
		return nil, err
	}
	if before.Held {
		j.held--
	}
	i.tries, i.err, i.retry, i.unclaimed = 0, nil, time.Time{}, false
	if fresh {
		j.insert(i)
	} else {
		j.index(i)
	}
	if !j.settle(i) {
		j.free(i) // what waits for it may do so for another reason now, or for none
	}
	return i, nil
}

// Remove deletes a file or stack that is shown in parent.
func (j *Journal) Remove(ctx context.Context, it remote.Item, parent remote.Ref) error {
	j.mu.Lock()
	return j.delete(ctx, it, parent, time.Time{})
}

// delete is called with the lock held and returns without. seen is when nothing unknown was in it.
func (j *Journal) delete(ctx context.Context, it remote.Item, parent remote.Ref, seen time.Time) error {
	i, err := j.change(it, parent, place{Gone: true})
	if err != nil {
		j.mu.Unlock()
		return err
	}
	if !i.finished {
		i.unclaimed, i.looked = true, seen
		j.lastRemoval = time.Now()
		if i.there() {
			j.count(i)
		}
	}
	_, err = j.await(ctx, i)
	return err
}

// RemoveFolder deletes a folder of parent that has nothing in it but what was removed through this journal and is still to be
// deleted; else the error is syscall.ENOTEMPTY. If Frame.io cannot be asked in time what is in it, that is done before it is deleted.
func (j *Journal) RemoveFolder(ctx context.Context, it remote.Item, parent remote.Ref) error {
	j.mu.Lock()
	it.Ref = j.canon(it.Ref)
	if j.occupied(it.ID) {
		j.mu.Unlock()
		return syscall.ENOTEMPTY
	}
	i := j.byID[it.ID]
	if i == nil && it.ID.Pending() {
		j.mu.Unlock()
		return iofs.ErrNotExist
	}
	var seen time.Time
	if i == nil || i.there() {
		ref := it.Ref
		if i != nil {
			ref = i.ref()
		}
		var err error
		seen, err = j.lookNow(ctx, ref)
		if err == nil && j.occupied(it.ID) {
			err = syscall.ENOTEMPTY
		}
		if err != nil {
			j.mu.Unlock()
			return err
		}
	}
	return j.delete(ctx, it, parent, seen)
}

// occupied reports whether something is shown in a folder, or shall be there, that Frame.io does not have there.
func (j *Journal) occupied(id remote.ID) bool {
	i := j.byID[id]
	if i == nil {
		i = &intent{record: record{Item: remote.Item{Ref: remote.Ref{ID: id}}}}
	}
	for _, id := range []remote.ID{i.Item.ID, i.Real.ID} {
		for o := range j.in[id] {
			in := func(p place) bool { return !p.Gone && p.Parent.ID == id }
			if id != "" && (in(o.shown) || o.waiter != nil && in(o.last())) {
				return true
			}
		}
	}
	return false
}

// deletionsWindow is the time in which MaxDelete counts.
const deletionsWindow = time.Minute

// tooMany is why deletions are held.
const tooMany = "more than %d deletions within a minute: `frameiofs uploads retry` carries them out, `frameiofs uploads cancel` brings them back"

// count counts one more deletion of what Frame.io has. Beyond MaxDelete it is held, and so is what has not been sent yet.
func (j *Journal) count(i *intent) {
	most := j.cfg.MaxDelete
	if most <= 0 {
		return
	}
	now := time.Now()
	j.removals = slices.DeleteFunc(j.removals, func(t time.Time) bool { return now.Sub(t) >= deletionsWindow })
	j.removals = append(j.removals, now)
	over := len(j.removals) > most
	if !over && !j.holds(i) {
		return
	}
	first := j.held == 0
	j.hold(i)
	if !first || !over {
		return
	}
	for _, o := range j.byKey {
		if o.deletion() && o.Parked == "" && !o.busy && o.waiter == nil && o.there() && now.Sub(o.Since) < deletionsWindow {
			j.hold(o)
		}
	}
	j.log.Warn("deletions wait for a person", "more_than", most, "within", deletionsWindow)
}
