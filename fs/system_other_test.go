//go:build !linux

package fs_test

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// abort ends a mount whatever hangs in it.
func abort(dir string) { unix.Unmount(dir, unix.MNT_FORCE) }

// detach takes a mount out of the tree though it is in use.
func detach(dir string) { abort(dir) }

func modTime(st *syscall.Stat_t) time.Time { return time.Unix(st.Mtimespec.Unix()) }
