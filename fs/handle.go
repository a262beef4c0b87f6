package fs

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sync"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// handle is an open file. A reader stays on the version it was opened on, unless the file is changed through this mount: that
// it sees, as it would on a disk.
type handle struct {
	file  *file
	write bool
	let   func() // lets go of the folder, which is kept up to date while the file is open
	late  late

	mu      sync.Mutex
	entry   *spool.Entry  // whose bytes spooled reads; nil while reader serves
	spooled *spool.Handle // set if write, but for the time that confirmed has given it back
	reader  *cache.Reader
	content remote.ID // what reader reads
	past    []func()  // give back what was read from before: a read may still be at it
	passes  bool      // the kernel may read past us
	counted int64     // bytes of what it writes past us that are taken from the account's storage
}

// newHandle makes a handle of n. From here on n stands for what it stands for now, see version.go.
func (n *file) newHandle(write bool) *handle {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.opens++
	return &handle{file: n, write: write, let: n.fs.cfg.Tree.Hold(n.parent)}
}

var (
	_ fusefs.FileReader   = (*handle)(nil)
	_ fusefs.FileWriter   = (*handle)(nil)
	_ fusefs.FileFlusher  = (*handle)(nil)
	_ fusefs.FileReleaser = (*handle)(nil)
	_ fusefs.FileFsyncer  = (*handle)(nil)
)

// Read implements pread(2).
func (h *handle) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if h.late.again(off) {
		return nil, syscall.ETIMEDOUT
	}
	missing := h.file.fs.missing(ctx)
	ctx, cancel := h.file.fs.patient(ctx)
	defer cancel()
	spooled, reader, err := h.source()
	if err != nil {
		return nil, errno(err)
	}
	var n int
	if spooled != nil {
		n, err = spooled.ReadAt(ctx, dest, off)
	} else {
		n, err = reader.ReadAt(cache.WithMeter(ctx, missing), dest, off)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		h.file.fs.log.Warn("read", "name", h.file.label(), "offset", off, "error", err)
		n := errno(err)
		h.late.note(off, len(dest), n)
		return nil, n
	}
	return fuse.ReadResultData(dest[:n]), 0
}

// source is where the bytes are now.
func (h *handle) source() (*spool.Handle, *cache.Reader, error) {
	it, e := h.file.get()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.write || e != nil && e == h.entry || e == nil && h.reader != nil && h.content == it.Content {
		return h.spooled, h.reader, nil
	}
	if e == nil && it.Ref.IsZero() {
		return h.spooled, h.reader, nil // unlinked before it got to Frame.io
	}
	var sp *spool.Handle
	var reader *cache.Reader
	if e == nil { // what was written through this mount is on Frame.io by now
		reader = h.file.fs.cfg.Blocks.Open(it)
	} else {
		var err error
		if sp, err = e.Open(false); errors.Is(err, spool.ErrGone) {
			return h.spooled, h.reader, nil // came to nothing, or is about to be on Frame.io: the bytes are the same as we have
		} else if err != nil {
			return nil, nil, err
		}
	}
	h.past = append(h.past, giveBack(h.spooled, h.reader))
	h.spooled, h.entry, h.reader, h.content = sp, e, reader, it.Content
	return sp, reader, nil
}

// giveBack gives back what was read from.
func giveBack(spooled *spool.Handle, reader *cache.Reader) func() {
	return func() {
		if spooled != nil {
			spooled.Release()
		}
		if reader != nil {
			reader.Close()
		}
	}
}

// largest is how large a file can be on Frame.io, in bytes (spec: frameio-v2.md §5.7).
const largest = 5 << 40

