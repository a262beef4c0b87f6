package main

import (
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/spool"
)

// What leaves and what comes are measured each for itself, over the last seconds.
func TestMeter(t *testing.T) {
	m, now := &meter{}, time.Now()
	for i := range int64(40) {
		m.sample(now.Add(time.Duration(i)*time.Second/2), map[spool.Key]int64{"a": 100 * i}, 1000*i)
	}
	if up, one, down := m.rate(), m.rateOf("a"), m.rateDown(); up != 200 || one != 200 || down != 2000 {
		t.Errorf("%.0f bytes leave a second, %.0f of the file, and %.0f come", up, one, down)
	}
	if got := cacheText(control.Status{Totals: control.Totals{RateDown: m.rateDown()}}); got != "cache 0 B of 0 B, 2.0 KiB/s coming · 0 B free for writing" {
		t.Error(got)
	}
}
