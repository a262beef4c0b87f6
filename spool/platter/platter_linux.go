package platter

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func syncBytes(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func syncAll(d *os.File) (done bool, err error) { return true, unix.Syncfs(int(d.Fd())) }
