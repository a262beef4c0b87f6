package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// mediaTries bounds attempts in a row that bring no byte: about half a minute of waits.
	mediaTries = 20
	// mediaRenewals bounds how often in a row a refused link is renewed: the new one, too, may end before it is used.
	mediaRenewals = 2
	// mediaStall is how long a body may bring no byte before it is cut and taken up again.
	mediaStall = 30 * time.Second
)

// OpenRange reads n bytes of a file from off on, or up to its end if that comes first or n is negative. fetch asks the wire
// for a signed link; it is called once for many readers, and again when the link has ended or is refused. A body that is
// cut is taken up again where it ended. What arrives is exactly the range, or an error comes, never other bytes:
// ErrChanged if Frame.io serves other bytes than before under this id.
func (c *Conn) OpenRange(ctx context.Context, file Ref, off, n int64, fetch func(context.Context) (Link, error)) (io.ReadCloser, error) {
	r := &rangeReader{c: c, ctx: ctx, file: file, fetch: fetch, off: off, left: n}
	if file.Kind != File || off < 0 {
		return nil, r.error(fmt.Errorf("%w: bytes belong to files", ErrRefused))
	}
	r.entry = c.links.of(file.ID)
	l, err := r.entry.get(ctx, c, "", fetch)
	if err != nil {
		return nil, r.error(err)
	}
	if r.size = l.Size; off >= r.size || n == 0 {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	if rest := r.size - off; n < 0 || n > rest {
		r.left = rest
	}
	if err := r.open(); err != nil {
		return nil, r.error(err)
	}
	return r, nil
}

// Prepare makes the next OpenRange of a file cost one round trip: its link is at hand and so is a connection to the media
// host, which is dialled while the link is fetched, if an earlier link told where that is. If both are there already it
// does nothing. It is best effort; an error only tells why OpenRange will take longer, or fail.
func (c *Conn) Prepare(ctx context.Context, file Ref, fetch func(context.Context) (Link, error)) error {
	const op = "prepare to read"
	if file.Kind != File {
		return mediaError(op, file, fmt.Errorf("%w: bytes belong to files", ErrRefused))
	}
	c.pool.begin()
	l, err := c.links.of(file.ID).get(ctx, c, "", fetch)
	if err != nil {
		return mediaError(op, file, err)
	}
	u, err := c.parseLink(l.URL)
	if err == nil {
		err = c.pool.warm(ctx, u)
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", ErrOffline, bare(err))
	}
	if err != nil {
		return mediaError(op, file, err)
	}
	return nil
}

// rangeReader reads a range over as many GETs as it takes.
type rangeReader struct {
	c     *Conn
	ctx   context.Context
	file  Ref
	fetch func(context.Context) (Link, error)
	entry *link
	size  int64 // of the file

	off, left int64 // what is still to be read
	tries     int   // attempts since the last byte
	came      int   // bytes, in
	waited    time.Duration
	body      io.ReadCloser
	guard     *time.Timer
	cut       context.CancelCauseFunc
	ended     error // final
}

func (r *rangeReader) Read(p []byte) (int, error) {
	if r.ended != nil {
		return 0, r.ended
	}
	if r.left == 0 {
		r.ended = io.EOF
		return 0, io.EOF
	}
	for {
		if r.body == nil {
			if err := r.open(); err != nil {
				r.ended = r.error(err)
				return 0, r.ended
			}
		}
		r.guard.Reset(mediaStall) // only while we want something: a slow reader is no stall
		asked := time.Now()
		n, err := r.body.Read(p[:r.c.down.clip(int(min(int64(len(p)), r.left)))])
		r.guard.Stop()
		if r.drips(n, time.Since(asked)) { // on another connection it may come at once
			troubled(r.ctx, 1, mediaError(OpRead, r.file, fmt.Errorf("%w: %w", ErrOffline, errDrips)))
			err = errDrips
		}
		r.c.down.wait(r.ctx, n) // what has come is handed out all the same
		if n > 0 {
			if err == errDrips {
				defer r.shut()
			}
			r.off, r.left, r.tries = r.off+int64(n), r.left-int64(n), 0
			if r.left == 0 {
				r.ended = io.EOF
			}
			return n, nil
		}
		if err != nil {
			r.shut()
			troubled(r.ctx, r.tries, mediaError(OpRead, r.file, fmt.Errorf("%w: %w", ErrOffline, bare(err))))
			if err := r.ctx.Err(); err != nil {
				r.ended = r.error(err)
				return 0, r.ended
			}
		}
	}
}

// drips reports whether what came in all the time that was spent waiting is too little.
func (r *rangeReader) drips(n int, waited time.Duration) bool {
	r.came += n
	r.waited += waited
	slow := r.came < paceBytes && r.waited > paceTime
	if slow || r.came >= paceBytes {
		r.came, r.waited = 0, 0
	}
	return slow
}

// Close ends the reading; a connection whose body was read to its end is kept.
func (r *rangeReader) Close() error {
	r.shut()
	if r.ended == nil {
		r.ended = errors.New("read of a closed range")
	}
	return nil
}

func (r *rangeReader) shut() {
	if r.body == nil {
		return
	}
	if r.left == 0 { // one more read lets the transport see the end and keep the connection
		r.body.Read(make([]byte, 1))
	}
	r.guard.Stop()
	r.cut(nil)
	r.body.Close()
	r.body = nil
}

func (r *rangeReader) error(err error) error { return mediaError("read bytes", r.file, err) }

// mediaError turns whatever went wrong with a file's bytes into an Error.
func mediaError(op string, file Ref, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	e = &Error{Op: op, Ref: file, Err: bare(err)}
	var s3 *s3Error
	if errors.As(err, &s3) {
		e.Status, e.Code, e.Detail, e.Err = s3.status, clip(s3.Code), clip(s3.Message), s3.cause
	}
	return e
}

// open GETs what is left, with backoff while attempts bring nothing. A refused link is renewed, the first time at once.
func (r *rangeReader) open() error {
	refused, renewals := "", 0
	for {
		if r.tries > 0 {
			if err := sleep(r.ctx, nextTry(r.tries-1)); err != nil {
				return fmt.Errorf("%w: %w", ErrOffline, err)
			}
		}
		r.tries++
		l, err := r.entry.get(r.ctx, r.c, refused, r.fetch)
		if err != nil {
			return err
		}
		if l.Size != r.size {
			return r.changed(fmt.Sprintf("size %d, was %d", l.Size, r.size))
		}
		err = r.get(l)
		var s3 *s3Error
		switch {
		case err == nil:
			troubled(r.ctx, r.tries-2, nil)
			return nil
		case errors.Is(err, ErrChanged), errors.Is(err, ErrNotFrameio) && !errors.Is(err, ErrOffline), r.ctx.Err() != nil:
			return err
		case errors.As(err, &s3) && s3.refusal():
			if renewals == mediaRenewals {
				return err
			}
			refused, r.tries = l.URL, renewals
			renewals++
		case errors.As(err, &s3) && s3.status < 500 && s3.status != http.StatusTooManyRequests && !s3.foreign, permanent(err):
			return err
		case r.tries >= mediaTries:
			return err
		}
		troubled(r.ctx, r.tries-1, mediaError(OpRead, r.file, err))
	}
}

// refusal reports whether a media host's answer means that the link is no good: ended, or for something not there yet.
func (e *s3Error) refusal() bool {
	return e.status == http.StatusForbidden || e.status == http.StatusGone || e.status == http.StatusNotFound
}

func (r *rangeReader) changed(what string) error {
	r.c.links.drop(r.file.ID, r.entry)
	return fmt.Errorf("%w: %s", ErrChanged, what)
}

// get makes one GET and leaves r.body at r.off.
func (r *rangeReader) get(l Link) error {
	u, err := r.c.parseLink(l.URL)
	if err != nil {
		return err
	}
	ctx, cut := context.WithCancelCause(r.ctx)
	guard := time.AfterFunc(mediaStall, func() { cut(errStalled) })
	fail := func(err error) error {
		guard.Stop()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cut(nil)
		var s3 *s3Error
		if errors.As(err, &s3) || errors.Is(err, ErrChanged) || errors.Is(err, ErrNotFrameio) || r.ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("%w: %w", ErrOffline, bare(err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fail(err)
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", r.off, r.off+r.left-1))
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", userAgent)
	resp, err := r.c.media.RoundTrip(req)
	if err != nil {
		return fail(err)
	}
	if err := r.check(resp); err != nil {
		resp.Body.Close()
		return fail(err)
	}
	if resp.StatusCode == http.StatusOK {
		r.c.LogOnce("no ranges", "the media host ignores ranges; reading from the start and skipping")
		if err := r.skip(resp.Body, guard); err != nil {
			resp.Body.Close()
			return fail(fmt.Errorf("skip to offset: %w", err))
		}
	}
	guard.Stop()
	r.body, r.guard, r.cut = resp.Body, guard, cut
	return nil
}

// skip reads up to r.off, keeping the guard awake: the way may be long.
func (r *rangeReader) skip(body io.Reader, guard *time.Timer) error {
	for done := int64(0); done < r.off; {
		n, err := io.CopyN(io.Discard, body, min(1<<20, r.off-done))
		done += n
		if err != nil {
			return err
		}
		guard.Reset(mediaStall)
	}
	return nil
}
