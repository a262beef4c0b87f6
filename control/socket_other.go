//go:build !linux

package control

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// peerUID asks the kernel who is at the other end.
func peerUID(c *net.UnixConn) (uid int, known bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	err2 := raw.Control(func(fd uintptr) {
		var cred *unix.Xucred
		if cred, err = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); err == nil {
			uid, known = int(cred.Uid), true
		}
	})
	return uid, known && err2 == nil
}

func openDir(dir string) (*os.File, error) { return os.Open(dir) }

// dirAlias does not exist here: "" makes a long path an error.
func dirAlias(*os.File) string { return "" }

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
