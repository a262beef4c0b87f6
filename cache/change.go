package cache

import (
	"maps"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// lag is how long after a change of ours a listing may still be from before it.
const lag = 30 * time.Second

// change is one of ours, laid over the listings of the next while.
type change struct {
	at   time.Time
	gone bool
	item remote.Item // if not gone
}

// Put says that by a change of ours it stands in parent now. It takes the place of the item with its ID and, if it is a Stack, of
// the file it.Content. It stays even if a listing of the next 30 s does not have it yet.
func (t *Tree) Put(parent remote.Ref, it remote.Item) {
	here := it.ID
	it.Ref = t.Now(it.Ref)
	t.change(parent, func(changes map[remote.ID]change, now time.Time) {
		if it.Kind == remote.Stack && it.Content != it.ID {
			changes[it.Content] = change{at: now, gone: true}
		}
		if here != it.ID {
			changes[here] = change{at: now, gone: true}
		}
		changes[it.ID] = change{at: now, item: it}
	}, func(s *siblings) {
		if here != it.ID {
			s.remove(here)
		}
		s.put(it)
	})
}

// Drop says that by a change of ours id no longer stands in parent. It stays hidden even if a listing of the next 30 s still has it.
func (t *Tree) Drop(parent remote.Ref, id remote.ID) {
	is := t.Now(remote.Ref{ID: id}).ID // it may stand there by either, because Became changes one folder
	t.change(parent, func(changes map[remote.ID]change, now time.Time) {
		changes[id] = change{at: now, gone: true}
		changes[is] = change{at: now, gone: true}
		if s := t.known(keyOf(t.called(parent))); s != nil {
			if e := s.ids()[id]; e != nil && e.Kind == remote.Stack { // its versions go one by one, and the last may stand alone for a moment
				changes[e.Content] = change{at: now, gone: true}
			}
		}
	}, func(s *siblings) {
		s.remove(id)
		s.remove(is)
	})
}

// change notes a change for listings to come and makes it in the one there is.
func (t *Tree) change(parent remote.Ref, note func(map[remote.ID]change, time.Time), apply func(*siblings)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := keyOf(t.called(parent)) // who makes a change may have begun before the folder got its name
	noted := map[remote.ID]change{}
	note(noted, t.now())
	maps.Copy(t.ours(k), noted)
	t.sweep()
	s := t.known(k)
	if s == nil {
		return // never listed: the first listing will have it, or get it laid over
	}
	apply(s)
	t.keep(k, s)
	t.index.own(k, noted) // after that, so that a batch that is begun between has what is noted too early, not too late
}

// ours are our changes in k, to be added to. t.mu is held.
func (t *Tree) ours(k folderKey) map[remote.ID]change {
	if t.changes[k] == nil {
		t.changes[k] = map[remote.ID]change{}
	}
	return t.changes[k]
}

// lay makes our changes in a listing that was begun at a time when it may not have had them yet. t.mu is held.
func (t *Tree) lay(k folderKey, s *siblings, began time.Time) {
	for id, c := range t.changes[k] {
		if began.Sub(c.at) >= lag {
			continue
		}
		if c.gone {
			s.remove(id)
		} else if e := s.ids()[id]; e == nil || !later(e.Item, c.item) {
			s.put(c.item)
		}
	}
}

// later reports whether listed, which is of the same ID, knows at least what ours does.
func later(listed, ours remote.Item) bool {
	if listed.Updated.After(ours.Updated) {
		return true
	}
	return listed.Updated.Equal(ours.Updated) && listed.Name == ours.Name && listed.Content == ours.Content
}

// sweep forgets changes that every listing knows by now, and times that are long past. t.mu is held.
func (t *Tree) sweep() {
	now := t.now()
	if now.Sub(t.swept) < lag {
		return
	}
	t.swept = now
	for k, at := range t.vain {
		if !t.recently(at) {
			delete(t.vain, k)
		}
	}
	for k, changes := range t.changes {
		since := now
		if fl := t.flights[k]; fl != nil {
			since = fl.began
		}
		for id, c := range changes {
			if since.Sub(c.at) >= lag {
				delete(changes, id)
			}
		}
		if len(changes) == 0 {
			delete(t.changes, k)
		}
	}
}
