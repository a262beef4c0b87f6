package spool

import (
	"fmt"
	"testing"
	"time"
)

// saveTraces are those of what saves again and again, or as few do.
func saveTraces() []trace {
	return []trace{
		{name: "rsync --inplace to a new name: everything after the close", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h := r.opened(e, true)
			r.put(h, 0, "abc")
			r.must(h.Truncate(t.Context(), 3))
			r.shut(h)
			r.must(e.SetAttr(Attr{Mtime: time.Unix(1e9, 0)}))
			rd := r.opened(e, false)
			r.must(e.SetAttr(Attr{Mode: 0o640}))
			r.shut(rd)
		}, want: []string{"folder-a/a = abc"}},
		{name: "tar x: times, owner and mode before the close", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h := r.opened(e, true)
			r.put(h, 0, "abc")
			uid := uint32(1000)
			for _, a := range []Attr{{Mtime: time.Unix(1e9, 0)}, {UID: &uid, GID: &uid}, {Mode: 0o600}} {
				r.must(e.SetAttr(a))
			}
			r.shut(h)
		}, want: []string{"folder-a/a = abc"}},
		{name: "curl, tee: many small writes", do: func(t *testing.T, r *rig) {
			h := r.opened(r.create("a"), true)
			for i := range 300 {
				r.put(h, int64(3*i), fmt.Sprintf("%03d", i))
			}
			r.shut(h)
		}, want: []string{"folder-a/a = " + seen(counted(300))}},
		{name: "cat >>: a flush, then an append to what is on Frame.io", do: func(t *testing.T, r *rig) {
			old := r.f.put(folderA, "a", "old")
			e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{}, "", r.was(old, &memBase{s: "old"}), false)
			r.must(err)
			h := r.opened(e, true)
			r.must(h.Flush(t.Context(), Closing{}))
			r.put(h, 3, "er")
			r.shut(h)
		}, want: []string{"folder-a/a = older | old"}},
		{name: "an image sequence", do: func(t *testing.T, r *rig) {
			for i := range 5 {
				r.file(fmt.Sprintf("shot_%d.png", i), fmt.Sprint("frame ", i))
			}
		}, want: []string{"folder-a/shot_0.png = frame 0", "folder-a/shot_1.png = frame 1", "folder-a/shot_2.png = frame 2",
			"folder-a/shot_3.png = frame 3", "folder-a/shot_4.png = frame 4"}},
		{name: "vim over a file on Frame.io: truncated, written, synced", do: func(t *testing.T, r *rig) {
			old := r.f.put(folderA, "doc", "v1")
			swap := r.file(".doc.swp", "swap")
			e, err := r.Change(Target{Parent: folderA, Name: "doc", Replaces: old}, Attr{}, "", r.was(old, &memBase{s: "v1"}), false)
			r.must(err)
			h := r.opened(e, true)
			r.must(h.Truncate(t.Context(), 0))
			r.put(h, 0, "v2")
			r.must(h.Sync(t.Context()))
			r.must(e.SetAttr(Attr{Mode: 0o644}))
			r.shut(h)
			r.must(swap.Discard())
		}, want: []string{"folder-a/doc = v2 | v1"}},
		{name: "sqlite: a journal for each transaction", do: func(t *testing.T, r *rig) {
			db := r.opened(r.create("a.db"), true)
			for i := range 3 {
				j := r.create("a.db-journal")
				h := r.opened(j, true)
				r.put(h, 0, "before")
				r.must(h.Sync(t.Context()))
				r.put(db, int64(i), fmt.Sprint(i))
				r.must(db.Sync(t.Context()))
				r.shut(h)
				r.must(j.Discard())
				time.Sleep(10 * time.Second)
			}
			r.shut(db)
		}, want: []string{"folder-a/a.db = 012"}},
		{name: "git: a lock becomes the file", do: func(t *testing.T, r *rig) {
			r.must(r.file("config.lock", "one").Retarget(Target{Parent: folderA, Name: "config"}))
			time.Sleep(100 * time.Millisecond)
			r.must(r.file("config.lock", "two").Retarget(Target{Parent: folderA, Name: "config"}))
		}, want: []string{"folder-a/config = two"}},
		{name: "Finder: made, emptied, written, then attributes", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			beside := r.file("._a", "finder")
			h := r.opened(e, true)
			r.must(h.Truncate(t.Context(), 0))
			r.put(h, 0, "abc")
			r.must(e.SetAttr(Attr{Mtime: time.Unix(1e9, 0)}))
			r.must(e.SetAttr(Attr{Mode: 0o644}))
			r.shut(h)
			r.must(e.SetAttr(Attr{Mtime: time.Unix(1e9, 0)}))
			r.must(beside.Discard())
		}, want: []string{"folder-a/a = abc"}},
		{name: "safe save through a backup, all of it still here", do: func(t *testing.T, r *rig) {
			doc := r.file("doc", "v1")
			time.Sleep(time.Second)
			e := r.file("doc.tmp", "v2")
			r.must(doc.Retarget(Target{Parent: folderA, Name: "doc.bak"}))
			r.must(e.Retarget(Target{Parent: folderA, Name: "doc"}))
			r.must(doc.Discard())
		}, want: []string{"folder-a/doc = v2"}},
		{name: "ten saves in ten seconds", do: func(t *testing.T, r *rig) {
			doc := r.f.put(folderA, "doc", "v0")
			for i := range 10 {
				e := r.file("doc.tmp", fmt.Sprint("v", i+1))
				r.must(e.Retarget(Target{Parent: folderA, Name: "doc", Replaces: doc}))
				time.Sleep(time.Second)
			}
		}, want: []string{"folder-a/doc = v10 | v0"}},
		{name: "the release is overtaken by the rename", do: func(t *testing.T, r *rig) {
			doc := r.f.put(folderA, "doc", "v1")
			e := r.create("doc.tmp")
			h := r.opened(e, true)
			r.put(h, 0, "v2")
			r.must(h.Flush(t.Context(), Closing{}))
			r.must(e.Retarget(Target{Parent: folderA, Name: "doc", Replaces: doc}))
			time.Sleep(time.Minute)
			h.Release()
		}, want: []string{"folder-a/doc = v2 | v1"}},
		{name: "the release is overtaken by the next open", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h := r.opened(e, true)
			r.put(h, 0, "ab")
			r.must(h.Flush(t.Context(), Closing{}))
			again := r.opened(e, true)
			h.Release()
			time.Sleep(time.Minute)
			r.put(again, 2, "cd")
			r.shut(again)
		}, want: []string{"folder-a/a = abcd"}},
		{name: "unlinked before the release", do: func(t *testing.T, r *rig) {
			e := r.create("a")
			h := r.opened(e, true)
			r.put(h, 0, "abc")
			r.must(h.Flush(t.Context(), Closing{}))
			r.must(e.Discard())
			h.Release()
		}},
		{name: "a file that grows for hours and rests", do: func(t *testing.T, r *rig) {
			h := r.opened(r.create("a.log"), true)
			for i := range 300 {
				r.put(h, int64(3*i), fmt.Sprintf("%03d", i))
				time.Sleep(time.Minute)
			}
			r.shut(h)
		}, want: []string{"folder-a/a.log = " + seen(counted(300))}},
		{name: "a killed writer over a file on Frame.io", do: func(t *testing.T, r *rig) {
			old := r.f.put(folderA, "a", "old")
			e, err := r.Change(Target{Parent: folderA, Name: "a", Replaces: old}, Attr{}, "", r.was(old, nil), true)
			r.must(err)
			h := r.opened(e, true)
			r.put(h, 0, "ne")
			r.must(h.Flush(t.Context(), signalled))
			h.Release()
		}, want: []string{"folder-a/a = old"}, held: []string{"a"}, made: none},
	}
}
