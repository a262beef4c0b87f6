package intent

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// told is what Left tells, sorted.
func (r *rig) told() (laid []string, doubtful []string) {
	lines, refs := r.Left()
	for _, l := range lines {
		mark := "+"
		if l.Gone {
			mark = "-"
		}
		laid = append(laid, fmt.Sprintf("%s%s %s", mark, l.Parent.ID, l.Item.Name))
	}
	for _, ref := range refs {
		doubtful = append(doubtful, string(ref.ID))
	}
	slices.Sort(laid)
	slices.Sort(doubtful)
	return laid, slices.Compact(doubtful)
}

// A listing that was kept knows nothing of a change that was sent and not answered when the process was killed: it is told what the
// changes that are left make of it.
func TestWhatIsLeftIsToldToListings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		sub := f.put(remote.Folder, "home", "sub")
		film, gone, old := f.put(remote.File, "home", "film"), f.put(remote.File, "home", "gone"), f.put(remote.File, "home", "old")
		film.Content, old.Content = film.ID, old.ID
		r := newRig(t, f, never)
		_, err := r.Relocate(t.Context(), film, home, sub.Ref, "film 2")
		r.must(err)
		_, err = r.Relocate(t.Context(), old, home, home, "new")
		r.must(err)
		r.must(r.Remove(t.Context(), gone, home))
		r.mkdir(sub.Ref, "made")
		in := string(sub.ID)
		want := []string{"+" + in + " film 2", "+" + in + " made", "+home new", "-home film 2", "-home gone"}
		r.crash(0)
		if laid, doubtful := r.told(); !slices.Equal(laid, want) || !slices.Equal(doubtful, []string{in}) {
			t.Errorf("laid over: %q, not %q; in doubt: %q", laid, want, doubtful)
		}
	})
}

// What was finished in the moment before the kill may not have been told of. A run that was closed has told all.
func TestWhatWasJustFinishedIsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		sub, film := f.put(remote.Folder, "home", "sub"), f.put(remote.File, "home", "film")
		r := newRig(t, f, never)
		r.run()
		_, err := r.Relocate(t.Context(), film, home, sub.Ref, "film")
		r.must(err)
		time.Sleep(time.Minute)
		synctest.Wait()
		r.halt()
		r.crash(0)
		if laid, doubtful := r.told(); len(laid) > 0 || !slices.Equal(doubtful, []string{string(sub.ID), "home"}) {
			t.Errorf("laid over: %q; in doubt: %q", laid, doubtful)
		}
		r.must(r.Close())
		r.open()
		if laid, doubtful := r.told(); len(laid) > 0 || len(doubtful) > 0 {
			t.Errorf("after an end in peace, laid over: %q; in doubt: %q", laid, doubtful)
		}
	})
}
