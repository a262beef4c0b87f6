package fs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/world"
)

func TestAFileWrittenIsOneAssetAndReadsBackElsewhere(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		want := noise(1, 45<<20+7) // three parts
		check(t, "mkdir", os.Mkdir(filepath.Join(m.project, "Day 1"), 0o755))
		path := filepath.Join(m.project, "Day 1", "A001.mov")
		check(t, "write", os.WriteFile(path, want, 0o644))
		got, err := os.ReadFile(path)
		check(t, "read while it is leaving", err)
		if !bytes.Equal(got, want) {
			t.Error("what is leaving reads back differently")
		}
		m.settle()
		it, ok := r.there()["Day 1/A001.mov"]
		if !ok || it.Type != "file" || it.Size != int64(len(want)) || it.MediaType != "video/quicktime" {
			t.Fatalf("on Frame.io: %+v", it)
		}
		if !bytes.Equal(r.body(it.ID), want) {
			t.Error("Frame.io has other bytes")
		}
		for _, e := range r.sim.Log().Entries(0) {
			if e.Host != "api" && e.Authorization {
				t.Errorf("%s %s carried a token to the %s host", e.Method, e.Path, e.Host)
			}
		}
		second := r.mount(mountWith{})
		got, err = os.ReadFile(filepath.Join(second.project, "Day 1", "A001.mov"))
		check(t, "read on another machine", err)
		if !bytes.Equal(got, want) {
			t.Error("another machine reads other bytes")
		}
	})
}

func TestInodeAndTimesSurviveUploadVersionAndRemount(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		path := filepath.Join(m.project, "a.txt")
		when := time.Date(2020, 2, 3, 4, 5, 6, 789000000, time.UTC)
		check(t, "write", os.WriteFile(path, []byte("one"), 0o640))
		check(t, "set times", os.Chtimes(path, when, when))
		before := stat(t, path)
		m.settle()
		expect := func(moment, path string) {
			t.Helper()
			now := stat(t, path)
			if now.Ino != before.Ino {
				t.Errorf("%s: inode %d, was %d", moment, now.Ino, before.Ino)
			}
			if got := modTime(now).UTC(); !got.Equal(when) {
				t.Errorf("%s: mtime %v, want %v", moment, got, when)
			}
			if now.Mode&0o777 != 0o640 {
				t.Errorf("%s: mode %o", moment, now.Mode)
			}
		}
		time.Sleep(1100 * time.Millisecond) // the kernel's attributes are a second old at most
		expect("uploaded", path)
		check(t, "write again", os.WriteFile(path, []byte("two two"), 0o640))
		check(t, "set times", os.Chtimes(path, when, when))
		m.settle()
		time.Sleep(1100 * time.Millisecond)
		expect("a version", path)
		m.stop()
		m = r.mount(mountWith{state: m.state})
		expect("remounted", filepath.Join(m.project, "a.txt"))
	})
}

func TestSavingOverIsOneVersion(t *testing.T) {
	save := map[string]func(t *testing.T, path string, content []byte){
		"in place": func(t *testing.T, path string, content []byte) {
			check(t, "write", os.WriteFile(path, content, 0o644))
		},
		"temporary and rename": func(t *testing.T, path string, content []byte) {
			tmp := filepath.Join(filepath.Dir(path), ".doc.txt.Ab3dEf")
			check(t, "write", os.WriteFile(tmp, content, 0o644))
			check(t, "rename", os.Rename(tmp, path))
		},
		"ordinary name and rename": func(t *testing.T, path string, content []byte) {
			tmp := filepath.Join(filepath.Dir(path), "new.txt")
			check(t, "write", os.WriteFile(tmp, content, 0o644))
			check(t, "rename", os.Rename(tmp, path))
		},
		"append": func(t *testing.T, path string, content []byte) {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			check(t, "open", err)
			_, err = f.Write(content[len("first"):])
			check(t, "append", err)
			check(t, "close", f.Close())
		},
	}
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		for how, save := range save {
			t.Run(how, func(t *testing.T) {
				dir := filepath.Join(m.project, how)
				check(t, "mkdir", os.Mkdir(dir, 0o755))
				path := filepath.Join(dir, "doc.txt")
				check(t, "write", os.WriteFile(path, []byte("first"), 0o644))
				m.settle()
				save(t, path, []byte("first and more"))
				m.settle()
				there := r.there()
				it := there[how+"/doc.txt"]
				if it.Type != "version_stack" || len(it.Versions) != 2 {
					t.Fatalf("on Frame.io: %+v", it)
				}
				if got := r.body(head(it)); string(got) != "first and more" {
					t.Errorf("newest version has %q", got)
				}
				if got := r.body(it.Versions[1].ID); string(got) != "first" {
					t.Errorf("older version has %q", got)
				}
				n := 0
				for path := range there {
					if filepath.Dir(path) == how {
						n++
					}
				}
				if n != 1 {
					t.Errorf("%d things in the folder", n)
				}
				got, err := os.ReadFile(path)
				check(t, "read", err)
				if string(got) != "first and more" {
					t.Errorf("reads back %q", got)
				}
			})
		}
	})
}

