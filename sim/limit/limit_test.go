package limit

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestBurstThenSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil)
		admitted := func(n int) (ok int, h http.Header) {
			for range n {
				h = http.Header{}
				if l.Take("u", "assets.create", PerSecond(5), h) {
					ok++
				}
			}
			return ok, h
		}
		if got, h := admitted(1); got != 1 || h.Get("x-ratelimit-remaining") != "4" ||
			h.Get("x-ratelimit-limit") != "5" || h.Get("x-ratelimit-window") != "1000" {
			t.Errorf("first call: admitted %d, headers %v", got, h)
		}
		if got, h := admitted(10); got != 4 || h.Get("x-ratelimit-remaining") != "0" {
			t.Errorf("rest of the burst: got %d of 10 admitted, want 4; headers %v", got, h)
		}
		time.Sleep(199 * time.Millisecond)
		if got, _ := admitted(1); got != 0 {
			t.Error("admitted 199 ms after the burst; one call costs 200 ms")
		}
		time.Sleep(time.Millisecond)
		if got, _ := admitted(2); got != 1 {
			t.Errorf("200 ms after the burst: got %d admitted, want 1 (refused calls must add nothing)", got)
		}
		time.Sleep(time.Hour)
		if got, _ := admitted(10); got != 5 {
			t.Errorf("after an hour: got a burst of %d, want 5", got)
		}
	})
}

func TestBucketsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil)
		h := http.Header{}
		one := Rate{1, time.Minute}
		for _, k := range [][2]string{{"a", "x"}, {"a", "y"}, {"b", "x"}} {
			if !l.Take(k[0], k[1], one, h) {
				t.Errorf("first call of %q on %q refused", k[0], k[1])
			}
			if l.Take(k[0], k[1], one, h) {
				t.Errorf("second call of %q on %q admitted", k[0], k[1])
			}
		}
	})
}

func TestScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil)
		l.SetScale(60)
		h := http.Header{}
		l.Take("u", "e", PerMinute(1), h)
		time.Sleep(time.Second)
		if !l.Take("u", "e", PerMinute(1), h) {
			t.Error("at scale 60 a minute has to pass in a second")
		}
		if h.Get("x-ratelimit-window") != "60000" {
			t.Errorf("scaled limiter told window %q, want the service's 60000", h.Get("x-ratelimit-window"))
		}
		l.SetScale(0)
		for i := range 100 {
			if !l.Take("u", "e", PerMinute(1), h) {
				t.Fatalf("call %d refused though switched off", i)
			}
		}
	})
}
