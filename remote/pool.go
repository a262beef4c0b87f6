package remote

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// pool keeps connections to the media hosts for reading, and dials some before they are wanted. net/http's own pool cannot
// be told to dial ahead, nor asked what it has.
type pool struct {
	dialer *http.Transport // makes connections; what it would keep itself stays empty

	mu     sync.Mutex // guards what follows, and all poolHosts
	hosts  map[string]*poolHost
	last   *url.URL // where the last link led; nil: there was none yet
	closed bool
}

// poolHost is what the pool has of one host.
type poolHost struct {
	scheme, address string
	idle            []*poolConn    // the one used last is last
	waiting         []chan dialled // who wants one, the oldest first
	dialing         int
}

type poolConn struct {
	*http.ClientConn
	host  *poolHost
	timer *time.Timer // of its idle life
}

type dialled struct {
	conn *poolConn
	err  error
}

const (
	poolIdle  = 32 // connections kept per host; a file read in order leaves 16
	poolLife  = 90 * time.Second
	poolAhead = 8 // dialled ahead: what one random read, cut into ranges side by side, wants at once
)

func newPool(dialer *http.Transport) *pool {
	return &pool{dialer: dialer, hosts: map[string]*poolHost{}}
}

// host is u's; p.mu is held.
func (p *pool) host(u *url.URL) *poolHost {
	port := u.Port()
	switch {
	case port == "" && u.Scheme == "https":
		port = "443"
	case port == "":
		port = "80"
	}
	address := net.JoinHostPort(u.Hostname(), port)
	key := u.Scheme + " " + address
	h := p.hosts[key]
	if h == nil {
		h = &poolHost{scheme: u.Scheme, address: address}
		p.hosts[key] = h
	}
	return h
}

// expect notes that u's host is where files are read.
func (p *pool) expect(u *url.URL) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = u
}

// begin dials ahead, where the last link led, and answers at once.
func (p *pool) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last != nil {
		p.ahead(p.host(p.last))
	}
}

// ahead has connections dialled until there are as many as shall lie ready; p.mu is held.
func (p *pool) ahead(h *poolHost) {
	h.idle = slices.DeleteFunc(h.idle, func(c *poolConn) bool { return c.Err() != nil })
	for range poolAhead - len(h.idle) - h.dialing + len(h.waiting) {
		p.dial(h)
	}
}

// warm answers when a connection to u's host lies ready, or why there is none.
func (p *pool) warm(ctx context.Context, u *url.URL) error {
	p.mu.Lock()
	h := p.host(u)
	p.ahead(h)
	ready := len(h.idle) > 0
	p.mu.Unlock()
	if ready {
		return nil
	}
	c, err := p.take(ctx, h)
	if err == nil {
		p.put(c)
	}
	return err
}

// take answers an idle connection, or the first that is dialled or given back.
func (p *pool) take(ctx context.Context, h *poolHost) (*poolConn, error) {
	p.mu.Lock()
	for n := len(h.idle); n > 0; n = len(h.idle) {
		c := h.idle[n-1]
		h.idle = h.idle[:n-1]
		c.timer.Stop()
		if c.Err() == nil {
			p.mu.Unlock()
			return c, nil
		}
	}
	w := make(chan dialled, 1)
	h.waiting = append(h.waiting, w)
	if h.dialing < len(h.waiting) {
		p.dial(h)
	}
	p.mu.Unlock()
	select {
	case d := <-w:
		return d.conn, d.err
	case <-ctx.Done():
	}
	p.mu.Lock()
	h.waiting = slices.DeleteFunc(h.waiting, func(other chan dialled) bool { return other == w })
	p.mu.Unlock()
	select {
	case d := <-w:
		if d.err == nil {
			p.put(d.conn)
		}
	default:
	}
	return nil, ctx.Err()
}

