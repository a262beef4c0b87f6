package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// retry repeats calls that came to nothing: what Frame.io limited, always; what the link or a server dropped, if the call
// is one that may be repeated or never left. It answers with whole bodies only, so that a cut answer is a failed attempt
// too. A create that may or may not have happened is not repeated here: see make.go.
type retry struct {
	patience time.Duration // how long an outage is waited out
	next     http.RoundTripper
}

const (
	// maxAnswer bounds one JSON answer, unpacked. 500 V4 assets with all includes stay below 5 MiB.
	maxAnswer = 16 << 20
	// maxBelieved is for how much memory is taken because a header announces it, before the bytes are there.
	maxBelieved = 1 << 20
	// maxLimited bounds for how long in a row 429s are waited out.
	maxLimited = 2 * time.Minute
	// maxWait is the longest wait between two tries. It bounds, with what comes on top of it by chance, how long after a link's return,
	// or the end of a server's trouble, work goes on. Who hurries on cannot do harm: every endpoint has its limit, and a 429 shuts it
	// for a second.
	maxWait = 1600 * time.Millisecond
	// maxRetryAfter bounds what a server can make us wait.
	maxRetryAfter = 5 * time.Minute
)

// sentError is a failure after the request went out: its outcome is open.
type sentError struct{ err error }

func (e *sentError) Error() string { return e.err.Error() }
func (e *sentError) Unwrap() error { return e.err }

func (t *retry) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	c := callOf(ctx)
	repeat := c != nil && c.Repeat
	begun := time.Now()
	var limited time.Time // since when there are only 429s
	for n := 0; ; n++ {
		resp, sent, err := t.attempt(req)
		if ctx.Err() != nil && err != nil {
			return nil, wrapSent(sent, err)
		}
		var wait time.Duration
		switch {
		case err == nil && resp.StatusCode == http.StatusTooManyRequests:
			begun = time.Now() // an answer, so there is no outage
			if limited.IsZero() {
				limited = begun
			}
			wait = max(backoff(time.Second, n, maxWait), retryAfter(resp.Header))
			if time.Since(limited)+wait > maxLimited {
				return resp, nil
			}
		case err == nil && !flaky(resp):
			return resp, nil
		case err != nil && (permanent(err) || sent && !repeat), err == nil && !repeat:
			return resp, wrapSent(sent, err)
		default:
			limited = time.Time{}
			wait = nextTry(n)
			if err == nil {
				wait = max(wait, retryAfter(resp.Header))
			}
			if time.Since(begun)+wait > t.patience {
				return resp, wrapSent(sent, err)
			}
		}
		troubled(ctx, n, sofar(ctx, resp, err))
		if late := sleep(ctx, wait); late != nil {
			if resp != nil && !errors.Is(late, context.Canceled) {
				return resp, nil // the answer tells more than that time ran out
			}
			return nil, wrapSent(sent, late)
		}
		if err := rewind(req); err != nil {
			return nil, err
		}
	}
}

// attempt makes one try and reads its whole answer. sent tells whether anything of the request went out.
func (t *retry) attempt(req *http.Request) (resp *http.Response, sent bool, err error) {
	var wrote atomic.Bool
	ctx, cut := context.WithCancelCause(req.Context())
	defer cut(nil)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { wrote.Store(true) },
	})
	resp, err = t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, wrote.Load(), err
	}
	body := spare.Get().(*wholeBody)
	body.Reset()
	body.closed = false
	body.Grow(int(min(max(resp.ContentLength, 0), maxBelieved)) + bytes.MinRead)
	pace := newPaced(resp.Body, func() { cut(errDrips) })
	_, err = body.ReadFrom(io.LimitReader(pace, maxAnswer+1))
	pace.timer.Stop()
	resp.Body.Close()
	if err != nil {
		if context.Cause(ctx) == errDrips {
			err = errDrips
		}
		return nil, true, fmt.Errorf("read answer: %w", err)
	}
	if body.Len() > maxAnswer {
		return nil, true, fmt.Errorf("%w: it is longer than %d MiB", ErrNotFrameio, maxAnswer>>20)
	}
	resp.Body = body
	resp.ContentLength = int64(body.Len())
	return resp, true, nil
}

// wholeBody is an answer that has been read to its end. Once it is closed its memory serves another: most of what a long listing takes
// is that of its pages.
type wholeBody struct {
	bytes.Buffer
	closed bool
}

var spare = sync.Pool{New: func() any { return new(wholeBody) }}

// maxKept is how large a body may be whose memory is kept.
const maxKept = 2 << 20

func (b *wholeBody) Close() error {
	if !b.closed && b.Cap() <= maxKept {
		b.closed = true
		spare.Put(b)
	}
	return nil
}

// bodyOf answers what is in an answer's body.
func bodyOf(resp *http.Response) ([]byte, error) {
	if whole, ok := resp.Body.(*wholeBody); ok {
		return whole.Bytes(), nil
	}
	return io.ReadAll(resp.Body)
}

// flaky reports whether an answer is likely to be another one in a while: a server's bad moment or a captive portal.
func flaky(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return resp.StatusCode < 400 && foreign(resp)
}

// foreign reports whether an answer is not Frame.io's: it redirects, which Frame.io never does, or is no JSON where its
// API would have sent some (spec: frameio-v2.md §0.3, frameio-v4.md §1.1).
func foreign(resp *http.Response) bool {
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return true
	}
	if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		return false // its load balancers answer so too, in whatever form
	}
	if resp.ContentLength == 0 {
		return resp.StatusCode == http.StatusNotFound // a proxy's; Frame.io explains its own
	}
	typ, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	json := err == nil && (typ == "application/json" || strings.HasSuffix(typ, "+json"))
	if resp.StatusCode < 300 || resp.StatusCode == http.StatusNotFound {
		return !json
	}
	return typ == "text/html"
}

// permanent reports whether an error will be the same next time, whatever the link does.
func permanent(err error) bool {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &verify) ||
		errors.As(err, &record) || errors.Is(err, ErrNotFrameio) || errors.Is(err, ErrLimited) || errors.Is(err, ErrToken) || errors.Is(err, errInsecure)
}

func wrapSent(sent bool, err error) error {
	if err != nil && sent {
		return &sentError{err}
	}
	return err
}

// backoff doubles base n times up to most and adds up to a quarter, so that many clients do not come back together.
func backoff(base time.Duration, n int, most time.Duration) time.Duration {
	d := most
	if n < 30 {
		d = min(base<<n, most)
	}
	return d + rand.N(d/4+1)
}

// firstTry is how long after a first failure a call is tried again. Most are a moment's, and who waits holds up what comes behind.
const firstTry = 50 * time.Millisecond

// nextTry is how long to wait when a call has failed n times before, and once more.
func nextTry(n int) time.Duration {
	if n == 0 {
		return backoff(firstTry, 0, maxWait)
	}
	return backoff(250*time.Millisecond, n-1, maxWait)
}

// retryAfter reads the header of that name, which Frame.io does not document but S3 and proxies use.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if s, err := strconv.Atoi(v); err == nil {
		return min(max(0, time.Duration(min(s, 1<<20))*time.Second), maxRetryAfter)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(0, time.Until(at)), maxRetryAfter)
	}
	return 0
}

// sleep waits, or answers at once if the context will end before the wait does.
func sleep(ctx context.Context, d time.Duration) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return context.DeadlineExceeded
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// discard reads a little of a body that nobody wants, so that its connection can be used again, and closes it.
func discard(resp *http.Response) {
	io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
