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

	State State
	Drip  time.Duration // one byte in each direction of a connection takes so long
}

// State is whether anything gets through.
type State string

// The ways in which a line can be down. What is sent on a frozen line waits, and arrives when it is up again.
const (
	Up     State = ""
	Cut    State = "cut"    // connections are reset, new ones too
	Frozen State = "frozen" // nothing moves; afterwards all goes on
	Lost   State = "lost"   // nothing moves, and connections of before or meanwhile are half-open for ever: only new ones work afterwards
)

// Link is a line shared by many connections.
type Link struct {
	state atomic.Pointer[state]

	mu    sync.Mutex // guards what follows; one sets at a time
	conns map[*conn]bool
}

// state is a Config in working form. A new one replaces it as a whole.
type state struct {
	Config
	up, down *rate.Limiter // nil = off
	over     chan struct{} // closed when another one replaces it
}

// New returns a line.
func New(cfg Config) (*Link, error) {
	l := &Link{conns: map[*conn]bool{}}
	return l, l.Set(cfg)
}

// Set changes the line, for connections that exist too.
func (l *Link) Set(cfg Config) error {
	if cfg.Drip < 0 || cfg.RTT < 0 || cfg.Up < 0 || cfg.Down < 0 || cfg.UpEach < 0 || cfg.DownEach < 0 || cfg.ReadAhead < 0 {
		return fmt.Errorf("link: delays and rates must not be negative")
	}
	switch cfg.State {
	case Up, Cut, Frozen, Lost:
	default:
		return fmt.Errorf("link: %q is no state of a line; want cut, frozen, lost, or nothing", cfg.State)
	}
	if cfg.ReadAhead == 0 {
		cfg.ReadAhead = 256 << 10
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := &state{Config: cfg, up: limiter(cfg.Up), down: limiter(cfg.Down), over: make(chan struct{})}
	was := l.state.Swap(now)
	for c := range l.conns {
		switch {
		case cfg.State == Cut:
			c.reset()
		case cfg.State == Lost, was != nil && was.State == Lost:
			c.lost.Store(true)
		}
	}
	if was != nil {
		close(was.over)
	}
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
	made := &conn{Conn: c, link: l.link, ctx: ctx, cancel: cancel, made: time.Now(), handshake: true, turned: true}
	l.link.mu.Lock()
	defer l.link.mu.Unlock()
	l.link.conns[made] = true
	if l.link.Config().State == Cut {
		made.reset()
	}
	return made, nil
}

// conn is the server's end of a connection: what it reads is "up", what it writes is "down".
type conn struct {
	net.Conn
	link   *Link
	ctx    context.Context // ends with Close, so that no sleep outlives the connection
	cancel context.CancelFunc
	made   time.Time
	lost   atomic.Bool // half-open for ever

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

// reset breaks the connection as a router does that has forgotten it.
func (c *conn) reset() {
	if tc, ok := c.Conn.(*net.TCPConn); ok {
		_ = tc.SetLinger(0)
	}
	c.Conn.Close() // what reads or writes fails by that
	c.cancel()
}

// pass waits until the line lets something through.
func (c *conn) pass() error {
	for {
		s := c.link.state.Load()
		switch {
		case c.lost.Load():
			<-c.ctx.Done()
		case s.State == Frozen || s.State == Lost:
			select {
			case <-s.over:
				continue
			case <-c.ctx.Done():
			}
		}
		if c.ctx.Err() != nil {
			return net.ErrClosed
		}
		return nil
	}
}

// drips takes its time for one byte, if the line drips, and reports whether it does.
func (c *conn) drips() bool {
	s := c.link.state.Load()
	if s.Drip == 0 {
		return false
	}
	t := time.NewTimer(s.Drip)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.over:
	case <-c.ctx.Done():
	}
	return true
}

func (c *conn) Read(b []byte) (int, error) {
	if c.link.Config().Drip > 0 && len(b) > 1 {
		b = b[:1]
	}
	if s, up, _ := c.limiters(); (s.up != nil || up != nil) && len(b) > chunk {
		b = b[:chunk]
	}
	n, err := c.Conn.Read(b)
	if err != nil && (c.lost.Load() || c.link.Config().State != Up) && c.pass() != nil {
		return 0, net.ErrClosed // the other end's goodbye does not get through either
	}
	if n > 0 {
		if err := c.pass(); err != nil {
			return 0, err
		}
		c.drips()
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
	if c.unimpeded() && s.down == nil && down == nil {
		return c.Conn.Write(b)
	}
	for len(b) > 0 && err == nil {
		if err := c.pass(); err != nil {
			return n, err
		}
		piece := b[:min(len(b), chunk)]
		if c.drips() {
			piece = b[:1]
		}
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
	if rf, ok := c.Conn.(io.ReaderFrom); ok && c.unimpeded() && s.down == nil && down == nil {
		c.wrote()
		return rf.ReadFrom(r)
	}
	return io.Copy(onlyWriter{c}, r)
}

// unimpeded reports whether the line is up and does not drip.
func (c *conn) unimpeded() bool {
	s := c.link.Config()
	return s.State == Up && s.Drip == 0 && !c.lost.Load()
}

type onlyWriter struct{ io.Writer }

func (c *conn) Close() error {
	c.link.mu.Lock()
	delete(c.link.conns, c)
	c.link.mu.Unlock()
	c.cancel()
	return c.Conn.Close()
}
