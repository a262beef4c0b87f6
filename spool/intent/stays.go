package intent

import "github.com/frameiofs/frameiofs/remote"

// Some programs put what they write into a folder of their own making until it is whole, and remove that folder again. It would be on
// Frame.io for a moment, for all to see. So the making of a folder of such a name is accepted at once and rests until the folder has
// another name, or is removed. What is in it rests with it; a file or folder of Frame.io's that is moved into it stays where
// it is there.

// stays reports whether i is a folder that is not to be made under the name it has.
func (j *Journal) stays(i *intent) bool {
	return j.cfg.Stays != nil && i.folder() && !i.there() && i.sure() && i.Parked == "" && len(i.Steps) > 0 && !i.last().Gone && j.cfg.Stays(i.last().Name)
}

// rests reports whether i is kept here by the name of a folder: its own, of one that it shall be in, or of one that keeps what it waits for.
func (j *Journal) rests(i *intent) bool {
	for n := 0; i != nil && n <= len(j.byKey); n++ {
		if j.within(i) {
			return true
		}
		i = i.waitsFor
	}
	return false
}

// within reports whether i stays, or shall be in a folder that does.
func (j *Journal) within(i *intent) bool {
	for n := 0; i != nil && n <= len(j.byKey); n++ {
		if j.stays(i) {
			return true
		}
		if i.Parked != "" || len(i.Steps) == 0 || i.goal().Gone {
			return false
		}
		i = j.unmade(i.goal().Parent)
	}
	return false
}

// Stays reports whether a folder was made here and is not to be made on Frame.io under the name that it, or one above it, has now.
func (j *Journal) Stays(here remote.Ref) bool {
	if !here.ID.Pending() {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	i := j.byID[j.canon(here).ID]
	return i != nil && !i.there() && j.rests(i)
}
