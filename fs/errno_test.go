package fs

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

func TestErrno(t *testing.T) {
	for _, test := range []struct {
		err  error
		want syscall.Errno
	}{
		{nil, 0},
		{fmt.Errorf("make folder: %w", remote.ErrQuota), syscall.EDQUOT},
		{remote.ErrToken, syscall.EACCES},
		{iofs.ErrPermission, syscall.EACCES},
		{fmt.Errorf("find: %w", iofs.ErrNotExist), syscall.ENOENT},
		{iofs.ErrExist, syscall.EEXIST},
		{errors.ErrUnsupported, syscall.EPERM},
		{remote.ErrRefused, syscall.EINVAL},
		{remote.ErrLimited, syscall.ETIMEDOUT},
		{remote.ErrOffline, syscall.ETIMEDOUT},
		{context.DeadlineExceeded, syscall.ETIMEDOUT},
		{context.Canceled, syscall.EINTR},
		{&os.PathError{Op: "write", Err: syscall.ENOSPC}, syscall.ENOSPC},
		{syscall.ENOTEMPTY, syscall.ENOTEMPTY},
		// The network's errno must not be taken for the file system's.
		{fmt.Errorf("%w: %w", remote.ErrOffline, syscall.ENOENT), syscall.ETIMEDOUT},
		{syscall.ECONNRESET, syscall.EIO},
		{errors.New("something else"), syscall.EIO},
	} {
		if got := errno(test.err); got != test.want {
			t.Errorf("errno(%v) = %v, want %v", test.err, got, test.want)
		}
	}
}
