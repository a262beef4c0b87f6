package remote

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// check makes sure that the answer's body holds the bytes that were asked for.
func (r *rangeReader) check(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusPartialContent:
		first, last, total, ok := parseContentRange(resp.Header.Get("Content-Range"))
		if !ok || first != r.off || last >= r.off+r.left {
			return fmt.Errorf("%w: asked for bytes %d-%d, got %q", ErrNotFrameio, r.off, r.off+r.left-1, clip(resp.Header.Get("Content-Range")))
		}
		if total >= 0 && total != r.size {
			return r.changed(fmt.Sprintf("the media host has %d bytes, Frame.io told %d", total, r.size))
		}
		if n := resp.ContentLength; n >= 0 && n != last-first+1 {
			return fmt.Errorf("%w: %d bytes in a range of %d", ErrNotFrameio, n, last-first+1)
		}
	case http.StatusOK:
		if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") && resp.ContentLength != r.size {
			return &s3Error{status: resp.StatusCode, foreign: true, cause: fmt.Errorf("%w: %w", ErrOffline, ErrNotFrameio)}
		}
		if n := resp.ContentLength; n >= 0 && n != r.size {
			return r.changed(fmt.Sprintf("the media host has %d bytes, Frame.io told %d", n, r.size))
		}
	default:
		return mediaAnswer(resp)
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return fmt.Errorf("%w: bytes came encoded as %q", ErrNotFrameio, clip(enc))
	}
	if tag := resp.Header.Get("ETag"); !r.entry.same(tag) {
		return r.changed("another ETag than before")
	}
	return nil
}

// mediaAnswer turns an unwelcome answer into an error.
func mediaAnswer(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxS3Error))
	e := &s3Error{}
	if xml.NewDecoder(bytes.NewReader(body)).Decode(e) != nil {
		*e = s3Error{}
	}
	e.status, e.retryAfter = resp.StatusCode, retryAfter(resp.Header)
	switch {
	case resp.StatusCode < 400:
		e.foreign, e.cause = true, fmt.Errorf("%w: %w", ErrOffline, ErrNotFrameio)
	case resp.StatusCode == http.StatusNotFound:
		e.cause = ErrIncomplete // the API has the file, so it is the bytes that are missing
	case resp.StatusCode == http.StatusForbidden && strings.Contains(strings.ToLower(e.Message), "expired"),
		resp.StatusCode == http.StatusGone:
		e.cause = ErrExpired
	}
	return e
}

// parseContentRange reads "bytes first-last/total" (RFC 9110 §14.4); total is -1 if it is "*".
func parseContentRange(s string) (first, last, total int64, ok bool) {
	unit, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	span, whole, found := strings.Cut(rest, "/")
	from, to, dash := strings.Cut(span, "-")
	if !strings.EqualFold(unit, "bytes") || !found || !dash {
		return 0, 0, 0, false
	}
	total = -1
	var err error
	if whole != "*" {
		if total, err = digits(whole); err != nil {
			return 0, 0, 0, false
		}
	}
	if first, err = digits(from); err != nil {
		return 0, 0, 0, false
	}
	if last, err = digits(to); err != nil || last < first || total >= 0 && last >= total {
		return 0, 0, 0, false
	}
	return first, last, total, true
}

// digits reads a number without sign, as HTTP has it.
func digits(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}
