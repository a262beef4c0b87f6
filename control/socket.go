package control

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxSocketPath is what fits into a sockaddr_un on every system we know, with its closing NUL (104 on BSD, 108 on Linux).
const maxSocketPath = 103

// socketName carries the pid, so that a process that is still saying good-bye and its successor never fight for one name.
func socketName(pid int) string { return fmt.Sprintf("control-%d.sock", pid) }

// listen makes the socket in dir and answers only its own user and root.
func listen(dir string) (net.Listener, string, error) {
	path := filepath.Join(dir, socketName(os.Getpid()))
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, "", fmt.Errorf("remove old control socket: %w", err)
	}
	var l *net.UnixListener
	err := withShortPath(path, func(short string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("make control socket: %w", err)
	}
	// The name it was bound with may have been a detour; Close removes the real one.
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, "", fmt.Errorf("make control socket private: %w", err)
	}
	return ownPeers{l}, path, nil
}

// dial connects to the socket at path.
func dial(path string) (net.Conn, error) {
	var c net.Conn
	err := withShortPath(path, func(short string) (err error) {
		c, err = net.DialTimeout("unix", short, 2*time.Second)
		return err
	})
	return c, err
}

// dropDead removes the sockets in dir that nobody listens on: their processes were killed.
func dropDead(dir string) {
	names, err := filepath.Glob(filepath.Join(dir, "control-*.sock"))
	if err != nil {
		return
	}
	for _, name := range names {
		c, err := dial(name)
		switch {
		case err == nil:
			c.Close()
		case isRefused(err):
			os.Remove(name)
		}
	}
}

// ownPeers lets only the user of this process, and root, in.
type ownPeers struct{ *net.UnixListener }

// Accept skips strangers.
func (l ownPeers) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if uid, known := peerUID(c); known && (uid == 0 || uid == os.Geteuid()) {
			return c, nil
		}
		c.Close()
	}
}

// peerUID asks the kernel who is at the other end.
func peerUID(c *net.UnixConn) (uid int, known bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	asked := raw.Control(func(fd uintptr) { uid, err = credUID(int(fd)) })
	return uid, asked == nil && err == nil
}

// withShortPath calls use with a name for path that fits into a socket address.
func withShortPath(path string, use func(string) error) error {
	if len(path) <= maxSocketPath {
		return use(path)
	}
	dir, err := openDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	short := dirAlias(dir) + "/" + filepath.Base(path)
	if strings.HasPrefix(short, "/") && len(short) <= maxSocketPath {
		return use(short)
	}
	return fmt.Errorf("the path of the state folder is too long for a socket (%d bytes, at most %d): choose a shorter one with --state-dir",
		len(path), maxSocketPath)
}
