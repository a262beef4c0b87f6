package ui

import (
	"context"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

// How often the speed is noted, and for how long it is kept.
const (
	noteEvery = 10 * time.Second
	keepFor   = time.Hour
)

// Point is how fast it went at one moment.
type Point struct {
	At   time.Time `json:"at"`
	Rate float64   `json:"rate"` // bytes per second to Frame.io
	Down float64   `json:"down"` // and from it
}

// history is the last hour, the oldest first.
type history struct {
	mu  sync.Mutex
	all []Point
}

func newHistory() *history { return &history{all: []Point{}} }

// run notes until ctx ends.
func (h *history) run(ctx context.Context, m Mount) {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for {
		if st, err := m.Status(ctx, control.Query{Limit: 1}); err == nil {
			h.note(Point{time.Now(), st.Totals.Rate, st.Totals.RateDown})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (h *history) note(p Point) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, p)
	for p.At.Sub(h.all[0].At) > keepFor {
		h.all = h.all[1:]
	}
}

func (h *history) points() []Point {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Point{}, h.all...)
}
