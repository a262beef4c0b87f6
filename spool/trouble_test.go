package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

func TestRefusalsPark(t *testing.T) {
	for _, c := range []struct {
		err  error
		op   string
		says string // what the reason tells to do
	}{
		{remote.ErrQuota, "create", "make room"},
		{fmt.Errorf("create file: %w", fs.ErrPermission), "create", "ask for it"},
		{fs.ErrNotExist, "create", "another folder"},
		{&remote.Error{Op: "create file", Status: 422, Detail: "name is too long", Err: remote.ErrRefused}, "create", "name is too long"},
		{fs.ErrExist, "create", "rename the file"},
		{remote.ErrRefused, "put", "mend"},
		{fs.ErrPermission, "stat", "ask for it"},
		{fs.ErrPermission, "version", "ask for it"},
	} {
		t.Run(fmt.Sprintf("%s: %v", c.op, c.err), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				r := newRig(t, f).start()
				old := f.put(folderA, "a", "old")
				f.hook(func(op, name string) error {
					if op == c.op && name != "b" {
						return c.err
					}
					return nil
				}, nil)
				e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{}, "", r.was(old, nil), true)
				r.must(err)
				h := r.opened(e, true)
				r.put(h, 0, "abc")
				r.shut(h)
				if err := r.Wait(t.Context(), nil); !errors.Is(err, ErrParked) {
					t.Errorf("Wait: %v", err)
				}
				i := e.Info()
				if i.Stage != Parked || !strings.Contains(i.Reason, c.says) {
					t.Errorf("it is %s because %q", i.Stage, i.Reason)
				}
				if r.Find("folder-a", "a") != e {
					t.Error("a parked file is not seen")
				}
				if c.op == "create" {
					r.file("b", "other") // only that entry
					r.finish()
					r.expect("folder-a/a = old", "folder-a/b = other")
				}
				// It survives a restart as it is, and goes on when asked to.
				r.end()
				r.open()
				r.start()
				time.Sleep(time.Minute)
				if i := r.Find("folder-a", "a").Info(); i.Stage != Parked || !strings.Contains(i.Reason, c.says) {
					t.Errorf("after a restart it is %s because %q", i.Stage, i.Reason)
				}
				f.hook(nil, nil)
				r.Retry()
				r.finish()
				if got := f.tree()[0]; got != "folder-a/a = abc | old" {
					t.Errorf("after the retry: %s", got)
				}
				r.expectEmpty()
			})
		})
	}
}

func TestRenameTriesParkedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		f.hook(func(op, name string) error {
			if op == "create" && strings.Contains(name, "?") {
				return remote.ErrRefused
			}
			return nil
		}, nil)
		e := r.file("what?", "abc")
		r.reach(e, Parked)
		r.must(e.Retarget(Target{Parent: folderA, Name: "what"}))
		r.finish()
		r.expect("folder-a/what = abc")
	})
}

// Without a link, with limits, with an old token: it waits for ever, shows why, and goes on soon after.
func TestTroublePasses(t *testing.T) {
	for _, c := range []struct {
		err  error
		soon time.Duration
	}{{remote.ErrOffline, 3 * time.Second}, {remote.ErrLimited, 31 * time.Second}, {remote.ErrToken, 31 * time.Second}, {errors.New("502"), 31 * time.Second}} {
		for _, op := range []string{"create", "put", "stat", "version", "rename", "delete"} {
			t.Run(fmt.Sprintf("%s: %v", op, c.err), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					f := newFake()
					r := newRig(t, f).start()
					old := f.put(folderA, "doc", "old")
					f.hook(fails(op, c.err), nil)
					e := r.file("a", long)
					switch op {
					case "version":
						r.must(e.Retarget(Target{Parent: folderA, Name: "doc", Replaces: old}))
					case "rename":
						r.reach(e, Confirming)
						r.must(e.Retarget(Target{Parent: folderA, Name: "b"}))
					case "delete":
						r.reach(e, Uploading)
						time.Sleep(100 * time.Millisecond)
						r.must(e.Discard())
					}
					time.Sleep(10 * time.Minute)
					if i := e.Info(); op != "delete" && (i.Err == "" || !r.waitsInVain(t)) {
						t.Errorf("it is %+v", i)
					}
					f.hook(nil, nil)
					begin := time.Now()
					r.finish()
					if took := time.Since(begin); took > c.soon+4*time.Second {
						t.Errorf("it took %v after the trouble was over", took)
					}
					switch op {
					case "version":
						r.expect("folder-a/doc = " + seen(long) + " | old")
					case "rename":
						r.expect("folder-a/b = "+seen(long), "folder-a/doc = old")
					case "delete":
						r.expect("folder-a/doc = old")
					default:
						r.expect("folder-a/a = "+seen(long), "folder-a/doc = old")
					}
				})
			})
		}
	}
}

