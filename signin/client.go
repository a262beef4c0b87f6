package signin

import (
	"context"
	"io"
	"mime"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// askTimeout bounds one question to a token service.
const askTimeout = 20 * time.Second

// client asks token services. It follows no redirects: a secret goes where it is meant to go, or nowhere.
type client struct {
	next http.RoundTripper
	skew atomic.Int64 // nanoseconds by which the service's clock was ahead at its last answer
}

func newClient() *client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.IdleConnTimeout = 2, 5*time.Second
	return &client{next: t}
}

// context is ctx with this client for golang.org/x/oauth2.
func (c *client) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, c.http())
}

func (c *client) http() *http.Client {
	return &http.Client{Transport: c, Timeout: askTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// RoundTrip refuses answers that cannot be a token service's.
func (c *client) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", "frameiofs")
	req.Header.Set("Accept", "application/json")
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.skew.Store(int64(time.Until(at)))
	}
	typ, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if typ == "text/html" && resp.StatusCode < 500 || resp.StatusCode >= 300 && resp.StatusCode < 400 {
		io.CopyN(io.Discard, resp.Body, 64<<10)
		resp.Body.Close()
		return nil, foreign(service{base: req.URL.Scheme + "://" + req.URL.Host})
	}
	return resp, nil
}

// badClock is how far clocks may be apart before it is worth a word, and how far they are.
func (c *client) badClock() (time.Duration, bool) {
	d := time.Duration(c.skew.Load())
	return d, d.Abs() > 5*time.Minute
}
