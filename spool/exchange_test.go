package spool

import (
	"errors"
	"testing"
)

// Names that stay on this machine and names that leave change places, and each file does as its new name says.
func TestExchangeALocalName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		tmp := r.file("doc.tmp", "new")
		r.reach(tmp, Held)
		doc := r.file("doc", "old")
		r.must(r.Exchange(doc, tmp))
		if r.Find(folderA.ID, "doc") != tmp || r.Find(folderA.ID, "doc.tmp") != doc || len(r.In(folderA.ID)) != 2 {
			t.Error("the names lead elsewhere")
		}
		r.finish()
		r.expect("folder-a/doc = new")
		if st := doc.Info().Stage; st != Held {
			t.Errorf("what has the local name is %s", st)
		}
		if err := r.Exchange(doc, tmp); !errors.Is(err, ErrGone) {
			t.Errorf("with what is on Frame.io: %v", err)
		}
		r.must(r.Exchange(doc, doc))
		r.must(doc.Discard())
		r.finish()
		r.expectEmpty()
	})
}
