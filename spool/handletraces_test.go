package spool

import (
	"testing"
	"time"
)

// handleTraces are those of files that are held in many ways, and of writers that are killed.
func handleTraces() []trace {
	return []trace{
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
		}, want: []string{"folder-a/a = ab | abcdef"}, made: 2},
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
	}
}
