package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// footage is content of which several blocks and a copy are worth while.
var footage = strings.Repeat("0123456789abcdef", 10*blockSize/16) + "the end"

// large is a rig whose Frame.io takes parts of a size that films come in.
func large(t *testing.T, tune ...func(*fake)) *rig {
	f := newFake()
	f.partSize = 1 << 20
	for _, g := range tune {
		g(f)
	}
	return newRig(t, f)
}

// clone copies a footage into a new file, in two steps as the kernel does with large ones.
func (r *rig) clone(from remote.Ref, name string) (*Entry, *Handle) {
	r.t.Helper()
	src := r.was(from, nil)
	e := r.create(name)
	h := r.opened(e, true)
	half := src.Size / 3
	r.must(h.Clone(r.t.Context(), src, 0, half))
	r.must(h.Clone(r.t.Context(), src, half, src.Size-half))
	return e, h
}

func (r *rig) noPuts() {
	r.t.Helper()
	if n := r.f.count("put"); n > 0 {
		r.t.Errorf("%d parts were sent", n)
	}
}

func TestCloneIsCopiedThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := large(t, func(f *fake) { f.sums = true }).start()
		from := r.f.put(folderA, "a", footage)
		e, h := r.clone(from, "b")
		if got := r.read(h); got != footage {
			t.Error("it reads as something else")
		}
		if i := e.Info(); i.CopyOf != "a" || i.Missing != i.Size {
			t.Errorf("%+v", i)
		}
		r.shut(h)
		r.must(e.Retarget(Target{Parent: folderB, Name: "c"}))
		r.finish()
		r.expect("folder-a/a = "+seen(footage), "folder-b/c = "+seen(footage))
		r.noPuts()
		if r.f.count("copy") != 1 || r.f.count("create") > 0 {
			t.Errorf("calls: %v", r.f.calls)
		}
		r.expectTold("c = ")
		r.expectEmpty()
	})
}

// Over an existing asset a copy is a version.
func TestCloneOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := large(t).start()
		from := r.f.put(folderA, "a", footage)
		old := r.f.put(folderA, "b", "old")
		e, err := r.Change(Target{Parent: folderA, Name: "b", Replaces: old}, Attr{}, "", r.was(old, nil), true)
		r.must(err)
		h := r.opened(e, true)
		r.must(h.Clone(t.Context(), r.was(from, nil), 0, int64(len(footage))))
		r.shut(h)
		r.finish()
		r.expect("folder-a/a = "+seen(footage), "folder-a/b = "+seen(footage)+" | old")
		r.noPuts()
	})
}

// What is changed in a clone, or copied in part, is fetched and sent.
func TestCloneChanged(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(r *rig, h *Handle)
		want string
	}{
		"written":  {func(r *rig, h *Handle) { r.put(h, 5, "NEW") }, footage[:5] + "NEW" + footage[8:]},
		"appended": {func(r *rig, h *Handle) { r.put(h, int64(len(footage)), "more") }, footage + "more"},
		"cut":      {func(r *rig, h *Handle) { r.must(h.Truncate(r.t.Context(), 10)) }, footage[:10]},
		"cut and longer again": {func(r *rig, h *Handle) {
			r.must(h.Truncate(r.t.Context(), 10))
			r.must(h.Truncate(r.t.Context(), int64(len(footage))))
		}, footage[:10] + strings.Repeat("\x00", len(footage)-10)},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := large(t).start()
				from := r.f.put(folderA, "a", footage)
				_, h := r.clone(from, "b")
				test.do(r, h)
				if got := r.read(h); got != test.want {
					t.Error("it reads as something else")
				}
				r.shut(h)
				r.finish()
				r.expect("folder-a/a = "+seen(footage), "folder-a/b = "+seen(test.want))
				if r.f.count("copy") > 0 {
					t.Error("it was copied all the same")
				}
			})
		})
	}
}

func TestCloneRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := large(t)
		src := r.was(r.f.put(folderA, "a", footage), nil)
		alien := src
		alien.Account = "another"
		h := r.opened(r.create("b"), true)
		n := int64(len(footage))
		for i, c := range []struct {
			src    remote.Item
			off, n int64
		}{{src, 1, 10}, {src, 0, n + 1}, {src, 0, 0}, {alien, 0, n}, {remote.Item{}, 0, 1}} {
			if err := h.Clone(t.Context(), c.src, c.off, c.n); !errors.Is(err, syscall.EXDEV) {
				t.Errorf("%d: %v", i, err)
			}
		}
		r.put(h, 0, "x")
		if err := h.Clone(t.Context(), src, 0, n); !errors.Is(err, syscall.EXDEV) {
			t.Errorf("into a file that has bytes: %v", err)
		}
		r.shut(h)
	})
}

// Whatever becomes of a copy there, the file arrives, once.
func TestCloneTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		tune func(f *fake)
		puts bool // it has to be sent
	}{
		"refused":     {func(f *fake) { f.hook(fails("copy", remote.ErrRefused), nil) }, true},
		"no right":    {func(f *fake) { f.hook(fails("copy", fs.ErrPermission), nil) }, true},
		"other bytes": {func(f *fake) { f.miscopy = true }, true},
		"lost answer": {func(f *fake) {
			n := 0
			f.hook(nil, func(op, _ string) error {
				if n++; op == "copy" && n < 4 {
					return fmt.Errorf("lost: %w", remote.ErrOffline)
				}
				return nil
			})
		}, false},
		"slow":   {func(f *fake) { f.assemble = time.Minute }, false},
		"faults": {func(f *fake) { f.faults = 0.3 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := large(t, c.tune).start()
				_, h := r.clone(r.f.put(folderA, "a", footage), "b")
				r.shut(h)
				r.finish()
				r.expect("folder-a/a = "+seen(footage), "folder-a/b = "+seen(footage))
				if puts := r.f.count("put") > 0; puts != c.puts {
					t.Errorf("sent: %v", puts)
				}
				r.expectEmpty()
			})
		})
	}
}

