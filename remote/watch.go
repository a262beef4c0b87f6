package remote

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// watch finds connections that have died without a word: the line was gone for a while, the machine slept, its address changed, or a
// router forgot them. The system would find out after minutes. So where requests are under way and nothing moves, a new
// connection is tried beside (a probe). That tells three things apart:
//
//   - it comes through at once: the host is slow. Nothing is done, except to a connection on which even what was sent is not
//     acknowledged for long;
//   - it does not come through: the line is down. It is tried again, about every second;
//   - it comes through again: the line is back. What moves on by itself may; connections from before that do not are closed, and so
//     what was under way on them is begun again at once.
type watch struct {
	dial *dialer
	tls  *tls.Config
	idle func() // closes connections that nobody uses

	mu      sync.Mutex // guards what follows, and every host
	hosts   map[string]*watchedHost
	busy    int // requests under way at all hosts
	beating bool
	last    time.Time // of the last beat
	drift   time.Duration
}

// watchedHost is one host:port.
type watchedHost struct {
	addr   string
	scheme string
	busy   int // requests under way
	conns  map[*watchedConn]bool

	moved  time.Time     // when something last moved, or the first request began
	probes int           // under way
	probed time.Time     // when the last was begun
	rest   time.Duration // until the next while the host is only slow
	down   bool
}

// watchedConn is a connection as the transports see it.
type watchedConn struct {
	net.Conn
	host     *watchedHost
	watch    *watch
	in, out  atomic.Int64 // bytes that were read and written, where the system does not count
	count    int64        // what had moved when it was last looked at; guarded by watch.mu
	moved    time.Time    // when that changed; guarded by watch.mu
	suspects time.Time    // it is closed then, if nothing has moved until then; guarded by watch.mu
}

const (
	beat       = 250 * time.Millisecond
	silence    = 2 * time.Second        // of a host, until it is probed
	probeEvery = 800 * time.Millisecond // while it does not answer
	probeTime  = 3 * time.Second        // for the answer
	probesMost = 4                      // at once
	restMost   = 5 * time.Second
	grace      = 700 * time.Millisecond // for connections to move again when the line is back
	deaf       = 4 * time.Second        // without an acknowledgement, while new connections work
	asleep     = 5 * time.Second        // between two beats: the machine or the process stood still
)

func newWatch(d *dialer, cfg *tls.Config) *watch {
	w := &watch{dial: d, tls: cfg, hosts: map[string]*watchedHost{}, idle: func() {}}
	d.watch = w
	w.drift = drift(time.Now())
	return w
}

var began = time.Now()

// drift is by how much the clock on the wall has gone on more than the one that stands still while the machine sleeps.
func drift(now time.Time) time.Duration {
	return now.Round(0).Sub(began.Round(0)) - now.Sub(began)
}

// keep watches over a new connection.
func (w *watch) keep(conn net.Conn, addr string) net.Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.host(addr)
	c := &watchedConn{Conn: conn, host: h, watch: w, moved: time.Now()}
	h.conns[c] = true
	return c
}

// host is that of an address; mu is held.
func (w *watch) host(addr string) *watchedHost {
	h := w.hosts[addr]
	if h == nil {
		h = &watchedHost{addr: addr, conns: map[*watchedConn]bool{}}
		w.hosts[addr] = h
	}
	return h
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in.Add(int64(n))
	return n, err
}

func (c *watchedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.out.Add(int64(n))
	return n, err
}

func (c *watchedConn) Close() error {
	c.watch.mu.Lock()
	delete(c.host.conns, c)
	if len(c.host.conns) == 0 && c.host.busy == 0 && c.host.probes == 0 && c.watch.hosts[c.host.addr] == c.host {
		delete(c.watch.hosts, c.host.addr)
	}
	c.watch.mu.Unlock()
	return c.Conn.Close()
}

// over watches over the requests that go to next.
func (w *watch) over(next http.RoundTripper) http.RoundTripper { return &watched{w, next} }

type watched struct {
	watch *watch
	next  http.RoundTripper
}

