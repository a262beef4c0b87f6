// Package link makes loopback feel like a line to a data centre: round trips take time and bytes are metered.
//
// One Link stands for the whole line; Listen wraps each listener whose connections go over it. Set changes the line
// while it is in use. With nothing set, connections pass their calls straight on, sendfile included.
package link

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Config describes a line. Zero fields are off. Rates are in bytes per second; up is towards Frame.io.
type Config struct {
	RTT       time.Duration // added once per turn: when a connection is made, and whenever a request follows an answer
	Up        int64         // of all connections together
	Down      int64
	UpEach    int64 // of each connection
	DownEach  int64
	ReadAhead int // bytes the receiving side may take in unmetered; 0 = 256 KiB. Smaller is more exact
}

// Link is a line shared by many connections.
type Link struct {
	state atomic.Pointer[state]
}

// state is a Config in working form. A new one replaces it as a whole.
type state struct {
	Config
	up, down *rate.Limiter // nil = off
}

// New returns a line.
func New(cfg Config) (*Link, error) {
	l := &Link{}
	return l, l.Set(cfg)
}

// Set changes the line, for connections that exist too.
func (l *Link) Set(cfg Config) error {
	if cfg.RTT < 0 || cfg.Up < 0 || cfg.Down < 0 || cfg.UpEach < 0 || cfg.DownEach < 0 || cfg.ReadAhead < 0 {
		return fmt.Errorf("link: delays and rates must not be negative")
	}
	if cfg.ReadAhead == 0 {
		cfg.ReadAhead = 256 << 10
	}
	l.state.Store(&state{Config: cfg, up: limiter(cfg.Up), down: limiter(cfg.Down)})
	return nil
}

// Config returns how the line is set.
func (l *Link) Config() Config { return l.state.Load().Config }

const (
	chunk = 32 << 10 // metered at a time
	burst = 64 << 10 // must be at least chunk
)

func limiter(bytesPerSecond int64) *rate.Limiter {
	if bytesPerSecond == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(bytesPerSecond), burst)
}

// Listen puts the connections of inner on the line.
func (l *Link) Listen(inner net.Listener) net.Listener { return &listener{inner, l} }

type listener struct {
	net.Listener
	link *Link
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &conn{Conn: c, link: l.link, ctx: ctx, cancel: cancel, made: time.Now(), handshake: true, turned: true}, nil
}

// conn is the server's end of a connection: what it reads is "up", what it writes is "down".
type conn struct {
	net.Conn
	link   *Link
	ctx    context.Context // ends with Close, so that no sleep outlives the connection
	cancel context.CancelFunc
	made   time.Time

	mu        sync.Mutex
	handshake bool // nothing read yet
	turned    bool // written since the last read: the next bytes are an answer to ours
	shaped    *state
	up, down  *rate.Limiter // of this connection, for shaped
}

// limiters returns the line's state and this connection's own limiters for it.
func (c *conn) limiters() (s *state, up, down *rate.Limiter) {
	s = c.link.state.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shaped != s {
		c.shaped, c.up, c.down = s, limiter(s.UpEach), limiter(s.DownEach)
		if tc, ok := c.Conn.(*net.TCPConn); ok && (s.Up > 0 || s.UpEach > 0) {
			// Else the kernel would take in megabytes before the meter sees them. Failing only makes it less exact.
			_ = tc.SetReadBuffer(s.ReadAhead)
		}
	}
	return s, c.up, c.down
}

func (c *conn) Read(b []byte) (int, error) {
	if s, up, _ := c.limiters(); (s.up != nil || up != nil) && len(b) > chunk {
		b = b[:chunk]
	}
	n, err := c.Conn.Read(b)
	if n > 0 {
		s, up, _ := c.limiters() // again: the line may have been changed while nothing came
		c.turn(s.RTT)
		c.meter(n, s.up, up)
	}
	return n, err
}

// turn waits a round trip if the bytes just read had to wait for something of ours to arrive first, and until a round trip
// after the connection was made for its handshake: who made it ahead of time has that behind him.
func (c *conn) turn(rtt time.Duration) {
	c.mu.Lock()
	turned, handshake := c.turned, c.handshake
	c.turned, c.handshake = false, false
	c.mu.Unlock()
	if !turned || rtt == 0 {
		return
	}
	if handshake {
		rtt += max(0, rtt-time.Since(c.made))
	}
	t := time.NewTimer(rtt)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.ctx.Done():
	}
}

// meter waits until n bytes may pass.
func (c *conn) meter(n int, limiters ...*rate.Limiter) {
	for _, l := range limiters {
		for left := n; l != nil && left > 0; left -= chunk {
			// Fails only when the connection is closed, and then the next call tells.
			_ = l.WaitN(c.ctx, min(left, chunk))
		}
	}
}

func (c *conn) wrote() {
	c.mu.Lock()
	c.turned = true
	c.mu.Unlock()
}

func (c *conn) Write(b []byte) (n int, err error) {
	c.wrote()
	s, _, down := c.limiters()
	if s.down == nil && down == nil {
		return c.Conn.Write(b)
	}
	for len(b) > 0 && err == nil {
		piece := b[:min(len(b), chunk)]
		c.meter(len(piece), s.down, down)
		var m int
		m, err = c.Conn.Write(piece)
		n += m
		b = b[m:]
	}
	return n, err
}

// ReadFrom is sendfile's way in, when nothing is metered.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	s, _, down := c.limiters()
	if rf, ok := c.Conn.(io.ReaderFrom); ok && s.down == nil && down == nil {
		c.wrote()
		return rf.ReadFrom(r)
	}
	return io.Copy(onlyWriter{c}, r)
}

type onlyWriter struct{ io.Writer }

func (c *conn) Close() error {
	c.cancel()
	return c.Conn.Close()
}
