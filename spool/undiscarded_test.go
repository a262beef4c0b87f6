package spool

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

// What the disk does not let go is still there, is seen, and is sent; and it can be discarded later.
func TestADiscardThatTheDiskRefuses(t *testing.T) {
	for _, later := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			f := newFake()
			r := newRig(t, f, func(c *Config) { c.testOnlyFolders = true }).start()
			f.hook(fails("create", remote.ErrOffline), nil)
			e := r.file("a", "abc")
			r.reach(e, Uploading)
			_, _, folder := e.get()
			way := e.s.path(folder, e.key) + ".gone"
			r.must(os.MkdirAll(filepath.Join(way, "something"), 0o700)) // so that its folder cannot be renamed
			if err := e.Discard(); err == nil {
				t.Fatal("it was discarded")
			}
			if r.Find("folder-a", "a") != e || e.Info().Stage == Gone {
				t.Fatalf("it is not seen any more, and %s", e.Info().Stage)
			}
			r.must(os.RemoveAll(way))
			f.hook(nil, nil)
			if later {
				r.must(e.Discard())
				r.finish()
				r.expect()
			} else {
				r.finish()
				r.expect("folder-a/a = abc")
			}
			r.expectEmpty()
		})
	}
}
