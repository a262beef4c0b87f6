package remote

import (
	"context"
	"sync"
	"time"
)

// Priority decides who goes first when Frame.io's limits let only one call through.
type Priority uint8

// The priorities, first come those that are served first.
const (
	Interactive Priority = iota // a person or a program waits for the answer; what a context says that says nothing
	Ahead                       // a program will want the answer in a moment
	Uploads                     // what is leaving
	Background                  // refreshing, sweeping up
	priorities
)

type contextKey uint8

const (
	keyPriority contextKey = iota
	keyProgress
	keySince
	keyCall
	keyMatched
	keyTrouble
)

// WithPriority marks all calls made under the context.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, keyPriority, p)
}

// WithRise is WithPriority for calls that somebody may come to wait for: raise makes them as urgent as p is, and those too that
// already wait for their turn. It never makes them less urgent.
func WithRise(ctx context.Context, p Priority) (_ context.Context, raise func(p Priority)) {
	r := &rise{p: p, raised: make(chan struct{})}
	return context.WithValue(ctx, keyPriority, r), r.to
}

// rise is a priority that can be raised.
type rise struct {
	mu     sync.Mutex // guards what follows
	p      Priority
	raised chan struct{} // closed when p is not true any more
}

func (r *rise) to(p Priority) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p < r.p {
		close(r.raised)
		r.p, r.raised = p, make(chan struct{})
	}
}

// PriorityOf answers how a context is marked.
func PriorityOf(ctx context.Context) Priority {
	p, _ := urgency(ctx)
	return p
}

// urgency is how a context is marked, and a channel that is closed when that is not true any more.
func urgency(ctx context.Context) (Priority, <-chan struct{}) {
	switch v := ctx.Value(keyPriority).(type) {
	case Priority:
		return min(v, priorities-1), nil
	case *rise:
		v.mu.Lock()
		defer v.mu.Unlock()
		return min(v.p, priorities-1), v.raised
	}
	return Interactive, nil
}

// WithProgress has PutPart call f with the number of bytes that went out since f's last call; a negative number takes
// back what an attempt had sent that must be begun again. f is called often and from other goroutines: it must be quick.
func WithProgress(ctx context.Context, f func(n int64)) context.Context {
	return context.WithValue(ctx, keyProgress, f)
}

func progressOf(ctx context.Context) func(int64) {
	f, _ := ctx.Value(keyProgress).(func(int64))
	if f == nil {
		return func(int64) {}
	}
	return f
}

// WithSince tells CreateFolder that an earlier attempt, made at or after t (this machine's clock), may have succeeded
// without an answer: it is looked for before anything is made. CreateFile takes the same from NewFile.Since.
func WithSince(ctx context.Context, t time.Time) context.Context {
	return context.WithValue(ctx, keySince, t)
}

// SinceOf answers what WithSince told; zero if nothing.
func SinceOf(ctx context.Context) time.Time { return sinceOf(ctx) }

func sinceOf(ctx context.Context) time.Time {
	t, _ := ctx.Value(keySince).(time.Time)
	return t
}
