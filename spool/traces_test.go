package spool

import (
	"io/fs"
	"testing"
	"time"
)

// TestTraces replays what real programs were seen to do, and asks what is on Frame.io in the end.
func TestTraces(t *testing.T) {
	var signalled = Closing{Signalled: true, PID: 7}
	for _, c := range []struct {
		name string
		do   func(t *testing.T, r *rig)
		want []string
		held []string // names that stay here
	}{
		{name: "cp", do: func(t *testing.T, r *rig) { r.file("a", "abc") }, want: []string{"folder-a/a = abc"}},
		{name: "cp -p: times before the close", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h := r.opened(e, true)
			r.put(h, 0, "abc")
			at := time.Unix(1e9, 5)
			r.must(e.SetAttr(Attr{Mtime: at, Mode: 0o640}))
			r.shut(h)
			if a := e.Attr(); !a.Mtime.Equal(at) || a.Mode != 0o640 {
				t.Errorf("attributes are %+v", a)
			}
		}, want: []string{"folder-a/a = abc"}},
		{name: "install, unzip: attributes after the release", do: func(t *testing.T, r *rig) {
			e := r.file("a", "abc")
			r.must(e.SetAttr(Attr{Mode: 0o755, Mtime: time.Unix(1e9, 0)}))
		}, want: []string{"folder-a/a = abc"}},
		{name: "rsync: closed under a temporary name, read, renamed", do: func(t *testing.T, r *rig) {
			e := r.file(".film.mov.Xa3f9Q", "abc")
			h := r.opened(e, false)
			r.must(e.SetAttr(Attr{Mode: 0o644}))
			r.must(h.Flush(t.Context(), Closing{}))
			h.Release()
			time.Sleep(20 * time.Millisecond)
			r.must(e.Retarget(Target{Parent: folderA, Name: "film.mov"}))
		}, want: []string{"folder-a/film.mov = abc"}},
		{name: "rsync that pauses for a minute before the rename", do: func(t *testing.T, r *rig) {
			e := r.file(".film.mov.Xa3f9Q", "abc")
			time.Sleep(time.Minute)
			if i := e.Info(); i.Stage != Held || !i.Quiet || i.Reason == "" {
				t.Errorf("it is %+v", i)
			}
			r.must(e.Retarget(Target{Parent: folderA, Name: "film.mov"}))
		}, want: []string{"folder-a/film.mov = abc"}},
		{name: "rsync --delay-updates: two renames", do: func(t *testing.T, r *rig) {
			e := r.file(".x.Xa3f9Q", "abc")
			r.must(e.Retarget(Target{Parent: folderB, Name: "x"}))
			r.must(e.Retarget(Target{Parent: folderA, Name: "x"}))
		}, want: []string{"folder-a/x = abc"}},
		{name: "rsync --inplace: reader and writer together, size at the end", do: func(t *testing.T, r *rig) {
			old := r.f.put(folderA, "a", "old content")
			e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{}, "", r.was(old, &memBase{s: "old content"}), false)
			r.must(err)
			rd, wr := r.opened(e, false), r.opened(e, true)
			r.put(wr, 0, "new")
			r.must(wr.Truncate(t.Context(), 3))
			r.shut(wr)
			if got := r.read(rd); got != "new" {
				t.Errorf("the reader sees %q", got)
			}
			r.shut(rd)
		}, want: []string{"folder-a/a = new | old content"}},
		{name: "rsync --append: a write at the old end", do: func(t *testing.T, r *rig) {
			old := r.f.put(folderA, "a", "old")
			e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{}, "", r.was(old, &memBase{s: "old"}), false)
			r.must(err)
			h := r.opened(e, true)
			r.put(h, 3, "er")
			r.must(h.Truncate(t.Context(), 5))
			r.shut(h)
		}, want: []string{"folder-a/a = older | old"}},
		{name: "cp over an existing file", do: func(t *testing.T, r *rig) {
			old := r.f.put(folderA, "a", "old")
			e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{}, "", r.was(old, &memBase{s: "old", err: fs.ErrInvalid}), false)
			r.must(err)
			h := r.opened(e, true)
			r.must(h.Truncate(t.Context(), 0)) // must not read the old bytes
			r.put(h, 0, "new")
			r.shut(h)
		}, want: []string{"folder-a/a = new | old"}},
		{name: "cp over an existing file with O_TRUNC", do: func(t *testing.T, r *rig) {
			old := r.f.put(folderA, "a", "old")
			e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{}, "", r.was(old, nil), true)
			r.must(err)
			h := r.opened(e, true)
			r.put(h, 0, "new")
			r.shut(h)
		}, want: []string{"folder-a/a = new | old"}},
		{name: "opened for writing and closed again", do: func(t *testing.T, r *rig) {
			old, closed := r.f.put(folderA, "a", "old"), 0
			e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{}, "", r.was(old, &memBase{s: "old", closed: &closed}), false)
			r.must(err)
			if !r.Claimed(old.ID) {
				t.Error("the asset is shown beside the entry")
			}
			h := r.opened(e, true)
			if got := r.read(h); got != "old" {
				t.Errorf("reads %q", got)
			}
			r.shut(h)
			if closed != 1 || r.Find("folder-a", "a") != nil || r.Claimed(old.ID) {
				t.Errorf("a clean entry stays: base closed %d times", closed)
			}
		}, want: []string{"folder-a/a = old"}},
		{name: "ffmpeg: the header is patched at the end", do: func(t *testing.T, r *rig) {
			e := r.create("a.mp4")
			h := r.opened(e, true)
			r.put(h, 0, "????body")
			r.put(h, 0, "head")
			r.put(h, 8, "moov")
			r.shut(h)
		}, want: []string{"folder-a/a.mp4 = headbodymoov"}},
		{name: "ffmpeg +faststart: a reader comes and goes", do: func(t *testing.T, r *rig) {
			e := r.create("a.mp4")
			h := r.opened(e, true)
			r.put(h, 0, "body")
			rd := r.opened(e, false)
			r.put(h, 0, "moovbody")
			r.shut(rd)
			time.Sleep(time.Minute) // a long shift: the reader's end is not the writer's
			r.put(h, 8, "!")
			r.shut(h)
		}, want: []string{"folder-a/a.mp4 = moovbody!"}},
		{name: "zip: probe deleted, temporary renamed", do: func(t *testing.T, r *rig) {
			p := r.create("t.zip")
			r.shut(r.opened(p, true))
			r.must(p.Discard())
			e := r.file("ziA1b2C3", "PK")
			r.must(e.Retarget(Target{Parent: folderA, Name: "t.zip"}))
		}, want: []string{"folder-a/t.zip = PK"}},
		{name: "sed -i", do: func(t *testing.T, r *rig) {
			old := r.f.put(folderA, "a", "old")
			e := r.file("sedA1b2C3", "new")
			r.must(e.Retarget(Target{Parent: folderA, Name: "a", Replaces: old}))
		}, want: []string{"folder-a/a = new | old"}},
		{name: "dd: a flush before the first write", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h := r.opened(e, true)
			r.must(h.Flush(t.Context(), Closing{}))
			time.Sleep(time.Minute)
			r.put(h, 0, "abc")
			r.shut(h)
		}, want: []string{"folder-a/a = abc"}},
		{name: "touch", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h := r.opened(e, true)
			r.must(h.Flush(t.Context(), Closing{}))
			r.must(e.SetAttr(Attr{Mtime: time.Now()}))
			r.shut(h)
		}, held: []string{"a"}},
		{name: "truncate -s", do: func(t *testing.T, r *rig) {
			h := r.opened(r.create("a"), true)
			r.must(h.Truncate(t.Context(), 3))
			r.shut(h)
		}, want: []string{"folder-a/a = \x00\x00\x00"}},
		{name: "truncate by path", do: func(t *testing.T, r *rig) {
			e := r.file("a", "abcdef")
			r.finish()
			file := r.f.assets["file-1"].Ref
			e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: file}, Attr{}, e.Key(), r.was(file, &memBase{s: "abcdef"}), false)
			r.must(err)
			r.must(e.Truncate(t.Context(), 2))
		}, want: []string{"folder-a/a = ab | abcdef"}},
		{name: "fallocate", do: func(t *testing.T, r *rig) {
			h := r.opened(r.create("a"), true)
			r.must(h.Allocate(t.Context(), 0, 100, true))
			if h.Entry().Size() != 0 {
				t.Error("allocating changed the size")
			}
			r.must(h.Allocate(t.Context(), 0, 2, false))
			r.shut(h)
		}, want: []string{"folder-a/a = \x00\x00"}},
		{name: "open, append, close in a loop", do: func(t *testing.T, r *rig) {
			e := r.file("a", "0")
			for i := range 4 {
				h := r.opened(e, true)
				r.put(h, e.Size(), string(rune('1'+i)))
				r.shut(h)
				time.Sleep(time.Second)
			}
		}, want: []string{"folder-a/a = 01234"}},
		{name: "dup and fork: four flushes, one release", do: func(t *testing.T, r *rig) {
			h := r.opened(r.create("a"), true)
			for i := range 4 {
				r.put(h, int64(i), string(rune('1'+i)))
				r.must(h.Flush(t.Context(), Closing{}))
				time.Sleep(10 * time.Second)
			}
			h.Release()
		}, want: []string{"folder-a/a = 1234"}},
		{name: "two writers", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h1, h2 := r.opened(e, true), r.opened(e, true)
			r.put(h1, 0, "ab")
			r.shut(h1)
			time.Sleep(time.Minute)
			r.put(h2, 2, "cd")
			r.shut(h2)
		}, want: []string{"folder-a/a = abcd"}},
		{name: "mmap: writes after the last flush", do: func(t *testing.T, r *rig) {
			h := r.opened(r.create("a"), true)
			r.must(h.Truncate(t.Context(), 4))
			r.must(h.Flush(t.Context(), Closing{}))
			time.Sleep(time.Minute)
			r.put(h, 0, "mmap")
			h.Release()
		}, want: []string{"folder-a/a = mmap"}},
		{name: "unlink while open", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h := r.opened(e, true)
			r.put(h, 0, "abc")
			r.must(e.Discard())
			r.put(h, 3, "def")
			if got := r.read(h); got != "abcdef" {
				t.Errorf("reads %q", got)
			}
			r.shut(h)
		}},
		{name: "rename while open", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h := r.opened(e, true)
			r.put(h, 0, "abc")
			r.must(e.Retarget(Target{Parent: folderB, Name: "b"}))
			r.put(h, 3, "d")
			r.shut(h)
		}, want: []string{"folder-b/b = abcd"}},
		{name: "placeholder made, deleted, made again", do: func(t *testing.T, r *rig) {
			p := r.create("a.mov")
			r.shut(r.opened(p, true))
			r.must(p.Discard())
			h := r.opened(r.create("a.mov"), true)
			r.put(h, 4, "body")
			r.put(h, 0, "head")
			r.shut(h)
		}, want: []string{"folder-a/a.mov = headbody"}},
		{name: "safe save over a file on Frame.io", do: func(t *testing.T, r *rig) {
			doc := r.f.put(folderA, "doc", "v1")
			e := r.file("doc.sb-12345678-AbCdEf", "v2")
			r.must(e.Sync(t.Context()))
			r.must(e.Retarget(Target{Parent: folderA, Name: "doc", Replaces: doc}))
		}, want: []string{"folder-a/doc = v2 | v1"}},
		{name: "safe save over a file that is still here", do: func(t *testing.T, r *rig) {
			r.file("doc", "v1")
			time.Sleep(time.Second)
			e := r.file("doc.tmp", "v2")
			r.must(e.Retarget(Target{Parent: folderA, Name: "doc"}))
		}, want: []string{"folder-a/doc = v2"}},
		{name: "vim's swap files", do: func(t *testing.T, r *rig) {
			s := r.file(".doc.swp", "swap")
			r.must(r.file(".doc.swx", "").Discard())
			h := r.opened(r.create("doc"), true)
			r.put(h, 0, "text")
			r.must(h.Sync(t.Context()))
			r.shut(h)
			time.Sleep(time.Minute)
			r.must(s.Discard())
		}, want: []string{"folder-a/doc = text"}},
		{name: "a killed writer", do: func(t *testing.T, r *rig) {
			h := r.opened(r.create("a"), true)
			r.put(h, 0, "abc")
			r.must(h.Flush(t.Context(), signalled))
			h.Release()
		}, held: []string{"a"}},
		{name: "a killed writer, then written again", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h := r.opened(e, true)
			r.put(h, 0, "abc")
			r.must(h.Flush(t.Context(), signalled))
			h.Release()
			time.Sleep(time.Minute)
			h = r.opened(e, true)
			r.put(h, 3, "def")
			r.shut(h)
		}, want: []string{"folder-a/a = abcdef"}},
		{name: "one of two writers is killed", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h1, h2 := r.opened(e, true), r.opened(e, true)
			r.put(h1, 0, "abc")
			r.must(h1.Flush(t.Context(), signalled))
			h1.Release()
			r.put(h2, 3, "def")
			r.shut(h2)
		}, want: []string{"folder-a/a = abcdef"}},
		{name: "a child is killed, its parent closes", do: func(t *testing.T, r *rig) {
			h := r.opened(r.create("a"), true)
			r.put(h, 0, "abc")
			r.must(h.Flush(t.Context(), signalled))
			r.must(h.Flush(t.Context(), Closing{}))
			h.Release()
		}, want: []string{"folder-a/a = abc"}},
		{name: "who only looked is killed", do: func(t *testing.T, r *rig) {
			e := r.file("a", "abc")
			h := r.opened(e, true)
			r.must(h.Flush(t.Context(), signalled))
			h.Release()
		}, want: []string{"folder-a/a = abc"}},
		{name: "backup made by renaming a waiting file", do: func(t *testing.T, r *rig) {
			e := r.file("doc", "v1")
			time.Sleep(500 * time.Millisecond)
			r.must(e.Retarget(Target{Parent: folderA, Name: "doc~"}))
			r.file("doc", "v2")
		}, want: []string{"folder-a/doc = v2"}, held: []string{"doc~"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				r := newRig(t, newFake()).start()
				c.do(t, r)
				r.finish()
				r.expect(c.want...)
				var names []string
				for _, i := range r.All() {
					if i.Stage != Held {
						t.Errorf("%s is left, %s", i.Name, i.Stage)
					}
					names = append(names, i.Name)
				}
				if len(names) != len(c.held) || len(names) > 0 && names[0] != c.held[0] {
					t.Errorf("held are %q, want %q", names, c.held)
				}
				if len(c.held) == 0 {
					r.expectEmpty()
				}
				if n := r.f.count("create"); n > 2 {
					t.Errorf("%d assets were begun", n)
				}
			})
		})
	}
}