// dial begins one more connection; p.mu is held. It goes on when those who wanted it have gone: the next will be glad of it.
func (p *pool) dial(h *poolHost) {
	h.dialing++
	go func() {
		conn, err := p.dialer.NewClientConn(context.Background(), h.scheme, h.address) // ended by the dialer's own timeouts
		p.mu.Lock()
		defer p.mu.Unlock()
		h.dialing--
		switch {
		case err == nil:
			c := &poolConn{ClientConn: conn, host: h}
			c.timer = time.AfterFunc(poolLife, func() { p.expire(c) })
			p.keep(c)
		case len(h.waiting) > h.dialing: // there is none left for one of them
			h.waiting[0] <- dialled{err: err}
			h.waiting = h.waiting[1:]
		}
	}()
}

// put gives a connection to who waits for one, or keeps it.
func (p *pool) put(c *poolConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep(c)
}

// keep is put with p.mu held.
func (p *pool) keep(c *poolConn) {
	h := c.host
	c.timer.Stop()
	switch {
	case len(h.waiting) > 0:
		h.waiting[0] <- dialled{conn: c}
		h.waiting = h.waiting[1:]
	case p.closed || len(h.idle) >= poolIdle:
		go c.Close() // over TLS it says goodbye, which may take its time
	default:
		c.timer.Reset(poolLife)
		h.idle = append(h.idle, c)
	}
}

func (p *pool) expire(c *poolConn) {
	p.mu.Lock()
	i := slices.Index(c.host.idle, c)
	if i >= 0 {
		c.host.idle = slices.Delete(c.host.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		c.Close()
	}
}

// drop closes what is idle: where one connection has died, those that lay beside it are not trusted.
func (p *pool) drop(h *poolHost) {
	p.mu.Lock()
	idle := h.idle
	h.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.timer.Stop()
		go c.Close()
	}
}

// dropAll is drop for all hosts.
func (p *pool) dropAll() {
	p.mu.Lock()
	hosts := slices.Collect(maps.Values(p.hosts))
	p.mu.Unlock()
	for _, h := range hosts {
		p.drop(h)
	}
}

// close drops what is idle and keeps nothing from now on.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	hosts := p.hosts
	p.hosts = map[string]*poolHost{}
	p.mu.Unlock()
	for _, h := range hosts {
		p.drop(h)
	}
}

// RoundTrip sends a GET. The answer's body must be closed; read to its end, it leaves the connection for the next. A
// connection may have died while it lay idle, which only its next request finds out: so it is tried once more, with a new one.
func (p *pool) RoundTrip(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	h := p.host(req.URL)
	p.mu.Unlock()
	for again := false; ; again = true {
		c, err := p.take(req.Context(), h)
		if err != nil {
			return nil, err
		}
		resp, err := c.RoundTrip(req)
		if err == nil {
			resp.Body = &poolBody{ReadCloser: resp.Body, pool: p, conn: c}
			return resp, nil
		}
		go c.Close()
		over := req.Context().Err() != nil
		if over && !errors.Is(context.Cause(req.Context()), errStalled) {
			return nil, err // nobody wants it any more: that says nothing about the host
		}
		p.drop(h)
		if over || again {
			return nil, err
		}
	}
}

// poolBody gives its connection back when it is closed.
type poolBody struct {
	io.ReadCloser
	pool   *pool
	conn   *poolConn
	failed bool
}

func (b *poolBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.failed = true
	}
	return n, err
}

// Close may be called once.
func (b *poolBody) Close() error {
	err := b.ReadCloser.Close()
	if b.conn.Err() == nil && b.conn.Available() > 0 {
		b.pool.put(b.conn)
		return err
	}
	go b.conn.Close()
	if !b.failed { // left before its end, which costs the connection: whoever does that is about to read elsewhere
		b.pool.mu.Lock()
		defer b.pool.mu.Unlock()
		if !b.pool.closed {
			b.pool.ahead(b.conn.host)
		}
	}
	return err
}
