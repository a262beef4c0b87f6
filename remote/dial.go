package remote

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// dialer makes connections on lines that come and go. What is sent into a line that is down is lost, and the system sends it again after
// ever longer times; so while one attempt waits another is begun, and the first that comes through counts. When a name cannot be
// looked up any more, the address is tried that it last led to: over TLS the host proves who it is.
type dialer struct {
	attempt func(ctx context.Context, network, addr string) (net.Conn, error)
	watch   *watch // may be nil

	mu   sync.Mutex        // guards what follows
	last map[string]string // by host:port: the address that it was
}

const (
	dialTime = 10 * time.Second        // for all attempts of one connection together
	dialNext = 1500 * time.Millisecond // then one more attempt is begun beside those that have no answer
)

func newDialer() *dialer {
	return &dialer{attempt: dialOnce, last: map[string]string{}}
}

// dialOnce looks the name up by itself: attempts that share a look-up would all wait for the same lost question.
func dialOnce(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAlive: 15 * time.Second, Resolver: new(net.Resolver)}
	return d.DialContext(ctx, network, addr)
}

// DialContext is for http.Transport.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.dial(ctx, network, addr, dialTime)
	if err != nil || d.watch == nil {
		return conn, err
	}
	return d.watch.keep(conn, addr), nil
}

func (d *dialer) dial(ctx context.Context, network, addr string, most time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	type outcome struct {
		conn net.Conn
		err  error
	}
	got := make(chan outcome)
	try := func() {
		conn, err := d.one(ctx, network, addr)
		select {
		case got <- outcome{conn, err}:
		case <-ctx.Done():
			if conn != nil {
				conn.Close() // another came first
			}
		}
	}
	next := time.NewTicker(dialNext)
	defer next.Stop()
	go try()
	for running := 1; ; {
		select {
		case o := <-got:
			if running--; o.err == nil || running == 0 {
				return o.conn, o.err
			}
		case <-next.C:
			running++
			go try()
		case <-ctx.Done():
			return nil, &net.OpError{Op: "dial", Net: network, Err: context.Cause(ctx)}
		}
	}
}

// one makes one attempt.
func (d *dialer) one(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.attempt(ctx, network, addr)
	var dns *net.DNSError
	if errors.As(err, &dns) {
		d.mu.Lock()
		last := d.last[addr]
		d.mu.Unlock()
		if last == "" {
			return nil, err
		}
		return d.attempt(ctx, network, last)
	}
	if err == nil {
		d.mu.Lock()
		if len(d.last) < 100 {
			d.last[addr] = conn.RemoteAddr().String()
		}
		d.mu.Unlock()
	}
	return conn, err
}
