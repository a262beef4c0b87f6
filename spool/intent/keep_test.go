package intent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// A deletion that nobody waits for can be taken back until it is sent, and stays taken back after a restart.
func TestDeletionIsTakenBackUntilItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		a, b := f.put(remote.File, "home", "a"), f.put(remote.File, "home", "b")
		d := f.put(remote.Folder, "home", "d")
		r := newRig(t, f)
		r.run()
		for _, it := range []remote.Item{a, b} {
			r.must(r.RemoveLater(it, home))
		}
		r.want(r.list(home), "d/")
		if _, ok := r.Keep(home, "c"); ok {
			t.Error("kept what was not deleted")
		}
		if _, ok := r.Keep(d.Ref, "a"); ok {
			t.Error("kept what was deleted elsewhere")
		}
		if it, ok := r.Keep(home, "a"); !ok || it.Ref != a.Ref || it.Name != "a" || it.Parent != home.ID {
			t.Errorf("kept %+v, %v", it, ok)
		}
		r.want(r.list(home), "a", "d/")
		time.Sleep(time.Minute)
		r.want(f.tree(), "/a", "/d/")
		if _, ok := r.Keep(home, "b"); ok {
			t.Error("kept what is gone")
		}
		r.halt()
		r.must(r.Close())
		r.open()
		r.run()
		time.Sleep(time.Minute)
		r.want(f.tree(), "/a", "/d/")
		if n := f.count("delete"); n != 1 {
			t.Errorf("%d deletions", n)
		}
	})
}
