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

// Made says that ref was made by our own hand just now, so that nothing stands in it yet. It need not be listed to be filled.
func (t *Tree) Made(ref remote.Ref) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := keyOf(ref)
	if t.known(k) == nil && t.flights[k] == nil {
		t.publish(k, ref, newSiblings(nil))
	}
}

// Became says that the folder here, which was made on this machine, is on Frame.io as is: what stands in the one stands in the other
// now, and need not be listed.
func (t *Tree) Became(here, is remote.Ref) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from, k := keyOf(here), keyOf(is)
	if from == k {
		return
	}
	var items []remote.Item
	if old := t.known(from); old != nil {
		for _, e := range old.list() {
			e.Parent = is.ID
			items = append(items, e.Item)
		}
	}
	for id, c := range t.changes[from] {
		if t.changes[k] == nil {
			t.changes[k] = map[remote.ID]change{}
		}
		c.item.Parent = is.ID
		t.changes[k][id] = c
	}
	if l := t.looks[from]; l != nil && t.looks[k] == nil {
		l.ref = is
		t.looks[k] = l // whoever holds it goes on holding it
	}
	if t.known(k) == nil && t.flights[k] == nil {
		t.publish(k, is, newSiblings(items))
	}
	t.forget(from)
}
