package remote

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// What is tried again for long tells why meanwhile, but not of one failure that is soon over.
func TestTroubleIsToldWhileItLasts(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []step
		is    error // nil: nothing is told
	}{
		{"one failure", []step{{err: syscall.ECONNRESET}, {status: 200, body: `{}`}}, nil},
		{"one refusal for the limit", []step{{status: 429}, {status: 200, body: `{}`}}, nil},
		{"no link", []step{{err: syscall.ENETUNREACH, unsent: true}}, ErrOffline},
		{"bad gateway", []step{{status: 502, typ: "text/html", body: "<h1>"}}, ErrOffline},
		{"captive portal", []step{{status: 200, typ: "text/html", body: "<h1>Welcome</h1>"}}, ErrNotFrameio},
		{"limited", []step{{status: 429}}, ErrLimited},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				attempts := 0
				r := &retry{patience: 30 * time.Second, next: script(t, c.steps, &attempts)}
				var told []error
				var soon time.Duration
				begun := time.Now()
				ctx := WithTrouble(t.Context(), func(err error) { told, soon = append(told, err), time.Since(begun) })
				both := 0
				ctx = WithTrouble(ctx, func(error) {
					both++
				})
				call := Call{Op: "stat file", Repeat: true}
				req, _ := http.NewRequestWithContext(context.WithValue(ctx, keyCall, &call), "POST", "http://127.0.0.1/", strings.NewReader("payload"))
				if _, err := r.RoundTrip(req); err != nil && c.is == nil {
					t.Fatal(err)
				}
				if c.is == nil {
					if len(told) > 0 {
						t.Errorf("told %v", told)
					}
					return
				}
				if len(told) < 3 || len(told) != both || !errors.Is(told[0], c.is) || !strings.HasPrefix(told[0].Error(), "stat file: ") {
					t.Fatalf("told %v, and the other one %d times; want %v", told, both, c.is)
				}
				if soon == 0 {
					t.Error("told at once")
				}
			})
		})
	}
}

// A host that says nothing is told of after ten seconds, long before it is given up.
func TestSilenceIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(r *http.Request) (*http.Response, error) {
			time.Sleep(50 * time.Second)
			return nil, errors.New("timeout")
		}
		var mu sync.Mutex // it is told by a timer
		var last error
		var after time.Duration
		begun := time.Now()
		ctx := WithTrouble(t.Context(), func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if last = err; after == 0 {
				after = time.Since(begun)
			}
		})
		told := func() error {
			mu.Lock()
			defer mu.Unlock()
			return last
		}
		call := Call{Op: "list children"}
		req, _ := http.NewRequestWithContext(context.WithValue(ctx, keyCall, &call), "GET", "http://127.0.0.1/", nil)
		heard{transport(silent)}.RoundTrip(req)
		first := told()
		heard{transport(func(r *http.Request) (*http.Response, error) {
			time.Sleep(15 * time.Second)
			return &http.Response{StatusCode: 200}, nil
		})}.RoundTrip(req)
		if err := told(); err != nil {
			t.Errorf("when an answer came after all, told %v", err)
		}
		if !errors.Is(first, ErrOffline) || !strings.Contains(first.Error(), "list children") || after != hush {
			t.Errorf("told %v after %v", first, after)
		}
	})
}

// A part that the upload host does not take says so.
func TestTroubleOfAPartIsTold(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { xmlError(w, 503, "SlowDown", "") })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var told error
	ctx = WithTrouble(ctx, func(err error) {
		told = err
		cancel()
	})
	part := Part{Number: 1, URL: s.URL + "/part_1?X-Amz-Signature=s", Size: 10}
	err := dial(t, s.URL, StaticToken("fio-u-x")).PutPart(ctx, part, bytes.NewReader(make([]byte, 10)))
	if !errors.Is(err, context.Canceled) || !errors.Is(told, ErrOffline) || !strings.Contains(told.Error(), "SlowDown") {
		t.Errorf("told %v, ended with %v", told, err)
	}
}
