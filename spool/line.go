package spool

import (
	"context"
	"slices"
	"sync"
)

// line gives PUTs their turns, and takes how many there may be at any time: what is changed holds from the next part on.
type line struct {
	mu      sync.Mutex // guards what follows; a leaf
	parts   int        // at once per file
	busy    int        // of all files together, but for small ones
	waiting []*inLine  // in the order in which they came
}

// inLine is an attempt that has a part to send.
type inLine struct {
	a    *attempt
	turn chan struct{} // closed when it may
}

// enter waits for a turn, which ends with leave.
func (l *line) enter(ctx context.Context, a *attempt) error {
	w := &inLine{a, make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, w)
	l.serve()
	l.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, w); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	} else {
		l.give(a)
	}
	return ctx.Err()
}

// leave ends a turn.
func (l *line) leave(a *attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(a)
}

func (l *line) give(a *attempt) {
	a.puts--
	if !a.small {
		l.busy--
	}
	l.serve()
}

// set changes how many parts of a file are sent at once.
func (l *line) set(parts int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parts = parts
	l.serve()
}

func (l *line) get() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.parts
}

// serve lets in who may, with mu held: who was put first before the others, then who came first. A small file does not wait behind a
// film's parts; places counts it.
func (l *line) serve() {
	for {
		best := -1
		for i, w := range l.waiting {
			if w.a.puts >= evenly(w.a.nParts, l.parts) || !w.a.small && l.busy >= maxPuts {
				continue
			}
			if best < 0 || w.a.e.first.Load() > l.waiting[best].a.e.first.Load() {
				best = i
			}
		}
		if best < 0 {
			return
		}
		w := l.waiting[best]
		l.waiting = slices.Delete(l.waiting, best, best+1)
		w.a.puts++
		if !w.a.small {
			l.busy++
		}
		close(w.turn)
	}
}