// Wherever the program dies, the copy is there once after the next start.
// A copy that Frame.io has made is changed before it has settled, when its source is deleted already.
func TestCloneChangedWithoutItsSource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f).start()
		src := f.put(folderA, "src", long)
		e := r.create("copy")
		h := r.opened(e, true)
		r.must(h.Clone(t.Context(), r.was(src, nil), 0, int64(len(long))))
		r.shut(h)
		f.hook(fails("rename", remote.ErrOffline), nil) // it is there, but not in its place
		for f.count("stat") == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		r.must(r.Spare(t.Context(), r.was(src, nil)))
		r.must(f.Delete(t.Context(), src))
		h = r.opened(e, true)
		r.put(h, 3, "NEW")
		r.shut(h)
		f.hook(nil, nil)
		r.finish()
		if all := r.All(); len(all) > 0 {
			t.Errorf("left: %+v", all)
		}
		r.expect("folder-a/copy = " + seen(long[:3]+"NEW"+long[6:]) + " | " + seen(long))
	})
}

func TestCloneKilled(t *testing.T) {
	var h *Handle
	var e *Entry
	a := "folder-a/a = " + seen(long)
	both, moved := a+"\nfolder-a/b = "+seen(long), a+"\nfolder-b/c = "+seen(long)
	acts := []act{
		{"clone", func(t *testing.T, r *rig) {
			src := r.was(r.f.put(folderA, "a", long), nil)
			e = r.create("b")
			h = r.opened(e, true)
			r.must(h.Clone(t.Context(), src, 0, src.Size))
		}, []string{"", a, both}},
		{"close", func(t *testing.T, r *rig) { r.shut(h) }, []string{both}},
		{"reach uploading", func(t *testing.T, r *rig) { r.reach(e, Uploading) }, []string{both}},
		{"rename", func(t *testing.T, r *rig) { r.must(e.Retarget(Target{Parent: folderB, Name: "c"})) }, []string{moved}},
		{"arrive", func(t *testing.T, r *rig) { r.finish() }, []string{moved}},
	}
	bubble(t, func(t *testing.T) {
		for _, shot := range tell(t, acts, 1) {
			shot.resume(t, acts)
		}
	})
}

// Who is about to delete the source waits until it is not needed any more.
func TestSpare(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := large(t).start()
		src := r.was(r.f.put(folderA, "a", footage), nil)
		_, h := r.clone(src.Ref, "b")
		r.shut(h)
		r.must(r.Spare(t.Context(), src))
		r.must(r.f.Delete(t.Context(), src.Ref))
		r.finish()
		r.expect("folder-a/b = " + seen(footage))
		r.noPuts()

		src = r.was(r.f.put(folderA, "c", footage), nil)
		_, h = r.clone(src.Ref, "d")
		r.must(r.Spare(t.Context(), src)) // while it is open
		r.must(r.f.Delete(t.Context(), src.Ref))
		r.shut(h)
		r.finish()
		r.expect("folder-a/b = "+seen(footage), "folder-a/d = "+seen(footage))
	})
}

// The same bytes again are not sent again, but only while what was sent is there as it was.
func TestKnownContent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		long := strings.Repeat(footage, minCopy/len(footage)+1)
		r := large(t, func(f *fake) { f.sums = true })
		r.start()
		r.file("a", long)
		r.finish()
		puts := r.f.count("put")
		r.file("b", long)
		r.finish()
		if r.f.count("put") != puts || r.f.count("copy") != 1 {
			t.Errorf("calls: %v", r.f.calls)
		}
		r.expect("folder-a/a = "+seen(long), "folder-a/b = "+seen(long))

		r.end()
		r.open() // it is known to the next run
		r.start()
		r.file("c", strings.Replace(long, "0", "x", 1)) // as long, but other bytes
		r.finish()
		if r.f.count("put") != 2*puts || r.f.count("copy") != 1 {
			t.Errorf("other bytes: %v", r.f.calls)
		}
		for _, a := range r.f.assets {
			if a.Name != "c" {
				r.must(r.f.Delete(t.Context(), a.Ref))
			}
		}
		r.file("d", long)
		r.finish()
		if r.f.count("put") != 3*puts {
			t.Errorf("after a and b were deleted: %v", r.f.calls)
		}
	})
}

func TestKnownIsBounded(t *testing.T) {
	k := known{}
	k.load(t.TempDir())
	for i := range 3 * maxKnown {
		k.add(knownFile{int64(i), origin{File: remote.Ref{ID: remote.ID(fmt.Sprint(i))}}})
	}
	var again known
	again.load(strings.TrimSuffix(k.path, knownName))
	if len(k.files) != maxKnown || len(again.files) != maxKnown || again.lines > 2*maxKnown {
		t.Errorf("%d, %d of %d lines", len(k.files), len(again.files), again.lines)
	}
	again.forget(remote.Ref{ID: remote.ID(fmt.Sprint(3*maxKnown - 1))})
	if len(again.of("", 3*maxKnown-1)) != 0 || len(again.of("", 3*maxKnown-2)) != 1 {
		t.Error("forgets another one")
	}
}
