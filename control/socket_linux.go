package control

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// credUID is the user at the other end of a socket.
func credUID(fd int) (int, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}

// openDir opens dir as a place only, which needs no right to list it.
func openDir(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return os.NewFile(uintptr(fd), dir), nil
}

// dirAlias is a short name of an open folder.
func dirAlias(dir *os.File) string {
	return "/proc/self/fd/" + strconv.Itoa(int(dir.Fd()))
}

func isRefused(err error) bool { return errors.Is(err, unix.ECONNREFUSED) }
