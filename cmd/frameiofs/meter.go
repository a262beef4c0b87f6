package main

import (
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/spool"
)

// meter measures how fast bytes leave, all together and of each file, from what the spool tells, and how fast they come.
type meter struct {
	mu    sync.Mutex // guards what follows
	done  int64      // bytes of files that have left
	total track
	came  track
	files map[spool.Key]*track
}

// track is how far something has come at the last few moments, oldest first.
type track []sample

type sample struct {
	at   time.Time
	sent int64
}

// meterWindow is how far back the rate looks.
const meterWindow = 6 * time.Second

func (m *meter) settled(info spool.Info) {
	if info.CopyOf != "" {
		return // no byte of it was sent
	}
	m.mu.Lock()
	m.done += info.Size
	m.mu.Unlock()
}

// sample notes how much has left by now, and how much was fetched; moving are the files that are being sent.
func (m *meter) sample(now time.Time, moving map[spool.Key]int64, fetched int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sent := m.done
	files := make(map[spool.Key]*track, len(moving))
	for key, n := range moving {
		sent += n
		t := m.files[key]
		if t == nil {
			t = &track{}
		}
		t.add(now, n)
		files[key] = t
	}
	m.files = files
	m.total.add(now, sent)
	m.came.add(now, fetched)
}

// rate is in bytes per second.
func (m *meter) rate() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total.rate()
}

// rateDown is that of what comes from Frame.io.
func (m *meter) rateDown() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.came.rate()
}

// rateOf is that of one file.
func (m *meter) rateOf(key spool.Key) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.files[key]; t != nil {
		return t.rate()
	}
	return 0
}

func (t *track) add(now time.Time, sent int64) {
	*t = append(*t, sample{now, sent})
	for len(*t) > 2 && now.Sub((*t)[0].at) > meterWindow {
		*t = (*t)[1:]
	}
}

func (t track) rate() float64 {
	if len(t) < 2 {
		return 0
	}
	first, last := t[0], t[len(t)-1]
	// An attempt that begins again takes back what it had sent.
	return max(0, float64(last.sent-first.sent)/max(last.at.Sub(first.at).Seconds(), 0.001))
}
