package spool

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// large is more than a small file may have.
func filmOf(c string) string { return strings.Repeat(c, smallFile+9) }

func TestWhatIsPausedRestsAndOutlivesTheProgram(t *testing.T) {
	for _, all := range []bool{true, false} {
		for _, st := range []Stage{Settling, Waiting, Uploading} {
			t.Run(fmt.Sprintf("all %v, %s", all, st), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					f := newFake()
					r := newRig(t, f, func(c *Config) { c.Parts = 2; c.testOnlyFolders = true }).start()
					e := r.at(st, "a", remote.Ref{})
					if st == Uploading {
						time.Sleep(6 * f.delay) // some parts are through
					}
					if all {
						r.must(r.PauseAll())
					} else if n, err := r.Pause(e.Key()); n != 1 || err != nil {
						t.Fatalf("paused %d, %v", n, err)
					}
					if err := r.Wait(t.Context(), nil); err != ErrParked {
						t.Errorf("who waits for it is answered %v", err)
					}
					puts := f.count("put")
					time.Sleep(time.Hour)
					if i := e.Info(); !i.Paused || i.Stage != Waiting || f.count("put") != puts || puts == len(long)/1000 {
						t.Fatalf("it does not rest: %+v, %d puts", i, f.count("put"))
					}
					q := r.killed(func(c *Config) { c.Parts = 2; c.testOnlyFolders = true }).start()
					q.finish()
					again := q.All()[0]
					if !again.Paused || f.count("put") != puts || q.Paused() != all {
						t.Fatalf("after a restart it does not rest: %+v, %d puts", again, f.count("put"))
					}
					if all {
						q.must(q.ResumeAll())
					} else if n, err := q.Resume(again.Key); n != 1 || err != nil {
						t.Fatalf("resumed %d, %v", n, err)
					}
					q.finish()
					q.expect("folder-a/a = " + seen(long))
					parts := (len(long) + 999) / 1000
					if st == Uploading && (puts == 0 || f.count("put") > parts+2) {
						t.Errorf("%d of %d parts were sent before, and then all but what was under way, or so: %d", puts, parts, f.count("put"))
					}
				})
			})
		}
	}
}

func TestOneGoesWhileAllIsPaused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		r.must(r.PauseAll())
		a, b := r.file("a", "A"), r.file("b", "B")
		time.Sleep(time.Minute)
		if n, err := r.Resume(b.Key()); n != 1 || err != nil {
			t.Fatalf("resumed %d, %v", n, err)
		}
		r.finish()
		r.expect("folder-a/b = B")
		if n, err := r.Resume(b.Key()); n != 0 || err != nil {
			t.Errorf("resumed what is there: %d, %v", n, err)
		}
		r.must(r.PauseAll()) // again, and what was said of single ones is void
		r.must(r.ResumeAll())
		r.finish()
		r.expect("folder-a/a = A", "folder-a/b = B")
		if a.Info().Paused {
			t.Error("it is told to be paused")
		}
	})
}

// What has been sent is brought to its place while everything is paused.
func TestAPauseDoesNotHoldUpWhatIsThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		doc := r.f.put(folderA, "a", "old")
		e := r.at(Confirming, "a", doc)
		r.must(r.PauseAll())
		if e.Info().Paused {
			t.Error("what is being confirmed is told to be paused")
		}
		r.finish()
		r.expect("folder-a/a = " + seen(long) + " | old")
	})
}

func TestFirstOvertakes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		f.partSize = smallFile / 8
		r := newRig(t, f, func(c *Config) { c.Uploads = 1 }).start()
		var all []*Entry
		for i := range 6 {
			all = append(all, r.file(fmt.Sprint("f", i), filmOf(fmt.Sprint(i))))
			time.Sleep(10 * time.Millisecond)
		}
		r.reach(all[0], Uploading)
		if n, err := r.First(all[5].Key(), all[4].Key()); n != 2 || err != nil {
			t.Fatalf("put first: %d, %v", n, err)
		}
		r.finish()
		var order []string
		for _, url := range f.starts {
			if id, _, _ := strings.Cut(url, "/"); !slices.Contains(order, id) {
				order = append(order, id)
			}
		}
		var names []string
		for _, id := range order {
			names = append(names, f.assets[remote.ID(id)].Name)
		}
		if got := strings.Join(names, " "); got != "f0 f5 f4 f1 f2 f3" && got != "f0 f4 f5 f1 f2 f3" { // the two begin at the same time
			t.Errorf("sent in the order %s", got)
		}
		if told := r.told(); !strings.HasPrefix(told[0], "f") || strings.HasPrefix(told[5], "f5") || strings.HasPrefix(told[5], "f4") {
			t.Errorf("told in the order %q", told)
		}
	})
}

func TestCancelKeepsTheBytesHere(t *testing.T) {
	for _, st := range []Stage{Settling, Waiting, Uploading, Confirming, Parked} {
		for _, size := range []string{"small", "large"} {
			t.Run(string(st)+" "+size, func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					r := newRig(t, newFake(), func(c *Config) { c.testOnlyFolders = size == "large" }).start()
					e := r.at(st, "a", remote.Ref{})
					if n, err := r.Cancel(e.Key()); n != 1 || err != nil {
						t.Fatalf("cancelled %d, %v", n, err)
					}
					if i := e.Info(); i.Stage != Held || i.Quiet || !strings.Contains(i.Reason, "cancelled by you") {
						t.Errorf("it is %+v", i)
					}
					time.Sleep(time.Hour)
					r.finish()
					r.expect()
					q := r.killed().start()
					time.Sleep(time.Hour)
					q.finish()
					q.expect()
					i := q.All()[0]
					if i.Stage != Held || i.Size != int64(len(long)) {
						t.Fatalf("after a restart it is %+v", i)
					}
					q.Retry()
					time.Sleep(time.Minute)
					q.expect() // not one of those that are retried without being named
					q.Retry(i.Key)
					q.finish()
					q.expect("folder-a/a = " + seen(long))
				})
			})
		}
	}
}

