package intent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Info describes one change for the people who ask.
type Info struct {
	Key      string     // for Retry and Cancel
	What     string     // MakeFolder, "rename", "move", Delete…
	Name     string     // of the item as it shall be, or as it was before it is deleted
	Ref      remote.Ref // what Frame.io calls it; pending for a folder that is not made yet
	Parent   remote.Ref // the folder that it shall be in, or is deleted from
	Since    time.Time  // when it was asked for
	Parked   bool       // a person has to decide
	Held     bool       // …because of MaxDelete: it is not shown meanwhile
	Stranded bool       // it waits for something that is parked
	Stays    bool       // it rests: a folder of a name that programs give to what they remove again, or something that is to be in one
	Reason   string     // why it is parked, or what it waits for
	Err      error      // what the last try came to
	NextTry  time.Time  // zero: as soon as it may
}

// What a change may be, for people; else it is a rename, a move, or both.
const (
	MakeFolder   = "make folder"
	DeleteFolder = "delete folder"
	Delete       = "delete"
)

// what says what is left to do.
func (i *intent) what() string {
	p := i.last()
	switch {
	case p.Gone && i.folder():
		return DeleteFolder
	case p.Gone:
		return Delete
	case !i.there():
		return MakeFolder
	case p.Parent.ID == i.At.Parent.ID:
		return "rename"
	case p.Name == i.At.Name:
		return "move"
	}
	return "move and rename"
}

func (j *Journal) info(i *intent) Info {
	p := i.last()
	if p.Gone {
		p = i.At
	}
	n := Info{Key: i.Key, What: i.what(), Name: p.Name, Ref: i.ref(), Parent: p.Parent, Since: i.Since,
		Parked: i.Parked != "", Held: i.Held, Reason: i.Parked, Err: i.err, NextTry: i.retry}
	if o := i.waitsFor; n.Reason == "" && o != nil {
		n.Reason = fmt.Sprintf("waits for: %s %q", o.what(), cmp.Or(o.last().Name, o.At.Name))
		if o.Parked != "" {
			n.Reason += ", which needs a person"
		}
		n.Stranded = j.stranded(i)
	}
	if n.Stays = j.rests(i); n.Stays {
		n.Reason = resting
	}
	return n
}

// resting is why a folder is not made.
const resting = "stays on this machine: programs make folders of this name for a moment; rename it to have it on Frame.io"

// Pending tells of everything that Frame.io has not done yet, the oldest first.
func (j *Journal) Pending() []Info {
	j.mu.Lock()
	all := make([]Info, 0, len(j.byKey))
	for _, i := range j.byKey {
		all = append(all, j.info(i))
	}
	j.mu.Unlock()
	slices.SortFunc(all, func(a, b Info) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Key, b.Key)) })
	return all
}

// Totals is all that is pending in numbers.
type Totals struct {
	Folders   int // to be made
	Renames   int // calls, and so on
	Moves     int //
	Deletions int // calls: what goes with its folder costs none
	Parked    int // wait for a person
	Stay      int // rest on this machine
}

// Totals counts what is pending.
func (j *Journal) Totals() Totals {
	j.mu.Lock()
	defer j.mu.Unlock()
	var n [calls]int
	var t Totals
	for _, i := range j.byKey {
		if i.Parked != "" {
			t.Parked++
			continue
		}
		if j.rests(i) {
			t.Stay++
			continue
		}
		j.tally(i, &n)
	}
	t.Folders, t.Renames, t.Moves = n[createFolder], n[renameFolder]+n[renameFile], n[moveFolder]+n[moveFile]
	t.Deletions = n[deleteFolder] + n[deleteFile]
	return t
}

// tally counts the calls that i needs.
func (j *Journal) tally(i *intent, n *[calls]int) {
	at := i.At
	if !i.there() {
		n[createFolder]++
		if len(i.Steps) > 0 {
			at = i.Steps[0].place
		}
	}
	for _, st := range i.Steps {
		switch {
		case st.Gone:
			if j.foldedInto(i) == nil {
				n[i.pick(deleteFolder, deleteFile)]++
			}
			continue
		case st.Name != at.Name || i.DoubtName:
			n[i.pick(renameFolder, renameFile)]++
		}
		if st.Parent.ID != at.Parent.ID || len(i.Maybe) > 0 {
			n[i.pick(moveFolder, moveFile)]++
		}
		at = st.place
	}
}

// Idle returns when nothing is pending for the item itself, or a person has to see to it.
func (j *Journal) Idle(ctx context.Context, ref remote.Ref) error {
	return j.until(ctx, func() bool {
		i := j.byID[j.canon(ref).ID]
		return i == nil || !i.busy && (i.idle() || len(i.Steps) == 0 || j.rests(i))
	})
}

// Wait returns when nothing is pending but what waits for a person. Meanwhile nothing rests.
func (j *Journal) Wait(ctx context.Context) error {
	j.mu.Lock()
	j.hurry++
	for _, i := range j.byKey {
		if i.unclaimed {
			j.due(i, time.Now())
		}
	}
	j.mu.Unlock()
	defer func() {
		j.mu.Lock()
		j.hurry--
		j.mu.Unlock()
	}()
	return j.until(ctx, func() bool {
		for _, i := range j.byKey {
			if i.busy || !i.idle() && !j.stranded(i) && !j.rests(i) {
				return false
			}
		}
		return true
	})
}

// stranded reports whether i waits for something that waits for a person.
func (j *Journal) stranded(i *intent) bool {
	for n := 0; i.waitsFor != nil && n <= len(j.byKey); n++ {
		if i = i.waitsFor; i.Parked != "" {
			return true
		}
	}
	return false
}

// until waits for a condition that comes with news.
func (j *Journal) until(ctx context.Context, done func() bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for !done() {
		if j.closed {
			return ErrClosed
		}
		c := j.next()
		j.mu.Unlock()
		select {
		case <-c:
		case <-ctx.Done():
		}
		j.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// Real is what a once pending folder is by now; false while it is pending. It is known from the moment that Frame.io has made it, so
// also before and while Made is told, and for 30 days at least. What was never pending is itself.
func (j *Journal) Real(ref remote.Ref) (remote.Ref, bool) {
	if !ref.ID.Pending() {
		return ref, true
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	is := j.canon(ref)
	return is, !is.ID.Pending()
}

// Void reports whether ref is a pending folder that will never be: it was removed, or given up with Cancel.
func (j *Journal) Void(ref remote.Ref) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err := j.known(ref)
	return err != nil
}
