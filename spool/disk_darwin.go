package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves room on the disk without changing any byte or the size.
func allocate(f *os.File, off, n int64) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	more := off + n - st.Size()
	if more <= 0 {
		return nil
	}
	err = unix.FcntlFstore(f.Fd(), unix.F_PREALLOCATE, &unix.Fstore_t{Flags: unix.F_ALLOCATEALL, Posmode: unix.F_PEOFPOSMODE, Length: more})
	if err == unix.ENOTSUP {
		return nil // such a disk cannot promise room; writes tell
	}
	return err
}

// punch is not done: holes are whole blocks here, and only some disks have any.
func punch(*os.File, int64, int64) error { return errors.ErrUnsupported }

// How lseek(2) is asked for data and holes (<sys/unistd.h>).
const (
	seekHole = 3
	seekData = 4
)

// bootID tells one run of the machine from the next: what was written in this one is still in the page cache.
func bootID() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}

// lease answers nothing: macOS has no passthrough.
func lease(*os.File) error { return nil }
