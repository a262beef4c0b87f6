package fs

import (
	"context"
	"errors"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

var _ fusefs.NodeOpener = (*file)(nil)

// Open implements open(2). Who reads only gets the bytes through the kernel's cache, which is kept while they are the same;
// what is being written goes around it (spec: fuse.md §0).
func (n *file) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE == syscall.O_RDONLY && flags&syscall.O_TRUNC == 0 {
		return n.openRead(ctx)
	}
	if n.fs.cfg.ReadOnly {
		return nil, 0, syscall.EROFS
	}
	ctx, cancel := n.fs.patient(ctx)
	defer cancel()
	h := n.newHandle(true)
	err := n.writable(ctx)
	var fh fusefs.FileHandle
	var how uint32
	if err == nil {
		h.entry, h.spooled, err = n.openWrite(ctx, flags&syscall.O_TRUNC != 0)
	}
	if err == nil {
		fh, how, err = n.passEntry(ctx, h)
	}
	if err != nil {
		h.Release(ctx)
		if err == errAgain {
			if err = done(ctx, h.entry); err == nil {
				return n.Open(ctx, flags)
			}
		}
		if !errors.Is(err, syscall.ESTALE) {
			n.fs.log.Warn("open for writing", "name", n.label(), "error", err)
		}
		return nil, 0, errno(err)
	}
	n.uncache()
	return fh, how, 0
}

// openWrite opens the file for a change, and empties it first if so asked.
func (n *file) openWrite(ctx context.Context, emptied bool) (*spool.Entry, *spool.Handle, error) {
	for {
		e, err := n.change(ctx, emptied)
		if err != nil {
			return nil, nil, err
		}
		sp, err := e.Open(true)
		if errors.Is(err, spool.ErrGone) {
			if err := n.outlived(ctx, e); err != nil {
				return nil, nil, err
			}
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		n.holds(e)
		if emptied {
			if err := sp.Truncate(ctx, 0); err != nil {
				sp.Release()
				return nil, nil, err
			}
		}
		return e, sp, nil
	}
}

// openRead opens what is leaving, or else what Frame.io has.
func (n *file) openRead(ctx context.Context) (fusefs.FileHandle, uint32, syscall.Errno) {
	for {
		h := n.newHandle(false)
		it, e := n.get()
		if e == nil {
			return n.openItem(ctx, h, it)
		}
		sp, err := e.Open(false)
		if err == nil {
			n.uncache()
			h.entry, h.spooled = e, sp
			fh, how, perr := n.passEntry(ctx, h)
			if perr == nil {
				return fh, how, 0
			}
			err = perr
		}
		h.Release(ctx)
		if err == errAgain {
			if err = done(ctx, e); err == nil {
				continue
			}
		}
		if errors.Is(err, spool.ErrGone) {
			err = n.outlived(ctx, e)
		}
		if err != nil {
			return nil, 0, errno(err)
		}
	}
}

// openItem opens what is on Frame.io.
func (n *file) openItem(ctx context.Context, h *handle, it remote.Item) (fusefs.FileHandle, uint32, syscall.Errno) {
	let, end := h.let, n.fs.copying.begins(ctx, it)
	h.let = func() { let(); end() }
	h.content, h.reader = it.Content, n.fs.cfg.Blocks.Open(it)
	p, err := n.pass(ctx, h)
	switch {
	case err == errAgain:
		h.Release(context.Background())
		return n.openRead(ctx)
	case err != nil:
		h.Release(context.Background())
		return nil, 0, errno(err)
	case p != nil:
		return p, 0, 0
	}
	n.mu.Lock()
	n.plain = true
	n.mu.Unlock()
	return h, n.keepCache(it), 0
}

// keepCache tells whether the pages that the kernel has are those of it.
func (n *file) keepCache(it remote.Item) uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cached == it.Content {
		return fuse.FOPEN_KEEP_CACHE
	}
	n.cached = it.Content
	return 0
}

// uncache notes that the pages that the kernel has may be of no version on Frame.io.
func (n *file) uncache() {
	n.mu.Lock()
	n.cached = ""
	n.mu.Unlock()
}
