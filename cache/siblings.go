package cache

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/frameiofs/frameiofs/remote"
)

// siblings are the items of one folder and the names they are shown under. Names go by age, the oldest first: an item gets its own name,
// or, if an older one has that, one with the first digits of its ID. So names do not depend on the order of a listing, and
// nothing new ever takes the name of what was there.
//
// Whoever calls a method sees to it that no one else does; what list returned is never written to again.
type siblings struct {
	byID   map[remote.ID]*Entry
	byName map[string]*Entry
	byForm map[string]*Entry // by the NFC form of the name, where the name is not in that form itself
	wanted map[string]bool   // names that someone younger would have had, or be found by; if their holder goes, all are named again
	sorted []Entry           // oldest first; nil if it must be made again
	bytes  int64             // of memory, about
	at     time.Time         // when Frame.io told it; zero: it must be asked before this is shown
}

// entryBytes is about what an Entry and its places in the maps take, without the text.
const entryBytes = 560

// newSiblings names items. Of several with one ID the last counts.
func newSiblings(items []remote.Item) *siblings {
	s := &siblings{}
	byID := make(map[remote.ID]remote.Item, len(items))
	for _, it := range items {
		byID[it.ID] = it
	}
	// A file that is now a stack's newest may still be listed beside it for a moment.
	for _, it := range items {
		if it.Kind == remote.Stack && it.Content != it.ID {
			delete(byID, it.Content)
		}
	}
	all := make([]remote.Item, 0, len(byID))
	for _, it := range byID {
		all = append(all, it)
	}
	s.name(all)
	return s
}

// name forgets all names and gives them anew.
func (s *siblings) name(items []remote.Item) {
	slices.SortFunc(items, byAge)
	*s = siblings{
		at:     s.at,
		byID:   make(map[remote.ID]*Entry, len(items)),
		byName: make(map[string]*Entry, len(items)),
		byForm: map[string]*Entry{},
		wanted: map[string]bool{},
	}
	for _, it := range items {
		if shows(it) {
			s.add(s.free(it), it)
		}
	}
}

// shows reports whether an item is shown at all. A file that Frame.io does not have completely is another's upload in progress, or one
// that failed; ours are shown by the spool.
func shows(it remote.Item) bool {
	return it.Kind != remote.File && it.Kind != remote.Stack || it.Complete()
}

// byAge sorts the oldest first.
func byAge(a, b remote.Item) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

// own is the name that an item has if no older one has it.
func own(it remote.Item) string {
	name := Shown(it.Name)
	if len(name) > maxName {
		name = withMark(name, "~"+digits(it.ID)[:8])
	}
	return name
}

// free is the first name of an item that no one has yet, and notes those that it would rather have had.
func (s *siblings) free(it remote.Item) string {
	first, id := own(it), digits(it.ID)
	for i := 0; ; i++ {
		name := first
		switch {
		case i == 1:
			name = withMark(first, " ("+id[:8]+")")
		case i == 2:
			name = withMark(first, " ("+id+")")
		case i > 2: // someone gave a file of his the very name that would have told this one apart
			name = withMark(first, fmt.Sprintf(" (%s %d)", id, i-1))
		}
		if s.byName[name] == nil {
			return name
		}
		s.wanted[name] = true
	}
}

// digits are an ID's 36 characters, or if it is no UUID as many of its hash: an ID comes over the wire, and goes into names.
func digits(id remote.ID) string {
	if _, ok := parseUUID(id); ok {
		return string(id)
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:18])
}

// add enters an item under a name that is free.
func (s *siblings) add(name string, it remote.Item) {
	e := &Entry{Name: name, Item: it}
	s.byID[it.ID], s.byName[name], s.sorted = e, e, nil
	s.bytes += entryBytes + int64(len(name)+len(it.Name)+len(it.URL)+len(it.MediaType)+5*len(it.ID))
	if form := norm.NFC.String(name); form != name {
		old := s.byForm[form]
		if old == nil || byAge(it, old.Item) < 0 {
			s.byForm[form] = e
		}
		if old != nil {
			s.wanted[s.byForm[form].Name] = true
		}
	}
}

// put enters an item, or what is new about it.
func (s *siblings) put(it remote.Item) {
	if it.Kind == remote.Stack && it.Content != it.ID {
		s.remove(it.Content)
	}
	old := s.byID[it.ID]
	if old != nil && shows(it) && old.Item.Name == it.Name && old.Created.Equal(it.Created) {
		old.Item, s.sorted = it, nil
		return
	}
	s.remove(it.ID)
	if !shows(it) {
		return
	}
	if name := own(it); s.byName[name] == nil {
		s.add(name, it)
		return
	}
	s.name(append(s.items(), it))
}

// remove takes an item out; it need not be there.
func (s *siblings) remove(id remote.ID) {
	e := s.byID[id]
	if e == nil {
		return
	}
	delete(s.byID, id)
	if s.wanted[e.Name] {
		s.name(s.items())
		return
	}
	delete(s.byName, e.Name)
	if form := norm.NFC.String(e.Name); s.byForm[form] == e {
		delete(s.byForm, form)
	}
	s.sorted = nil
	s.bytes -= entryBytes
}

// find returns the entry with a shown name, or with one that is equal in normal form.
func (s *siblings) find(name string) (Entry, bool) {
	if e := s.byName[name]; e != nil {
		return *e, true
	}
	form := norm.NFC.String(name)
	if e := s.byName[form]; e != nil {
		return *e, true
	}
	if e := s.byForm[form]; e != nil {
		return *e, true
	}
	return Entry{}, false
}

// list returns all entries, oldest first.
func (s *siblings) list() []Entry {
	if s.sorted == nil {
		s.sorted = make([]Entry, 0, len(s.byID))
		for _, e := range s.byID {
			s.sorted = append(s.sorted, *e)
		}
		slices.SortFunc(s.sorted, func(a, b Entry) int { return byAge(a.Item, b.Item) })
	}
	return s.sorted
}

// items returns all items, in no order.
func (s *siblings) items() []remote.Item {
	items := make([]remote.Item, 0, len(s.byID)+1)
	for _, e := range s.byID {
		items = append(items, e.Item)
	}
	return items
}

// parseUUID reads a lower-case UUID.
func parseUUID(id remote.ID) (u [16]byte, ok bool) {
	s := string(id)
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' || strings.ToLower(s) != s {
		return u, false
	}
	_, err := hex.Decode(u[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:]))
	return u, err == nil
}