// waitsInVain reports whether waiting for a while is in vain.
func (r *rig) waitsInVain(t *testing.T) bool {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return errors.Is(r.Wait(ctx, nil), context.DeadlineExceeded)
}

// Every tenth call fails, half of them after they were carried out: each file arrives once, and nothing is left beside it.
func TestFlakyLink(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		f.faults, f.sums = 0.1, true
		r := newRig(t, f).start()
		old := f.put(folderA, "over", "old")
		var want []string
		for i := range 20 {
			c := fmt.Sprint(i, long[:300*i+1])
			r.file(fmt.Sprintf("f%02d", i), c)
			want = append(want, fmt.Sprintf("folder-a/f%02d = %s", i, seen(c)))
		}
		e := r.file("tmp", long)
		r.must(e.Retarget(Target{Parent: folderA, Name: "over", Replaces: old}))
		want = append(want, "folder-a/over = "+seen(long)+" | old")
		r.finish()
		r.expect(want...)
		r.expectEmpty()
	})
}

func TestNotConfirmed(t *testing.T) {
	each := func(f *fake, g func(*asset)) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, a := range f.assets {
			g(a)
		}
	}
	for _, c := range []struct {
		name string
		harm func(f *fake)
		says string
	}{
		{"never completes", func(f *fake) { each(f, func(a *asset) { a.never = true }) }, "put them together"},
		{"failed", func(f *fake) { each(f, func(a *asset) { a.State = remote.Failed }) }, "upload failed"},
		{"went away", func(f *fake) { f.mu.Lock(); clear(f.assets); f.mu.Unlock() }, "went away"},
		{"wrong bytes", func(f *fake) { each(f, func(a *asset) { a.parts[1] = make([]byte, len(a.parts[1])) }) }, "checksum"},
		{"too short", func(f *fake) { each(f, func(a *asset) { a.Size-- }) }, "9499 bytes of 9500"},
	} {
		for _, times := range []int32{1, 2, 3} {
			t.Run(fmt.Sprint(c.name, " ", times), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					f := newFake()
					f.sums = true
					r := newRig(t, f).start()
					var n atomic.Int32
					f.hook(func(op, _ string) error {
						if op == "stat" && n.Load() < times && f.count("create") > int(n.Load()) {
							n.Add(1)
							c.harm(f)
						}
						return nil
					}, nil)
					e := r.file("a", long)
					r.finish()
					if times < 3 {
						r.expect("folder-a/a = " + seen(long))
						r.expectEmpty()
						return
					}
					if i := e.Info(); i.Stage != Parked || !strings.Contains(i.Reason, c.says) {
						t.Errorf("it is %s because %q", i.Stage, i.Reason)
					}
					r.expect()
					r.Retry(e.Key())
					r.finish()
					r.expect("folder-a/a = " + seen(long))
				})
			})
		}
	}
}

func TestReplacedFileWentAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		old := f.put(folderA, "a", "old")
		e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{}, "", r.was(old, &memBase{s: "old"}), false)
		r.must(err)
		h := r.opened(e, true)
		r.put(h, 3, "er")
		r.shut(h)
		r.must(f.Delete(t.Context(), old))
		r.finish()
		r.expect("folder-a/a = older")
		r.expectEmpty()
	})
}

// The URLs expire in the middle: the file is begun again, and the first asset goes away.
func TestURLsExpire(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		f.live = time.Hour
		r := newRig(t, f).start()
		f.hook(func(op, name string) error {
			if op == "put" && strings.HasSuffix(name, "/5") {
				return remote.ErrOffline
			}
			return nil
		}, nil)
		r.file("a", long)
		time.Sleep(90 * time.Minute)
		f.hook(nil, nil)
		r.finish()
		r.expect("folder-a/a = " + seen(long))
		if n := f.count("create"); n != 2 {
			t.Errorf("%d assets were begun", n)
		}
		r.expectEmpty()
	})
}

// A restart in the middle of an upload sends only what is missing.
func TestResume(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f, func(c *Config) { c.Parts, c.testOnlyFolders = 2, true }).start()
		e := r.file("a", long)
		for e.Info().PartsDone < 4 {
			time.Sleep(time.Millisecond)
		}
		if i := e.Info(); i.Parts != 10 || i.Sent < 4000 || i.Sent > 9500 || i.Asset.ID == "" {
			t.Errorf("progress: %+v", i)
		}
		r.end()
		if i := e.Info(); i.Stage != Waiting {
			t.Errorf("it is %s after the end of Run", i.Stage)
		}
		before := f.count("put")
		r.open()
		r.start()
		r.finish()
		r.expect("folder-a/a = " + seen(long))
		if n := f.count("create"); n != 1 {
			t.Errorf("%d assets were begun", n)
		}
		if n := f.count("put") - before; n > 6 {
			t.Errorf("%d parts were sent again", n-6)
		}
	})
}

