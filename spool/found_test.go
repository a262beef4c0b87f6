package spool

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// What a loss of power can leave that no order of steps does.

// The move to held/ came to the disk and what says why did not: it goes its way as if it had not been moved.
func TestHeldWithoutAReason(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake(), func(c *Config) { c.testOnlyFolders = true })
		e := r.file("a", "abc")
		e.step.Lock()
		r.must(e.grow(drafts))
		e.step.Unlock()
		r.must(e.Sync(t.Context()))
		r.must(os.Rename(r.path(drafts, e.key), r.path(held, e.key)))
		p := r.killed(func(c *Config) { c.testOnlyBoot = "another run of the machine" }).start()
		p.finish()
		p.expect("folder-a/a = abc")
		p.expectEmpty()
	})
}

// The removal of bytes did not come to the disk, and that nothing of the file is left here did.
func TestBytesFoundAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e := r.file("a", "abc")
		r.finish()
		r.must(os.WriteFile(r.youngPath(e.Key()), []byte("abc"), 0o600))
		for range 2 { // the journal is written anew in between
			p := r.killed()
			if all := p.All(); len(all) > 0 {
				t.Errorf("taken for somebody's only copy: %+v", all)
			}
			p.expectEmpty()
		}
	})
}

// A file whose folder will never be is told of, and what was begun of it goes.
func TestFolderThatWillNeverBe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &homes{}
		names := func(c *Config) { c.Names = h }
		r := newRig(t, newFake(), names)
		for name, content := range map[string]string{"a": "abc", "empty": ""} {
			e, err := r.Create(Target{Parent: folderHere, Name: name}, Attr{})
			r.must(err)
			w := r.opened(e, true)
			if content != "" {
				r.put(w, 0, content)
			}
			r.shut(w)
		}
		time.Sleep(time.Second)
		h.void = true
		p := r.killed(names).start()
		p.finish()
		all := p.All()
		if len(all) != 1 || all[0].Stage != Parked || !strings.Contains(all[0].Reason, filepath.Join(p.cfg.Dir, parked, string(all[0].Key), dataName)) {
			t.Fatalf("got %+v", all)
		}
		if b, err := os.ReadFile(filepath.Join(p.cfg.Dir, parked, string(all[0].Key), dataName)); err != nil || string(b) != "abc" {
			t.Errorf("its bytes are %q, %v", b, err)
		}
	})
}

// A placeholder whose deletion is refused is tried again, also after a restart.
func TestRefusedSweepIsTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		e := r.at(Uploading, "a", remote.Ref{})
		r.f.hook(fails("delete", remote.ErrRefused), nil)
		r.must(e.Discard())
		time.Sleep(time.Minute)
		p := r.killed().start()
		time.Sleep(time.Minute)
		p.expect("folder-a/a = (placeholder)")
		p.f.hook(nil, nil)
		time.Sleep(2 * refusedDelay)
		p.finish()
		p.expect()
		p.expectEmpty()
	})
}

// An answer is lost, and then Frame.io refuses: what the lost one may have told of is looked for.
func TestRefusedAfterALostAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake()).start()
		r.f.hook(nil, fails("create", remote.ErrOffline))
		e := r.file("a", "abc")
		r.reach(e, Uploading)
		r.reach(e, Waiting)
		r.f.hook(fails("create", remote.ErrQuota), nil)
		r.reach(e, Parked)
		r.expect("folder-a/a = (placeholder)")
		r.f.hook(nil, nil)
		time.Sleep(2 * refusedDelay)
		r.expect()
		r.Retry(e.Key())
		r.finish()
		r.expect("folder-a/a = abc")
		r.expectEmpty()
	})
}

// What a newer version of the program has written is left as it is.
func TestNewerLayoutIsLeftAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake())
		r.file("a", "abc")
		e := r.file("b", "def")
		e.step.Lock()
		r.must(e.grow(drafts))
		e.step.Unlock()
		r.end()
		r.must(os.WriteFile(filepath.Join(r.cfg.Dir, "VERSION"), []byte("3\n"), 0o600))
		look := func() (all []string) {
			r.must(filepath.WalkDir(r.cfg.Dir, func(path string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() || d.Name() == "LOCK" {
					return err
				}
				b, err := os.ReadFile(path)
				all = append(all, path+" "+string(b))
				return err
			}))
			return all
		}
		was := look()
		if s, err := Open(r.cfg); err == nil {
			r.must(s.Close())
			t.Error("opened")
		} else if !strings.Contains(err.Error(), r.cfg.Dir) || !strings.Contains(err.Error(), "another version") {
			t.Error(err)
		}
		if now := look(); !slices.Equal(was, now) {
			t.Errorf("it was\n%q\nand is\n%q", was, now)
		}
	})
}
