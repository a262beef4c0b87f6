package spool

import (
	"strings"
	"testing"
	"time"
)

// long is a content of several parts.
var long = strings.Repeat("0123456789", 950)

func TestWriteCloseArrives(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake(), func(c *Config) { c.Parts = 8 }).start()
		begin := time.Now()
		e := r.file("film.mov", long)
		if r.Find("folder-a", "film.mov") != e || len(r.In("folder-a")) != 1 {
			t.Error("the file is not visible from the moment of its creation")
		}
		r.finish()
		r.expect("folder-a/film.mov = " + seen(long))
		r.expectTold("film.mov = 9500 bytes")
		r.expectEmpty()
		if r.Find("folder-a", "film.mov") != nil || e.Info().Stage != Gone {
			t.Error("a settled entry is still visible")
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		if r.f.most < 4 {
			t.Errorf("%d PUTs at once", r.f.most)
		}
		for i, url := range r.f.starts { // ten parts, five at once and again
			if n := int(url[len(url)-1] - '0'); n > 0 && n > i+5 {
				t.Errorf("PUT %d is that of part %d", i+1, n)
			}
		}
	})
}
