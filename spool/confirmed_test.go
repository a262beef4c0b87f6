package spool

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// From the moment Frame.io has confirmed a content, the next one becomes its version instead of destroying it.
func TestChangeAfterConfirmation(t *testing.T) {
	over := func(r *rig, e *Entry) {
		n := r.file("a.new", "NEW")
		r.must(n.Retarget(Target{Parent: folderA, Name: "a", Replaces: e.Target().Replaces}))
	}
	write := func(r *rig, e *Entry) {
		h := r.opened(e, true)
		r.put(h, 0, "NEW")
		r.must(h.Truncate(r.t.Context(), 3))
		r.shut(h)
	}
	for _, c := range []struct {
		name     string
		replaces bool
		when     string // the call during which it is changed
		change   func(*rig, *Entry)
		want     string
	}{
		{"written while it is made a version", true, "version", write, "folder-a/a = NEW | %s | old"},
		{"written while it is renamed", false, "rename", write, "folder-a/a = NEW | %s"},
		{"renamed over while it is made a version", true, "version", over, "folder-a/a = NEW | %s | old"},
		{"renamed over while it is renamed", false, "rename", over, "folder-a/a = NEW | %s"},
	} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, lost=%v", c.name, lost), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					f := newFake()
					r := newRig(t, f).start()
					old, name := remote.Ref{}, "a"
					if c.replaces {
						old = f.put(folderA, "a", "old")
					}
					e := r.at(Confirming, name, old)
					if !c.replaces { // make it a rename: to another name and back under the call
						r.must(e.Retarget(Target{Parent: folderA, Name: "b"}))
					}
					reached, once := make(chan struct{}), atomic.Bool{}
					hook := func(op, _ string) error {
						if op == c.when && once.CompareAndSwap(false, true) {
							close(reached)
							time.Sleep(time.Second)
							if lost {
								return remote.ErrOffline
							}
						}
						return nil
					}
					if lost {
						f.hook(nil, hook)
					} else {
						f.hook(hook, nil)
					}
					<-reached
					if !c.replaces {
						r.must(e.Retarget(Target{Parent: folderA, Name: "a"}))
					}
					c.change(r, e)
					r.finish()
					r.expect(fmt.Sprintf(c.want, seen(long)))
					r.expectEmpty()
				})
			})
		}
	}
}

// A writer that had the file open all the time finds it on Frame.io when it writes next.
func TestConfirmedWhileOpen(t *testing.T) {
	for _, modify := range []bool{false, true} {
		t.Run(fmt.Sprint("modified=", modify), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				r := newRig(t, f).start()
				e := r.at(Waiting, "a", remote.Ref{})
				h := r.opened(e, true)
				r.reach(e, Settled)
				time.Sleep(time.Minute)
				r.expect("folder-a/a = " + seen(long))
				r.expectTold() // only at the end
				if r.Find("folder-a", "a") != e {
					t.Error("an open file is not seen any more")
				}
				if i := e.Info(); i.Asset.ID == "" || !r.Claimed(i.Asset.ID) {
					t.Error("the asset is seen beside the open file")
				}
				r.must(r.Wait(t.Context(), nil)) // nothing is on its way
				if modify {
					r.put(h, 0, "NEW")
				}
				r.shut(h)
				r.finish()
				if modify {
					r.expect("folder-a/a = " + seen("NEW"+long[3:]) + " | " + seen(long))
				} else {
					r.expect("folder-a/a = " + seen(long))
				}
				r.expectTold("a = 9500 bytes")
				r.expectEmpty()
			})
		})
	}
}

