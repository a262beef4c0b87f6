package intent

import (
	"fmt"
	"slices"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// chosen are the intents of the keys, or if there are none all that are parked, in the order in which they were asked for.
func (j *Journal) chosen(keys []string) ([]*intent, error) {
	var all []*intent
	for _, k := range keys {
		i := j.byKey[k]
		if i == nil {
			return nil, fmt.Errorf("no change of names has the key %q", k)
		}
		all = append(all, i)
	}
	if len(keys) == 0 {
		for _, i := range j.byKey {
			if i.Parked != "" {
				all = append(all, i)
			}
		}
	}
	slices.SortFunc(all, func(a, b *intent) int { return a.Since.Compare(b.Since) })
	return all, nil
}

// Retry has parked changes tried again: those of the keys, or all. Of what is not parked it ends the wait before the next try.
func (j *Journal) Retry(keys ...string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	all, err := j.chosen(keys)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, i := range all {
		i.tries, i.retry = 0, time.Time{}
		if i.Parked != "" {
			if i.Held {
				j.held--
			}
			i.Parked, i.Held, i.Back, i.shown = "", false, false, i.last()
			i.looked, i.looking = time.Time{}, time.Time{}
			j.index(i)
			j.undone(i.At.Parent, i.last().Parent)
			j.note(entry{Set: &i.record})
			j.free(i)
		}
		j.due(i, now)
	}
	return nil
}

// Cancel gives parked changes up: those of the keys, or all. What was moved or renamed by half goes back; with a folder that was not
// made, what is not made in it is given up too, and what was to move into it stays where it is.
func (j *Journal) Cancel(keys ...string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	all, err := j.chosen(keys)
	if err != nil {
		return err
	}
	for _, i := range all {
		if i.Parked == "" {
			return fmt.Errorf("%s %q is not parked: it will be done", i.what(), i.last().Name)
		}
	}
	for _, i := range all {
		j.drop(i)
	}
	return nil
}

// drop gives one up.
func (j *Journal) drop(i *intent) {
	if i.finished {
		return
	}
	folders := []remote.Ref{i.shown.Parent, i.At.Parent, i.last().Parent}
	if i.folder() {
		folders = append(folders, i.ref())
	}
	j.undone(folders...)
	if i.Held {
		j.held--
	}
	i.Parked, i.Held, i.Back = "", false, false
	if !i.there() {
		j.finish(i, nil)
		for o := range j.in[i.Item.ID] {
			if !o.busy && !o.finished {
				j.drop(o)
			}
		}
		return
	}
	back := i.From
	i.Steps = nil
	if back.Parent.ID != "" && !back.Parent.ID.Pending() && !i.At.Gone && i.At.Name != "" && !i.At.is(back) && !i.busy {
		j.aim(i, back)
	}
	i.shown = i.last()
	j.goOn(i)
}
