package intent

import (
	"slices"

	"github.com/frameiofs/frameiofs/remote"
)

// ready tells what i needs next, and what has to happen before, if anything has.
func (j *Journal) ready(i *intent) (call, *intent) {
	kind, o := j.must(i)
	if o == nil && kind != tell && kind != deleteFile && kind != deleteFolder {
		o = j.leaves(i)
	}
	return kind, o
}

// must is ready but for the order in which a name changes hands.
func (j *Journal) must(i *intent) (call, *intent) {
	if len(i.Steps) == 0 || i.there() && i.mute() {
		return tell, nil
	}
	p := i.goal()
	renames, moves := p.Name != i.At.Name || i.DoubtName, p.Parent.ID != i.At.Parent.ID || len(i.Maybe) > 0
	switch {
	case !i.there():
		if i.Tried != nil {
			p = i.Tried.place
		}
		return createFolder, j.beforeCreate(i, p)
	case p.Gone:
		return i.pick(deleteFolder, deleteFile), j.beforeDelete(i)
	case renames && (!moves || i.Item.Kind == remote.Stack): // V4 cannot rename every stack: that is better known first
		return i.pick(renameFolder, renameFile), j.tried(i, p)
	default:
		return i.pick(moveFolder, moveFile), j.beforeMove(i, p)
	}
}

func (i *intent) pick(folder, file call) call {
	if i.folder() {
		return folder
	}
	return file
}

// unmade is the intent of a folder that is not made yet.
func (j *Journal) unmade(ref remote.Ref) *intent {
	if i := j.byID[ref.ID]; i != nil && !i.there() {
		return i
	}
	return nil
}

// beforeCreate: the folder's folder, and a creation of the same name whose outcome is not known, because the other's folder could be
// taken for this one's.
func (j *Journal) beforeCreate(i *intent, p place) *intent {
	if o := j.unmade(p.Parent); o != nil {
		return o
	}
	if o := j.closing(p.Parent); o != nil {
		return o
	}
	return j.tried(i, p)
}

// closing is the deletion under way that takes a folder with it. What goes there then is too late, and must not be deleted with it.
func (j *Journal) closing(ref remote.Ref) *intent {
	for o := j.byID[ref.ID]; o != nil && o.deletion() && !o.refused(); o = j.byID[o.At.Parent.ID] {
		if o.busy {
			return o
		}
	}
	return nil
}

// tried is a creation in the same place whose outcome is not known.
func (j *Journal) tried(i *intent, p place) *intent {
	for _, o := range j.holding[p.key()] {
		if o != i && o.Tried != nil && o.Parked == "" && (i.Tried == nil || o.Tried.Since.Before(i.Tried.Since)) {
			return o
		}
	}
	return nil
}

// beforeMove: the folder that it moves to, and for a folder the last of the moves of folders that were asked for before.
func (j *Journal) beforeMove(i *intent, p place) *intent {
	if o := j.unmade(p.Parent); o != nil {
		return o
	}
	if o := j.closing(p.Parent); o != nil {
		return o
	}
	if o := j.tried(i, p); o != nil || !i.folder() {
		return o
	}
	var last *intent
	at := uint64(0)
	for o := range j.moving {
		if o == i || o.Parked != "" || j.stranded(o) || j.rests(o) { // order is not worth waiting for a person
			continue
		}
		for _, st := range o.Steps {
			if !st.Gone && st.Seq < i.Steps[0].Seq && st.Seq > at {
				last, at = o, st.Seq
			}
		}
	}
	return last
}

// leaves is what has to give up the name that i takes, if it can.
func (j *Journal) leaves(i *intent) *intent {
	st := i.Steps[0]
	if st.Gone || i.Back {
		return nil
	}
	for _, o := range j.holding[st.key()] {
		if o == i || o.Parked != "" || len(o.Steps) == 0 || o.Steps[0].Seq >= st.Seq || o.Steps[0].is(st.place) {
			continue
		}
		if _, before := j.must(o); before == nil {
			return o
		}
	}
	return nil
}

// beforeDelete: the deletion of its folder, which it is folded into; for a folder all that may be in it and shall not be deleted with it.
func (j *Journal) beforeDelete(i *intent) *intent {
	if o := j.foldedInto(i); o != nil {
		return o
	}
	if !i.folder() {
		return nil
	}
	_, o := j.inside(i)
	return o
}

// foldedInto is the deletion that i is part of.
func (j *Journal) foldedInto(i *intent) *intent {
	if !i.foldable() {
		return nil
	}
	if o := j.byID[i.At.Parent.ID]; o != nil && o.deletion() && !o.refused() {
		return o
	}
	return nil
}

// foldable reports whether a deletion of the folder that it is in would be all that i needs.
func (i *intent) foldable() bool {
	return i.deletion() && i.there() && i.sure() && i.Parked == ""
}

// inside looks through what is to be deleted with a folder, as far as is known here: the folders among it, and the first thing that
// must happen before. What has been refused is not waited for: a look at the folder will find it.
func (j *Journal) inside(top *intent) (folders []*intent, before *intent) {
	for todo := []*intent{top}; len(todo) > 0; todo = todo[1:] {
		for _, id := range []remote.ID{todo[0].Item.ID, todo[0].Real.ID} {
			if id == "" {
				continue
			}
			for o := range j.in[id] {
				switch {
				case o == top || o.refused() && !o.Back || !o.touches(id):
				case o.busy || o.At.Parent.ID != id || !o.foldable():
					return nil, o
				case o.folder():
					folders = append(folders, o)
					todo = append(todo, o)
				}
			}
		}
	}
	return folders, nil
}

// touches reports whether i is or may be in a folder on Frame.io, or goes through it.
func (i *intent) touches(id remote.ID) bool {
	if i.At.Parent.ID == id || i.Tried != nil && i.Tried.Parent.ID == id || i.busy && i.doing.Parent.ID == id || i.Back && i.From.Parent.ID == id ||
		slices.ContainsFunc(i.Maybe, func(f remote.Ref) bool { return f.ID == id }) {
		return true
	}
	for _, st := range i.Steps {
		if !st.Gone && st.Parent.ID == id {
			return true
		}
	}
	return false
}
