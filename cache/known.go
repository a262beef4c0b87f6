package cache

import "github.com/frameiofs/frameiofs/remote"

// Known is Find by what is known, however old, and without asking Frame.io, now or behind: for names that it does not have as a rule.
func (t *Tree) Known(ref remote.Ref, name string) (entry Entry, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.known(keyOf(ref)); s != nil {
		entry, found = s.find(name)
	}
	return entry, found
}

// Seen lists what is known of ref, however old, without asking Frame.io, now or behind, and without taking it for something that is looked
// at. The slice is the caller's to read, not to change.
func (t *Tree) Seen(ref remote.Ref) []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := keyOf(t.called(ref))
	if s, ok := t.listings.Get(string(k)); ok {
		return s.list()
	}
	if s := t.read(k); s != nil {
		return s.list()
	}
	return nil
}

// Made says that ref was made by our own hand just now, so that nothing stands in it yet. It need not be listed to be filled.
func (t *Tree) Made(ref remote.Ref) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ref = t.called(ref)
	k := keyOf(ref)
	if ref.ID.Pending() {
		t.made[k] = true
	}
	if t.known(k) == nil && t.flights[k] == nil {
		t.publish(k, ref, newSiblings(nil))
	}
}

// Now is what a folder is called by now, for who asked before Became was told.
func (t *Tree) Now(ref remote.Ref) remote.Ref {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.called(ref)
}

func (t *Tree) called(ref remote.Ref) remote.Ref {
	if is, ok := t.became[ref.ID]; ok {
		return is
	}
	return ref
}

// Became says that the folder here of parent, which was made on this machine, is on Frame.io as it is now: what stands in the one
// stands in the other, and need not be listed. Where here is not shown any more, it is not either.
func (t *Tree) Became(parent, here remote.Ref, it remote.Item) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.succeed(here, it.Ref)
	t.became[here.ID] = it.Ref
	k, now := keyOf(parent), t.now()
	if s := t.known(k); s != nil && s.ids()[here.ID] != nil {
		ours := t.ours(k)
		ours[here.ID], ours[it.ID] = change{at: now, gone: true}, change{at: now, item: it}
		s.remove(here.ID)
		s.put(it)
		t.keep(k, s)
	}
	for k, changes := range t.changes {
		t.rename(k, changes, here.ID, it.Ref)
	}
}

// rename has a change of ours that was noted in k while a folder was called here hold for what it is called now: by that name a
// listing that is on its way may tell of it, also where it was taken away meanwhile. t.mu is held.
func (t *Tree) rename(k folderKey, changes map[remote.ID]change, here remote.ID, is remote.Ref) {
	c, ok := changes[here]
	if _, known := changes[is.ID]; !ok || known {
		return
	}
	s := t.known(k)
	if c.gone {
		changes[is.ID] = c
		if s != nil && s.ids()[is.ID] != nil {
			s.remove(is.ID)
			t.keep(k, s)
		}
		return
	}
	c.item.Ref = is
	changes[here], changes[is.ID] = change{at: c.at, gone: true}, c
	if s != nil {
		s.remove(here)
		s.put(c.item)
		t.keep(k, s)
	}
}

// succeed moves what is known of the folder here to is. t.mu is held.
func (t *Tree) succeed(here, is remote.Ref) {
	from, k := keyOf(here), keyOf(is)
	var items []remote.Item
	if old := t.known(from); old != nil {
		for _, e := range old.list() {
			e.Parent = is.ID
			items = append(items, e.Item)
		}
	}
	for id, c := range t.changes[from] {
		c.item.Parent = is.ID
		t.ours(k)[id] = c
	}
	if l := t.looks[from]; l != nil && t.looks[k] == nil {
		l.ref = is
		t.looks[k] = l // whoever holds it goes on holding it
	}
	// What an earlier run made may have been filled by it since, unless Frame.io says otherwise.
	if t.made[from] && t.known(k) == nil && t.flights[k] == nil {
		t.publish(k, is, newSiblings(items))
	}
	delete(t.made, from)
	t.forget(from)
}
