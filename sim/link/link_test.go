package link

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func serve(t *testing.T, l *Link) *httptest.Server {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodGet {
			w.Write(make([]byte, 512<<10))
		}
	}))
	srv.Listener.Close()
	srv.Listener = l.Listen(inner)
	srv.Start()
	t.Cleanup(func() {
		srv.CloseClientConnections() // what was lost would be waited for
		srv.Close()
	})
	return srv
}

func took(t *testing.T, method, url string, body int) time.Duration {
	t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader(make([]byte, body)))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

// Lower bounds only: a busy machine makes everything slower, never faster.
func TestLine(t *testing.T) {
	const rtt = 40 * time.Millisecond
	tests := []struct {
		name   string
		cfg    Config
		method string
		body   int
		first  time.Duration // at least, on a new connection
		second time.Duration // at least, on the same one
	}{
		{"rtt", Config{RTT: rtt}, "PUT", 1 << 20, 2 * rtt, rtt},
		{"up in total", Config{Up: 4 << 20}, "PUT", 1 << 20, 200 * time.Millisecond, 200 * time.Millisecond},
		{"up each", Config{UpEach: 4 << 20}, "PUT", 1 << 20, 200 * time.Millisecond, 200 * time.Millisecond},
		{"down in total", Config{Down: 2 << 20}, "GET", 0, 200 * time.Millisecond, 200 * time.Millisecond},
		{"down each", Config{DownEach: 2 << 20}, "GET", 0, 200 * time.Millisecond, 200 * time.Millisecond},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			l, err := New(tc.cfg)
			if err != nil {
				t.Fatal(err)
			}
			srv := serve(t, l)
			if got := took(t, tc.method, srv.URL, tc.body); got < tc.first {
				t.Errorf("first request took %v, want at least %v", got, tc.first)
			}
			if got := took(t, tc.method, srv.URL, tc.body); got < tc.second {
				t.Errorf("second request took %v, want at least %v", got, tc.second)
			}
			if err := l.Set(Config{}); err != nil {
				t.Fatal(err)
			}
			best := time.Hour
			for range 5 {
				best = min(best, took(t, tc.method, srv.URL, tc.body))
			}
			if best >= tc.second {
				t.Errorf("switched off, the best of five requests took %v", best)
			}
		})
	}
}

// Two connections share what is metered in total.
func TestTotalIsShared(t *testing.T) {
	l, err := New(Config{Up: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	srv := serve(t, l)
	start, done := time.Now(), make(chan time.Duration)
	for range 2 {
		go func() { done <- took(t, "PUT", srv.URL, 1<<20) }()
	}
	<-done
	<-done
	if got := time.Since(start); got < 400*time.Millisecond {
		t.Errorf("2 MiB over a line of 4 MiB/s took %v", got)
	}
}

func TestNegative(t *testing.T) {
	if _, err := New(Config{Up: -1}); err == nil {
		t.Error("a negative rate was accepted")
	}
}

func TestAConnectionMadeAheadHasItsHandshakeBehind(t *testing.T) {
	const rtt = 40 * time.Millisecond
	l, err := New(Config{RTT: rtt})
	if err != nil {
		t.Fatal(err)
	}
	srv := serve(t, l)
	best := time.Hour
	for range 5 {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		time.Sleep(rtt)
		start := time.Now()
		if _, err := io.WriteString(conn, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	if best < rtt || best >= 2*rtt {
		t.Errorf("the best of five requests took %v, want one round trip of %v", best, rtt)
	}
}

// ask makes one request with a client of its own, or with c, within a time.
func ask(c *http.Client, url string, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func TestALineThatIsDown(t *testing.T) {
	for _, down := range []State{Cut, Frozen, Lost} {
		t.Run(string(down), func(t *testing.T) {
			l, err := New(Config{})
			if err != nil {
				t.Fatal(err)
			}
			srv := serve(t, l)
			t.Cleanup(func() { l.Set(Config{}) })
			old, fresh := &http.Client{Transport: &http.Transport{}}, &http.Client{Transport: &http.Transport{}}
			if err := ask(old, srv.URL, 10*time.Second); err != nil {
				t.Fatal(err)
			}
			if err := l.Set(Config{State: down}); err != nil {
				t.Fatal(err)
			}
			for name, c := range map[string]*http.Client{"old": old, "fresh": fresh} {
				if err := ask(c, srv.URL, 100*time.Millisecond); err == nil {
					t.Errorf("the %s connection gets through", name)
				}
			}
			waits := &http.Client{Transport: &http.Transport{}}
			got := make(chan error, 1)
			go func() { got <- ask(waits, srv.URL, time.Second) }()
			time.Sleep(100 * time.Millisecond) // for the request to be under way
			if err := l.Set(Config{}); err != nil {
				t.Fatal(err)
			}
			if err := <-got; (err == nil) != (down == Frozen) {
				t.Errorf("the request from meanwhile: %v", err)
			}
			if err := ask(&http.Client{Transport: &http.Transport{}}, srv.URL, 10*time.Second); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}