func TestCancelledIsSentWhenItIsWrittenAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e := r.at(Uploading, "a", remote.Ref{})
		_, err := r.Cancel(e.Key())
		r.must(err)
		r.must(e.Retarget(Target{Parent: folderA, Name: "b"}))
		r.finish()
		r.expect() // another name is no reason
		h := r.opened(e, true)
		r.put(h, 0, "NEW")
		r.shut(h)
		r.finish()
		r.expect("folder-a/b = " + seen("NEW"+long[3:]))
	})
}

func TestWhatIsNotClosedOrIsThereCannotBeCancelled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		writing := r.at(Writing, "w", remote.Ref{})
		held := r.at(Held, "h", remote.Ref{})
		r.f.hook(fails("rename", remote.ErrOffline), nil)
		there := r.at(Confirming, "a", remote.Ref{})
		r.must(there.Retarget(Target{Parent: folderA, Name: "b"}))
		time.Sleep(10 * time.Second)
		if n, err := r.Cancel(writing.Key(), held.Key(), there.Key()); n != 0 || err != nil {
			t.Errorf("cancelled %d, %v", n, err)
		}
	})
}

// Whenever the program dies, what was cancelled is nowhere on Frame.io and whole here, and what is paused goes on later.
func TestKilledWhileSteering(t *testing.T) {
	one := "folder-a/a = " + seen(long)
	var e *Entry
	acts := map[string][]act{}
	for _, st := range []Stage{Settling, Uploading, Confirming, Parked} {
		acts["cancelled while "+string(st)] = []act{
			{"reach", func(t *testing.T, r *rig) { e = r.at(st, "a", remote.Ref{}) }, []string{"", one}},
			{"cancel", func(t *testing.T, r *rig) {
				_, err := r.Cancel(e.Key())
				r.must(err)
				r.finish()
				r.expect()
			}, []string{"", one}},
			{"retry", func(t *testing.T, r *rig) { r.Retry(e.Key()); r.finish() }, []string{one}},
		}
	}
	acts["paused and resumed"] = []act{
		{"reach", func(t *testing.T, r *rig) { e = r.at(Uploading, "a", remote.Ref{}) }, []string{one}},
		{"pause", func(t *testing.T, r *rig) { r.must(r.PauseAll()); r.finish() }, []string{"folder-a/a = (placeholder)"}},
		{"resume", func(t *testing.T, r *rig) { r.must(r.ResumeAll()); r.finish() }, []string{one}},
	}
	for name := range acts {
		for _, folders := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, folders %v", name, folders), func(t *testing.T) {
				tune := func(c *Config) { c.testOnlyFolders = folders }
				bubble(t, func(t *testing.T) {
					for _, s := range tell(t, acts[name], 1, tune) {
						r := rigAt(t, s.f, s.dir, tune).start()
						r.finish()
						r.must(r.ResumeAll())
						for _, i := range r.All() {
							r.Retry(i.Key)
						}
						r.finish()
						got := strings.Join(s.f.tree(), "\n")
						if got != one && (s.act > 0 || !strings.HasPrefix(one, got[:min(len(got), 12)])) {
							t.Errorf("killed at %v it ends with %s", s, got)
						}
						r.end()
						s.leftovers(t)
					}
				})
			})
		}
	}
}

func TestLimitsChangeWhileFilesAreSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		f.partSize = smallFile / 16
		r := newRig(t, f, func(c *Config) { c.Uploads = 1; c.Parts = 1 }).start()
		for i := range 4 {
			r.file(fmt.Sprint("f", i), filmOf(fmt.Sprint(i)))
		}
		most := func() int {
			time.Sleep(3 * f.delay) // what was under way is through
			f.mu.Lock()
			f.most = 0
			f.mu.Unlock()
			time.Sleep(4 * f.delay)
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.most
		}
		time.Sleep(3 * time.Second)
		if got := most(); got != 1 {
			t.Errorf("%d PUTs at once, not 1", got)
		}
		r.SetLimits(0, 3)
		if got := most(); got != 3 {
			t.Errorf("%d PUTs at once, not 3", got)
		}
		r.SetLimits(2, 2)
		if u, p := r.Limits(); u != 2 || p != 2 {
			t.Errorf("limits are %d and %d", u, p)
		}
		if got := most(); got != 4 {
			t.Errorf("%d PUTs at once, not 4", got)
		}
		r.finish()
		if n := len(r.told()); n != 4 {
			t.Errorf("%d files have arrived", n)
		}
	})
}

func TestAStateFolderThatCannotTellWhetherItIsPausedIsRefused(t *testing.T) {
	dir := memDir(t)
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Spool{cfg: Config{Dir: dir + "/file"}}
	if err := s.loadPause(); err == nil {
		t.Error("it was taken for not paused")
	}
}

// A copy that Frame.io makes itself sends nothing, and who removes its source waits for it.
func TestCopiesOnFrameioGoOnWhileAllIsPaused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := large(t).start()
		r.must(r.PauseAll())
		src := r.f.put(folderA, "src", footage)
		e, h := r.clone(src, "copy")
		r.shut(h)
		if e.Info().Paused {
			t.Error("a copy is told to be paused")
		}
		r.finish()
		r.expect("folder-a/copy = "+seen(footage), "folder-a/src = "+seen(footage))
		r.noPuts()
	})
}
