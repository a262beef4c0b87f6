package remote

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a connection to nowhere in particular.
type pipe struct {
	net.Conn
	to     string
	closed atomic.Bool
}

func (p *pipe) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(p.to), Port: 443} }
func (p *pipe) Close() error         { p.closed.Store(true); return p.Conn.Close() }

func newPipe(to string) *pipe {
	a, _ := net.Pipe()
	return &pipe{Conn: a, to: to}
}

func TestAnAttemptThatGetsNoAnswerIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		d := &dialer{last: map[string]string{}, attempt: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if n.Add(1) < 3 { // the line is down
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return newPipe("192.0.2.1"), nil
		}}
		began := time.Now()
		conn, err := d.DialContext(t.Context(), "tcp", "api.example:443")
		if took := time.Since(began); err != nil || took != 2*dialNext {
			t.Errorf("after %v: %v", took, err)
		}
		conn.Close()
		n.Store(-100)
		began = time.Now()
		if _, err := d.DialContext(t.Context(), "tcp", "api.example:443"); err == nil || time.Since(began) != dialTime {
			t.Errorf("without a line: %v after %v", err, time.Since(began))
		}
		synctest.Wait()
	})
}

func TestARefusalIsToldAtOnce(t *testing.T) {
	d := &dialer{last: map[string]string{}, attempt: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }}
	if _, err := d.DialContext(t.Context(), "tcp", "api.example:443"); err == nil || err.Error() != "refused" {
		t.Errorf("got %v", err)
	}
}

func TestWithoutNamesTheLastAddressIsDialled(t *testing.T) {
	dns := false
	var dialled []string
	d := &dialer{last: map[string]string{}, attempt: func(_ context.Context, _, addr string) (net.Conn, error) {
		dialled = append(dialled, addr)
		if host, _, _ := net.SplitHostPort(addr); dns && net.ParseIP(host) == nil {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "server misbehaving", Name: host}}
		}
		return newPipe("192.0.2.7"), nil
	}}
	for range 2 {
		if _, err := d.DialContext(t.Context(), "tcp", "api.example:443"); err != nil {
			t.Error(err)
		}
		dns = true
	}
	if last := dialled[len(dialled)-1]; last != "192.0.2.7:443" {
		t.Errorf("dialled %v", dialled)
	}
	if _, err := d.DialContext(t.Context(), "tcp", "other.example:443"); err == nil {
		t.Error("a name that nobody ever looked up leads somewhere")
	}
}

func TestConnectionsThatDoNotMoveAfterASleepAreClosed(t *testing.T) {
	idled := make(chan struct{}, 1)
	w := newWatch(newDialer(), nil)
	w.idle = func() { idled <- struct{}{} }
	dead, alive := newPipe("192.0.2.1"), newPipe("192.0.2.1")
	w.keep(dead, "api.example:443")
	moves := w.keep(alive, "api.example:443").(*watchedConn)
	end := w.begin(&url.URL{Scheme: "https", Host: "api.example"})
	defer end()
	w.mu.Lock()
	w.last = time.Now().Add(-time.Hour) // the last beat was before the machine slept
	w.mu.Unlock()
	w.once()
	moves.in.Add(1)
	select {
	case <-idled:
	case <-time.After(10 * time.Second):
		t.Error("what lies idle is kept")
	}
	for end := time.Now().Add(10 * time.Second); !dead.closed.Load() && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		w.once()
	}
	if !dead.closed.Load() || alive.closed.Load() {
		t.Errorf("closed: the dead one %v, the one that moves %v", dead.closed.Load(), alive.closed.Load())
	}
}
