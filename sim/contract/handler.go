package contract

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// maxBody bounds what is kept of a request or an answer. The largest listing (500 files with all links) is about 2 MiB.
const maxBody = 16 << 20

// Handler checks every V4 request that passes through to next and every answer that comes back, and reports violations
// with t.Errorf. Paths outside /v4/ pass untouched. Use it in tests of a client: a request the document forbids is
// reported even if next refused it. The server that runs it must be closed before the test ends.
func (d *Doc) Handler(t testing.TB, next http.Handler) http.Handler {
	return d.wrap(t, next, func(error, int) bool { return true })
}

// ServerHandler is Handler for tests of a server: a request the document forbids is reported only if next accepted it.
func (d *Doc) ServerHandler(t testing.TB, next http.Handler) http.Handler {
	return d.wrap(t, next, func(_ error, status int) bool { return status < 400 })
}

// wrap reports a forbidden request when blame says so, given the status it was answered with.
func (d *Doc) wrap(t testing.TB, next http.Handler, blame func(err error, status int) bool) http.Handler {
	if d == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v4/") {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			t.Logf("contract: %s %s: the request's body was cut: %v", r.Method, r.URL, err)
		}
		asked := r.Clone(r.Context()) // next may change its request
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body))
		reqErr := d.CheckRequest(asked, body)

		seen := &recorder{ResponseWriter: w}
		whole := false
		defer func() {
			if reqErr != nil && blame(reqErr, seen.status) {
				t.Errorf("contract: %s %s: request (answered %d): %v%s", r.Method, asked.URL, seen.status, reqErr, quote(body))
			}
			if !whole { // next gave up the connection: there is no answer to check
				return
			}
			if err := d.CheckResponse(asked, seen.status, seen.header(), seen.body.Bytes()); err != nil {
				t.Errorf("contract: %s %s: answer: %v%s", r.Method, asked.URL, err, quote(seen.body.Bytes()))
			}
		}()
		next.ServeHTTP(seen, r)
		if seen.status == 0 {
			seen.status = http.StatusOK // as net/http does for a handler that wrote nothing
		}
		whole = seen.body.Len() <= maxBody
	})
}

// recorder passes an answer through and keeps a copy.
type recorder struct {
	http.ResponseWriter

	status int
	sent   http.Header // as it stood when the status was written
	body   bytes.Buffer
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status, w.sent = status, w.Header().Clone()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.body.Len() <= maxBody {
		w.body.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection, to flush it or to cut it.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) header() http.Header {
	if w.sent != nil {
		return w.sent
	}
	return w.Header()
}

// quote shows the beginning of a body under a message.
func quote(body []byte) string {
	const show = 600
	if len(body) == 0 {
		return ""
	}
	if len(body) > show {
		return fmt.Sprintf("\n\t%s… (%d bytes)", body[:show], len(body))
	}
	return fmt.Sprintf("\n\t%s", body)
}
