package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// step is one answer of a scripted server, or one failure of the link.
type step struct {
	status int
	typ    string
	body   string
	header string // Retry-After
	err    error
	unsent bool // err came before the request went out
	cut    bool // the body ends too early
}

type cutBody struct{ io.Reader }

func (c cutBody) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
func (cutBody) Close() error { return nil }

// script answers the steps in turn and then the last one for ever; it counts attempts and checks that each has its body.
func script(t *testing.T, steps []step, attempts *int) transport {
	return func(r *http.Request) (*http.Response, error) {
		s := steps[min(*attempts, len(steps)-1)]
		*attempts++
		if s.err != nil && s.unsent {
			return nil, s.err
		}
		if tr := httptrace.ContextClientTrace(r.Context()); tr != nil && tr.WroteHeaders != nil {
			tr.WroteHeaders()
		}
		if b, _ := io.ReadAll(r.Body); string(b) != "payload" {
			t.Errorf("attempt %d had the body %q", *attempts, b)
		}
		if s.err != nil {
			return nil, s.err
		}
		h := http.Header{"Content-Type": {s.typ}}
		if s.typ == "" {
			h.Set("Content-Type", "application/json")
		}
		if s.header != "" {
			h.Set("Retry-After", s.header)
		}
		resp := &http.Response{StatusCode: s.status, Header: h, ContentLength: int64(len(s.body)), Body: io.NopCloser(strings.NewReader(s.body))}
		if s.cut {
			resp.Body = cutBody{strings.NewReader(s.body)}
		}
		return resp, nil
	}
}

func TestRetry(t *testing.T) {
	reset := syscall.ECONNRESET
	ok := step{status: 200, body: `{}`}
	const some = -1
	for _, c := range []struct {
		name     string
		repeat   bool
		steps    []step
		attempts int
		status   int // 0: an error
		min, max time.Duration
		sent     bool // the error says that the outcome is open
	}{
		{"success", true, []step{ok}, 1, 200, 0, 0, false},
		{"reset read", true, []step{{err: reset}, ok}, 2, 200, firstTry, 65 * time.Millisecond, false},
		{"cut answer", true, []step{{status: 200, body: `{"a`, cut: true}, ok}, 2, 200, firstTry, 65 * time.Millisecond, false},
		{"bad gateway", true, []step{{status: 502, typ: "text/html", body: "<h1>"}, {status: 503}, ok}, 3, 200, firstTry + 250*time.Millisecond, 400 * time.Millisecond, false},
		{"captive portal", true, []step{{status: 200, typ: "text/html", body: "<h1>Welcome</h1>"}, ok}, 2, 200, firstTry, 65 * time.Millisecond, false},
		{"server asks for time", true, []step{{status: 503, header: "7"}, ok}, 2, 200, 7 * time.Second, 7 * time.Second, false},
		{"create that never left", false, []step{{err: syscall.ECONNREFUSED, unsent: true}, ok}, 2, 200, firstTry, 65 * time.Millisecond, false},
		{"create whose answer is lost", false, []step{{err: reset}, ok}, 1, 0, 0, 0, true},
		{"create whose answer is cut", false, []step{{status: 200, body: `{`, cut: true}, ok}, 1, 0, 0, 0, true},
		{"create and a server error", false, []step{{status: 500}, ok}, 1, 500, 0, 0, false},
		{"create that is limited", false, []step{{status: 429}, {status: 429}, ok}, 3, 200, 2600 * time.Millisecond, 4 * time.Second, false},
		{"limited with Retry-After", true, []step{{status: 429, header: "20"}, ok}, 2, 200, 20 * time.Second, 20 * time.Second, false},
		{"limited for ever", true, []step{{status: 429}}, some, 429, 110 * time.Second, 120 * time.Second, false},
		{"refused", true, []step{{status: 422}, ok}, 1, 422, 0, 0, false},
		{"missing", true, []step{{status: 404, body: `{}`}, ok}, 1, 404, 0, 0, false},
		{"offline for ever", true, []step{{err: syscall.ENETUNREACH, unsent: true}}, some, 0, 27 * time.Second, 30 * time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				attempts := 0
				r := &retry{patience: 30 * time.Second, next: script(t, c.steps, &attempts)}
				call := Call{Repeat: c.repeat}
				req, _ := http.NewRequestWithContext(context.WithValue(t.Context(), keyCall, &call), "POST", "http://127.0.0.1/", strings.NewReader("payload"))
				start := time.Now()
				resp, err := r.RoundTrip(req)
				took := time.Since(start)
				status := 0
				if resp != nil {
					status = resp.StatusCode
				}
				if status != c.status || (err != nil) != (c.status == 0) {
					t.Errorf("got status %d, error %v; want status %d", status, err, c.status)
				}
				if attempts != c.attempts && c.attempts != some {
					t.Errorf("%d attempts, want %d", attempts, c.attempts)
				}
				if took < c.min || took > c.max {
					t.Errorf("took %v, want %v to %v", took, c.min, c.max)
				}
				var sent *sentError
				if errors.As(err, &sent) != c.sent {
					t.Errorf("outcome open: %v, want %v (%v)", !c.sent, c.sent, err)
				}
			})
		})
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		r := &retry{patience: time.Hour, next: script(t, []step{{err: syscall.ECONNREFUSED, unsent: true}}, &attempts)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		call := Call{Repeat: true}
		req, _ := http.NewRequestWithContext(context.WithValue(ctx, keyCall, &call), "POST", "http://127.0.0.1/", strings.NewReader("payload"))
		start := time.Now()
		if _, err := r.RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want DeadlineExceeded", err)
		}
		if took := time.Since(start); took > time.Second || attempts < 2 {
			t.Errorf("%d attempts in %v, want at least 2 within the second", attempts, took)
		}
	})
}
