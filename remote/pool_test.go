package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mediaHost serves a film and counts who comes.
type mediaHost struct {
	*film
	*httptest.Server
	dialled atomic.Int32
	fetched atomic.Int32

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func newMediaHost(t *testing.T, tls bool) *mediaHost {
	t.Helper()
	h := &mediaHost{film: newFilm(1 << 20), conns: map[net.Conn]bool{}}
	h.Server = httptest.NewUnstartedServer(h.film)
	h.Config.ConnState = func(c net.Conn, s http.ConnState) {
		h.mu.Lock()
		defer h.mu.Unlock()
		switch s {
		case http.StateNew:
			h.dialled.Add(1)
			h.conns[c] = true
		case http.StateClosed:
			delete(h.conns, c)
		}
	}
	if tls {
		h.StartTLS()
	} else {
		h.Start()
	}
	t.Cleanup(h.Server.Close)
	return h
}

func (h *mediaHost) dial(t *testing.T) *Conn {
	t.Helper()
	cfg := Config{BaseURL: h.URL, Token: StaticToken("t"), Patience: 300 * time.Millisecond}
	if tr := h.Client().Transport.(*http.Transport); tr.TLSClientConfig != nil {
		cfg.TLS = tr.TLSClientConfig
	}
	c, err := NewConn(cfg, Wire{Fault: plainFault})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (h *mediaHost) link(context.Context) (Link, error) {
	h.fetched.Add(1)
	return Link{URL: h.URL + "/film", Size: int64(len(h.bytes))}, nil
}

// cutAll ends all connections from the host's side.
func (h *mediaHost) cutAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		c.Close()
	}
}

func (h *mediaHost) read(t *testing.T, c *Conn, file Ref, off, n int64) {
	t.Helper()
	r, err := c.OpenRange(t.Context(), file, off, n, h.link)
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, h.bytes[off:off+n]) {
		t.Errorf("%d bytes at %d: got %d, %v", n, off, len(got), err)
	}
}

func (p *pool) lying() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, h := range p.hosts {
		n += len(h.idle)
	}
	return n
}

// until waits for what another goroutine is about to do.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("not within a second: %s", what)
}

func TestPrepareLeavesOneRoundTrip(t *testing.T) {
	for name, tls := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			h := newMediaHost(t, tls)
			c := h.dial(t)
			for range 3 {
				if err := c.Prepare(t.Context(), fileRef, h.link); err != nil {
					t.Fatal(err)
				}
			}
			until(t, "connections for ranges side by side", func() bool { return c.pool.lying() == poolAhead && h.dialled.Load() == poolAhead })
			h.read(t, c, fileRef, 0, 100)
			h.read(t, c, fileRef, 1<<20-100, 100)
			if h.fetched.Load() != 1 || h.dialled.Load() != poolAhead || h.gets.Load() != 2 {
				t.Errorf("%d links, %d dials, %d GETs, want 1, %d, 2", h.fetched.Load(), h.dialled.Load(), h.gets.Load(), poolAhead)
			}
		})
	}
}

