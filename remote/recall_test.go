package remote

import (
	"fmt"
	"testing"
	"time"
)

// What was made within the last day is known, and what was made long before is let go of.
func TestRecall(t *testing.T) {
	r, start := newRecall(), time.Now()
	const day, every = 24 * time.Hour, 10 * time.Minute
	at := func(i int) time.Time { return start.Add(time.Duration(i) * every) }
	id := func(i int) ID { return ID(fmt.Sprint("asset ", i)) }
	const n = 1000 // about a week
	for i := range n {
		r.note(id(i), at(i), day)
		if !r.knows(id(i)) || i > 0 && !r.knows(id(i-1)) || r.knows(id(i+1)) {
			t.Fatalf("after %d it knows them wrongly", i)
		}
		for back := time.Duration(0); back <= day && back <= at(i).Sub(start); back += every {
			if !r.knows(id(i - int(back/every))) {
				t.Fatalf("after %d it does not know what was made %v ago", i, back)
			}
		}
	}
	left := 0
	for _, h := range r.hours {
		left += len(h.ids)
	}
	if most := int((day + 2*time.Hour) / every); left > most {
		t.Errorf("%d are kept, of at most %d", left, most)
	}
}
