package cache

import (
	"slices"

	"github.com/frameiofs/frameiofs/remote"
)

// harvest is a listing that comes in, next to the one that is shown. Of what both have it keeps only a mark: nearly always nothing is
// different, and then a folder of ten thousand is not in memory twice.
type harvest struct {
	shown []Entry             // never written to; empty if nothing was shown
	at    map[remote.ID]int32 // where in shown
	come  []come              // of shown
	rest  []remote.Item       // what has come besides
}

// come is whether something that is shown has come again.
type come uint8

const (
	missing come = iota
	again
	otherwise // in rest, and all that still comes of it: of several with one ID the last counts
)

// harvest begins one. t.mu is held.
func (t *Tree) harvest(k folderKey) *harvest {
	h := &harvest{}
	if s := t.known(k); s != nil {
		h.shown = s.list()
	}
	return h
}

// add takes an item in.
func (h *harvest) add(it remote.Item) {
	if h.at == nil {
		h.at = make(map[remote.ID]int32, len(h.shown))
		for i := range h.shown {
			h.at[h.shown[i].ID] = int32(i)
		}
		h.come = make([]come, len(h.shown))
	}
	i, ok := h.at[it.ID]
	if ok && h.come[i] != otherwise && alike(h.shown[i].Item, it) {
		h.come[i] = again
		return
	}
	if ok {
		h.come[i] = otherwise
	}
	h.rest = append(h.rest, it)
}

// nothingNew reports whether what has come would be shown as it is.
func (h *harvest) nothingNew() bool {
	for _, it := range h.rest {
		if shows(it) {
			return false
		}
	}
	return len(h.come) == len(h.shown) && !slices.ContainsFunc(h.come, func(c come) bool { return c != again })
}

// still reports whether s is what was shown when this began, unchanged.
func (h *harvest) still(s *siblings) bool {
	now := s.list()
	return len(now) == len(h.shown) && (len(now) == 0 || &now[0] == &h.shown[0])
}

// items are all that has come.
func (h *harvest) items() []remote.Item {
	items := make([]remote.Item, 0, len(h.shown)+len(h.rest))
	for i, c := range h.come {
		if c == again {
			items = append(items, h.shown[i].Item)
		}
	}
	return append(items, h.rest...)
}
