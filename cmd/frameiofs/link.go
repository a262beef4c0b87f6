package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
)

// link is the wire, watched: it notes from the calls that everyone makes whether Frame.io can be reached.
type link struct {
	wire

	mu    sync.Mutex // guards what follows
	state string
	since time.Time
	err   string
}

func (l *link) saw(err error) {
	state, text := "up", ""
	switch {
	case errors.Is(err, remote.ErrOffline), errors.Is(err, remote.ErrNotFrameio), errors.Is(err, remote.ErrToken):
		state, text = "down", oneLine(err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, remote.ErrLimited):
		return // that says nothing about the link
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != state {
		l.state, l.since = state, time.Now()
	}
	l.err = text
}

func (l *link) report() control.Link {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == "" {
		return control.Link{State: "unknown"}
	}
	since := l.since
	return control.Link{State: l.state, Since: &since, Error: l.err}
}

// Me is the wire's.
func (l *link) Me(ctx context.Context) (remote.User, error) {
	u, err := l.wire.Me(ctx)
	l.saw(err)
	return u, err
}

// Children is the wire's.
func (l *link) Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		seen := false
		for it, err := range l.wire.Children(ctx, ref) {
			if !seen || err != nil {
				l.saw(err)
				seen = true
			}
			if !yield(it, err) {
				return
			}
		}
		if !seen {
			l.saw(nil)
		}
	}
}

// Stat is the wire's.
func (l *link) Stat(ctx context.Context, ref remote.Ref) (remote.Item, error) {
	it, err := l.wire.Stat(ctx, ref)
	l.saw(err)
	return it, err
}

// CreateFile is the wire's.
func (l *link) CopyFile(ctx context.Context, c remote.Copy) (remote.Item, error) {
	it, err := l.wire.CopyFile(ctx, c)
	l.saw(err)
	return it, err
}

func (l *link) CreateFile(ctx context.Context, f remote.NewFile) (remote.Upload, error) {
	up, err := l.wire.CreateFile(ctx, f)
	l.saw(err)
	return up, err
}

// PutPart is the wire's.
func (l *link) PutPart(ctx context.Context, part remote.Part, body io.ReaderAt) error {
	err := l.wire.PutPart(ctx, part, body)
	l.saw(err)
	return err
}

// OpenRange is the wire's.
func (l *link) OpenRange(ctx context.Context, file remote.Ref, off, n int64) (io.ReadCloser, error) {
	r, err := l.wire.OpenRange(ctx, file, off, n)
	l.saw(err)
	return r, err
}

// lastError is a slog.Handler that remembers the last trouble, for status.
type lastError struct {
	slog.Handler
	last *trouble
}

type trouble struct {
	mu   sync.Mutex // guards what follows
	text string
	at   time.Time
}

// Handle keeps what is an error and passes everything on.
func (h lastError) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		text := r.Message
		r.Attrs(func(a slog.Attr) bool {
			a = withoutSecrets(nil, a)
			if a.Key == "stack" {
				return true
			}
			text += " " + a.Key + "=" + oneLine(a.Value.String())
			return true
		})
		h.last.mu.Lock()
		h.last.text, h.last.at = text, r.Time
		h.last.mu.Unlock()
	}
	return h.Handler.Handle(ctx, r)
}

// Enabled lets through what Handle wants to see.
func (h lastError) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn || h.Handler.Enabled(ctx, l)
}

// WithAttrs keeps the memory.
func (h lastError) WithAttrs(attrs []slog.Attr) slog.Handler {
	return lastError{h.Handler.WithAttrs(attrs), h.last}
}

// WithGroup keeps the memory.
func (h lastError) WithGroup(name string) slog.Handler {
	return lastError{h.Handler.WithGroup(name), h.last}
}

func (t *trouble) get() (string, time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text, t.at
}