func TestWhatIsOpenedForWritingAndLeftAloneIsNotUploaded(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		path := filepath.Join(m.project, "a.bin")
		check(t, "write", os.WriteFile(path, noise(2, 1000), 0o644))
		m.settle()
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		check(t, "open", err)
		b, err := io.ReadAll(f)
		check(t, "read", err)
		if !bytes.Equal(b, noise(2, 1000)) {
			t.Error("reads other bytes")
		}
		check(t, "close", f.Close())
		m.settle()
		if it := r.there()["a.bin"]; it.Type != "file" {
			t.Errorf("on Frame.io: %+v", it)
		}
	})
}

func TestNamesThatStay(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		for _, name := range []string{".DS_Store", "._film.mov", "~$script.docx", "film.mov.part", "empty.txt"} {
			content := []byte("x")
			if name == "empty.txt" {
				content = nil
			}
			check(t, "write", os.WriteFile(filepath.Join(m.project, name), content, 0o644))
		}
		m.settle()
		if there := r.there(); len(there) != 0 {
			t.Errorf("on Frame.io: %v", there)
		}
		check(t, "rename", os.Rename(filepath.Join(m.project, "film.mov.part"), filepath.Join(m.project, "film.mov")))
		m.settle()
		if it, ok := r.there()["film.mov"]; !ok || it.Size != 1 {
			t.Errorf("on Frame.io: %v", r.there())
		}
	})
}

func TestUnlinkAndRenameBeforeDuringAndAfterUpload(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{settle: 200 * time.Millisecond})
		in := func(name string) string { return filepath.Join(m.project, name) }
		check(t, "mkdir", os.Mkdir(in("dir"), 0o755))

		check(t, "write", os.WriteFile(in("deleted"), []byte("x"), 0o644))
		check(t, "unlink", os.Remove(in("deleted")))
		check(t, "write", os.WriteFile(in("before"), []byte("before"), 0o644))
		check(t, "rename", os.Rename(in("before"), in("dir/before")))
		check(t, "write", os.WriteFile(in("after"), []byte("after"), 0o644))
		m.settle()
		check(t, "rename", os.Rename(in("after"), in("dir/after 2")))

		check(t, "slow down", r.sim.Faults().AddText("slow=400ms@upload"))
		check(t, "write", os.WriteFile(in("during"), []byte("during"), 0o644))
		time.Sleep(400 * time.Millisecond) // it has rested, and its only part is on its way
		check(t, "rename", os.Rename(in("during"), in("dir/during 2")))
		check(t, "write", os.WriteFile(in("gone"), []byte("gone"), 0o644))
		time.Sleep(400 * time.Millisecond)
		check(t, "unlink", os.Remove(in("gone")))
		m.settle()

		there := r.there()
		for path, want := range map[string]string{"dir/before": "before", "dir/after 2": "after", "dir/during 2": "during"} {
			it, ok := there[path]
			if !ok {
				t.Errorf("%q is missing", path)
				continue
			}
			if got := string(r.body(it.ID)); got != want {
				t.Errorf("%q has %q", path, got)
			}
			got, err := os.ReadFile(in(path))
			if err != nil || string(got) != want {
				t.Errorf("%q reads as %q, %v", path, got, err)
			}
			delete(there, path)
		}
		delete(there, "dir")
		for path, it := range there {
			if it.Complete {
				t.Errorf("%q should not be there", path)
			}
		}
		if err := os.Remove(in("dir")); !errors.Is(err, syscall.ENOTEMPTY) {
			t.Errorf("rmdir of a full folder: %v", err)
		}
		check(t, "remove all", os.RemoveAll(in("dir")))
		if _, ok := r.there()["dir"]; ok {
			t.Error("the folder is still there")
		}
	})
}

