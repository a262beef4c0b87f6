package spool

import "context"

// Handle is an open file. It belongs to an Entry whatever becomes of its name.
type Handle struct{ e *Entry }

// Entry is the entry the handle is on.
func (h *Handle) Entry() *Entry { return h.e }

// ReadAt is io.ReaderAt with a context: of the bytes as they are now, or of the asset's while nothing was modified.
func (h *Handle) ReadAt(ctx context.Context, p []byte, off int64) (int, error) { return 0, errNotYet }

// WriteAt is io.WriterAt with a context. The first modification of an asset's bytes copies them first, and only this can
// wait for the network. It answers syscall.ENOSPC before the disk is full.
func (h *Handle) WriteAt(ctx context.Context, p []byte, off int64) (int, error) { return 0, errNotYet }

// Truncate sets the size.
func (h *Handle) Truncate(ctx context.Context, size int64) error { return errNotYet }

// Allocate makes sure that the disk has room for n bytes from off; the size grows to off+n unless keepSize is set.
func (h *Handle) Allocate(ctx context.Context, off, n int64, keepSize bool) error { return errNotYet }

// Sync is Entry.Sync.
func (h *Handle) Sync(ctx context.Context) error { return errNotYet }

// Flush is close(2) of one descriptor, not the end of the handle: it may come often, and before the first write. It returns
// the handle's standing error, if a write failed, and notes who closes. On return everything written survives a kill -9,
// and within a second a loss of power. Of a reader it means nothing.
func (h *Handle) Flush(ctx context.Context, c Closing) error { return errNotYet }

// Release ends the handle. When the last writer is released the quiet time begins.
func (h *Handle) Release() {}
