package remote

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// transport is a RoundTripper made of a function.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// request makes a request as Conn would, for the call c.
func request(ctx context.Context, c Call) *http.Request {
	req, err := http.NewRequestWithContext(context.WithValue(ctx, keyCall, &c), http.MethodGet, "http://127.0.0.1/", nil)
	if err != nil {
		panic(err)
	}
	return req
}

// limited is what an answer's headers tell about its endpoint.
func limited(status, n, left int, window time.Duration) *http.Response {
	h := http.Header{}
	if n > 0 {
		h.Set("x-ratelimit-limit", fmt.Sprint(n))
		h.Set("x-ratelimit-remaining", fmt.Sprint(left))
		h.Set("x-ratelimit-window", fmt.Sprint(window.Milliseconds()))
	}
	return &http.Response{StatusCode: status, Header: h, Body: http.NoBody}
}

// counting is Frame.io's own limiter behind headers (spec: frameio-v2.md §8): the other half of what limit does.
type counting struct {
	n      int
	window time.Duration
	level  time.Duration
	last   time.Time
	delay  time.Duration // until the answer arrives
	at     []time.Duration
	start  time.Time
	mu     sync.Mutex
}

func (c *counting) RoundTrip(*http.Request) (*http.Response, error) {
	c.mu.Lock()
	now := time.Now()
	c.level = max(0, c.level-now.Sub(c.last))
	c.last = now
	status := 200
	if cost := c.window / time.Duration(c.n); c.level+cost <= c.window {
		c.level += cost
	} else {
		status = 429
	}
	if c.start.IsZero() {
		c.start = now
	}
	c.at = append(c.at, now.Sub(c.start))
	resp := limited(status, c.n, int(math.Round(float64(c.window-c.level)*float64(c.n)/float64(c.window))), c.window)
	c.mu.Unlock()
	time.Sleep(c.delay)
	return resp, nil
}

func TestLimitPacesByPublishedThenByToldRate(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name      string
		published Rate
		server    *counting
		calls     int
		last      time.Duration // when the last call goes, at most
	}{
		{"as published", Rate{5, time.Second}, &counting{n: 5, window: time.Second}, 8, 700 * ms},
		{"slower than published", Rate{10, time.Second}, &counting{n: 4, window: 10 * time.Second}, 6, 6250 * ms},
		{"faster than published", Rate{10, time.Minute}, &counting{n: 50, window: time.Second}, 60, 230 * ms},
		{"per minute", Rate{100, time.Minute}, &counting{n: 100, window: time.Minute}, 103, 2400 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLimit(c.server)
				for range c.calls {
					resp, err := l.RoundTrip(request(t.Context(), Call{Endpoint: "e", Rate: c.published}))
					if err != nil || resp.StatusCode != 200 {
						t.Fatalf("after %v: %v, %v", c.server.at, resp.StatusCode, err)
					}
				}
				burst := c.server.at[min(c.server.n, c.published.N)-2]
				if last := c.server.at[c.calls-1]; burst != 0 || last > c.last {
					t.Errorf("the burst ended at %v and the last call went at %v, want 0 and %v", burst, last, c.last)
				}
			})
		})
	}
}

func TestLimitHoldsForManyCallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &counting{n: 5, window: time.Second, delay: 300 * time.Millisecond}
		l := newLimit(server)
		var wg sync.WaitGroup
		refused := 0
		for range 50 {
			wg.Go(func() {
				if resp, _ := l.RoundTrip(request(t.Context(), Call{Endpoint: "e", Rate: Rate{5, time.Second}})); resp.StatusCode != 200 {
					refused++
				}
			})
		}
		wg.Wait()
		if last := server.at[49]; refused > 0 || last > 10*time.Second {
			t.Errorf("%d of 50 refused, the last sent after %v; want none, within 10s", refused, last)
		}
	})
}

func TestLimitBelievesRemainingAnd429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := limited(200, 10, 0, 10*time.Second) // somebody else emptied it
		l := newLimit(transport(func(*http.Request) (*http.Response, error) { return answer, nil }))
		call := Call{Endpoint: "e", Rate: Rate{10, 10 * time.Second}}
		start := time.Now()
		for range 2 {
			l.RoundTrip(request(t.Context(), call))
		}
		if got := time.Since(start); got != 1500*time.Millisecond {
			t.Errorf("with nothing remaining the next call went after %v, want window/limit and half of it for rounding", got)
		}

		answer = limited(429, 0, 0, 0)
		time.Sleep(time.Hour)
		start = time.Now()
		for range 2 {
			l.RoundTrip(request(t.Context(), call))
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("after a 429 the endpoint was used again after %v, want 1s", got)
		}
	})
}

func TestLimitEndsWhereNoneIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, answer := range map[string]*http.Response{
			"no headers":                    limited(200, 0, 0, 0),
			"this very call is not counted": limited(200, 1, 1, time.Minute),
		} {
			l := newLimit(transport(func(*http.Request) (*http.Response, error) { return answer, nil }))
			start := time.Now()
			for range 1000 {
				l.RoundTrip(request(t.Context(), Call{Endpoint: "e", Rate: Rate{1, time.Minute}}))
			}
			if got := time.Since(start); got != 0 {
				t.Errorf("%s: 1000 calls took %v", name, got)
			}
		}
	})
}

func TestLimitServesUrgentCallsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		server := &counting{n: 4, window: 4 * time.Second}
		l := newLimit(transport(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			order = append(order, r.Header.Get("name"))
			mu.Unlock()
			return server.RoundTrip(r)
		}))
		var wg sync.WaitGroup
		start := func(ctx context.Context, name string) {
			wg.Go(func() {
				req := request(ctx, Call{Endpoint: "e", Rate: Rate{4, 4 * time.Second}})
				req.Header.Set("name", name)
				l.RoundTrip(req)
			})
			synctest.Wait()
		}
		for range 4 {
			start(t.Context(), "fill")
		}
		gone, leave := context.WithCancel(WithPriority(t.Context(), Interactive))
		start(WithPriority(t.Context(), Background), "background")
		start(WithPriority(t.Context(), Uploads), "upload 1")
		start(WithPriority(t.Context(), Uploads), "upload 2")
		start(gone, "given up")
		start(t.Context(), "interactive")
		leave()
		wg.Wait()
		want := []string{"fill", "fill", "fill", "fill", "interactive", "upload 1", "upload 2", "background"}
		if !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
	})
}

func TestLimitKeepsABurstForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimit(&counting{n: 10, window: 10 * time.Second})
		call := Call{Endpoint: "e", Rate: Rate{10, 10 * time.Second}}
		background := WithPriority(t.Context(), Background)
		start := time.Now()
		for range 5 {
			l.RoundTrip(request(background, call))
		}
		var wg sync.WaitGroup
		wg.Go(func() { l.RoundTrip(request(background, call)) })
		synctest.Wait()
		for range 5 {
			l.RoundTrip(request(t.Context(), call))
		}
		if got := time.Since(start); got != 0 {
			t.Errorf("background work made a person wait %v", got)
		}
		wg.Wait()
		if got := time.Since(start); got != 6*time.Second {
			t.Errorf("the background call went after %v, want 6s: as soon as half of the bucket had drained", got)
		}
	})
}

func TestLimitTellsAtOnceThatTimeWillRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimit(transport(func(*http.Request) (*http.Response, error) { return limited(200, 1, 0, time.Minute), nil }))
		call := Call{Endpoint: "e", Rate: Rate{1, time.Minute}}
		l.RoundTrip(request(t.Context(), call))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := l.RoundTrip(request(ctx, call))
		if !errors.Is(err, ErrLimited) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want ErrLimited and DeadlineExceeded", err)
		}
		if got := time.Since(start); got != 0 {
			t.Errorf("it took %v to say that a minute is longer than a second", got)
		}
	})
}

// TestForecastIsWhatACallThenWaits asks before each call, and has the call itself tell.
func TestForecastIsWhatACallThenWaits(t *testing.T) {
	for p := Interactive; p < priorities; p++ {
		synctest.Test(t, func(t *testing.T) {
			l := newLimit(&counting{n: 10, window: time.Minute})
			call := Call{Endpoint: "e", Rate: Rate{10, time.Minute}}
			ctx := WithPriority(t.Context(), p)
			waited := 0
			for range 15 {
				told, begun := l.bucket(&call).forecast(p), time.Now()
				if _, err := l.RoundTrip(request(ctx, call)); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took != told {
					t.Fatalf("priority %d: it waited %v, %v was told", p, took, told)
				}
				if told > 0 {
					waited++
				}
			}
			if waited == 0 {
				t.Errorf("priority %d: no call ever waited", p)
			}
			// With three before it, the fourth waits for their turns too; those who are less urgent do not count.
			told := l.bucket(&call).forecast(p)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { l.RoundTrip(request(ctx, call)) })
			}
			wg.Go(func() { l.RoundTrip(request(WithPriority(t.Context(), Background), call)) })
			synctest.Wait()
			behind := l.bucket(&call).forecast(p)
			if min, cost := told+3*6*time.Second, 6*time.Second; behind < min || behind > min+cost {
				t.Errorf("priority %d: behind three: %v told, want about %v", p, behind, min)
			}
			wg.Wait()
		})
	}
}
