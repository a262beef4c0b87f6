package fs

import (
	"sync"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// One name can be written in several ways: "é" is one letter, or "e" and an accent. A Mac writes the second where others write the
// first, and shows them as the same. So a name leads to what has exactly that name, or else to what has one that is equal after Unicode
// normalization (spec: fuse.md §5): a path in a project file opens the film whoever uploaded it, and a save makes no second
// file beside it. A name is shown, and stays on Frame.io, as its maker wrote it.
//
// On a Linux disk the two are different files, and a program that makes both means both. What such a program has made here, since the
// mount began, is therefore found by its exact name only: never do two files become one.

// forms knows what was made here under names that have other forms.
type forms struct {
	folds bool // as macOS has it: the forms are the same in any case

	mu   sync.Mutex
	made map[remote.ID]struct{}
}

// makes notes that what has an id was made here; was is what had the name before, if that was a version of it.
func (f *forms) makes(name string, id, was remote.ID) {
	if f.folds || ascii(name) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ours := f.made[was]; was != "" && !ours {
		return // it came from elsewhere
	}
	if f.made == nil {
		f.made = map[remote.ID]struct{}{}
	}
	f.made[id] = struct{}{}
}

// exact reports whether what has an id is found by its exact name only.
func (f *forms) exact(id remote.ID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ours := f.made[id]
	return ours
}

// form is what is leaving under another form of a name; nil if nothing is, or nothing that is found that way.
func (d *dir) form(name string) *spool.Entry {
	f := &d.fs.forms
	e := d.fs.cfg.Spool.Form(d.get().ID, cache.Actual(name))
	if e == nil || f.folds {
		return e
	}
	if over := e.Target().Replaces; over.IsZero() || f.exact(over.ID) {
		return nil
	}
	return e
}

// otherForm has the kernel forget the name that something went by until now, if it was asked for by another form of that.
func (d *dir) otherForm(asked, name string) {
	if asked != name {
		d.fs.tell(func() {
			d.unlocked()
			d.NotifyEntry(name)
		})
	}
}

// overForm tells the inode that had a name, if that was asked for by another form of it, that it has none any more.
func (d *dir) overForm(asked, name string) {
	if asked != name {
		d.nameless(asked)
		d.otherForm(asked, name)
	}
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
