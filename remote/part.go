package remote

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// stall is how long a transfer may move no byte before it is cut and begun again.
const stall = 60 * time.Second

var errStalled = errors.New("no byte moved for a minute")

// PutPart sends one part of body to its URL: body's bytes from part.Off on, part.Size of them (spec: frameio-v2.md §5.4,
// frameio-v4.md §5.1). What the link or S3 drops is sent again for as long as ctx and the URL live; ErrExpired tells that
// the URL does not any more. Sending a part twice does no harm. No token goes to the upload host. If that tells a checksum (see
// WithMatched) that is not that of what was sent, that is ErrGarbled.
func (c *Conn) PutPart(ctx context.Context, part Part, body io.ReaderAt) error {
	for n := 0; ; n++ {
		err := c.putOnce(ctx, part, body)
		if err == nil {
			return nil
		}
		fail := &Error{Op: fmt.Sprintf("put part %d", part.Number), Err: err}
		var s3 *s3Error
		if errors.As(err, &s3) {
			fail.Status, fail.Code, fail.Detail, fail.Err = s3.status, clip(s3.Code), clip(s3.Message), s3.cause
		}
		var ours *bodyError
		if !errors.As(err, &ours) && c.expired(part, s3) {
			fail.Err = ErrExpired
			return fail
		}
		if ctx.Err() != nil {
			fail.Err = ctx.Err()
			return fail
		}
		if !again(err, s3) || errors.Is(err, ErrGarbled) {
			return fail
		}
		wait := nextTry(n)
		if s3 != nil {
			wait = max(wait, s3.retryAfter)
		}
		troubled(ctx, n, fail)
		if late := sleep(ctx, wait); late != nil {
			if fail.Err == nil || !errors.Is(fail.Err, ErrOffline) {
				fail.Err = errors.Join(late, fail.Err)
			}
			return fail
		}
	}
}

// expired reports whether the URL's time is over: S3 says so, or refuses and the URL itself says so.
func (c *Conn) expired(part Part, s3 *s3Error) bool {
	end := part.Expires
	if end.IsZero() {
		end = Expires(part.URL)
	}
	over := !end.IsZero() && c.serverTime(time.Now()).After(end)
	if s3 == nil || s3.status != http.StatusForbidden {
		return over && s3 == nil // the link fails and will fail until after the end
	}
	return over || strings.Contains(strings.ToLower(s3.Message), "expired") || s3.Code == "ExpiredToken"
}

// again reports whether a failed PUT may succeed when it is repeated.
func again(err error, s3 *s3Error) bool {
	if s3 == nil {
		var ours *bodyError
		return !errors.As(err, &ours) && !permanent(err) && !errors.Is(err, errInsecure)
	}
	switch {
	case s3.status >= 500, s3.status == http.StatusTooManyRequests, s3.status == http.StatusRequestTimeout, s3.foreign:
		return true
	}
	return s3.Code == "RequestTimeout" || s3.Code == "SlowDown"
}

func (c *Conn) putOnce(ctx context.Context, part Part, body io.ReaderAt) error {
	u, err := c.parseLink(part.URL)
	if err != nil {
		return err
	}
	if part.Off < 0 || part.Size < 0 {
		return fmt.Errorf("%w: a part of %d bytes at %d", ErrRefused, part.Size, part.Off)
	}
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	guard := time.AfterFunc(stall, func() { cut(errStalled) })
	defer guard.Stop()

	quiet, report := listen(ctx, Error{Op: fmt.Sprintf("put part %d", part.Number)}), progressOf(ctx)
	defer quiet.Stop()
	src := c.newPartBody(ctx, body, part, u.Scheme == "http", guard, func(n int64) {
		if n > 0 {
			quiet.Reset(hush)
		}
		report(n)
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.String(), src)
	if err != nil {
		return bare(err)
	}
	if req.ContentLength = part.Size; part.Size == 0 {
		req.Body = http.NoBody
	}
	req.Header.Set("Content-Type", part.MediaType)
	req.Header.Set("X-Amz-Acl", "private")
	req.Header.Set("User-Agent", userAgent)
	resp, err := c.data.RoundTrip(req)
	if err == nil {
		err = s3Answer(resp)
	}
	matched := false
	if err == nil {
		matched, err = matches(resp.Header, src.sum())
	}
	sent, ours := src.finish(err == nil)
	switch {
	case errors.Is(err, ErrGarbled):
		if sent == part.Size {
			return err
		}
		return fmt.Errorf("%w: the upload host answered after %d of %d bytes", ErrOffline, sent, part.Size)
	case ours != nil:
		return ours
	case err == nil && sent == part.Size:
		if matched {
			matchedOf(ctx)()
		}
		return nil
	case err == nil:
		return fmt.Errorf("%w: the upload host answered after %d of %d bytes", ErrOffline, sent, part.Size)
	}
	var s3 *s3Error
	if errors.As(err, &s3) || errors.Is(err, ErrOffline) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrOffline, bare(err))
}

// s3Error is an answer of the upload or media host that is no success (spec: frameio-v2.md §5.6).
type s3Error struct {
	Code       string `xml:"Code"`
	Message    string `xml:"Message"`
	status     int
	foreign    bool // not S3's at all: a captive portal
	retryAfter time.Duration
	cause      error
}

func (e *s3Error) Error() string { return clip(e.Code) + ": " + clip(e.Message) }

// maxS3Error bounds the XML of an error.
const maxS3Error = 64 << 10

// s3Answer reads the answer to a PUT and closes it.
func s3Answer(resp *http.Response) error {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxS3Error))
	html := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
	switch {
	case resp.StatusCode == http.StatusOK && !html:
		return err
	case resp.StatusCode < 400: // S3 answers 200 with nothing; anything else is somebody in between
		return &s3Error{status: resp.StatusCode, foreign: true, cause: fmt.Errorf("%w: %w", ErrOffline, ErrNotFrameio)}
	}
	e := &s3Error{}
	if xml.NewDecoder(bytes.NewReader(body)).Decode(e) != nil {
		*e = s3Error{}
	}
	e.status, e.retryAfter = resp.StatusCode, retryAfter(resp.Header)
	return e
}
