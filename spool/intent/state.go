package intent

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// place is where an item is or shall be.
type place struct {
	Parent remote.Ref `json:"parent,omitzero"`
	Name   string     `json:"name,omitempty"`
	Gone   bool       `json:"gone,omitempty"` // nowhere: it is deleted
}

// is compares places. A project and its root folder are one.
func (p place) is(q place) bool {
	return p.Gone == q.Gone && (p.Gone || p.Parent.ID == q.Parent.ID && p.Name == q.Name)
}

// step is a place where an item shall be, and when that was asked for in relation to others.
type step struct {
	place
	Seq uint64 `json:"seq"`
}

// try is a creation that Frame.io may have made without our hearing of it.
type try struct {
	place
	Since time.Time `json:"since"`
}

// record is what the journal keeps of an intent.
type record struct {
	Key   string      `json:"key"`
	Item  remote.Item `json:"item"`          // a folder made here has its pending id until Made was told
	Real  remote.Ref  `json:"real,omitzero"` // what a folder made here is on Frame.io
	At    place       `json:"at,omitzero"`   // where Frame.io has it; zero: it is not there yet
	From  place       `json:"from,omitzero"` // where it was at first
	Steps []step      `json:"steps"`         // where it shall go, one after the other; see aim
	Since time.Time   `json:"since"`         // when the last change was asked for

	Tried *try `json:"tried,omitempty"`
	// Calls whose outcome is not known: they are made again, whatever At says.
	DoubtName bool         `json:"doubt_name,omitempty"`
	Maybe     []remote.Ref `json:"maybe,omitempty"` // folders that it may have been moved to

	Told   bool   `json:"told,omitempty"`   // nobody needs to be told by Made
	Parked string `json:"parked,omitempty"` // why a person has to decide
	Held   bool   `json:"held,omitempty"`   // parked by MaxDelete: it stays laid over the listings
	Back   bool   `json:"back,omitempty"`   // parked, and half of it has been done: it goes back to From
}

// intent is one item and where it shall be.
type intent struct {
	record
	shown    place   // where the listings have it: the last step if that was accepted, else what was before
	waiter   *waiter // the program that waits; nil for none
	handed   bool    // somebody has seen the pending id
	finished bool
	links    []remote.ID // folders it is indexed under
	holds    placeKey

	busy      bool       // a call is under way
	doing     place      // …to this place
	ticket    uint64     // its place in the queues; others are void
	queued    bool       // it stands in a ready queue
	again     bool       // it is of an earlier run
	tries     int        // in vain, in a row
	err       error      // what the last of them came to
	retry     time.Time  // not before
	blocked   []*intent  // what waits for this one
	waitsFor  *intent    // what this one waited for when it was last looked at
	stuck     bool       // it waited for something when it was last looked at
	looked    time.Time  // a deletion: when it was last seen that nothing unknown is in the folder
	left      remote.Ref // where it was to be made before it was removed
	looking   time.Time  // a deletion: when the looks that count began
	unclaimed bool       // nobody waits for it, and it may rest
}

// placeKey is a name in a folder.
type placeKey struct {
	parent remote.ID
	name   string
}

func (p place) key() placeKey { return placeKey{p.Parent.ID, p.Name} }

// there reports whether Frame.io has it, as far as is known.
func (i *intent) there() bool { return i.At.Parent.ID != "" }

// ref is what Frame.io calls it.
func (i *intent) ref() remote.Ref {
	if i.Real.ID != "" {
		return i.Real
	}
	return i.Item.Ref
}

// begins is where it is before its steps: for a folder that is being made that is where it will be then.
func (i *intent) begins() place {
	if !i.there() && i.Tried != nil {
		return i.Tried.place
	}
	return i.At
}

func (i *intent) folder() bool { return i.Item.Kind == remote.Folder }

// last is where it shall be in the end.
func (i *intent) last() place {
	if n := len(i.Steps); n > 0 {
		return i.Steps[n-1].place
	}
	return i.At
}

