package intent

import (
	"slices"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Programs save a file by writing another one, deleting the old one and giving the new one its name. Sent at once, the deletion would
// end an asset with all that people said to it, so it rests, and what takes the name meanwhile takes the asset with it.

// RemoveLater accepts the deletion of a file or stack that is shown in parent without asking Frame.io. Until it is sent, a second or
// more later, Keep can take it back.
func (j *Journal) RemoveLater(it remote.Item, parent remote.Ref) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	i, err := j.change(it, parent, place{Gone: true})
	if err != nil || i.finished {
		return err
	}
	now := time.Now()
	i.unclaimed, j.lastRemoval = true, now
	if i.there() {
		j.count(i)
	}
	j.accept(i)
	j.due(i, now)
	return nil
}

// RelocateLater accepts a move and renaming of a file or stack, as Relocate does, without asking Frame.io. It is sent a second later: a
// program that puts a file aside under a name of its own, and writes it anew, often means to have it back.
func (j *Journal) RelocateLater(it remote.Item, from, to remote.Ref, name string) (remote.Item, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	to, err := j.known(to)
	if err != nil {
		return it, err
	}
	i, err := j.change(it, from, place{Parent: to, Name: name})
	if err != nil {
		return it, err
	}
	if i.finished {
		return i.item(), nil
	}
	i.unclaimed = true
	it = j.accept(i)
	j.due(i, time.Now())
	return it, nil
}

// Keep takes back the deletion of a file or stack of a name on Frame.io that was shown in parent, and answers it; false if there is none,
// or nobody knows any more whether it was sent.
func (j *Journal) Keep(parent remote.Ref, name string) (remote.Item, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := place{Parent: j.canon(parent), Name: name}
	var kept *intent
	for i := range j.in[p.Parent.ID] {
		if !i.folder() && i.foldable() && !i.busy && i.waiter == nil && i.At.is(p) && (kept == nil || i.Since.After(kept.Since)) {
			kept = i
		}
	}
	if kept == nil || j.append(entry{Done: kept.Key}) != nil {
		return remote.Item{}, false
	}
	kept.Steps, kept.shown = nil, kept.At
	it := kept.item()
	if n := len(j.removals); n > 0 && j.cfg.MaxDelete > 0 {
		j.removals = slices.Delete(j.removals, n-1, n) // it is none after all
	}
	j.finish(kept, nil)
	return it, true
}
