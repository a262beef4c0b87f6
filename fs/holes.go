package fs

import (
	"context"
	"errors"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"github.com/frameiofs/frameiofs/spool"
)

// Room and holes. On Frame.io a hole is zeros like any others: what is sent are all bytes.

var (
	_ fusefs.FileAllocater = (*handle)(nil)
	_ fusefs.FileLseeker   = (*handle)(nil)
)

// Modes of fallocate(2) (Linux include/uapi/linux/falloc.h).
const (
	fallocKeepSize  = 0x01
	fallocPunchHole = 0x02
	fallocZeroRange = 0x10
)

// Allocate implements fallocate(2): reserving, punching holes and zeroing. What shifts bytes is refused (EOPNOTSUPP).
func (h *handle) Allocate(ctx context.Context, off, size uint64, mode uint32) syscall.Errno {
	if !h.write {
		return syscall.EBADF
	}
	at, n := int64(off), int64(size)
	if at < 0 || n < 0 || at+n < 0 {
		return syscall.EFBIG
	}
	keep, grown := mode&fallocKeepSize != 0, at+n
	if keep {
		grown = 0
	}
	var do func(*spool.Handle, context.Context) error
	switch mode &^ fallocKeepSize {
	case 0:
		do = func(sp *spool.Handle, ctx context.Context) error { return sp.Allocate(ctx, at, n, keep) }
	case fallocZeroRange:
		do = func(sp *spool.Handle, ctx context.Context) error { return sp.Zero(ctx, at, n, keep) }
	case fallocPunchHole:
		if !keep {
			return syscall.EOPNOTSUPP
		}
		do = func(sp *spool.Handle, ctx context.Context) error { return sp.Punch(ctx, at, n) }
	default:
		return syscall.EOPNOTSUPP
	}
	ctx, cancel := h.file.fs.patient(ctx)
	defer cancel()
	sp, err := h.writer(ctx, grown)
	if err != nil {
		return errno(err)
	}
	return errno(do(sp, ctx))
}

// Whence of lseek(2).
const (
	seekData = 3
	seekHole = 4
)

// Lseek implements lseek(2) with SEEK_DATA and SEEK_HOLE; the kernel does the others by itself. What is on Frame.io is all data.
func (h *handle) Lseek(_ context.Context, off uint64, whence uint32) (uint64, syscall.Errno) {
	if whence != seekData && whence != seekHole {
		return 0, syscall.EINVAL
	}
	spooled, reader, err := h.source()
	if err != nil {
		return 0, errno(err)
	}
	if spooled != nil {
		seek := spooled.SeekData
		if whence == seekHole {
			seek = spooled.SeekHole
		}
		at, err := seek(int64(off))
		if errors.Is(err, syscall.ENXIO) {
			return 0, syscall.ENXIO
		}
		return uint64(at), errno(err)
	}
	size := uint64(reader.Size())
	switch {
	case off >= size:
		return 0, syscall.ENXIO
	case whence == seekHole:
		return size, 0
	}
	return off, 0
}
