//go:build !linux

package control

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// peerUID is not known here; the socket's mode has to do.
func peerUID(*net.UnixConn) (uid int, known bool) { return 0, false }

func openDir(dir string) (*os.File, error) { return os.Open(dir) }

// dirAlias does not exist here: "" makes a long path an error.
func dirAlias(*os.File) string { return "" }

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
