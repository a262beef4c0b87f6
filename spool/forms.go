package spool

import (
	"golang.org/x/text/unicode/norm"

	"github.com/frameiofs/frameiofs/remote"
)

// Form gives the visible entry of a folder whose name is not name but equal to it after Unicode normalization, or nil: "é" may be
// one letter or two. Of several the one in normal form (NFC) counts. A name in ASCII has no other form, and costs nothing.
func (s *Spool) Form(parent remote.ID, name string) *Entry {
	if ascii(name) {
		return nil
	}
	form := norm.NFC.String(name)
	s.mu.RLock()
	defer s.mu.RUnlock()
	at := place{s.folder(parent), form}
	if e := s.byPlace[at]; e != nil && form != name {
		return e
	}
	for e := range s.byForm[at] {
		if e.place.name != name {
			return e
		}
	}
	return nil
}

// layForm has an entry be found by the normal form of its name if that is another, with mu held.
func (s *Spool) layForm(e *Entry) {
	at, ok := e.place.form()
	if !ok {
		return
	}
	if s.byForm[at] == nil {
		s.byForm[at] = map[*Entry]struct{}{}
	}
	s.byForm[at][e] = struct{}{}
}

// liftForm undoes layForm, with mu held.
func (s *Spool) liftForm(e *Entry) {
	at, ok := e.place.form()
	if !ok {
		return
	}
	delete(s.byForm[at], e)
	if len(s.byForm[at]) == 0 {
		delete(s.byForm, at)
	}
}

// form is the place with its name in normal form; not ok if it is that.
func (p place) form() (place, bool) {
	if ascii(p.name) || norm.NFC.IsNormalString(p.name) {
		return p, false
	}
	return place{p.parent, norm.NFC.String(p.name)}, true
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
