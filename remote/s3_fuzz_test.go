package remote

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
)

// FuzzS3Error reads what an upload or media host says of a failure.
func FuzzS3Error(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>`), "application/xml", "1", 403)
	f.Add([]byte(`<Error><Code>SlowDown</Code>`), "application/xml", "-5", 503)
	f.Add([]byte(`<html>log in</html>`), "text/html", "99999999999999999999", 200)
	f.Add([]byte("<Error><Code>\x1b[31m</Code><Message>&#x9b;&#x202e;&lt;"), "", "Thu, 01 Jan 9999 00:00:00 GMT", 400)
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><Error><Code>&b;</Code></Error>`), "text/xml", "", 404)
	f.Fuzz(func(t *testing.T, body []byte, kind, retry string, status int) {
		answer := func() *http.Response {
			return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}, "Retry-After": {retry}}, Body: io.NopCloser(bytes.NewReader(body))}
		}
		put := s3Answer(answer())
		if put == nil && (status != http.StatusOK || strings.HasPrefix(kind, "text/html")) {
			t.Errorf("%d with %q counts as a success", status, kind)
		}
		for _, err := range []error{put, mediaAnswer(answer())} {
			var s3 *s3Error
			if !errors.As(err, &s3) {
				continue
			}
			if s3.retryAfter < 0 || s3.retryAfter > maxRetryAfter {
				t.Errorf("%q is to wait %v", retry, s3.retryAfter)
			}
			for _, err := range []error{err, mediaError("read", fileRef, err)} {
				if text := err.Error(); len(text) > 2500 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("the error is %.300q", text)
				}
			}
		}
	})
}

// FuzzMediaAnswer checks what a media host says that it sends: only what was asked for is read.
func FuzzMediaAnswer(f *testing.F) {
	f.Add(206, "bytes 5-9/20", int64(5), "", "video/mp4")
	f.Add(206, "bytes 5-9/*", int64(-1), "", "")
	f.Add(200, "", int64(20), "identity", "text/html")
	f.Add(206, "bytes 0-9223372036854775806/9223372036854775807", int64(5), "gzip", "")
	f.Fuzz(func(t *testing.T, status int, span string, length int64, encoding, kind string) {
		r := &rangeReader{c: &Conn{links: links{entries: map[ID]*link{}}}, file: fileRef, entry: &link{}, size: 20, off: 5, left: 10}
		err := r.check(&http.Response{StatusCode: status, ContentLength: length, Body: http.NoBody,
			Header: http.Header{"Content-Range": {span}, "Content-Encoding": {encoding}, "Content-Type": {kind}}})
		if err != nil {
			return
		}
		if first, last, total, ok := parseContentRange(span); status == 206 && (!ok || first != 5 || last > 14 || total >= 0 && total != 20) || status != 206 && status != 200 ||
			encoding != "" && encoding != "identity" || status == 200 && length >= 0 && length != 20 {
			t.Errorf("%d %q of %d bytes as %q is taken", status, span, length, encoding)
		}
	})
}

// FuzzLink parses addresses that answers hold.
func FuzzLink(f *testing.F) {
	for _, s := range []string{"https://a.example/x?Signature=s", "http://127.0.0.1/x", "https://u:p@a/", "https://[::1]/", "https://0x7f.1/", "https://2130706433/", "//a", "file:///x", "https://a%00b/"} {
		f.Add(s)
	}
	conn, err := NewConn(Config{Token: StaticToken("t")}, Wire{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := conn.parseLink(raw)
		if err == nil && (u.Scheme != "https" || u.Hostname() == "" || u.User != nil || isInside(u.Hostname())) {
			t.Errorf("%q is followed to %s", raw, u.Host)
		}
		if err != nil && len(err.Error()) > 2500 {
			t.Errorf("the error has %d bytes", len(err.Error()))
		}
		until := conn.LinkUntil(raw, time.Now())
		if until.Year() < 0 {
			t.Errorf("%q is good until %v", raw, until)
		}
	})
}
