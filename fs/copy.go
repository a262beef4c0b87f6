package fs

import (
	"context"
	"errors"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"github.com/frameiofs/frameiofs/remote"
)

const (
	// minClone is the size in bytes from which on a copy inside the mount is made by Frame.io. Of smaller files the bytes are fetched and
	// sent sooner, because copies are narrowly limited there (spec: frameio-v4.md §7).
	minClone = 1 << 20
	// maxClone is how much of a file one call copies: what it answers has 32 bits, and the kernel asks for less than 31.
	maxClone = 1 << 31
)

var _ fusefs.NodeCopyFileRanger = (*file)(nil)

// CopyFileRange implements copy_file_range(2), by which cp copies: from a file on Frame.io into a new one no byte is moved, see
// spool.Handle.Clone. All else the kernel does by itself, with reads and writes (spec: fuse.md §9.6).
func (n *file) CopyFileRange(ctx context.Context, in fusefs.FileHandle, offIn uint64, _ *fusefs.Inode, out fusefs.FileHandle, offOut, size, _ uint64) (uint32, syscall.Errno) {
	to, ok := out.(*handle)
	if !ok || !to.write || offIn != offOut || n.fs.cfg.ReadOnly {
		return 0, syscall.EXDEV
	}
	it, off := n.opened(in), int64(offIn)
	if it.Size < minClone || off < 0 || off >= it.Size {
		return 0, syscall.EXDEV
	}
	ctx, cancel := n.fs.patient(ctx)
	defer cancel()
	size = min(size, maxClone, uint64(it.Size-off))
	sp, err := to.writer(ctx, off+int64(size))
	if err == nil {
		err = sp.Clone(ctx, it, off, int64(size))
	}
	if err != nil {
		if !errors.Is(err, syscall.EXDEV) {
			n.fs.log.Warn("copy", "name", n.label(), "to", to.file.label(), "offset", off, "error", err)
		}
		return 0, errno(err)
	}
	return uint32(size), 0
}

// opened is what a reader of the file has open, if that is what the file is on Frame.io; else nothing.
func (n *file) opened(fh fusefs.FileHandle) remote.Item {
	h := handleOf(fh)
	if h == nil {
		return remote.Item{}
	}
	it, e := n.get()
	h.mu.Lock()
	defer h.mu.Unlock()
	if e != nil || h.write || h.reader == nil || h.content != it.Content || !it.Complete() {
		return remote.Item{}
	}
	return it
}

// take removes a file or a folder from Frame.io, once no copy that was made of it here needs it any more.
func (f *FS) take(ctx context.Context, it remote.Item, parent remote.Ref) error {
	if err := f.cfg.Spool.Spare(ctx, it); err != nil {
		return err
	}
	if !it.IsDir() && f.writes(parent) {
		return f.cfg.Rests.RemoveLater(it, parent)
	}
	return f.cfg.Names.Remove(ctx, it, parent)
}
