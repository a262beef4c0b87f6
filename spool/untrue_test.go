package spool

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

// denies has a call answered as if what it is about was not there, so many times.
func denies(op string, times int64) func(string, string) error {
	var n atomic.Int64
	return func(o, _ string) error {
		if o == op && n.Add(1) <= times {
			return &remote.Error{Op: op, Status: 404}
		}
		return nil
	}
}

// Frame.io saying of what is there that it is not makes no second file of it.
func TestWhatIsThereAndDeniedIsThereOnce(t *testing.T) {
	for _, c := range []struct {
		op    string
		times int64
		made  int // assets
	}{{"stat", 1, 1}, {"stat", 2, 1}, {"stat", 3, 2}, {"put", 1, 1}, {"put", 2, 1}, {"put", 30, 2}} {
		t.Run(c.op, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFake()
				r := newRig(t, f).start()
				f.hook(denies(c.op, c.times), nil)
				e := r.file("a", long)
				if c.times > 3 {
					for e.Info().Err == "" {
						r.reach(e, Confirming)
						if err := sleep(t.Context(), lookAgain); err != nil {
							t.Fatal(err)
						}
					}
					if err := e.Info().Err; !strings.Contains(err, "404") {
						t.Errorf("while it waits, it tells %q", err)
					}
					f.hook(nil, nil)
				}
				r.finish()
				r.expect("folder-a/a = " + seen(long))
				r.expectEmpty()
				if n := f.count("create"); n != c.made {
					t.Errorf("%d assets were made, want %d", n, c.made)
				}
			})
		})
	}
}

// What is to become a version of something is not put beside it because Frame.io once says that this is not there.
func TestADeniedTargetOfAVersionParks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		old := f.put(folderA, "doc", "old")
		f.hook(denies("version", 1), nil)
		e := r.file("a", long)
		r.must(e.Retarget(Target{Parent: folderA, Name: "doc", Replaces: old}))
		if err := r.Wait(t.Context(), nil); !errors.Is(err, ErrParked) {
			t.Fatalf("Wait: %v", err)
		}
		if i := e.Info(); i.Stage != Parked || !strings.Contains(i.Reason, "and shows it") {
			t.Errorf("it is %s because %q", i.Stage, i.Reason)
		}
		r.Retry()
		r.finish()
		r.expect("folder-a/doc = " + seen(long) + " | old")
		r.expectEmpty()
	})
}
