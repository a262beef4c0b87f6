package fs

import (
	"context"
	"runtime/debug"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
)

// The kernel remembers every name it ever saw, until its own memory is short, and for each of them a node stands here, about
// a kilobyte. A find over a large account would fill this machine with them. So if there are many, the kernel is told to forget those
// of folders that nobody has looked into for a while; what is open, or somebody's current folder, it keeps.

const (
	manyNodes   = 60_000          // with more nodes than this, what was looked at brushRecent ago has to go
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
			f.forget(f.root, time.Now().Add(-brushRecent))
		case n > fewNodes && time.Since(last) > longIdle/2:
			f.forget(f.root, time.Now().Add(-longIdle))
			last = time.Now()
			debug.FreeOSMemory()
		}
	}
}

// forget has the kernel forget what it knows of d and of the folders below, where nobody has looked since a time.
func (f *FS) forget(d *dir, since time.Time) {
	var nodes []*fusefs.Inode
	flush := func() {
		if len(nodes) > 0 && d.NotifyPrune(nodes) == syscall.ENOSYS { // a kernel before 6.18
			for name := range d.Children() {
				d.NotifyEntry(name)
			}
		}
		nodes = nodes[:0]
	}
	idle := d.idle(since)
	for _, child := range d.Children() {
		below, isDir := child.Operations().(*dir)
		if isDir {
			f.forget(below, since)
		}
		if idle && !(isDir && !below.idle(since)) {
			nodes = append(nodes, child)
		}
		if len(nodes) == pruneAtOnce {
			flush()
		}
	}
	flush()
}

// idle reports whether nobody has looked into d since a time.
func (d *dir) idle(since time.Time) bool {
	return time.Unix(0, d.looked.Load()).Before(since)
}

// look notes that somebody looks into d.
func (d *dir) look() { d.looked.Store(time.Now().UnixNano()) }