// deletion reports whether all that is left to do is to delete it.
func (i *intent) deletion() bool { return len(i.Steps) == 1 && i.Steps[0].Gone }

// goal is where it goes next.
func (i *intent) goal() place {
	if i.Back {
		return i.From
	}
	return i.Steps[0].place
}

// maybe notes a folder that i may have been moved to; false if that is not new.
func (i *intent) maybe(f remote.Ref) bool {
	if slices.ContainsFunc(i.Maybe, func(o remote.Ref) bool { return o.ID == f.ID }) {
		return false
	}
	i.Maybe = append(slices.Clone(i.Maybe), f)
	return true
}

// idle reports whether there is nothing to be done for it now.
func (i *intent) idle() bool { return !i.mute() && !i.Back && (i.Parked != "" || len(i.Steps) == 0) }

// refused reports whether it is parked because of Frame.io; what MaxDelete holds is not.
func (i *intent) refused() bool { return i.Parked != "" && !i.Held }

// sure reports whether it is known where Frame.io has it, or that it has not.
func (i *intent) sure() bool { return i.Tried == nil && len(i.Maybe) == 0 }

// mute reports whether Made has to be told first.
func (i *intent) mute() bool { return i.Real.ID != "" && !i.Told }

// reached reports whether it is where it shall be.
func (i *intent) reached(p place) bool {
	if p.Gone {
		return !i.there() && i.Tried == nil
	}
	return i.there() && i.At.is(p) && !i.DoubtName && len(i.Maybe) == 0
}

// item is it as the listings show it.
func (i *intent) item() remote.Item {
	it := i.Item
	if i.Real.ID != "" && i.Told {
		it.Ref = i.Real
	}
	if !i.shown.Gone {
		it.Name, it.Parent = i.shown.Name, i.shown.Parent.ID
	}
	return it
}

// alias is what a folder made here has become.
type alias struct {
	Here remote.ID  `json:"here"`
	Is   remote.Ref `json:"is"`
	At   time.Time  `json:"at"`
}

// state is all intents, by what they are looked for.
type state struct {
	seq     uint64
	byKey   map[string]*intent
	byID    map[remote.ID]*intent              // by what Frame.io calls it; until it is made by its pending id
	in      map[remote.ID]map[*intent]struct{} // by each folder it is in, may be in, or shall be in
	holding map[placeKey][]*intent             // by where Frame.io has it, or may have it
	moving  map[*intent]struct{}               // folders that shall move; also those that are not made yet
	aliases map[remote.ID]alias
	made    map[remote.ID]struct{} // what the aliases are of
}

func newState() state {
	return state{
		byKey: map[string]*intent{}, byID: map[remote.ID]*intent{}, in: map[remote.ID]map[*intent]struct{}{},
		holding: map[placeKey][]*intent{}, moving: map[*intent]struct{}{}, aliases: map[remote.ID]alias{}, made: map[remote.ID]struct{}{},
	}
}

func newKey() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

// canon is what a folder is called by now.
func (s *state) canon(ref remote.Ref) remote.Ref {
	if ref.ID.Pending() {
		if a, ok := s.aliases[ref.ID]; ok {
			return a.Is
		}
	}
	return ref
}

// become notes what a folder made here has become.
func (s *state) become(a alias) {
	s.aliases[a.Here] = a
	s.made[a.Is.ID] = struct{}{}
}

// insert puts a new intent into the indexes.
func (s *state) insert(i *intent) {
	s.byKey[i.Key] = i
	s.byID[i.ref().ID] = i
	s.index(i)
}

// remove takes a finished one out.
func (s *state) remove(i *intent) {
	s.unlink(i)
	delete(s.byKey, i.Key)
	delete(s.byID, i.ref().ID)
	i.finished = true
	i.ticket++
}

