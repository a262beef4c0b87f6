package cache

import (
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// A folder that was made here is filled before Frame.io has it. When it has, what stands in it is known without a call, and a listing
// that does not have it yet does not take it away.
func TestTreeKeepsWhatStandsInAFolderThatCameToFrameio(t *testing.T) {
	here := remote.Ref{Kind: remote.Folder, ID: remote.PendingID("1"), Account: "a"}
	above := remote.Ref{Kind: remote.Project, ID: "22222222-0000-4000-8000-000000000000", Account: "a"}
	is := remote.Item{Ref: home, Parent: above.ID, Name: "folder"}
	w := newWorld()
	w.folders[here.ID] = nil
	inTree(t, w, func(t *testing.T, tree *Tree) {
		tree.Made(here)
		tree.Put(here, file(1, "a"))
		release := tree.Hold(here)
		tree.Made(above)
		tree.Put(above, remote.Item{Ref: here, Parent: above.ID, Name: "folder"})
		tree.Became(above, here, is)
		mustList(t, tree, "a")
		if e, found := tree.Known(home, "a"); !found || e.Parent != home.ID {
			t.Errorf("known: %+v, %v", e, found)
		}
		if _, found := tree.Known(here, "a"); found {
			t.Error("it still stands in the folder that is no more")
		}
		if w.called() != 0 {
			t.Errorf("%d calls", w.called())
		}
		if e, found := tree.Known(above, "folder"); !found || e.ID != home.ID {
			t.Errorf("in its place is %+v, %v", e, found)
		}
		tree.Drop(above, home.ID)
		tree.Became(above, here, is) // again, after a crash; it was removed meanwhile
		if _, found := tree.Known(above, "folder"); found {
			t.Error("it is back after it was removed")
		}
		time.Sleep(testAge)
		mustList(t, tree, "a") // Frame.io lists it as empty a moment longer
		tree.Put(home, file(2, "b"))
		release()
		mustList(t, tree, "a", "b")
		time.Sleep(time.Minute)
		mustList(t, tree)
	})
}

// Who changes something in a folder may have begun when it had no other name than the one it got here.
func TestTreeTakesChangesThatBeganBeforeAFolderGotItsName(t *testing.T) {
	here := remote.Ref{Kind: remote.Folder, ID: remote.PendingID("1"), Account: "a"}
	above := remote.Ref{Kind: remote.Project, ID: "22222222-0000-4000-8000-000000000000", Account: "a"}
	w := newWorld()
	inTree(t, w, func(t *testing.T, tree *Tree) {
		tree.Made(above)
		tree.Made(here)
		tree.Became(above, here, remote.Item{Ref: home, Parent: above.ID, Name: "folder"})
		tree.Put(above, remote.Item{Ref: here, Parent: above.ID, Name: "folder"})
		tree.Made(here)
		tree.Put(here, file(1, "a"))
		tree.Put(here, file(2, "b"))
		tree.Drop(here, file(2, "b").ID)
		mustList(t, tree, "a")
		if e, found := tree.Known(above, "folder"); !found || e.ID != home.ID {
			t.Errorf("in its place is %+v, %v", e, found)
		}
		tree.Drop(above, here.ID)
		if _, found := tree.Known(above, "folder"); found {
			t.Error("it stands where it was taken away by the name that it had here")
		}
		if tree.Now(here) != home || tree.Now(home) != home {
			t.Errorf("it is called %v", tree.Now(here))
		}
		if w.called() != 0 {
			t.Errorf("%d calls", w.called())
		}
	})
}

// What an earlier run made here, and had not been told the end of, may have been filled by it: that is asked.
func TestTreeAsksForWhatAnEarlierRunMade(t *testing.T) {
	here := remote.Ref{Kind: remote.Folder, ID: remote.PendingID("1"), Account: "a"}
	above := remote.Ref{Kind: remote.Project, ID: "22222222-0000-4000-8000-000000000000", Account: "a"}
	w := newWorld(file(1, "a"))
	inTree(t, w, func(t *testing.T, tree *Tree) {
		tree.Became(above, here, remote.Item{Ref: home, Parent: above.ID, Name: "folder"})
		mustList(t, tree, "a")
	})
}

// A folder that was moved while its making was answered is where it was moved to, and nowhere else, whatever a listing tells that was on its way.
func TestTreeKnowsAFolderThatMovedWhileItGotItsName(t *testing.T) {
	here := remote.Ref{Kind: remote.Folder, ID: remote.PendingID("1"), Account: "a"}
	above := remote.Ref{Kind: remote.Project, ID: "22222222-0000-4000-8000-000000000000", Account: "a"}
	other := remote.Ref{Kind: remote.Folder, ID: "33333333-0000-4000-8000-000000000000", Account: "a"}
	is := remote.Item{Ref: home, Parent: above.ID, Name: "folder"}
	w := newWorld()
	w.folders[above.ID] = []remote.Item{is} // as Frame.io has it until it is moved there, too
	w.folders[other.ID] = nil
	inTree(t, w, func(t *testing.T, tree *Tree) {
		tree.Made(above)
		tree.Made(other)
		tree.Made(here)
		tree.Put(above, remote.Item{Ref: here, Parent: above.ID, Name: "folder"})
		tree.Drop(above, here.ID)
		tree.Put(other, remote.Item{Ref: here, Parent: other.ID, Name: "moved"})
		tree.Became(above, here, is)
		if e, found := tree.Known(other, "moved"); !found || e.ID != home.ID {
			t.Errorf("where it was moved to is %+v, %v", e, found)
		}
		for _, ref := range []remote.Ref{above, other} {
			tree.Forget(ref)
		}
		list := func(ref remote.Ref) (all []string) {
			entries, err := tree.List(t.Context(), ref)
			if err != nil {
				t.Error(err)
			}
			for _, e := range entries {
				all = append(all, e.Name+" "+string(e.ID))
			}
			return all
		}
		if got := list(above); len(got) > 0 {
			t.Errorf("where it was is %q", got)
		}
		if got := list(other); len(got) != 1 || got[0] != "moved "+string(home.ID) {
			t.Errorf("where it was moved to is %q", got)
		}
	})
}
