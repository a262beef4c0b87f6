package fs

import (
	"cmp"
	"context"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
)

// The kernel remembers every name it ever saw, until its own memory is short, and for each of them a node stands here, about
// a kilobyte. A find over a large account would fill this machine with them. So if there are many, the kernel is told to forget those
// of folders that nobody has looked into for a while; what is open, or somebody's current folder, it keeps.

const (
	manyNodes   = 120_000         // with more nodes than this, a quarter has to go, of what was not looked at for brushRecent
	fewNodes    = 5_000           // with fewer, nothing has to go
	longIdle    = 5 * time.Minute // else what was not looked at for so long
	brushRecent = 2 * time.Second
	pruneAtOnce = 128 // nodes in one notification
)

// prune keeps the number of nodes down until ctx ends.
func (f *FS) prune(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch n := f.files.count() + f.dirs.count(); {
		case n > manyNodes:
			f.forget(time.Now().Add(-brushRecent), n-manyNodes*3/4)
		case n > fewNodes && time.Since(last) > longIdle/2:
			f.forget(time.Now().Add(-longIdle), n)
			last = time.Now()
			debug.FreeOSMemory()
		}
	}
}

// forget has the kernel forget up to n names, in folders that nobody has looked into since a time, first in those where that is longest
// ago.
func (f *FS) forget(since time.Time, n int) {
	dirs := f.root.all(nil)
	slices.SortFunc(dirs, func(a, b *dir) int { return cmp.Compare(a.looked.Load(), b.looked.Load()) })
	for _, d := range dirs {
		if n <= 0 || !d.idle(since) {
			return
		}
		n -= d.forget(since)
	}
}

// all appends d and the folders below that the kernel knows.
func (d *dir) all(to []*dir) []*dir {
	to = append(to, d)
	for _, child := range d.Children() {
		if below, ok := child.Operations().(*dir); ok {
			to = below.all(to)
		}
	}
	return to
}

// forget has the kernel forget the names in d, and answers how many; folders that somebody has looked into stay.
func (d *dir) forget(since time.Time) (n int) {
	var nodes []*fusefs.Inode
	for _, child := range d.Children() {
		if below, ok := child.Operations().(*dir); !ok || below.idle(since) {
			nodes = append(nodes, child)
		}
	}
	for some := range slices.Chunk(nodes, pruneAtOnce) {
		if d.NotifyPrune(some) == syscall.ENOSYS { // a kernel before 6.18
			for name := range d.Children() {
				d.unlocked()
				d.NotifyEntry(name)
			}
			break
		}
	}
	return len(nodes)
}

// idle reports whether nobody has looked into d since a time.
func (d *dir) idle(since time.Time) bool {
	return time.Unix(0, d.looked.Load()).Before(since)
}

// look notes that somebody looks into d.
func (d *dir) look() { d.looked.Store(time.Now().UnixNano()) }
