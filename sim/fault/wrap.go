package fault

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Voice is how a host words a refusal; each host has its own.
type Voice func(w http.ResponseWriter, r *http.Request, status int, code string)

type ctxKey struct{}

// UploadFault returns what the upload host is to do to this part PUT if a rule has struck it (Lose, Fail, Flip, Garble, NoETag), else "".
func UploadFault(r *http.Request) string {
	what, _ := r.Context().Value(ctxKey{}).(string)
	return what
}

// Wrap puts the rules for place in front of next. say words plain refusals; its code is a word of this package
// ("slowdown", "expired", "token") or "".
func (s *Set) Wrap(place Place, say Voice, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rule, ok := s.pick(place, r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("x-sim-fault", rule.What)
		rule.strike(w, r, say, next)
	})
}

func (rule Rule) strike(w http.ResponseWriter, r *http.Request, say Voice, next http.Handler) {
	switch rule.What {
	case Slow, Stall:
		if rule.What == Stall {
			readSome(r) // a stalled upload has begun
		}
		wait(r.Context(), rule.Delay)
		next.ServeHTTP(w, r)
	case Reset:
		if readSome(r) {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(&cutter{ResponseWriter: w, mode: Reset}, r)
		panic(http.ErrAbortHandler) // the answer had no body to be cut in
	case Truncate, Corrupt:
		next.ServeHTTP(&cutter{ResponseWriter: w, mode: rule.What}, r)
	case Lost:
		next.ServeHTTP(&mute{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html><html><head><title>Hotel WiFi</title></head><body>Please sign in to go online.</body></html>\n")
	case Lose, Fail, Flip, Garble, NoETag:
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), ctxKey{}, rule.What)))
	case SlowDown:
		say(w, r, http.StatusServiceUnavailable, SlowDown)
	case Expired:
		say(w, r, http.StatusForbidden, Expired)
	case Token:
		say(w, r, http.StatusUnauthorized, Token)
	default:
		say(w, r, rule.Status(), "")
	}
}

// readSome takes about half of a request's body, so that what follows happens in its middle. It reports whether there
// is a body.
func readSome(r *http.Request) bool {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return false
	}
	n := r.ContentLength / 2
	if n <= 0 {
		n = 1
	}
	io.CopyN(io.Discard, r.Body, min(n, 4<<20))
	return true
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// cutter spoils an answer's body: it ends in the middle, or one byte is wrong. Handlers here announce Content-Length
// or write the whole body at once, so the middle is known.
type cutter struct {
	http.ResponseWriter
	mode    string
	started bool
	left    int64
}

func (c *cutter) Write(b []byte) (int, error) {
	if !c.started {
		c.started = true
		c.left = int64(len(b)) / 2
		var whole int64
		if _, err := fmt.Sscan(c.Header().Get("Content-Length"), &whole); err == nil {
			c.left = whole / 2
		} else if c.mode != Corrupt {
			c.Header().Set("Content-Length", fmt.Sprint(len(b)))
		}
	}
	if int64(len(b)) <= c.left {
		c.left -= int64(len(b))
		return c.ResponseWriter.Write(b)
	}
	if c.mode == Corrupt {
		bad := append([]byte(nil), b...)
		if c.left >= 0 {
			bad[c.left] ^= 0x55
			c.left = 1 << 62
		}
		return c.ResponseWriter.Write(bad)
	}
	c.ResponseWriter.Write(b[:c.left])
	http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler) // net/http closes the connection, with what was announced missing
}

// mute lets a handler do its work and keeps the answer to itself.
type mute struct{ header http.Header }

func (m *mute) Header() http.Header         { return m.header }
func (m *mute) Write(b []byte) (int, error) { return len(b), nil }
func (m *mute) WriteHeader(int)             {}
