package spool

import (
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// What was confirmed but not yet in its place when it was changed again does not stand beside what it is a version of for as long as the
// next content stays here.
func TestAnEarlierContentIsNotLeftBeside(t *testing.T) {
	write := func(r *rig, e *Entry) {
		h := r.opened(e, true)
		r.put(h, 0, "NEW")
		r.shut(h)
	}
	local := func(r *rig, e *Entry, old remote.Ref) {
		_, err := r.f.Rename(r.t.Context(), old, "a~") // as the mounted tree has it
		r.must(err)
		r.must(e.Retarget(Target{Parent: folderA, Name: "a~", Replaces: old}))
	}
	for _, c := range []struct {
		name   string
		change func(*rig, *Entry, remote.Ref)
		want   string
		stage  Stage
	}{
		{"renamed to a name that stays here, and written", func(r *rig, e *Entry, old remote.Ref) { local(r, e, old); write(r, e) }, "folder-a/a~ = %s | old", Held},
		{"written, and renamed to a name that stays here", func(r *rig, e *Entry, old remote.Ref) { write(r, e); local(r, e, old) }, "folder-a/a~ = %s | old", Held},
		{"emptied", func(r *rig, e *Entry, _ remote.Ref) { r.must(e.Truncate(r.t.Context(), 0)) }, "folder-a/a = %s | old", Held},
		{"written and kept open", func(r *rig, e *Entry, _ remote.Ref) {
			h := r.opened(e, true)
			r.t.Cleanup(h.Release)
			r.put(h, 0, "NEW")
		}, "folder-a/a = %s | old", Writing},
		{"written by who is killed", func(r *rig, e *Entry, _ remote.Ref) {
			h := r.opened(e, true)
			r.put(h, 0, "NEW")
			r.must(h.Flush(r.t.Context(), Closing{PID: 1, Signalled: true}))
			h.Release()
		}, "folder-a/a = %s | old", Held},
		{"written and discarded", func(r *rig, e *Entry, _ remote.Ref) { write(r, e); r.must(e.Discard()) }, "folder-a/a = old", Gone},
		{"written, and another is there by now", func(r *rig, e *Entry, _ remote.Ref) { write(r, e); r.must(e.Supersede()) }, "folder-a/a = old", Gone},
	} {
		for _, restart := range []bool{false, true} {
			name := c.name
			if restart {
				name += ", and started again"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					names := &homes{busy: make(chan struct{})} // nothing is made a version before
					know := func(c *Config) { c.Names = names }
					r := newRig(t, newFake(), know).start()
					old := r.f.put(folderA, "a", "old")
					e := r.at(Confirming, "a", old)
					for range 10 { // until every byte is confirmed
						time.Sleep(time.Minute)
					}
					c.change(r, e, old)
					time.Sleep(time.Minute)
					stage := c.stage
					if restart {
						r = r.killed(know).start()
						if stage == Writing {
							stage = Held
						}
					}
					close(names.busy)
					r.finish()
					time.Sleep(time.Minute)
					r.expect(strings.ReplaceAll(c.want, "%s", seen(long)))
					switch all := r.All(); {
					case stage == Gone && len(all) > 0, stage != Gone && (len(all) != 1 || all[0].Stage != stage):
						t.Errorf("the spool has %+v", all)
					}
				})
			})
		}
	}
}

// A new file that an earlier content is made a version of is not shown beside it by a listing from before.
func TestWhatBecomesTheFirstVersionIsHidden(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := &homes{busy: make(chan struct{})}
		r := newRig(t, newFake(), func(c *Config) { c.Names = names }).start()
		e := r.at(Waiting, "a", remote.Ref{})
		h := r.opened(e, true)
		r.reach(e, Settled)
		first := e.Info().Asset
		r.put(h, 0, "second")
		r.shut(h)
		time.Sleep(time.Minute) // until every byte of that is confirmed
		h = r.opened(e, true)
		defer h.Release()
		r.put(h, 0, "third")
		if !r.Hides(first.ID) {
			t.Error("the first content is shown beside the third")
		}
		close(names.busy)
		time.Sleep(time.Minute / 4)
		if n := r.f.count("version"); n != 1 {
			t.Errorf("%d versions were made", n)
		}
		if !r.Hides(first.ID) {
			t.Error("the first version is shown beside its stack")
		}
	})
}