func (t *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	end := t.watch.begin(req.URL)
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		end()
		return nil, err
	}
	resp.Body = &watchedBody{resp.Body, end}
	return resp, nil
}

type watchedBody struct {
	io.ReadCloser
	end func()
}

func (b *watchedBody) Close() error {
	b.end()
	return b.ReadCloser.Close()
}

// begin notes that a request is under way until the returned function is called, once or more.
func (w *watch) begin(u *url.URL) (end func()) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := drift(now); d-w.drift > asleep {
		w.drift = d
		w.woke(now)
	} else {
		w.drift = d
	}
	h := w.host(address(u))
	h.scheme = u.Scheme
	if h.busy++; h.busy == 1 {
		h.moved, h.rest = now, 0
	}
	if w.busy++; !w.beating {
		w.beating, w.last = true, now
		go w.beat()
	}
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		h.busy--
		w.busy--
	})
}

// address is where u's host is dialled, if no proxy stands between.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[u.Scheme]
		if port == "" {
			port = "80"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// beat looks at all, time and again, for as long as requests are under way.
func (w *watch) beat() {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for range tick.C {
		if !w.once() {
			return
		}
	}
}

// once is one look; false ends the beat.
func (w *watch) once() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if now.Sub(w.last) > asleep || drift(now)-w.drift > asleep {
		w.woke(now)
	}
	w.last, w.drift = now, drift(now)
	suspects := false
	for _, h := range w.hosts {
		w.look(h, now)
		for c := range h.conns {
			suspects = suspects || !c.suspects.IsZero()
		}
	}
	w.beating = w.busy > 0 || suspects
	return w.beating
}

// look sees to one host.
func (w *watch) look(h *watchedHost, now time.Time) {
	for c := range h.conns {
		if n, _ := c.moving(); n != c.count {
			c.count, c.moved, h.moved = n, now, now
			if !c.suspects.IsZero() {
				c.suspects = time.Time{}
			}
		}
		if !c.suspects.IsZero() && !now.Before(c.suspects) {
			c.suspects = time.Time{}
			go c.Conn.Close() // whoever reads or writes hears of it, and closes the rest
		}
	}
	if h.busy == 0 || len(h.conns) == 0 || now.Sub(h.moved) < silence {
		h.rest = 0
		return
	}
	wait := probeEvery
	if !h.down {
		wait = max(wait, h.rest)
	}
	if h.probes < probesMost && now.Sub(h.probed) >= wait {
		h.probes++
		h.probed = now
		go w.probe(h, h.scheme)
	}
}

// woke is for when all stood still.
func (w *watch) woke(now time.Time) {
	go w.idle()
	for _, h := range w.hosts {
		for c := range h.conns {
			c.count, _ = c.moving()
			c.suspects = now.Add(grace)
		}
	}
}

// probe tries a new connection, and draws conclusions.
func (w *watch) probe(h *watchedHost, scheme string) {
	err := w.reach(h.addr, scheme)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	h.probes--
	switch {
	case err != nil && now.Sub(h.moved) < silence:
		// it moved meanwhile
	case err != nil:
		h.down = true
	case h.down:
		h.down = false
		for c := range h.conns {
			c.count, _ = c.moving()
			c.suspects = now.Add(grace)
		}
		go w.idle()
	default:
		h.rest = min(max(2*h.rest, silence), restMost)
		for c := range h.conns {
			if _, waits := c.moving(); waits && now.Sub(c.moved) >= deaf {
				go c.Conn.Close()
			}
		}
	}
}

// reach makes a connection that somebody at the other end has answered on.
func (w *watch) reach(addr, scheme string) error {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	conn, err := w.dial.one(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	end, _ := ctx.Deadline()
	if err := conn.SetDeadline(end); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if scheme == "https" {
		cfg := w.tls.Clone()
		if cfg == nil {
			cfg = &tls.Config{}
		}
		cfg.ServerName = host
		return tls.Client(conn, cfg).HandshakeContext(ctx)
	}
	if _, err := fmt.Fprintf(conn, "HEAD / HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nConnection: close\r\n\r\n", addr, userAgent); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err
}
