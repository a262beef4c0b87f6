package spool

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"
)

// turn is an entry's place in a queue. It is void if the entry was given another ticket since.
type turn struct {
	at     time.Time
	e      *Entry
	ticket uint64
}

type queue []turn

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(turn)) }
func (q *queue) Pop() any {
	old := *q
	t := old[len(old)-1]
	old[len(old)-1] = turn{}
	*q = old[:len(old)-1]
	return t
}

// extra is how many places there are besides Config.Uploads for who is next in a queue that is not empty.
func (q queue) extra() int {
	if q[0].e.first.Load() > 0 {
		return firstUploads
	}
	return 0
}

// How much happens at once besides Config.Uploads.
const (
	maxConfirming = 256 // entries that wait for Frame.io's confirmation; then no new upload is begun
	maxSealing    = 8
	firstUploads  = 2  // more of them, for those that were put first
	maxReadBacks  = 4  // files that are read back
	maxPuts       = 16 // PUTs of all entries together, but for small ones

	// Of a small file nearly all the time goes into waiting for answers, hardly any into its bytes. So many are under way
	// beside the large ones, and none waits behind a film.
	smallFile    = 2 << 20 // bytes at most; one part
	smallUploads = 16      // small files sent at once for each of Config.Uploads
)

// small reports whether the entry is sent among the small files.
func (e *Entry) small() bool { return e.size.Load() <= smallFile }

// schedule gives the entry a turn, which replaces the one it has.
func (s *Spool) schedule(e *Entry, at time.Time) {
	s.mu.Lock()
	e.ticket++
	heap.Push(&s.due, turn{at, e, e.ticket})
	s.mu.Unlock()
	s.kick()
}

// unschedule takes the entry's turn away.
func (s *Spool) unschedule(e *Entry) {
	s.mu.Lock()
	e.ticket++
	s.mu.Unlock()
}

func (s *Spool) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run sends what is closed until ctx ends, and returns when all its goroutines have. To be called once.
func (s *Spool) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.sweep(ctx) })
	wg.Go(func() { s.prove(ctx) })
	for {
		next := s.begin(ctx, &wg)
		t := time.NewTimer(next)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-s.wake:
			t.Stop()
		case <-t.C:
		}
	}
}

// begin starts all that may be started now and tells when to look again.
func (s *Spool) begin(ctx context.Context, wg *sync.WaitGroup) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.due) > 0 && !s.due[0].at.After(now) {
		t := s.due[0]
		if t.ticket == t.e.ticket {
			_, stage, sealed := t.e.turn()
			if stage == Settling {
				if s.sealing >= maxSealing {
					break
				}
				s.sealing++
				wg.Go(func() {
					s.seal(ctx, wg, t.e)
					s.mu.Lock()
					s.sealing--
					s.mu.Unlock()
					s.kick()
				})
			} else {
				t.at = t.e.rank(sealed)
				if t.e.small() {
					heap.Push(&s.smallReady, t)
				} else {
					heap.Push(&s.ready, t)
				}
			}
		}
		heap.Pop(&s.due)
	}
	for s.confirming < maxConfirming {
		t, small := turn{}, false
		switch {
		case len(s.ready) > 0 && s.sending < s.cfg.Uploads+s.ready.extra():
			t = heap.Pop(&s.ready).(turn)
		case len(s.smallReady) > 0 && s.sendingSmall < s.cfg.Uploads*smallUploads:
			t, small = heap.Pop(&s.smallReady).(turn), true
		}
		if t.e == nil {
			break
		}
		if t.ticket != t.e.ticket || t.e.homeless() || t.e.resting() && !t.e.late() {
			continue // AdoptFolder gives the homeless another turn, and Resume what rests
		}
		*s.places(small)++
		wg.Go(func() { s.work(ctx, t.e, small) })
	}
	if len(s.due) == 0 {
		return time.Hour
	}
	if !s.due[0].at.After(now) {
		return time.Hour // every sealing place is taken; the next that is free kicks
	}
	return s.due[0].at.Sub(now)
}

// turn is what the queue needs to know.
func (e *Entry) turn() (Key, Stage, time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.key, e.stage, e.rec.Sealed
}

// places is how many entries are being sent, of the small ones or of the others. With mu held.
func (s *Spool) places(small bool) *int {
	if small {
		return &s.sendingSmall
	}
	return &s.sending
}

// work carries one entry and gives its place to the next.
func (s *Spool) work(ctx context.Context, e *Entry, small bool) {
	a := e.take(ctx)
	if a != nil {
		a.small = small
		a.deliver()
	}
	s.mu.Lock()
	if a != nil && a.confirming {
		s.confirming--
	} else {
		*s.places(small)--
	}
	s.mu.Unlock()
	s.kick()
}

// slot moves an attempt between those that are sent and those that are confirmed.
func (s *Spool) slot(a *attempt, confirming bool) {
	s.mu.Lock()
	defer s.kick()
	defer s.mu.Unlock()
	if a.confirming == confirming {
		return
	}
	a.confirming = confirming
	if confirming {
		*s.places(a.small)--
		s.confirming++
	} else {
		s.confirming--
		*s.places(a.small)++
	}
}

// Hurry ends the quiet time of what is closed, and the waits before the next try: for unmount and sync. If keys are given, of
// those alone.
func (s *Spool) Hurry(keys ...Key) {
	for _, e := range s.entries() {
		if len(keys) > 0 && !slices.Contains(keys, e.key) {
			continue
		}
		e.step.Lock()
		if _, stage, _ := e.get(); stage == Settling || (stage == Waiting || stage == Settled) && e.attempt == nil {
			s.schedule(e, time.Now())
		}
		e.step.Unlock()
	}
}
