package remote_test

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/world"
)

func TestTheSampleWorldIsSeenWhole(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true}, func(t *testing.T, r *rig) {
		me, err := r.Me(t.Context())
		if err != nil || me.Email != "maya@northlight.example" {
			t.Fatalf("me: %+v, %v", me, err)
		}
		var got []string
		var walk func(ref remote.Ref, at string)
		walk = func(ref remote.Ref, at string) {
			for _, it := range r.list(ref) {
				p := it.Name
				if it.Kind >= remote.Folder {
					p = at + "/" + it.Name
					got = append(got, p)
				}
				if it.Created.IsZero() && it.Kind != remote.Shared {
					t.Errorf("%s %q has no time", it.Kind, p)
				}
				if it.Kind == remote.File || it.Kind == remote.Stack {
					if !it.Complete() || it.Size == 0 || it.Content == "" || it.Parent != ref.ID || it.Creator == "" && r.wire == "v2" {
						t.Errorf("%q: %+v", p, it)
					}
				}
				if it.IsDir() {
					walk(it.Ref, p)
				}
				again, err := r.Stat(t.Context(), it.Ref)
				if it.Kind != remote.Shared && (err != nil || again.Ref != it.Ref || again.Name != it.Name || again.Size != it.Size || again.Parent != it.Parent) {
					t.Errorf("stat of %q: %+v, %v; listed as %+v", p, again, err, it)
				}
			}
		}
		walk(remote.Ref{}, "")
		slices.Sort(got)
		if want := r.names(); !slices.Equal(got, want) {
			t.Errorf("saw %d: %q\nwant %d: %q", len(got), got, len(want), want)
		}
		account := r.list(remote.Ref{})[0]
		if u, err := r.Usage(t.Context(), account.ID); err != nil || u.Used < 24<<20 || u.Limit < u.Used {
			t.Errorf("usage: %+v, %v", u, err)
		}
	})
}

func TestAFolderOfManyIsListedOnce(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "many:1234", Behaviour: world.Behaviour{ListOrder: "random"}}, func(t *testing.T, r *rig) {
		root := r.project()
		folder := r.list(root)[0]
		seen := map[remote.ID]bool{}
		for _, it := range r.list(folder.Ref) {
			if seen[it.ID] {
				t.Errorf("%s came twice", it.ID)
			}
			seen[it.ID] = true
		}
		if len(seen) != 1234 {
			t.Errorf("saw %d, want 1234", len(seen))
		}
	})
}

func TestAFileThereAndBack(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty", Behaviour: world.Behaviour{PartSize: 100_000}}, func(t *testing.T, r *rig) {
		root := r.project()
		folder, err := r.CreateFolder(t.Context(), root, "Day 1 – A/B: cam")
		if err != nil || folder.Kind != remote.Folder || folder.Parent != root.ID {
			t.Fatalf("create folder: %+v, %v", folder, err)
		}
		data := film(1, 1_234_567)
		mtime := time.Date(2021, 2, 3, 4, 5, 6, 789, time.UTC)
		u, err := r.CreateFile(t.Context(), remote.NewFile{Parent: folder.Ref, Name: "A001.mp4", Size: int64(len(data)), MediaType: "video/mp4", Mtime: mtime})
		if err != nil || len(u.Parts) != 13 {
			t.Fatalf("create file: %d parts, %v", len(u.Parts), err)
		}
		if it, err := r.Stat(t.Context(), u.File.Ref); err != nil || it.State != remote.Created {
			t.Errorf("before its bytes: %+v, %v", it, err)
		}
		if _, err := r.OpenRange(t.Context(), u.File.Ref, 0, 1); err == nil {
			t.Error("a file without bytes could be opened")
		}
		r.putParts(u, data)
		it := r.uploaded(u.File.Ref)
		if it.Name != "A001.mp4" || it.Size != int64(len(data)) || it.MediaType != "video/mp4" || it.Parent != folder.ID {
			t.Errorf("uploaded: %+v", it)
		}
		if r.wire == "v2" && !it.Mtime.Equal(mtime) {
			t.Errorf("mtime %v, want %v", it.Mtime, mtime)
		}
		if got := r.read(it.Ref, 0, -1); !bytes.Equal(got, data) {
			t.Errorf("read back %d bytes that differ", len(got))
		}
		if got := r.read(it.Ref, 600_000, 1000); !bytes.Equal(got, data[600_000:601_000]) {
			t.Error("a range from the middle differs")
		}
		r.srv.Log().Quiet(5 * time.Second)
		for _, e := range r.srv.Log().Entries(0) {
			if e.Host != "api" && e.Authorization {
				t.Errorf("%s %s was sent the token", e.Host, e.Path)
			}
			if e.Status >= 400 {
				t.Errorf("%s %s was answered with %d", e.Method, e.Path, e.Status)
			}
		}
	})
}

func TestChanges(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		root := r.project()
		mk := func(parent remote.Ref, name string) remote.Ref {
			t.Helper()
			it, err := r.CreateFolder(t.Context(), parent, name)
			if err != nil {
				t.Fatal(err)
			}
			return it.Ref
		}
		a, b := mk(root, "a"), mk(root, "b")
		inner := mk(a, "inner")
		file := r.put(inner, "x.mp4", film(2, 5000)).Ref
		check := func(want ...string) {
			t.Helper()
			var got []string
			for _, n := range r.names() {
				got = append(got, strings.TrimPrefix(n, "Untitled/"))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		if it, err := r.Rename(t.Context(), file, "y: ünï/code.mp4"); err != nil || it.Name != "y: ünï/code.mp4" || it.Ref != file {
			t.Errorf("rename file: %+v, %v", it, err)
		}
		if it, err := r.Rename(t.Context(), a, "A"); err != nil || it.Name != "A" || it.Ref != a {
			t.Errorf("rename folder: %+v, %v", it, err)
		}
		if it, err := r.Move(t.Context(), inner, b); err != nil || it.Parent != b.ID || it.Ref != inner {
			t.Errorf("move folder: %+v, %v", it, err)
		}
		if it, err := r.Move(t.Context(), file, root); err != nil || it.Parent != root.ID || it.Ref != file {
			t.Errorf("move file to a project: %+v, %v", it, err)
		}
		check("A", "b", "b/inner", "y: ünï/code.mp4")
		if _, err := r.Move(t.Context(), b, inner); !isRefusal(err) {
			t.Errorf("a folder into itself: %v", err)
		}
		for _, ref := range []remote.Ref{file, b, file, inner, a} {
			if err := r.Delete(t.Context(), ref); err != nil {
				t.Errorf("delete %s: %v", path.Base(string(ref.ID)), err)
			}
		}
		check()
		if _, err := r.Stat(t.Context(), file); !isMissing(err) {
			t.Errorf("stat of a deleted file: %v", err)
		}
		for _, err := range r.Children(t.Context(), b) {
			if !isMissing(err) {
				t.Errorf("listing of a deleted folder: %v", err)
			}
		}
	})
}
