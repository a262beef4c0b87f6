package spool

import (
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// What was given up before its id was known is told by its name, also after a restart, until it is found.
func TestLostPlaceholdersAreTold(t *testing.T) {
	r := newRig(t, newFake())
	in := remote.Ref{Kind: remote.Folder, ID: "folder"}
	o := orphan{Key: NewKey(), Lost: &intent{Parent: in, Name: "film.mov", Size: 3, Began: time.Now()}}
	if err := r.orphan(o, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if !r.Lost("folder", "film.mov") || r.Lost("folder", "other.mov") || r.Lost("other", "film.mov") {
			t.Error("the lost placeholder is not told, or another is")
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r.open()
	}
	r.unorphan(o.name())
	if r.Lost("folder", "film.mov") {
		t.Error("a placeholder that was found is told as lost")
	}
}
