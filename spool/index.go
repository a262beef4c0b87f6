package spool

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// place is where an entry is seen.
type place struct {
	parent remote.ID
	name   string
}

// index is what Find, In and Claimed look at. Guarded by Spool.mu.
type index struct {
	byKey   map[Key]*Entry
	byPlace map[place]*Entry
	byForm  map[place]map[*Entry]struct{} // those whose name is not in normal form, by that form: see forms.go
	folders map[remote.ID]map[*Entry]struct{}
	claims  map[remote.ID]int
	real    map[remote.ID]remote.Ref // what folders that were made here have become on Frame.io
}

func newIndex() index {
	return index{map[Key]*Entry{}, map[place]*Entry{}, map[place]map[*Entry]struct{}{}, map[remote.ID]map[*Entry]struct{}{}, map[remote.ID]int{}, map[remote.ID]remote.Ref{}}
}

// insert makes a new entry visible.
func (s *Spool) insert(e *Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	t := e.Target()
	if s.byPlace[place{s.folder(t.Parent.ID), t.Name}] != nil || s.byKey[e.key] != nil {
		return fmt.Errorf("create %s: %w", t.Name, fs.ErrExist)
	}
	s.byKey[e.key] = e
	s.lay(e)
	return nil
}

// reindex brings what is seen of an entry up to date, with step held, after its target or its assets have changed.
func (s *Spool) reindex(e *Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !e.hidden {
		s.lift(e)
		s.lay(e)
	}
}

// hide makes an entry invisible, for good unless the disk does not take that.
func (s *Spool) hide(e *Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conceal(e)
}

// show undoes hide.
func (s *Spool) show(e *Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !e.hidden {
		return
	}
	e.hidden = false
	s.byKey[e.key] = e
	s.lay(e)
}

func (s *Spool) conceal(e *Entry) {
	if e.hidden {
		return
	}
	e.hidden = true
	s.lift(e)
	if s.byKey[e.key] == e {
		delete(s.byKey, e.key)
	}
}

// lay puts the entry where its target is, with mu held.
func (s *Spool) lay(e *Entry) {
	e.mu.Lock()
	if is, ok := s.real[e.rec.Target.Parent.ID]; ok {
		e.rec.Target.Parent = is // whoever gave it this folder did not know yet
	}
	e.place = place{e.rec.Target.Parent.ID, e.rec.Target.Name}
	e.claims = e.assets(e.claims[:0])
	for _, id := range e.claims {
		if !slices.Contains(e.ever, id) {
			e.ever = append(e.ever, id)
		}
	}
	e.mu.Unlock()
	s.byPlace[e.place] = e
	s.layForm(e)
	in := s.folders[e.place.parent]
	if in == nil {
		in = make(map[*Entry]struct{})
		s.folders[e.place.parent] = in
	}
	in[e] = struct{}{}
	for _, id := range e.claims {
		s.claims[id]++
	}
}

// lift takes the entry out of where it was laid, with mu held.
func (s *Spool) lift(e *Entry) {
	if s.byPlace[e.place] == e {
		delete(s.byPlace, e.place)
	}
	s.liftForm(e)
	in := s.folders[e.place.parent]
	delete(in, e)
	if len(in) == 0 {
		delete(s.folders, e.place.parent)
	}
	for _, id := range e.claims {
		if s.claims[id]--; s.claims[id] <= 0 {
			delete(s.claims, id)
		}
	}
	e.claims = e.claims[:0]
}

// assets lists what on Frame.io the entry stands for, with e.mu held.
func (e *Entry) assets(ids []remote.ID) []remote.ID {
	refs := []remote.Ref{e.asset, e.rec.Target.Replaces}
	if p := e.placed; p != nil {
		refs = append(refs, p.File, p.Item.Ref)
	}
	if o := e.rec.Own; o != nil {
		refs = append(refs, o.File, o.Ref, o.Over)
	}
	for _, r := range refs {
		if r.ID != "" && !slices.Contains(ids, r.ID) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// Find gives the visible entry of that name in a folder, or nil.
func (s *Spool) Find(parent remote.ID, name string) *Entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byPlace[place{s.folder(parent), name}]
}

// In lists the visible entries of a folder, in no order.
func (s *Spool) In(parent remote.ID) []*Entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	parent = s.folder(parent)
	in := make([]*Entry, 0, len(s.folders[parent]))
	for e := range s.folders[parent] {
		in = append(in, e)
	}
	return in
}

// Claimed reports whether id is the asset of a visible entry, or the File or Stack it replaces: the tree shows the entry in
// its place.
func (s *Spool) Claimed(id remote.ID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.claims[id] > 0
}

// Hides reports whether the tree does not show id, though Frame.io may have it: it is Claimed or Orphaned.
func (s *Spool) Hides(id remote.ID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.claims[id] > 0 || s.orphaned(id)
}

// entries lists all visible entries.
func (s *Spool) entries() []*Entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*Entry, 0, len(s.byKey))
	for _, e := range s.byKey {
		all = append(all, e)
	}
	return all
}

// All tells about every entry except clean ones, the oldest first.
func (s *Spool) All() []Info {
	type place struct { // what is sorted, an Info being large
		closed time.Time
		i      int
	}
	entries := s.entries()
	all, order := make([]Info, 0, len(entries)), make([]place, 0, len(entries))
	for _, e := range entries {
		e.look()
		if i := e.Info(); i.Stage != Clean {
			all, order = append(all, i), append(order, place{i.Closed, len(all)})
		}
	}
	slices.SortFunc(order, func(a, b place) int {
		return cmp.Or(a.closed.Compare(b.closed), cmp.Compare(all[a.i].Key, all[b.i].Key))
	})
	sorted := make([]Info, len(all))
	for to, from := range order {
		sorted[to] = all[from.i]
	}
	return sorted
}

// Moving tells of every file that is being sent how many of its bytes Frame.io has. It costs little, however many files wait.
func (s *Spool) Moving() map[Key]int64 {
	moving := map[Key]int64{}
	for _, e := range s.entries() {
		e.mu.Lock()
		switch a := e.sending; {
		case a == nil || e.rec.Format == formatPartial: // Frame.io copies it
		case e.placed != nil:
			moving[e.key] = e.size.Load()
		default:
			i := Info{}
			a.describe(&i)
			moving[e.key] = min(i.Sent, e.size.Load())
		}
		e.mu.Unlock()
	}
	return moving
}