// writer is the spool's handle, for a change after which the file has at least size bytes.
func (h *handle) writer(ctx context.Context, size int64) (*spool.Handle, error) {
	if size > largest {
		return nil, syscall.EFBIG
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.spooled == nil {
		e, sp, err := h.file.openWrite(ctx, false)
		if err != nil {
			return nil, err
		}
		h.entry, h.spooled = e, sp
	}
	had := h.entry.Size()
	if grows := size - had; grows > 0 {
		if err := h.file.room(grows); err != nil {
			h.spooled.Refuse(had, grows)
			return nil, err
		}
	}
	return h.spooled, nil
}

// Write implements pwrite(2).
func (h *handle) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	ctx, cancel := h.file.fs.patient(ctx)
	defer cancel()
	sp, err := h.writer(ctx, off+int64(len(data)))
	if err != nil {
		return 0, errno(err)
	}
	n, err := sp.WriteAt(ctx, data, off)
	if err != nil {
		h.file.fs.log.Warn("write", "name", h.file.label(), "offset", off, "error", err)
		return 0, errno(err)
	}
	return uint32(n), 0
}

// truncate implements ftruncate(2).
func (h *handle) truncate(ctx context.Context, size int64) error {
	sp, err := h.writer(ctx, size)
	if err != nil {
		return err
	}
	return sp.Truncate(ctx, size)
}

// Fsync implements fsync(2) and fdatasync(2): on return the bytes survive power loss.
func (h *handle) Fsync(ctx context.Context, _ uint32) syscall.Errno {
	sp := h.given()
	if sp == nil {
		return 0
	}
	if err := cmp.Or(h.count(sp), sp.Sync(ctx)); err != nil {
		return errno(err)
	}
	if sync := h.file.fs.cfg.SyncNames; sync != nil { // its name, and the folder that it is in, may be of late
		if err := sync(ctx); err != nil {
			return errno(err)
		}
	}
	return errno(h.confirmed(ctx))
}

// Flush is called at every close(2) of a descriptor of this handle, and for that of a reader it means nothing. It never
// uploads: more may be written after it (spec: fuse.md §2.1). Its error is close(2)'s.
func (h *handle) Flush(ctx context.Context) syscall.Errno {
	sp := h.given()
	if sp == nil {
		return 0
	}
	c := spool.Closing{}
	if caller, ok := fuse.FromContext(ctx); ok {
		c = closing(caller.Pid)
	}
	over := h.count(sp)
	if err := cmp.Or(over, sp.Flush(ctx, c)); err != nil {
		return errno(err)
	}
	if c.Signalled {
		return 0 // held: nobody is left to wait
	}
	return errno(h.confirmed(ctx))
}

// given is the spool's handle if h is for writing and has one.
func (h *handle) given() *spool.Handle {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.write {
		return nil
	}
	return h.spooled
}

// confirmed waits with --sync-close until Frame.io has every byte. For that the spool's handle is given back, since nothing
// leaves while a writer has it; should more be written through this descriptor, writer takes another. The wait ends early
// only if the caller is killed.
func (h *handle) confirmed(ctx context.Context) error {
	if !h.file.fs.cfg.SyncClose {
		return nil
	}
	h.mu.Lock()
	e, sp := h.entry, h.spooled
	h.spooled = nil
	h.mu.Unlock()
	if sp == nil {
		return nil
	}
	sp.Release()
	h.file.fs.saved(ctx, e)
	if e.Info().Stage == spool.Gone {
		h.file.stays(e)
		return nil
	}
	ctx, cancel := h.file.fs.lasting(ctx)
	defer cancel()
	return h.file.fs.delivered(ctx, e)
}

// Release is called once, after the last descriptor and the last mapping of this handle are gone.
func (h *handle) Release(ctx context.Context) syscall.Errno {
	h.let()
	if e := h.release(); e != nil {
		h.file.fs.saved(ctx, e)
	}
	return 0
}

// release gives back what the handle has. If it was for writing it answers the entry.
func (h *handle) release() (wrote *spool.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, back := range append(h.past, giveBack(h.spooled, h.reader)) {
		back()
	}
	if h.spooled != nil && h.entry.Info().Stage == spool.Gone {
		h.file.stays(h.entry)
	}
	h.file.closed(h.passes)
	if !h.write {
		return nil
	}
	return h.entry
}

// label names the file in logs.
func (n *file) label() string {
	it, e := n.get()
	if e != nil {
		return e.Target().Name
	}
	return it.Name
}
