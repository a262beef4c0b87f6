package main

import (
	"cmp"
	"context"
	"path/filepath"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"

	"github.com/frameiofs/frameiofs/remote"
)

// observeFlags are for who runs mounts for others.
func observeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "metrics", Usage: "tell Prometheus how it goes, at http://`ADDRESS`/metrics; of a port alone, on this machine only"},
		&cli.StringFlag{Name: "access-log", TakesFile: true, Usage: "write a line for each open, read, write, listing and change to `FILE`: what, who, how long, and whether it was here; 128 MiB at most"},
	}
}

// observing is what observeFlags said.
type observing struct{ metrics, accessLog, format string }

func observingOf(c *cli.Context) (o observing, err error) {
	if o.metrics, err = metricsAddr(c.String("metrics")); err != nil {
		return o, err
	}
	if o.accessLog = c.String("access-log"); o.accessLog != "" {
		if o.accessLog, err = filepath.Abs(o.accessLog); err != nil {
			return o, misuse("", "--access-log: %w", err)
		}
	}
	o.format = c.Generic("log-format").(*choiceValue).value
	return o, nil
}

// observe begins what was asked for, before anything can be seen. stop ends it.
func (s *session) observe() (stop func(), err error) {
	var stops []func()
	stop = sync.OnceFunc(func() {
		for _, end := range stops {
			end()
		}
	})
	o := s.cfg.observing
	if o.accessLog != "" {
		// A line would be a request of its own, and so on.
		if m, ok := onFrameio(o.accessLog); ok || inside(o.accessLog, s.point) {
			return stop, misuse("choose a file on this machine's disk", "--access-log: %s lies inside the Frame.io mounted at %s", o.accessLog, cmp.Or(m.Point, s.point))
		}
		l, err := openAccessLog(o.accessLog, o.format)
		if err != nil {
			return stop, err
		}
		end := s.fs.Watch(l.note)
		stops = append(stops, func() { end(); l.Close() })
	}
	if o.metrics == "" {
		return stop, nil
	}
	m := newMetrics(func() (control.Status, bool) {
		st, err := s.Status(context.Background(), control.Query{})
		return st, err == nil
	})
	addr, err := m.serve(o.metrics, s.log)
	if err != nil {
		stop()
		return func() {}, err
	}
	s.metricsURL = "http://" + addr + "/metrics"
	s.log.Info("metrics", "at", s.metricsURL)
	stops = append(stops, m.shutdown, s.fs.Watch(m.op), s.requests.watch(m.call))
	return stop, nil
}

// requests passes on what is seen of the requests to Frame.io to whoever wants to know at the moment. The wire is made before they are
// known, and outlives some of them.
type requests struct {
	mu   sync.RWMutex
	tell []*func(remote.Seen)
}

func (r *requests) seen(s remote.Seen) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, t := range r.tell {
		(*t)(s)
	}
}

// watch has tell called for each request, by many at once, until stop is called.
func (r *requests) watch(tell func(remote.Seen)) (stop func()) {
	one := &tell
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell = append(r.tell, one)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		var left []*func(remote.Seen)
		for _, t := range r.tell {
			if t != one {
				left = append(left, t)
			}
		}
		r.tell = left
	}
}

// failed reports whether a request came to nothing.
func failed(s remote.Seen) bool { return s.Status == 0 || s.Status >= 400 }

// classes are the priorities' names.
var classes = map[remote.Priority]string{
	remote.Interactive: "interactive", remote.Ahead: "ahead", remote.Uploads: "uploads", remote.Background: "background",
}
