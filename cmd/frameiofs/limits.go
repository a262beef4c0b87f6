package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

// limits is the bandwidth that the session keeps to.
type limits struct {
	wire wire
	log  *slog.Logger

	mu       sync.Mutex // guards what follows
	table    timetable
	up, down int64 // in force
}

func newLimits(w wire, t timetable, log *slog.Logger) *limits {
	l := &limits{wire: w, log: log, table: t}
	l.keep(time.Now())
	return l
}

// keep has what the timetable says for now come into force.
func (l *limits) keep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	up, down := l.table.at(now)
	if up == l.up && down == l.down {
		return
	}
	l.up, l.down = up, down
	l.wire.SetBandwidth(up, down)
	l.log.Info("the limit of bandwidth has changed", "up", rateText(up), "down", rateText(down))
}

func (l *limits) change(t timetable) {
	l.mu.Lock()
	l.table = t
	l.mu.Unlock()
	l.keep(time.Now())
}

// rateText writes a limit of bandwidth for people.
func rateText(n int64) string {
	if n == 0 {
		return "off"
	}
	return size(n) + "/s"
}

// report tells the limits in force.
func (s *session) limitsNow() control.Limits {
	var l control.Limits
	l.Uploads, l.Parts = s.spool.Limits()
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	l.Bandwidth, l.Up, l.Down = s.limits.table.text, s.limits.up, s.limits.down
	return l
}

// SetLimits changes limits until the mount ends. What is wrong with one of them leaves all as they are.
func (s *session) SetLimits(_ context.Context, change control.LimitsChange) (control.Limits, error) {
	if !s.use() {
		return control.Limits{}, errEnding
	}
	defer s.parts.RUnlock()
	table := timetable{}
	if change.Bandwidth != nil {
		var err error
		if table, err = parseTimetable(*change.Bandwidth); err != nil {
			return s.limitsNow(), fmt.Errorf("bandwidth: %w", err)
		}
	}
	uploads, parts := 0, 0
	for _, n := range []struct {
		name string
		from *int
		to   *int
	}{{"uploads", change.Uploads, &uploads}, {"parts", change.Parts, &parts}} {
		if n.from == nil {
			continue
		}
		if *n.from < 1 {
			return s.limitsNow(), fmt.Errorf("%s: %d is less than 1", n.name, *n.from)
		}
		*n.to = *n.from
	}
	if change.Bandwidth != nil {
		s.limits.change(table)
	}
	s.spool.SetLimits(uploads, parts)
	return s.limitsNow(), nil
}
