package cache

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// many are as many items as make a folder large.
func many() (items []remote.Item) {
	for i := range largeFolder + 1 {
		items = append(items, file(i, fmt.Sprintf("take%05d", i)))
	}
	return items
}

// Large folders are refreshed rarely and alone, whether their listings are in memory or not; what others change there is seen within 30 s.
func TestWatchLarge(t *testing.T) {
	w := newWorld(many()...)
	other := remote.Ref{Kind: remote.Folder, ID: "other", Account: "a"}
	w.folders[other.ID] = w.folders[home.ID]
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		w.takes = time.Second
		for _, ref := range []remote.Ref{home, other} {
			if _, err := tree.List(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
			defer tree.Hold(ref)()
		}
		at := w.since()
		time.Sleep(10 * time.Minute)
		calls := w.askings()
		if len(calls) < 2*22 || len(calls) > 2*24 {
			t.Errorf("%d refreshes of two large folders in ten minutes: at %v", len(calls), at())
		}
		for i := range calls[1:] {
			if d := calls[i+1].at.Sub(calls[i].at); d < time.Second {
				t.Errorf("two at once: %v apart", d)
			}
		}
		w.set(func() { w.folders[home.ID] = w.folders[home.ID][1:] })
		time.Sleep(30 * time.Second)
		if entries, _ := tree.List(t.Context(), home); len(entries) != largeFolder {
			t.Errorf("%d names half a minute after one was taken away", len(entries))
		}
	})
}

// A refresh that shows nothing new leaves what is shown in memory as it is; one that does shows just that.
func TestHarvest(t *testing.T) {
	a, b, c := file(1, "a"), file(2, "b"), file(3, "c")
	renamed := b
	renamed.Name = "B"
	begun := file(4, "begun")
	begun.State = remote.Created
	stack := file(5, "a")
	stack.Kind, stack.Content = remote.Stack, a.ID
	stack.Created = a.Created
	unfinished := b
	unfinished.State = remote.Created
	for name, test := range map[string]struct {
		come []remote.Item
		want []string
		same bool
	}{
		"the same":               {[]remote.Item{a, b, c}, []string{"a", "b", "c"}, true},
		"in another order":       {[]remote.Item{c, a, b}, []string{"a", "b", "c"}, true},
		"twice":                  {[]remote.Item{a, b, c, b}, []string{"a", "b", "c"}, true},
		"an upload of others":    {[]remote.Item{a, b, c, begun}, []string{"a", "b", "c"}, true},
		"one less":               {[]remote.Item{a, c}, []string{"a", "c"}, false},
		"one more":               {[]remote.Item{a, b, c, file(4, "d")}, []string{"a", "b", "c", "d"}, false},
		"renamed":                {[]remote.Item{a, renamed, c}, []string{"a", "B", "c"}, false},
		"renamed, then again":    {[]remote.Item{a, renamed, c, b}, []string{"a", "b", "c"}, false},
		"as it was, and renamed": {[]remote.Item{a, b, c, renamed}, []string{"a", "B", "c"}, false},
		"not complete any more":  {[]remote.Item{a, b, c, unfinished}, []string{"a", "c"}, false},
		"a version":              {[]remote.Item{a, b, c, stack}, []string{"a", "b", "c"}, false},
		"nothing":                {nil, []string{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(a, b, c)
			inLazyTree(t, w, func(t *testing.T, tree *Tree) {
				mustList(t, tree, "a", "b", "c")
				before, err := tree.List(t.Context(), home)
				if err != nil {
					t.Fatal(err)
				}
				w.set(func() { w.folders[home.ID] = test.come })
				time.Sleep(DefaultFresh + time.Second)
				after, err := tree.List(t.Context(), home)
				if got := namesOf(after); err != nil || !slices.Equal(got, test.want) {
					t.Errorf("shown: %q, %v; want %q", got, err, test.want)
				}
				if same := len(after) > 0 && &before[0] == &after[0]; test.same && !same {
					t.Errorf("is another listing")
				}
				if w.called() != 2 {
					t.Errorf("%d calls", w.called())
				}
			})
		})
	}
}

// What we change while a refresh is under way is not undone by it.
func TestHarvestBesideChanges(t *testing.T) {
	w := newWorld(file(1, "a"), file(2, "b"))
	inLazyTree(t, w, func(t *testing.T, tree *Tree) {
		mustList(t, tree, "a", "b")
		w.set(func() { w.takes = 5 * time.Second })
		time.Sleep(DefaultFresh + time.Second) // the refresh has begun
		tree.Put(home, file(3, "c"))
		tree.Drop(home, file(1, "a").ID)
		time.Sleep(5 * time.Second)
		mustList(t, tree, "b", "c")
		time.Sleep(time.Minute) // Frame.io says otherwise for so long that it counts
		mustList(t, tree, "a", "b")
	})
}
