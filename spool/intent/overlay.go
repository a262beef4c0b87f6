package intent

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// overlay is what the accepted changes make of one folder's listing.
type overlay struct {
	id    remote.ID
	hide  map[remote.ID]bool        // shown elsewhere, or nowhere
	show  map[remote.ID]remote.Item // shown here, by what Frame.io calls it: by other names, or before they are there
	add   map[remote.ID]bool        // …of these those that need not be in Frame.io's listing
	names map[string]bool           // of folders that may be there already, without our knowing
	seen  map[remote.ID]bool        // what was listed under such names
}

// Children is Frame.io's listing of ref with the accepted changes laid over it as they were when it began. Of a pending folder it is
// what is pending in it, without a call.
func (j *Journal) Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		j.mu.Lock()
		ref, err := j.known(ref)
		o := j.over(ref.ID)
		j.mu.Unlock()
		if err != nil {
			yield(remote.Item{}, &remote.Error{Op: "list children", Ref: ref, Err: err})
			return
		}
		if !ref.ID.Pending() {
			for it, err := range j.cfg.Remote.Children(ctx, ref) {
				if err == nil {
					var ok bool
					if it, ok = j.lay(o, it); !ok {
						continue
					}
				}
				if !yield(it, err) || err != nil {
					return
				}
			}
		}
		for id, it := range o.show {
			if o.add[id] && !j.listed(o, it) && !yield(it, nil) {
				return
			}
		}
	}
}

// over is the overlay of a folder as it is now.
func (j *Journal) over(id remote.ID) *overlay {
	o := &overlay{id: id, hide: map[remote.ID]bool{}, show: map[remote.ID]remote.Item{}, add: map[remote.ID]bool{}, names: map[string]bool{}, seen: map[remote.ID]bool{}}
	for i := range j.in[id] {
		here := !i.shown.Gone && i.shown.Parent.ID == id
		switch {
		case i.there() && i.refused() && !i.mute(): // as it is on Frame.io
		case !here:
			o.hide[i.ref().ID] = true
			if i.deletion() && i.Item.Kind == remote.Stack { // its versions go one by one, and the last may stand alone for a moment
				o.hide[i.Item.Content] = true
			}
		default:
			o.show[i.ref().ID] = i.item()
			// What is here already and not listed was deleted by somebody else.
			o.add[i.ref().ID] = i.At.Parent.ID != id || i.mute() || len(i.Maybe) > 0
		}
		if !i.there() && i.Tried != nil && i.Tried.Parent.ID == id { // also while it is waited for: it may be handed out by its pending id yet
			o.names[i.Tried.Name] = true
		}
		if !i.there() && here {
			o.names[i.shown.Name] = true
		}
	}
	return o
}

// lay lays the overlay over one item of Frame.io's listing; false if it is not shown.
func (j *Journal) lay(o *overlay, it remote.Item) (remote.Item, bool) {
	if o.hide[it.ID] {
		return it, false
	}
	if mine, ok := o.show[it.ID]; ok {
		delete(o.add, it.ID)
		if mine.ID != it.ID { // it goes by its pending id until Made was told
			return mine, true
		}
		it.Name, it.Parent = mine.Name, mine.Parent
		return it, true
	}
	if it.Kind == remote.Folder && o.names[it.Name] {
		o.seen[it.ID] = !j.unheard(o, it)
		return it, o.seen[it.ID]
	}
	return it, true
}

// unheard reports whether a folder is one that was pending when the listing began, which is shown by its pending id still.
func (j *Journal) unheard(o *overlay, it remote.Item) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if i := j.byID[it.ID]; i != nil {
		return i.mute()
	}
	if _, other := j.state.made[it.ID]; other {
		return false
	}
	p := place{Parent: remote.Ref{ID: o.id}, Name: it.Name}
	return slices.ContainsFunc(j.holding[p.key()], func(i *intent) bool {
		return i.Tried != nil && (it.Created.IsZero() || it.Created.After(i.Tried.Since.Add(-clocks)))
	})
}

// listed reports whether a folder that was pending when the listing began was made meanwhile and has been listed by its own id.
func (j *Journal) listed(o *overlay, it remote.Item) bool {
	is, _ := j.Real(it.Ref)
	return is.ID != it.ID && o.seen[is.ID]
}

// clocks is how far Frame.io's clock may be behind ours.
const clocks = time.Minute

// unanswered reports whether a folder in this place may be one that was made here: the answer is on its way, or was lost.
func (j *Journal) unanswered(p place) bool {
	return slices.ContainsFunc(j.holding[p.key()], func(i *intent) bool { return i.Tried != nil && i.handed })
}
