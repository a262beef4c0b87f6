package spool

import (
	"os"
	"strings"
	"testing"
	"time"
)

// What is discarded has left the disk a second later, or at once if it is large; nothing that is still wanted goes with it.
func TestDiscardedBytesGo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		kept := r.file("kept.doc", "kept")
		little, large := r.file("little.doc", "little"), r.file("large.doc", strings.Repeat("x", littleBytes+1))
		r.must(little.Discard())
		r.must(large.Discard())
		if _, err := os.Stat(r.youngPath(large.Key())); !os.IsNotExist(err) {
			t.Errorf("the large one's bytes: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := os.Stat(r.youngPath(little.Key())); !os.IsNotExist(err) {
			t.Errorf("the little one's bytes: %v", err)
		}
		r.finish()
		r.expect("folder-a/kept.doc = kept")
		r.reach(kept, Gone)
	})
}