// Who dies after the last part has arrived and before that is noted sends it again: the host knows no such upload any more, and all is there.
func TestTheLastPartHadArrived(t *testing.T) {
	for _, folders := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			f := newFake()
			r := newRig(t, f, func(c *Config) { c.testOnlyFolders = folders }).start()
			f.assemble = time.Hour // it is complete, and nobody is told yet
			e := r.file("a", long)
			for e.Info().Stage != Confirming {
				time.Sleep(time.Millisecond)
			}
			dead := r.killed(func(c *Config) { c.testOnlyFolders = folders })
			r.end()
			if folders { // the note of the last part did not come to the disk
				path := filepath.Join(dead.path(outbox, e.Key()), partsName)
				b, err := os.ReadFile(path)
				r.must(err)
				r.must(os.WriteFile(path, b[:len(b)-4], 0o600))
			}
			f.assemble = 0
			puts := f.count("put")
			dead.start()
			dead.finish()
			dead.expect("folder-a/a = " + seen(long))
			if n := f.count("create"); n != 1 {
				t.Errorf("%d assets were made", n)
			}
			if f.count("put") == puts {
				t.Error("no part was sent again, so nothing was tested")
			}
		})
	}
}

// Files are sent in the order in which they were sealed, and a few at once; small ones are many at once, and do not wait for those.
func TestOrder(t *testing.T) {
	large := strings.Repeat(long, smallFile/len(long)+1)
	bubble(t, func(t *testing.T) {
		f := newFake()
		f.partSize = int64(len(large)) / 9
		r := newRig(t, f, func(c *Config) { c.Uploads = 1; c.Parts = 1 }).start()
		for i := range 5 {
			r.file(fmt.Sprint("f", i), large)
			time.Sleep(100 * time.Millisecond)
		}
		r.finish()
		last := ""
		for _, url := range f.starts {
			if len(url) == len(last) && url < last {
				t.Errorf("PUT to %s after %s", url, last)
			}
			last = url
		}
		if f.most != 1 {
			t.Errorf("%d PUTs at once", f.most)
		}
	})
	bubble(t, func(t *testing.T) {
		f := newFake()
		f.partSize = int64(len(large)) / 9
		r := newRig(t, f).start()
		for i := range 6 {
			r.file(fmt.Sprint("f", i), large)
		}
		r.finish()
		if f.most != maxPuts {
			t.Errorf("%d PUTs at once", f.most)
		}
	})
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f, func(c *Config) { c.Uploads = 1; c.Parts = 1 }).start()
		for i := range 100 {
			r.file(fmt.Sprint("f", i), "abc")
		}
		f.hook(func(op, name string) error {
			if op == "create" && name == "large" {
				time.Sleep(time.Hour)
			}
			return nil
		}, nil)
		r.file("large", large)
		r.finish()
		if f.most != smallUploads {
			t.Errorf("%d PUTs of small files at once", f.most)
		}
		if told := r.told(); len(told) != 101 || !strings.HasPrefix(told[100], "large") {
			t.Errorf("%d were told, the last of them is not the large one", len(told))
		}
	})
}

func TestEvenly(t *testing.T) {
	for _, c := range [][3]int{{1, 16, 1}, {16, 16, 16}, {17, 16, 9}, {52, 16, 13}, {64, 16, 16}, {0, 16, 1}, {10, 1, 1}} {
		if got := evenly(c[0], c[1]); got != c[2] {
			t.Errorf("of %d parts %d are sent at once, not %d", c[0], got, c[2])
		}
	}
}

// What an attempt comes to that was given up parks nothing, whatever else went wrong meanwhile.
func TestAnAttemptThatWasGivenUpParksNothing(t *testing.T) {
	for _, c := range []struct {
		err  error
		want remote.Verdict
	}{
		{errors.Join(errRevoked, fs.ErrPermission), remote.Passing},
		{errors.Join(errRevoked, parkError("a person")), remote.Passing},
		{fmt.Errorf("%w: %w", context.Canceled, remote.ErrRefused), remote.Passing},
		{parkError("a person"), remote.Final},
		{fs.ErrPermission, remote.Final},
		{remote.ErrExpired, remote.Expired},
		{errors.New("unknown"), remote.Passing},
	} {
		if got := judge(c.err); got != c.want {
			t.Errorf("%v is judged %v, want %v", c.err, got, c.want)
		}
	}
}
