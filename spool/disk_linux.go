package spool

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// allocate reserves room on the disk without changing any byte or the size.
func allocate(f *os.File, off, n int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, off, n)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP):
			return nil // such a disk cannot promise room; writes tell
		default:
			return err
		}
	}
}

// punch makes bytes zero and gives their room back; errors.ErrUnsupported if the disk cannot.
func punch(f *os.File, off, n int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// How lseek(2) is asked for data and holes.
const (
	seekData = unix.SEEK_DATA
	seekHole = unix.SEEK_HOLE
)

// bootID tells one run of the machine from the next: what was written in this one is still in the page cache.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// lease answers EAGAIN if somebody has the file open for writing, or mapped so.
func lease(f *os.File) error {
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	}
	return err
}