// index brings the indexes up to date after i has changed.
func (s *state) index(i *intent) {
	s.unlink(i)
	link := func(p place) {
		id := p.Parent.ID
		if id == "" || slices.Contains(i.links, id) {
			return
		}
		i.links = append(i.links, id)
		set := s.in[id]
		if set == nil {
			set = map[*intent]struct{}{}
			s.in[id] = set
		}
		set[i] = struct{}{}
	}
	link(i.At)
	link(i.shown)
	if i.Back {
		link(i.From)
	}
	for _, f := range i.Maybe {
		link(place{Parent: f})
	}
	moves, at := len(i.Maybe) > 0, i.begins()
	for n, st := range i.Steps {
		link(st.place)
		made := n == 0 && at.Parent.ID == "" // no move: that is where it is made
		moves = moves || !made && !st.Gone && st.Parent.ID != at.Parent.ID
		at = st.place
	}
	i.holds = placeKey{}
	switch {
	case i.Tried != nil:
		link(i.Tried.place)
		i.holds = i.Tried.key()
	case i.there():
		i.holds = i.At.key()
	}
	if i.holds.parent != "" {
		s.holding[i.holds] = append(s.holding[i.holds], i)
	}
	if moves && i.folder() {
		s.moving[i] = struct{}{}
	}
}

func (s *state) unlink(i *intent) {
	for _, id := range i.links {
		delete(s.in[id], i)
		if len(s.in[id]) == 0 {
			delete(s.in, id)
		}
	}
	i.links = i.links[:0]
	if i.holds.parent != "" {
		all := s.holding[i.holds]
		if n := slices.Index(all, i); n >= 0 {
			all[n] = all[len(all)-1]
			all = all[:len(all)-1]
		}
		if len(all) == 0 {
			delete(s.holding, i.holds)
		} else {
			s.holding[i.holds] = all
		}
		i.holds = placeKey{}
	}
	delete(s.moving, i)
}

// aim gives i another place to go to. An earlier aim is forgotten, unless the folder was to move, or to be made, and other folders were
// to move after that: then it goes there first, because where the others could go depended on it.
func (s *state) aim(i *intent, p place) {
	s.seq++
	i.Steps = slices.Clone(i.Steps)
	n := len(i.Steps)
	if n > 0 && i.begins().Parent.ID == "" && !i.Steps[0].Gone {
		i.left = i.Steps[0].Parent
	}
	if n == 0 || p.Gone && i.begins().Parent.ID == "" {
		i.Steps = []step{{p, s.seq}}
		return
	}
	last, before := i.Steps[n-1], i.begins()
	if n > 1 {
		before = i.Steps[n-2].place
	}
	moved := i.folder() && !last.Gone && (last.Parent.ID != before.Parent.ID || n == 1 && len(i.Maybe) > 0)
	switch {
	case moved && !p.Gone && p.Parent.ID == last.Parent.ID:
		i.Steps[n-1] = step{p, last.Seq}
	case moved && s.movesAfter(last.Seq, i):
		i.Steps = append(i.Steps, step{p, s.seq})
	default:
		i.Steps[n-1] = step{p, s.seq}
	}
}

// movesAfter reports whether a folder other than i was to move later than seq.
func (s *state) movesAfter(seq uint64, i *intent) bool {
	for o := range s.moving {
		if o != i && o.Steps[len(o.Steps)-1].Seq > seq {
			return true
		}
	}
	return false
}

// rename replaces a pending id by the real one in all places.
func (s *state) rename(here remote.ID, is remote.Ref) {
	fix := func(p *place) {
		if p.Parent.ID == here {
			p.Parent = is
		}
	}
	var those []*intent
	for i := range s.in[here] {
		those = append(those, i)
	}
	for _, i := range those {
		fix(&i.At)
		fix(&i.From)
		fix(&i.shown)
		for n := range i.Steps {
			fix(&i.Steps[n].place)
		}
		if i.Tried != nil {
			fix(&i.Tried.place)
		}
		s.index(i)
	}
}
