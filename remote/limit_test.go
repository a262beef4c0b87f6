package remote

import (
	"context"
	"errors"
	"fmt"
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

func TestLimitPacesByPublishedThenByToldRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := limited(200, 5, 5, time.Second) // "remaining" of a server that counts later: ours counts too
		var at []time.Duration
		start := time.Now()
		l := newLimit(transport(func(*http.Request) (*http.Response, error) {
			at = append(at, time.Since(start))
			return told, nil
		}))
		call := Call{Endpoint: "files.list", Rate: Rate{5, time.Second}}
		for range 7 {
			if _, err := l.RoundTrip(request(t.Context(), call)); err != nil {
				t.Fatal(err)
			}
		}
		ms := time.Millisecond
		if want := []time.Duration{0, 0, 0, 0, 0, 200 * ms, 400 * ms}; !slices.Equal(at, want) {
			t.Errorf("a burst of the limit and then one per window/limit: got %v, want %v", at, want)
		}

		told = limited(200, 2, 2, time.Minute)
		time.Sleep(time.Hour)
		at, start = nil, time.Now()
		for range 4 {
			l.RoundTrip(request(t.Context(), call))
		}
		// The first call teaches the slower rate; its own cost is scaled with it.
		if want := []time.Duration{0, 0, 12 * time.Second, 42 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("after the headers told of 2 per minute: got %v, want %v", at, want)
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
		if got := time.Since(start); got != time.Second {
			t.Errorf("with nothing remaining the next call went after %v, want one window/limit: 1s", got)
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
		l := newLimit(transport(func(*http.Request) (*http.Response, error) { return limited(200, 0, 0, 0), nil }))
		start := time.Now()
		for range 1000 {
			l.RoundTrip(request(t.Context(), Call{Endpoint: "e", Rate: Rate{1, time.Minute}}))
		}
		if got := time.Since(start); got != 0 {
			t.Errorf("1000 calls to a server without limits took %v", got)
		}
	})
}

func TestLimitServesUrgentCallsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		l := newLimit(transport(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, r.Header.Get("name"))
			return limited(200, 4, 4, 4*time.Second), nil
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
		l := newLimit(transport(func(*http.Request) (*http.Response, error) { return limited(200, 10, 10, 10*time.Second), nil }))
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
