package fs_test

import (
	"syscall"
	"time"
)

// abort ends a mount whatever hangs in it.
func abort(dir string) { syscall.Unmount(dir, syscall.MNT_FORCE|syscall.MNT_DETACH) }

// detach takes a mount out of the tree though it is in use.
func detach(dir string) { syscall.Unmount(dir, syscall.MNT_DETACH) }

func modTime(st *syscall.Stat_t) time.Time { return time.Unix(st.Mtim.Unix()) }
