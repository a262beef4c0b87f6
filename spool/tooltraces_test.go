package spool

import (
	"io/fs"
	"testing"
	"time"
)

// toolTraces are those of tools that copy, unpack and export.
func toolTraces() []trace {
	return []trace{
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
		}, want: []string{"folder-a/a = old"}, made: none},
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
	}
}
