package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
)

// slowWire has one folder in the root, and tells that after a second.
type slowWire struct {
	root, dailies remote.Ref
}

func (w slowWire) Stat(context.Context, remote.Ref) (remote.Item, error) {
	time.Sleep(time.Second)
	return remote.Item{Ref: w.dailies, Name: "Dailies", Parent: w.root.ID}, nil
}

func (w slowWire) Children(ctx context.Context, _ remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) { yield(w.Stat(ctx, w.dailies)) }
}

// Who asks for a place that somebody else is just asking for waits for the same answer.
func TestManyAskForOnePlaceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := remote.Ref{Kind: remote.Folder, ID: "root", Account: "a"}
		ref := remote.Ref{Kind: remote.Folder, ID: "dailies", Account: "a"}
		wire := slowWire{root: root, dailies: ref}
		index, err := cache.OpenIndex(filepath.Join(t.TempDir(), "index.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer index.Close()
		tree := cache.NewTree(cache.TreeConfig{Namespace: wire, Index: index})
		defer tree.Close()
		p := newPlaces(filepath.Join(t.TempDir(), "folders.json"), tree, wire, root, slog.New(slog.DiscardHandler))
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if at, ok := p.path(t.Context(), ref); !ok || at != "Dailies" {
					t.Errorf("the place is %q, %v", at, ok)
				}
			})
		}
		all.Wait()
	})
}

// Of folders that come and go only those are known that somebody asked for lately, with all that stands above them.
func TestPlacesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(filepath.Join(t.TempDir(), "folders.json"), nil, nil, remote.Ref{Kind: remote.Folder, ID: "root"}, slog.New(slog.DiscardHandler))
		p.most = 100
		for i := range 1000 {
			time.Sleep(time.Second)
			p.made(remote.Item{Ref: remote.Ref{Kind: remote.Folder, ID: remote.ID(fmt.Sprint("reel ", i))}, Parent: "root", Name: fmt.Sprint("reel ", i)})
		}
		if n := max(len(p.known), len(p.asked)); n > p.most || p.most > 150 {
			t.Errorf("%d places are known, of at most %d", n, p.most)
		}
		for _, i := range []int{980, 999} {
			if at, ok := p.path(t.Context(), remote.Ref{Kind: remote.Folder, ID: remote.ID(fmt.Sprint("reel ", i))}); !ok || at != fmt.Sprint("reel ", i) {
				t.Errorf("reel %d is at %q, %v", i, at, ok)
			}
		}
	})
}