// What comes while the rest of the program is told is not forgotten.
func TestChangeWhileTold(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(r *rig, e *Entry)
		want []string
		told int
	}{
		{"renamed", func(r *rig, e *Entry) { r.must(e.Retarget(Target{Parent: folderB, Name: "b"})) },
			[]string{"folder-b/b = " + seen(long)}, 2},
		{"chmod", func(r *rig, e *Entry) { r.must(e.SetAttr(Attr{Mode: 0o600})) },
			[]string{"folder-a/a = " + seen(long)}, 2},
		{"given an attribute", func(r *rig, e *Entry) { r.must(e.ChangeXAttrs(xattrs("user.a", "1"))) },
			[]string{"folder-a/a = " + seen(long)}, 2},
		{"written", func(r *rig, e *Entry) {
			h := r.opened(e, true)
			r.put(h, 0, "NEW")
			if got := r.read(h); got != "NEW"+long[3:] {
				r.t.Errorf("reads %.20q…", got)
			}
			r.shut(h)
		}, []string{"folder-a/a = " + seen("NEW"+long[3:]) + " | " + seen(long)}, 2},
		{"opened and closed", func(r *rig, e *Entry) { r.shut(r.opened(e, true)) },
			[]string{"folder-a/a = " + seen(long)}, 1},
		{"unlinked", func(r *rig, e *Entry) { r.must(e.Discard()) }, nil, 1},
		{"renamed over", func(r *rig, e *Entry) {
			r.must(r.file("b", "NEW").Retarget(Target{Parent: folderA, Name: "a"}))
		}, []string{"folder-a/a = NEW | " + seen(long)}, 2},
	} {
		for _, taken := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, taken=%v", c.name, taken), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					f := newFake()
					r := newRig(t, f)
					told, first := 0, true
					r.end()
					var e *Entry
					r.cfg.Settled = func(i Info, it remote.Item, data string) error {
						told++
						if taken {
							if err := r.onSettled(i, it, data); err != nil {
								return err
							}
						}
						if first {
							first = false
							c.do(r, e)
							time.Sleep(time.Second)
						}
						return nil
					}
					r.open()
					r.start()
					e = r.file("a", long)
					r.finish()
					r.expect(c.want...)
					r.expectEmpty()
					if told != c.told {
						t.Errorf("told %d times, want %d", told, c.told)
					}
				})
			})
		}
	}
}

// What has become a version while the rest of the program is told stays one when its entry is discarded, also after it was written again:
// whoever discards it deletes the stack, and one that lost its newest version before that would leave another behind.
func TestDiscardWhileTold(t *testing.T) {
	for _, written := range []bool{false, true} {
		t.Run(fmt.Sprint("written=", written), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				r := newRig(t, f)
				r.end()
				var e *Entry
				r.cfg.Settled = func(Info, remote.Item, string) error {
					if written {
						h := r.opened(e, true)
						r.put(h, 0, "NEW")
						r.shut(h)
					}
					r.must(e.Discard())
					return nil
				}
				r.open()
				r.start()
				e = r.at(Confirming, "a", f.put(folderA, "a", "old"))
				r.finish()
				r.expect("folder-a/a = " + seen(long) + " | old")
				if n := f.count("delete"); n > 0 {
					t.Errorf("%d deletions", n)
				}
			})
		})
	}
}

// Settled fails: the file stays, and it is told again.
func TestSettledFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f)
		r.end()
		n := 0
		r.cfg.Settled = func(i Info, it remote.Item, data string) error {
			if n++; n < 4 {
				return errors.New("the cache's disk is full")
			}
			return r.onSettled(i, it, data)
		}
		r.open()
		r.start()
		e := r.file("a", "abc")
		r.reach(e, Settled)
		time.Sleep(300 * time.Millisecond)
		if r.Find("folder-a", "a") != e || e.Info().Err == "" {
			t.Errorf("it is %+v", e.Info())
		}
		r.finish()
		r.expectTold("a = abc")
		r.expectEmpty()
	})
}

// Of many small files each is asked for hardly more than once, however long Frame.io takes to put them together.
func TestQuestions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		for i := range 200 {
			r.file(fmt.Sprint("f", i), "abc")
			time.Sleep(200 * time.Millisecond)
		}
		r.finish()
		if n := f.count("stat"); n > 250 {
			t.Errorf("%d questions for 200 files", n)
		}
	})
}
