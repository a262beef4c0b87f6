package cache

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// asset is a file as V4 tells it, with all that this takes in memory.
func asset(n int, parent remote.ID) remote.Item {
	it := file(n, fmt.Sprintf("A%05d_C%03d.mov", n, n%1000))
	it.Account, it.Parent = "2f8fad5b-d9cb-469f-a165-70867728950e", parent
	it.Project, it.Creator = "0f8fad5b-d9cb-469f-a165-70867728950e", "1f8fad5b-d9cb-469f-a165-70867728950e"
	it.MediaType, it.Size = "video/quicktime", 200<<30
	it.URL = "https://next.frame.io/project/" + string(it.Project) + "/view/" + string(it.ID)
	return it
}

// forest is a Namespace of folders in home, each with as many assets.
type forest struct{ folders, assets int }

func (f forest) Children(_ context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		if ref.ID == home.ID {
			for i := range f.folders {
				d := file(1_000_000+i, fmt.Sprintf("d%03d", i))
				d.Kind, d.Account = remote.Folder, home.Account
				if !yield(d, nil) {
					return
				}
			}
			return
		}
		var base int
		_, _ = fmt.Sscanf(string(ref.ID)[:8], "%x", &base)
		for i := range f.assets {
			if !yield(asset((base-1_000_000)*f.assets+i, ref.ID), nil) {
				return
			}
		}
	}
}

// list lists home and all folders in it.
func (f forest) list(b *testing.B, tree *Tree) {
	folders, err := tree.List(b.Context(), home)
	if err != nil || len(folders) != f.folders {
		b.Fatal(len(folders), err)
	}
	for _, d := range folders {
		if entries, err := tree.List(b.Context(), d.Ref); err != nil || len(entries) != f.assets {
			b.Fatal(len(entries), err)
		}
	}
}

// BenchmarkReload lists a tree from the index, as after a remount.
func BenchmarkReload(b *testing.B) {
	for _, f := range []forest{{100, 100}, {1, 10_000}} {
		b.Run(fmt.Sprintf("%dx%d", f.folders, f.assets), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "index.db")
			open := func() (*Tree, func()) {
				x, err := OpenIndex(path)
				if err != nil {
					b.Fatal(err)
				}
				tree := NewTree(TreeConfig{Namespace: f, Index: x, Age: 24 * time.Hour})
				return tree, func() {
					tree.Close()
					if err := x.Close(); err != nil {
						b.Error(err)
					}
				}
			}
			tree, done := open()
			f.list(b, tree)
			done()
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				tree, done := open()
				b.StartTimer()
				f.list(b, tree)
				b.StopTimer()
				done()
				b.StartTimer()
			}
		})
	}
}

func BenchmarkIndexLookup(b *testing.B) {
	x, err := OpenIndex(filepath.Join(b.TempDir(), "index.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	for i := range 1000 {
		if err := x.SetAttr(file(i, "").ID, Attr{Mode: 0o640}); err != nil {
			b.Fatal(err)
		}
		if err := x.Alias(file(i, "").ID, uint64(i+2), 1); err != nil {
			b.Fatal(err)
		}
	}
	if err := x.flush(); err != nil {
		b.Fatal(err)
	}
	for name, first := range map[string]int{"kept": 0, "not kept": 1000} {
		var ids []remote.Ref
		for i := range 1000 {
			ids = append(ids, remote.Ref{Kind: remote.File, ID: file(first+i, "").ID})
		}
		b.Run("Attr/"+name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				x.Attr(ids[i%1000].ID)
			}
		})
		b.Run("Inode/"+name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				x.Inode(ids[i%1000])
			}
		})
	}
}
