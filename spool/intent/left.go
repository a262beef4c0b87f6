package intent

import "github.com/frameiofs/frameiofs/remote"

// What an earlier run kept of listings may be from before changes that it did not live to see through, or to tell: the call was made, and
// the process was killed before the answer came, or in the moment after.

// justFinished is how many of the changes that were finished last may not have been told of.
const justFinished = 64

// Laid is one line of a listing as the changes that an earlier run left have it: Item stands in Parent or, if it is Gone, does not any more.
type Laid struct {
	Parent remote.Ref
	Item   remote.Item
	Gone   bool
}

// Left tells what changes of an earlier run make of the listings that it kept. Of the doubtful folders no more is known than that they have
// to be asked for. It is to be called before Run.
func (j *Journal) Left() (laid []Laid, doubtful []remote.Ref) {
	j.mu.Lock()
	defer j.mu.Unlock()
	doubt := func(refs ...remote.Ref) {
		for _, ref := range refs {
			if ref = j.canon(ref); ref.ID != "" {
				doubtful = append(doubtful, ref)
			}
		}
	}
	for _, r := range j.finishedLast {
		doubt(r.folders()...)
	}
	j.finishedLast = nil
	for _, i := range j.byKey {
		if i.refused() {
			doubt(i.folders()...)
			continue
		}
		for _, ref := range i.folders() {
			if i.there() && (i.shown.Gone || ref.ID != i.shown.Parent.ID) {
				laid = append(laid, Laid{Parent: ref, Item: i.item(), Gone: true})
			}
		}
		switch {
		case i.shown.Gone:
		case !i.there(): // the listing may have it by the id that Frame.io gave it
			doubt(i.shown.Parent)
			fallthrough
		case i.folder() || i.Item.Content != "":
			laid = append(laid, Laid{Parent: i.shown.Parent, Item: i.item()})
		default: // no more is known of it than where it shall be
			doubt(i.shown.Parent)
		}
	}
	return laid, doubtful
}

// folders are all that the item is or may be in, or shall go through.
func (r *record) folders() []remote.Ref {
	all := []remote.Ref{r.At.Parent, r.From.Parent}
	all = append(all, r.Maybe...)
	for _, st := range r.Steps {
		all = append(all, st.Parent)
	}
	seen := map[remote.ID]bool{"": true}
	some := all[:0]
	for _, ref := range all {
		if !seen[ref.ID] {
			seen[ref.ID] = true
			some = append(some, ref)
		}
	}
	return some
}
