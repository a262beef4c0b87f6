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
