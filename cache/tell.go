package cache

import (
	"slices"

	"github.com/frameiofs/frameiofs/remote"
)

// Change is one thing that a new listing of a folder shows differently from the one before: it is new if Was.Name is "", gone if
// Is.Name is "", else the same thing (Was.ID and Is.ID are equal) with another name, version, size, or whatever an Item tells.
// The changes of one listing belong together: where two names were exchanged, both go before both come.
type Change struct{ Was, Is Entry }

// news are changes of a folder that Changed has not been told.
type news struct {
	parent  remote.Ref
	changes []Change
}

// compare returns what s, of k, shows differently from old, and what of it is not by our own hand. Where they are alike s takes
// over what old has, so that both share their text. s is not shown yet. t.mu is held.
func (t *Tree) compare(k folderKey, old, s *siblings) (changes, foreign []Change) {
	if old == nil || old == s {
		return nil, nil
	}
	before, now := old.list(), s.list()
	if slices.EqualFunc(before, now, same) {
		return nil, nil // as nearly always; the rest takes more time and memory
	}
	note := func(c Change, ours bool) {
		changes = append(changes, c)
		if !ours {
			foreign = append(foreign, c)
		}
	}
	then, ids := old.ids(), s.ids()
	for _, was := range before {
		if ids[was.ID] == nil {
			note(Change{Was: was}, false)
		}
	}
	for i := range now {
		is := &now[i] // ids and names lead there too
		was := then[is.ID]
		switch {
		case was == nil:
			note(Change{Is: *is}, false)
		case same(*was, *is):
			is.Item = was.Item
		default:
			c, ours := t.changes[k][is.ID]
			note(Change{Was: *was, Is: *is}, ours && !c.gone && was.Name == is.Name && confirms(c.item, is.Item))
		}
	}
	old.byID, s.byID = nil, nil
	return changes, foreign
}

// same reports whether two entries are of one ID and say the same.
func same(a, b Entry) bool { return a.ID == b.ID && a.Name == b.Name && alike(a.Item, b.Item) }

// alike reports whether two items of one ID say the same.
func alike(a, b remote.Item) bool {
	if !a.Created.Equal(b.Created) || !a.Updated.Equal(b.Updated) || !a.Mtime.Equal(b.Mtime) {
		return false
	}
	a.Created, a.Updated, a.Mtime = b.Created, b.Updated, b.Mtime
	return a == b
}

// confirms reports whether is, listed by Frame.io, is what we put there, though Frame.io may know more about it by now.
func confirms(ours, is remote.Item) bool {
	return ours.Name == is.Name && ours.Kind == is.Kind && ours.Content == is.Content && ours.Size == is.Size && ours.Mtime.Equal(is.Mtime)
}

// tell has Changed told. t.mu is held.
func (t *Tree) tell(parent remote.Ref, changes []Change) {
	if t.changed == nil || len(changes) == 0 {
		return
	}
	t.untold = append(t.untold, news{parent, changes})
	if !t.telling {
		t.telling = true
		t.wg.Go(t.tellAll)
	}
}

// tellAll tells Changed what there is, one call at a time, until there is no more or the Tree is closed.
func (t *Tree) tellAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.untold) > 0 && t.ctx.Err() == nil {
		n := t.untold[0]
		t.untold = t.untold[1:]
		t.mu.Unlock()
		_ = remote.Contain(t.log, "tell of changes", func() error { t.changed(n.parent, n.changes); return nil }) // it is in the log
		t.mu.Lock()
	}
	t.telling = false
}
