package cache

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/text/unicode/norm"

	"github.com/frameiofs/frameiofs/remote"
)

// siblings are the items of one folder and the names they are shown under. Names go by age, the oldest first: an item gets its own name,
// or, if an older one has that, one with the first digits of its ID. So names do not depend on the order of a listing, and
// nothing new ever takes the name of what was there.
//
// Whoever calls a method sees to it that no one else does; what list returned is never written to again.
type siblings struct {
	sorted []Entry              // oldest first; nil if it must be made again: then byID is there
	byID   map[remote.ID]*Entry // nil if it must be made again: then sorted is there
	byName map[string]*Entry
	byForm map[string]*Entry // by the NFC form of the name, where the name is not in that form itself; may be nil
	wanted map[string]bool   // names that someone younger would have had, or be found by; if their holder goes, all are named again; may be nil
	subs   []Entry           // the folders in sorted, by name; nil if they must be looked for
	bytes  int64             // of memory, about
	at     time.Time         // when Frame.io told it; zero: it must be asked before this is shown
}

// entryBytes is about what an Entry and its place in a map take, without the text.
const entryBytes = int64(unsafe.Sizeof(Entry{})) + 40

// newSiblings names items. Of several with one ID the last counts.
func newSiblings(items []remote.Item) *siblings {
	last := make(map[remote.ID]int, len(items))
	for i, it := range items {
		last[it.ID] = i
	}
	// A file that is now a stack's newest may still be listed beside it for a moment.
	for _, it := range items {
		if it.Kind == remote.Stack && it.Content != it.ID {
			delete(last, it.Content)
		}
	}
	entries := make([]Entry, 0, len(last))
	for i, it := range items {
		if at, ok := last[it.ID]; ok && at == i {
			entries = append(entries, Entry{Item: it})
			shareText(entries)
		}
	}
	s := &siblings{}
	s.name(entries)
	return s
}

// shareText has the last of entries use the text of the one before where it is the same: most items of a folder have one parent,
// one creator and one type.
func shareText(entries []Entry) {
	it := &entries[len(entries)-1].Item
	if it.Content == it.ID {
		it.Content = it.ID
	}
	if len(entries) < 2 {
		return
	}
	texts, before := textsOf(it), textsOf(&entries[len(entries)-2].Item)
	for i := textContent + 1; i < numTexts; i++ {
		if *texts[i] == *before[i] {
			*texts[i] = *before[i]
		}
	}
}

// name forgets all names and gives them anew. The entries are its own from then on.
func (s *siblings) name(entries []Entry) {
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return !shows(e.Item) })
	slices.SortFunc(entries, byAge)
	*s = siblings{at: s.at, sorted: entries, byName: make(map[string]*Entry, len(entries))}
	for i := range entries {
		e := &entries[i]
		e.Name = s.free(e.Item)
		s.enter(e)
	}
}

// shows reports whether an item is shown at all. A file that Frame.io does not have completely is another's upload in progress, or one
// that failed; ours are shown by the spool.
func shows(it remote.Item) bool {
	return it.Kind != remote.File && it.Kind != remote.Stack || it.Complete()
}

// byAge sorts the oldest first.
func byAge(a, b Entry) int {
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
		s.want(name)
	}
}

// want notes that someone younger would have had a name.
func (s *siblings) want(name string) {
	if s.wanted == nil {
		s.wanted = map[string]bool{}
	}
	s.wanted[name] = true
}

// digits are an ID's 36 characters, or if it is no UUID as many of its hash: an ID comes over the wire, and goes into names.
func digits(id remote.ID) string {
	if _, ok := parseUUID(id); ok {
		return string(id)
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:18])
}

// enter has e found by its name, which is free.
func (s *siblings) enter(e *Entry) {
	s.byName[e.Name] = e
	s.bytes += entryBytes + int64(len(e.ID)+len(e.Item.Name)+len(e.URL)+len(e.Checksum))
	if e.Name != e.Item.Name {
		s.bytes += int64(len(e.Name))
	}
	form := norm.NFC.String(e.Name)
	if form == e.Name {
		return
	}
	if s.byForm == nil {
		s.byForm = map[string]*Entry{}
	}
	old := s.byForm[form]
	if old == nil || byAge(*e, *old) < 0 {
		s.byForm[form] = e
	}
	if old != nil {
		s.want(s.byForm[form].Name)
	}
}

// count is how many entries there are.
func (s *siblings) count() int { return len(s.byName) }

// ids are the entries by ID.
func (s *siblings) ids() map[remote.ID]*Entry {
	if s.byID == nil {
		s.byID = make(map[remote.ID]*Entry, len(s.sorted))
		for i := range s.sorted {
			s.byID[s.sorted[i].ID] = &s.sorted[i]
		}
	}
	return s.byID
}

// put enters an item, or what is new about it.
func (s *siblings) put(it remote.Item) {
	if it.Kind == remote.Stack && it.Content != it.ID {
		s.remove(it.Content)
	}
	ids := s.ids()
	old := ids[it.ID]
	if old != nil && shows(it) && old.Item.Name == it.Name && old.Created.Equal(it.Created) {
		e := &Entry{Name: old.Name, Item: it}
		ids[it.ID], s.byName[e.Name], s.sorted = e, e, nil
		if form := norm.NFC.String(e.Name); s.byForm[form] == old {
			s.byForm[form] = e
		}
		return
	}
	s.remove(it.ID)
	if !shows(it) {
		return
	}
	if name := own(it); s.byName[name] == nil {
		e := &Entry{Name: name, Item: it}
		s.ids()[it.ID], s.sorted = e, nil
		s.enter(e)
		return
	}
	s.name(append(slices.Clone(s.list()), Entry{Item: it}))
}

// remove takes an item out; it need not be there.
func (s *siblings) remove(id remote.ID) {
	e := s.ids()[id]
	if e == nil {
		return
	}
	if s.wanted[e.Name] {
		s.name(slices.DeleteFunc(slices.Clone(s.list()), func(e Entry) bool { return e.ID == id }))
		return
	}
	delete(s.byID, id)
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
	if s.sorted != nil {
		return s.sorted
	}
	s.sorted, s.subs = make([]Entry, 0, len(s.byID)), nil
	for _, e := range s.byID {
		s.sorted = append(s.sorted, *e)
	}
	slices.SortFunc(s.sorted, byAge)
	// From now on everything is found there, so that nothing is in memory twice.
	for i := range s.sorted {
		s.byName[s.sorted[i].Name] = &s.sorted[i]
	}
	for form, e := range s.byForm {
		s.byForm[form] = s.byName[e.Name]
	}
	s.byID = nil
	return s.sorted
}

// parseUUID reads a lower-case UUID.
func parseUUID(id remote.ID) (u [16]byte, ok bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return u, false
	}
	at := 0
	for i := range u {
		if at == 8 || at == 13 || at == 18 || at == 23 {
			at++ // the dash
		}
		hi, lo := digit(id[at]), digit(id[at+1])
		if hi > 15 || lo > 15 {
			return u, false
		}
		u[i] = hi<<4 | lo
		at += 2
	}
	return u, true
}

// digit is the value of a lower-case hex digit; more than 15 if it is none.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}
