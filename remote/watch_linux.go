package remote

import (
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// moving answers how many bytes have come through in both directions, by the system's count, and whether something that was sent is not
// acknowledged yet.
func (c *watchedConn) moving() (n int64, waits bool) {
	sc, ok := c.Conn.(syscall.Conn)
	if !ok {
		return c.in.Load() + c.out.Load(), false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, false
	}
	var info *unix.TCPInfo
	if raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }) != nil || err != nil {
		return 0, false
	}
	return int64(info.Bytes_acked + info.Bytes_received), info.Unacked > 0
}

// ReadFrom lets the kernel send a file by itself.
func (c *watchedConn) ReadFrom(r io.Reader) (int64, error) {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c}, r)
}
