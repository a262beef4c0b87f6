package fs

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// What is being written the kernel can read and write past us (passthrough), too: in the very file that the spool has. All open handles
// of an inode are such ones or none is, and the file is ever the same for an inode (spec: fuse.md §1.2); so it is decided by the first one
// to open it. What the kernel writes nobody counts: see package spool for how that is found out.

// backing is which file of the disk the kernel was given for an inode; zero: none yet.
type backing struct{ dev, ino uint64 }

func backingOf(f *os.File) backing {
	st, err := f.Stat()
	if err != nil {
		return backing{}
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return backing{}
	}
	return backing{uint64(sys.Dev), sys.Ino}
}

// errAgain asks to open once more: what was opened is about to be on Frame.io.
var errAgain = errors.New("fs: open it again")

// canPassWrites finds out whether the kernel takes the spool's files. One refusal would end passthrough for the whole mount, and
// files of an overlay or of another FUSE mount are refused.
func (f *FS) canPassWrites() bool {
	if !f.passes.Load() || f.cfg.ReadOnly || f.cfg.SyncClose || f.cfg.testOnlyNoPast {
		return false
	}
	if err := takes(f.server, f.cfg.Spool.OnDisk()); err != nil {
		f.log.Info("the kernel does not write to the spool's disk by itself; writing is slower", "error", err)
		return false
	}
	return true
}

// passEntry makes h, which is on what is leaving, a handle that the kernel reads and writes past us, if that can be. With errAgain it has
// to be opened once more.
func (n *file) passEntry(ctx context.Context, h *handle) (fusefs.FileHandle, uint32, error) {
	n.mu.Lock()
	must := n.passing > 0
	// go-fuse gives the file back with a count of releases, and a moment after Release: one of a handle that it was not given for would end
	// what another has just begun. So only those inodes are passed that never had such a handle.
	if !must && (n.opens > 1 || n.plain || !n.fs.passesWrites.Load() || h.write && n.fs.counts(ctx, h)) {
		n.plain = true
		n.mu.Unlock()
		return h, fuse.FOPEN_DIRECT_IO, nil
	}
	var id backing
	f, err := h.spooled.Past(must, func(f *os.File) bool {
		id = backingOf(f)
		return id != (backing{}) && (n.backing == (backing{}) || n.backing == id)
	})
	if f != nil {
		n.backing = id
		n.passing++
		h.passes, h.counted = true, h.entry.Size()
		n.mu.Unlock()
		return &passed{h, f}, 0, nil
	}
	n.plain = n.plain || !must && err == nil
	n.mu.Unlock()
	switch {
	case err != nil:
		return nil, 0, err
	case !must:
		return h, fuse.FOPEN_DIRECT_IO, nil
	}
	return nil, 0, errAgain
}

// done waits until what is about to be on Frame.io is, which it is only while nobody has it open for writing.
func done(ctx context.Context, e *spool.Entry) error {
	for {
		if err := moment(ctx); err != nil || e.Info().Stage != spool.Settled {
			return err
		}
	}
}

// counts reports whether what h writes has to come through us: the account has not storage enough to look at it later, or the program
// reads another file here, which it may be about to copy. That Frame.io can do (see CopyFileRange), but not once the kernel has the file.
func (f *FS) counts(ctx context.Context, h *handle) bool {
	return f.copying.may(ctx) || !f.quota.ample(h.entry.Target().Parent.Account)
}

// copying knows which threads have a file on Frame.io open that is worth to be copied there.
type copying struct {
	mu      sync.Mutex
	readers map[uint32]int
}

// begins notes a reader of it, until end is called.
func (c *copying) begins(ctx context.Context, it remote.Item) (end func()) {
	caller, ok := fuse.FromContext(ctx)
	if !ok || it.Size < minClone {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readers == nil {
		c.readers = map[uint32]int{}
	}
	thread := caller.Pid // the request's memory is used again
	c.readers[thread]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.readers[thread]--; c.readers[thread] <= 0 {
			delete(c.readers, thread)
		}
	}
}

// may reports whether who calls is one of them.
func (c *copying) may(ctx context.Context) bool {
	caller, ok := fuse.FromContext(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	return ok && c.readers[caller.Pid] > 0
}

// count takes what was written past us from the account's storage. If there is not so much left, the file counts as torn. The kernel is
// told that size and times are others: of what a program changes through a mapping it takes no notice itself.
func (h *handle) count(sp *spool.Handle) error {
	if !h.passes || !h.write {
		return nil
	}
	e := sp.Entry()
	if e.Look() && tells {
		h.file.NotifyContent(-1, 0) // attributes only, which waits for nobody
	}
	size := e.Size()
	h.mu.Lock()
	grown := size - h.counted
	h.counted = max(size, h.counted)
	h.mu.Unlock()
	if grown <= 0 {
		return nil
	}
	err := h.file.room(grown)
	if err != nil {
		sp.Refuse(0, size)
	}
	return err
}

// ample reports whether an account has so much storage left that it need not be counted with every write.
func (q *quota) ample(id remote.ID) bool {
	if q.fs.cfg.Usage == nil || id == "" {
		return true
	}
	a, usage := q.get(id)
	return usage.Limit <= 0 || a.left.Load() >= spool.RoomToPass
}

// handleOf is the handle that go-fuse was given.
func handleOf(fh fusefs.FileHandle) *handle {
	switch h := fh.(type) {
	case *handle:
		return h
	case *passed:
		return h.handle
	}
	return nil
}