func TestPrepareDialsWhileItFetches(t *testing.T) {
	h := newMediaHost(t, false)
	c := h.dial(t)
	h.read(t, c, fileRef, 0, 10)
	c.pool.drop(c.pool.host(c.pool.last))
	had := h.dialled.Load()
	err := c.Prepare(t.Context(), Ref{Kind: File, ID: "f2"}, func(ctx context.Context) (Link, error) {
		until(t, "a connection before there is a link", func() bool { return h.dialled.Load() > had })
		return h.link(ctx)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPrepareTellsWhy(t *testing.T) {
	h := newMediaHost(t, false)
	c := h.dial(t)
	none := &Error{Op: "open file", Ref: fileRef, Err: ErrIncomplete}
	if err := c.Prepare(t.Context(), fileRef, func(context.Context) (Link, error) { return Link{}, none }); !errors.Is(err, ErrIncomplete) {
		t.Errorf("got %v, want ErrIncomplete", err)
	}
	if err := c.Prepare(t.Context(), Ref{Kind: Folder, ID: "x"}, h.link); !errors.Is(err, ErrRefused) {
		t.Errorf("a folder: got %v, want ErrRefused", err)
	}
	gone := newMediaHost(t, false)
	gone.Close()
	if err := c.Prepare(t.Context(), fileRef, gone.link); !errors.Is(err, ErrOffline) {
		t.Errorf("a host that is down: got %v, want ErrOffline", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Prepare(ctx, fileRef, gone.link); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody wants it: got %v, want Canceled", err)
	}
}

func TestManyReadersLeaveConnectionsForOthers(t *testing.T) {
	h := newMediaHost(t, false)
	arrived := make(chan struct{}, 16)
	all := make(chan struct{})
	h.before = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
		if n <= 16 {
			arrived <- struct{}{}
			<-all
		}
		return false
	}
	c := h.dial(t)
	var wg sync.WaitGroup
	for i := range int64(16) {
		wg.Go(func() { h.read(t, c, fileRef, i*1000, 1000) })
	}
	for range 16 {
		<-arrived
	}
	close(all)
	wg.Wait()
	had := h.dialled.Load()
	for i := range int64(8) {
		wg.Go(func() { h.read(t, c, fileRef, i*128<<10, 128<<10) })
	}
	wg.Wait()
	if had < 16 || h.dialled.Load() != had {
		t.Errorf("%d connections for 16 readers, then %d more for 8, want none", had, h.dialled.Load()-had)
	}
}

func TestConnectionsThatDiedIdleCostNoError(t *testing.T) {
	h := newMediaHost(t, false)
	c := h.dial(t)
	for range 20 {
		if err := c.Prepare(t.Context(), fileRef, h.link); err != nil {
			t.Fatal(err)
		}
		until(t, "all dials", func() bool { return c.pool.lying() == poolAhead })
		begun := time.Now()
		h.cutAll()
		h.read(t, c, fileRef, 5, 50)
		if took := time.Since(begun); took > 200*time.Millisecond {
			t.Errorf("it took %v: that is a backoff", took)
		}
	}
}

func TestWhoLeavesEarlyFindsAConnection(t *testing.T) {
	h := newMediaHost(t, false)
	c := h.dial(t)
	for range 10 {
		r, err := c.OpenRange(t.Context(), fileRef, 0, -1, h.link)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		r.Close()
		until(t, "connections", func() bool { return c.pool.lying() >= poolAhead })
	}
}

func TestWhoGivesUpWaitingLeavesNothingBehind(t *testing.T) {
	h := newMediaHost(t, false)
	c := h.dial(t)
	u, err := url.Parse(h.URL)
	if err != nil {
		t.Fatal(err)
	}
	host := c.pool.host(u)
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		if conn, err := c.pool.take(ctx, host); err == nil {
			c.pool.put(conn)
		}
	}
	until(t, "the last dial", func() bool {
		c.pool.mu.Lock()
		defer c.pool.mu.Unlock()
		return host.dialing == 0
	})
	if len(host.waiting) != 0 || len(host.idle) == 0 || len(host.idle) > poolIdle {
		t.Errorf("%d wait, %d lie idle", len(host.waiting), len(host.idle))
	}
	c.Close()
	until(t, "goodbye", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.conns) == 0 })
}

func TestAnotherHostIsFollowed(t *testing.T) {
	was, is := newMediaHost(t, false), newMediaHost(t, true)
	c := was.dial(t)
	c.pool.dialer = is.dial(t).pool.dialer // it knows the certificate
	was.read(t, c, fileRef, 0, 10)
	was.Server.Close()
	c.links.of(fileRef.ID).until = time.Time{} // the link has ended, and the new one leads elsewhere
	if err := c.Prepare(t.Context(), fileRef, is.link); err != nil {
		t.Error(err)
	}
	is.read(t, c, fileRef, 1000, 50)
	// A link that is still good, but whose host has gone, is an outage.
	if err := c.Prepare(t.Context(), Ref{Kind: File, ID: "f9"}, was.link); !errors.Is(err, ErrOffline) {
		t.Errorf("got %v, want ErrOffline", err)
	}
}
