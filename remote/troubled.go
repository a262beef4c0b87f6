package remote

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// WithTrouble has every call made with the context tell f why it does not get on: before it is tried again, if it has failed twice in a row
// or more (once happens to everybody), and when no answer has come, or no byte moved, for ten seconds. The error is what the
// call would come to if it ended then; nil tells that it gets on after all. f must be quick. An f that the context has already is told, too.
func WithTrouble(ctx context.Context, f func(error)) context.Context {
	also, ok := ctx.Value(keyTrouble).(func(error))
	if !ok {
		return context.WithValue(ctx, keyTrouble, f)
	}
	return context.WithValue(ctx, keyTrouble, func(err error) {
		also(err)
		f(err)
	})
}

// troubled tells that a call of which tries have failed before has come to err.
func troubled(ctx context.Context, tries int, err error) {
	if f, ok := ctx.Value(keyTrouble).(func(error)); ok && tries > 0 {
		f(err)
	}
}

// hush is how long nothing may be heard before that is told.
const hush = 10 * time.Second

// listen tells that nothing is heard, until it is stopped. A reset begins the time anew.
func listen(ctx context.Context, e Error) *time.Timer {
	e.Err = fmt.Errorf("%w: nothing has come for %v", ErrOffline, hush)
	return time.AfterFunc(hush, func() { troubled(ctx, 1, &e) })
}

// heard listens for the answers of next.
type heard struct{ next http.RoundTripper }

func (h heard) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if ctx.Value(keyTrouble) == nil {
		return h.next.RoundTrip(req)
	}
	e := Error{Op: OpRead}
	if c := callOf(ctx); c != nil {
		e.Op, e.Ref = c.Op, c.Ref
	}
	quiet := listen(ctx, e)
	resp, err := h.next.RoundTrip(req)
	if !quiet.Stop() && err == nil {
		troubled(ctx, 1, nil)
	}
	return resp, err
}

// sofar is the error of a call of the API that ended with this try.
func sofar(ctx context.Context, resp *http.Response, err error) error {
	e := &Error{Op: "call", Err: err}
	if c := callOf(ctx); c != nil {
		e.Op, e.Ref = c.Op, c.Ref
	}
	switch {
	case resp == nil:
		e.Err = fmt.Errorf("%w: %w", ErrOffline, bare(err))
	case resp.StatusCode < 400:
		e.Err = fmt.Errorf("%w: %w", ErrOffline, ErrNotFrameio)
	default:
		e.Status = resp.StatusCode
	}
	return e
}
