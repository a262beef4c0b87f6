package remote_test

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/world"
)

// A copy is a file of its own with the same bytes, whatever Frame.io calls it and however long it takes, and none is sent for it.
func TestCopyFile(t *testing.T) {
	for name, b := range map[string]world.Behaviour{
		"usual":              {},
		"same name":          {CopyName: world.CopyNameSame},
		"suffix":             {CopyName: world.CopyNameSuffix},
		"mark":               {CopyName: world.CopyNameMark},
		"complete later":     {CopyComplete: world.Duration(300 * time.Millisecond)},
		"accepted for later": {AsyncFileCopy: true, CopyAfter: world.Duration(400 * time.Millisecond)},
	} {
		t.Run(name, func(t *testing.T) {
			onBothWires(t, sim.Config{NoLimits: true, Seed: "empty", Behaviour: b}, func(t *testing.T, r *rig) {
				if b.AsyncFileCopy { // the document knows it of folders only
					r.client, r.direct = r.dial(r.srv.URL(), r.srv.Token("full")), true
				}
				copies(t, r, b)
			})
		})
	}
}

func copies(t *testing.T, r *rig, b world.Behaviour) {
	root := r.project()
	data := film(7, 3000)
	source := r.put(root, "cut v1.mov", data)
	elsewhere, err := r.CreateFolder(t.Context(), root, "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	ids := []remote.ID{source.ID}
	mtime := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	for _, to := range []remote.Ref{root, elsewhere.Ref, root} {
		it, err := r.CopyFile(t.Context(), remote.Copy{File: source.Ref, Name: source.Name, Size: source.Size, To: to, Mtime: mtime})
		if err != nil || slices.Contains(ids, it.ID) || it.Kind != remote.File || it.Parent != to.ID || it.Size != source.Size {
			t.Fatalf("copy to %s: %+v, %v", to.ID, it, err)
		}
		ids = append(ids, it.ID)
		if !b.AsyncFileCopy && it.Complete() == (b.CopyComplete > 0) {
			t.Errorf("complete at once: %v", it.Complete())
		}
		if it = r.uploaded(it.Ref); r.wire == "v2" && !it.Mtime.Equal(mtime) {
			t.Errorf("modification time %v", it.Mtime)
		}
		if got := r.read(it.Ref, 0, -1); !bytes.Equal(got, data) {
			t.Error("the copy has other bytes")
		}
		if it, err := r.Rename(t.Context(), it.Ref, "copy.mov"); err != nil || it.Name != "copy.mov" {
			t.Errorf("rename: %+v, %v", it, err)
		}
	}
	if n := len(r.list(root)); n != 4 { // cut v1.mov, two copies, the folder
		t.Errorf("%d things in the folder", n)
	}
}

// A copy whose answer was lost is there once, also for one who asks again later.
func TestCopyFileLostAnswer(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		root := r.project()
		source := r.put(root, "a.mov", film(1, 500))
		cp := remote.Copy{File: source.Ref, Name: source.Name, Size: source.Size, To: root}
		r.fault(`lost@api:/^POST .*\/copy$/*1`)
		began := time.Now()
		it, err := r.CopyFile(t.Context(), cp)
		if err != nil {
			t.Fatal(err)
		}
		if names := r.names(); countFiles(names) != 2 {
			t.Errorf("after a lost answer: %q", names)
		}
		later := r.dial(r.srv.URL(), r.srv.Token("full"))
		cp.Since = began
		again, err := later.CopyFile(t.Context(), cp)
		if err != nil || again.ID != it.ID {
			t.Errorf("asked again: %v, %v; want %v", again.ID, err, it.ID)
		}
		cp.Since = time.Now().Add(time.Hour)
		if other, err := later.CopyFile(t.Context(), cp); err != nil || other.ID == it.ID {
			t.Errorf("another one: %v, %v", other.ID, err)
		}
	})
}

func countFiles(names []string) (n int) {
	for _, s := range names {
		if len(s) > 4 && s[len(s)-4:] == ".mov" {
			n++
		}
	}
	return n
}

func TestCopyFileRefused(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		root := r.project()
		source := r.put(root, "a.mov", film(1, 500))
		cp := remote.Copy{File: source.Ref, Name: source.Name, Size: source.Size, To: root}
		for _, bad := range []remote.Copy{
			{File: root, To: root},
			{File: source.Ref, To: source.Ref},
			{File: remote.Ref{Kind: remote.File, ID: source.ID, Account: "another"}, To: root},
		} {
			if _, err := r.CopyFile(t.Context(), bad); !errors.Is(err, remote.ErrRefused) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		if err := r.Delete(t.Context(), source.Ref); err != nil {
			t.Fatal(err)
		}
		if _, err := r.CopyFile(t.Context(), cp); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a source that is gone: %v", err)
		}
	})
}
