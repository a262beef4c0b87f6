package remote

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A call that somebody comes to wait for goes before those that nobody waits for, though it was in the queue before that.
func TestRiseOfACallThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		began := time.Now()
		var raisedAfter time.Duration
		l := newLimit(transport(func(req *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, req.Header.Get("name"))
			if req.Header.Get("name") == "raised" {
				raisedAfter = time.Since(began)
			}
			return &http.Response{StatusCode: 500, Header: http.Header{}, Body: http.NoBody}, nil
		}))
		call := Call{Endpoint: "e", Rate: Rate{10, 10 * time.Second}}
		var wg sync.WaitGroup
		ask := func(name string) (raise func(Priority)) {
			ctx, raise := WithRise(t.Context(), Background)
			req := request(ctx, call)
			req.Header.Set("name", name)
			wg.Go(func() {
				if _, err := l.RoundTrip(req); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
			return raise
		}
		for range 5 {
			ask("first") // as many as the share of Background lets through at once
		}
		ask("second")
		ask("third")
		raise := ask("raised")
		raise(Uploads)
		raise(Interactive)
		raise(Background) // never back
		wg.Wait()
		want := []string{"first", "first", "first", "first", "first", "raised", "second", "third"}
		if !slices.Equal(order, want) || raisedAfter > 0 {
			t.Errorf("%q, the raised one after %v", order, raisedAfter)
		}
		if p := PriorityOf(t.Context()); p != Interactive {
			t.Errorf("who says nothing has priority %d", p)
		}
	})
}
