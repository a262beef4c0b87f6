package spool

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// A copy that stays here is the source's bytes, also when the source has become an older version, and all of it is about to be deleted.
func TestCopyOutlivesItsSource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := large(t).start()
		src := r.was(r.f.put(folderA, "a", footage), nil)
		e, err := r.Copy(t.Context(), Target{Parent: folderA, Name: "a~"}, Attr{Mode: 0o640, Mtime: time.Unix(1e9, 0)}, src)
		r.must(err)
		if in := e.Info(); in.Size != src.Size || in.Mode != 0o640 || !in.Mtime.Equal(time.Unix(1e9, 0)) || r.Find(folderA.ID, "a~") != e {
			t.Errorf("%+v", in)
		}
		if _, err := r.Copy(t.Context(), Target{Parent: folderA, Name: "a~"}, Attr{}, src); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a second one of that name: %v", err)
		}
		r.reach(e, Held)
		if in := e.Info(); !in.Quiet || in.Missing != in.Size {
			t.Errorf("%+v", in)
		}
		next, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: src.Ref}, Attr{}, "", src, true)
		r.must(err)
		h := r.opened(next, true)
		r.put(h, 0, "new bytes")
		r.shut(h)
		r.reach(next, Gone)
		stack := next.Info().Asset
		if stack.Kind != remote.Stack {
			t.Fatalf("it is in a %s", stack.Kind)
		}
		r = r.killed().start()
		if all := r.All(); len(all) != 1 || all[0].Stage != Held {
			t.Fatalf("after a restart there is %+v", all)
		}
		e = r.Find(folderA.ID, "a~")
		r.must(r.Spare(t.Context(), remote.Item{Ref: stack, Content: "the new one"}))
		r.must(r.f.Delete(t.Context(), src.Ref))
		if got := r.read(r.opened(e, false)); got != footage {
			t.Errorf("it reads as %s", seen(got))
		}
	})
}