func stat(t *testing.T, path string) *syscall.Stat_t {
	t.Helper()
	fi, err := os.Stat(path)
	check(t, "stat", err)
	return fi.Sys().(*syscall.Stat_t)
}

// RELEASE comes when the kernel has time, so a wait right after close(2) must not miss the file.
func TestAWaitRightAfterCloseWaits(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{settle: time.Hour})
		for i := range 20 {
			name := fmt.Sprintf("%d.txt", i)
			check(t, "write", os.WriteFile(filepath.Join(m.project, name), []byte(name), 0o644))
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			stop := make(chan struct{})
			go func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(10 * time.Millisecond):
						m.spool.Hurry()
					}
				}
			}()
			check(t, "wait", m.spool.Wait(ctx, nil))
			close(stop)
			cancel()
			if it := r.there()[name]; !it.Complete {
				t.Fatalf("%s is not on Frame.io after the wait: %+v", name, it)
			}
		}
	})
}

func TestRenameOfWhatIsOpenForWritingButNotModified(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		in := func(name string) string { return filepath.Join(m.project, name) }
		for _, modified := range []bool{false, true} {
			check(t, "write", os.WriteFile(in("old"), []byte("film"), 0o644))
			m.settle()
			f, err := os.OpenFile(in("old"), os.O_RDWR, 0)
			check(t, "open", err)
			check(t, "rename", os.Rename(in("old"), in("new")))
			want := "film"
			if modified {
				_, err := f.WriteAt([]byte("F"), 0)
				check(t, "write", err)
				want = "Film"
			}
			check(t, "close", f.Close())
			m.settle()
			there := r.there()
			if it, ok := there["new"]; !ok || len(there) != 1 || string(r.body(head(it))) != want {
				t.Errorf("modified %v: on Frame.io: %+v", modified, there)
			}
			got, err := os.ReadFile(in("new"))
			if err != nil || string(got) != want {
				t.Errorf("modified %v: reads as %q, %v", modified, got, err)
			}
			check(t, "remove", os.Remove(in("new")))
		}
	})
}

func TestRenameOfAChangedFileBeforeItLeaves(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		for _, follows := range []world.StackName{world.StackNameFirst, world.StackNameHead} {
			r := newRig(t, api, func(c *sim.Config) { c.Behaviour.StackName = follows })
			m := r.mount(mountWith{})
			in := func(name string) string { return filepath.Join(m.project, name) }
			name := "take 0"
			for i, content := range []string{"one", "two two", "three"} {
				next := fmt.Sprintf("take %d", i+1)
				check(t, "write", os.WriteFile(in(name), []byte(content), 0o644))
				err := os.Rename(in(name), in(next))
				if api == "v4" && follows == world.StackNameFirst && i == 2 {
					// A stack that does not follow its newest file cannot be renamed there: refused at once, and nothing changes.
					if !errors.Is(err, syscall.EPERM) {
						t.Errorf("rename of a stack: %v", err)
					}
				} else {
					check(t, "rename", err)
					name = next
				}
				m.settle()
				there := r.there()
				it, ok := there[name]
				if !ok || len(there) != 1 || string(r.body(head(it))) != content {
					t.Errorf("stack names %q, save %d: on Frame.io: %+v", follows, i+1, there)
				}
				got, err := os.ReadFile(in(name))
				if err != nil || string(got) != content {
					t.Errorf("stack names %q, save %d: reads as %q, %v", follows, i+1, got, err)
				}
			}
		}
	})
}
