//go:build !linux

package control

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// credUID is the user at the other end of a socket.
func credUID(fd int) (int, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}

func openDir(dir string) (*os.File, error) { return os.Open(dir) }

// dirAlias does not exist here: "" makes a long path an error.
func dirAlias(*os.File) string { return "" }

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
