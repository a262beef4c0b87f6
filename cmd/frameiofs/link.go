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
	case errors.Is(err, remote.ErrLimited): // it answers, but there is something to tell of
		text = oneLine(err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
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

// hears has a call tell of its trouble while it lasts, too: what is tried again may be so for long.
func (l *link) hears(ctx context.Context) context.Context { return remote.WithTrouble(ctx, l.saw) }

// noting makes a call of the wire, and notes what it tells of the link.
func noting[T any](ctx context.Context, l *link, call func(context.Context) (T, error)) (T, error) {
	got, err := call(l.hears(ctx))
	l.saw(err)
	return got, err
}

// Me is the wire's.
func (l *link) Me(ctx context.Context) (remote.User, error) { return noting(ctx, l, l.wire.Me) }

// Children is the wire's.
func (l *link) Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		seen := false
		for it, err := range l.wire.Children(l.hears(ctx), ref) {
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
	return noting(ctx, l, func(ctx context.Context) (remote.Item, error) { return l.wire.Stat(ctx, ref) })
}

// CreateFolder is the wire's.
func (l *link) CreateFolder(ctx context.Context, parent remote.Ref, name string) (remote.Item, error) {
	return noting(ctx, l, func(ctx context.Context) (remote.Item, error) { return l.wire.CreateFolder(ctx, parent, name) })
}

// CopyFile is the wire's.
func (l *link) CopyFile(ctx context.Context, c remote.Copy) (remote.Item, error) {
	return noting(ctx, l, func(ctx context.Context) (remote.Item, error) { return l.wire.CopyFile(ctx, c) })
}

// CreateFile is the wire's.
func (l *link) CreateFile(ctx context.Context, f remote.NewFile) (remote.Upload, error) {
	return noting(ctx, l, func(ctx context.Context) (remote.Upload, error) { return l.wire.CreateFile(ctx, f) })
}

// AddVersion is the wire's.
func (l *link) AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error) {
	return noting(ctx, l, func(ctx context.Context) (remote.Item, error) { return l.wire.AddVersion(ctx, target, file) })
}

// Rename is the wire's.
func (l *link) Rename(ctx context.Context, ref remote.Ref, name string) (remote.Item, error) {
	return noting(ctx, l, func(ctx context.Context) (remote.Item, error) { return l.wire.Rename(ctx, ref, name) })
}

// Move is the wire's.
func (l *link) Move(ctx context.Context, ref, to remote.Ref) (remote.Item, error) {
	return noting(ctx, l, func(ctx context.Context) (remote.Item, error) { return l.wire.Move(ctx, ref, to) })
}

// Delete is the wire's.
func (l *link) Delete(ctx context.Context, ref remote.Ref) error {
	err := l.wire.Delete(l.hears(ctx), ref)
	l.saw(err)
	return err
}

// PutPart is the wire's.
func (l *link) PutPart(ctx context.Context, part remote.Part, body io.ReaderAt) error {
	err := l.wire.PutPart(l.hears(ctx), part, body)
	l.saw(err)
	return err
}

// Prepare is the wire's.
func (l *link) Prepare(ctx context.Context, file remote.Ref) error {
	err := l.wire.Prepare(l.hears(ctx), file)
	l.saw(err)
	return err
}

// OpenRange is the wire's.
func (l *link) OpenRange(ctx context.Context, file remote.Ref, off, n int64) (io.ReadCloser, error) {
	return noting(ctx, l, func(ctx context.Context) (io.ReadCloser, error) { return l.wire.OpenRange(ctx, file, off, n) })
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
