package fault

import (
	"bytes"
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
		rule := s.pick(place, r)
		if rule == nil {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("x-sim-fault", rule.What)
		rule.strike(w, r, say, next)
	})
}

func (rule *active) strike(w http.ResponseWriter, r *http.Request, say Voice, next http.Handler) {
	switch rule.What {
	case Slow, Stall:
		var begun []byte
		if rule.What == Stall {
			begun = takeSome(r) // a stalled upload has begun
		}
		rule.wait(r.Context())
		if rule.What == Stall && r.Context().Err() != nil {
			panic(http.ErrAbortHandler) // who has gone is not served any more
		}
		if len(begun) > 0 {
			r.Body = &resumed{r.Body, io.MultiReader(bytes.NewReader(begun), r.Body)}
		}
		next.ServeHTTP(w, r)
	case Reset:
		if readSome(r) {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(&cutter{ResponseWriter: w, mode: Reset}, r)
		panic(http.ErrAbortHandler) // the answer had no body to be cut in
	case Truncate, Corrupt:
		next.ServeHTTP(&cutter{ResponseWriter: w, mode: rule.What}, r)
	case Half:
		whole := &keeper{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(whole, r)
		w.Header().Set("Content-Length", fmt.Sprint(len(whole.body)/2))
		w.WriteHeader(whole.status)
		w.Write(whole.body[:len(whole.body)/2])
	case Drip:
		if r.ContentLength < smallBody { // so that net/http sees it if the client goes
			r.Body = &resumed{r.Body, bytes.NewReader(takeSome(r))}
		}
		r.Body = &dripping{r.Body, r.Context(), rule}
		next.ServeHTTP(&dripper{w, r.Context(), rule}, r)
	case Redirect:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Location", "http://portal.invalid/login")
		w.WriteHeader(http.StatusFound)
		fmt.Fprint(w, portal)
	case Lost:
		next.ServeHTTP(&mute{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, portal)
	case Lose, Fail, Flip, Garble, NoETag:
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), ctxKey{}, rule.What)))
	case SlowDown:
		say(w, r, http.StatusServiceUnavailable, SlowDown)
	case Expired:
		say(w, r, http.StatusForbidden, Expired)
	case Token:
		say(w, r, http.StatusUnauthorized, Token)
	default:
		if rule.Delay > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(int((rule.Delay+time.Second-1)/time.Second)))
		}
		say(w, r, rule.Status(), "")
	}
}

const portal = "<!DOCTYPE html><html><head><title>Hotel WiFi</title></head><body>Please sign in to go online.</body></html>\n"

// readSome takes about half of a request's body, so that what follows happens in its middle. It reports whether there
// is a body.
func readSome(r *http.Request) bool {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return false
	}
	io.CopyN(io.Discard, r.Body, min(max(r.ContentLength/2, 1), 4<<20))
	return true
}

// takeSome takes about half of a request's body, or all of a small one, and answers it. (While something is left net/http does not see
// that a client goes.)
func takeSome(r *http.Request) []byte {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	most := min(r.ContentLength/2, 4<<20)
	if r.ContentLength < smallBody {
		most = r.ContentLength + 1
	}
	some, _ := io.ReadAll(io.LimitReader(r.Body, most)) // an error shows again to who reads on
	return some
}

const smallBody = 64 << 10 // bytes

// resumed is a body of which the beginning was taken before.
type resumed struct {
	io.Closer
	io.Reader
}

// wait lets the rule's time pass, or ends with the request, or when the rule is lifted.
func (rule *active) wait(ctx context.Context) {
	t := time.NewTimer(rule.Delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-rule.lifted:
	case <-ctx.Done():
	}
}

// dripping is a request's body that comes byte by byte, dripper an answer's.
type dripping struct {
	io.ReadCloser
	ctx  context.Context
	rule *active
}

func (d *dripping) Read(b []byte) (int, error) {
	drips := d.rule.drips(d.ctx)
	if err := d.ctx.Err(); err != nil { // what has not come when the client goes does not come
		return 0, err
	}
	if !drips {
		return d.ReadCloser.Read(b)
	}
	return d.ReadCloser.Read(b[:min(1, len(b))])
}

type dripper struct {
	http.ResponseWriter
	ctx  context.Context
	rule *active
}

func (d *dripper) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		m, end := 0, n+1
		if !d.rule.drips(d.ctx) {
			end = len(b)
		}
		m, err = d.ResponseWriter.Write(b[n:end])
		n += m
		http.NewResponseController(d.ResponseWriter).Flush()
	}
	return n, err
}

// drips takes the time of one byte, and reports whether the rule is still in force.
func (rule *active) drips(ctx context.Context) bool {
	select {
	case <-rule.lifted:
		return false
	case <-ctx.Done():
		return false
	default:
	}
	rule.wait(ctx)
	return true
}

// keeper keeps an answer back.
type keeper struct {
	http.ResponseWriter
	status int
	body   []byte
}

func (k *keeper) WriteHeader(status int) { k.status = status }
func (k *keeper) Write(b []byte) (int, error) {
	k.body = append(k.body, b...)
	return len(b), nil
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
