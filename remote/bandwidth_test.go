package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// take reads parts of a body side by side, as connections would, and tells how long that takes.
func take(t *testing.T, c *Conn, connections int, each int64) time.Duration {
	t.Helper()
	begin := time.Now()
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			guard := time.NewTimer(stall)
			defer guard.Stop()
			body := c.newPartBody(t.Context(), bytes.NewReader(make([]byte, each)), Part{Size: each}, false, guard, func(int64) {})
			buf := make([]byte, 32<<10)
			for got := int64(0); ; {
				n, err := body.Read(buf)
				if got += int64(n); err == io.EOF {
					if got != each {
						t.Errorf("%d bytes of %d", got, each)
					}
					return
				} else if err != nil {
					t.Error(err)
					return
				}
				select {
				case <-guard.C:
					t.Error("a connection stood still for so long that it would be cut")
					return
				default:
				}
			}
		})
	}
	wg.Wait()
	return time.Since(begin)
}

func TestBandwidthIsSharedByAllParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Conn
		if d := take(t, &c, 16, 1<<20); d != 0 {
			t.Errorf("without a limit it takes %v", d)
		}
		for _, limit := range []int64{MinBandwidth, 1 << 20, 100 << 20} {
			c.SetBandwidth(limit, 1)
			d := take(t, &c, 16, limit)
			if d < 15*time.Second || d > 16500*time.Millisecond {
				t.Errorf("16 seconds' worth at %d bytes per second takes %v", limit, d)
			}
		}
		c.SetBandwidth(MinBandwidth, 0)
		take(t, &c, 80, MinBandwidth) // as many as there ever are
	})
}

func TestBandwidthChangesWhileAPartIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Conn
		c.SetBandwidth(1<<20, 0)
		time.AfterFunc(2*time.Second, func() { c.SetBandwidth(0, 0) })
		if d := take(t, &c, 4, 100<<20); d < 2*time.Second || d > 3*time.Second {
			t.Errorf("it took %v; the limit went after 2 s", d)
		}
	})
}

func TestWhoIsGivenUpDoesNotWaitForBandwidth(t *testing.T) {
	var c Conn
	c.SetBandwidth(MinBandwidth, 0)
	ctx, cancel := context.WithCancel(t.Context())
	guard := time.NewTimer(stall)
	defer guard.Stop()
	body := c.newPartBody(ctx, bytes.NewReader(make([]byte, 1<<20)), Part{Size: 1 << 20}, false, guard, func(int64) {})
	cancel()
	_, err := io.Copy(io.Discard, body)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

func TestReadingIsLimitedApartFromSending(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("0123456789abcdef"), 10<<10)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
	c := dial(t, s.URL, StaticToken("t"))
	read := func() time.Duration {
		begin := time.Now()
		r, err := c.OpenRange(t.Context(), Ref{Kind: File, ID: "f"}, 0, -1, func(context.Context) (Link, error) {
			return Link{URL: s.URL + "/media", Size: int64(len(data))}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		return time.Since(begin)
	}
	c.SetBandwidth(MinBandwidth, 0)
	free := read()
	c.SetBandwidth(0, int64(len(data)))
	if d := read(); d < 700*time.Millisecond {
		t.Errorf("a second's worth was read in %v, without a limit in %v", d, free)
	}
	if free > 15*time.Second {
		t.Errorf("a limit for sending holds up reading: %v", free)
	}
}

func BenchmarkReadBodyWithoutALimit(b *testing.B) {
	var c Conn
	guard := time.NewTimer(stall)
	defer guard.Stop()
	data := bytes.NewReader(make([]byte, 16<<20))
	b.SetBytes(16 << 20)
	buf := make([]byte, 32<<10)
	for b.Loop() {
		body := c.newPartBody(b.Context(), data, Part{Size: 16 << 20}, false, guard, func(int64) {})
		for {
			if _, err := body.Read(buf); err != nil {
				break
			}
		}
	}
}
