package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"syscall"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// errnos is the one table from errors to what programs see. The first that matches counts, so the more special stand first.
var errnos = []struct {
	err   error
	errno syscall.Errno
}{
	{remote.ErrOffline, syscall.ETIMEDOUT}, // first: its cause may be any errno of the network's
	{remote.ErrQuota, syscall.EDQUOT},
	{remote.ErrToken, syscall.EACCES},
	{iofs.ErrPermission, syscall.EACCES},
	{iofs.ErrNotExist, syscall.ENOENT},
	{iofs.ErrExist, syscall.EEXIST},
	{errors.ErrUnsupported, syscall.EPERM},
	{remote.ErrRefused, syscall.EINVAL},
	{spool.ErrGone, syscall.ESTALE},
	{spool.ErrBusy, syscall.EBUSY},
	{context.DeadlineExceeded, syscall.ETIMEDOUT},
	{context.Canceled, syscall.EINTR},
	{remote.ErrLimited, syscall.ETIMEDOUT},
}

// known are the errno that may pass through from the local disk; anything else of the disk's becomes EIO.
var known = map[syscall.Errno]bool{
	syscall.ENOENT: true, syscall.EEXIST: true, syscall.EACCES: true, syscall.EPERM: true, syscall.EROFS: true,
	syscall.ENOSPC: true, syscall.EDQUOT: true, syscall.ENAMETOOLONG: true, syscall.ENOTEMPTY: true, syscall.EINVAL: true,
	syscall.EINTR: true, syscall.ETIMEDOUT: true, syscall.EIO: true, syscall.EFBIG: true, syscall.EBUSY: true,
	syscall.EOPNOTSUPP: true, syscall.EXDEV: true, syscall.ESTALE: true, syscall.EISDIR: true, syscall.ENOTDIR: true,
	syscall.EILSEQ: true,
}

// errno turns an error into what the kernel gets.
func errno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	var n syscall.Errno
	if errors.As(err, &n) && known[n] && !errors.Is(err, remote.ErrOffline) {
		return n
	}
	for _, e := range errnos {
		if errors.Is(err, e.err) {
			return e.errno
		}
	}
	return syscall.EIO
}
