package remote

import (
	"hash/maphash"
	"slices"
	"time"
)

// recall knows the IDs that were noted lately. A busy mount makes hundreds of thousands of assets a day, so it has their hashes only, an hour's
// together: some 16 bytes for each.
type recall struct {
	seed  maphash.Seed
	hours []hour // the newest last
}

type hour struct {
	began time.Time
	ids   map[uint64]struct{}
}

func newRecall() recall { return recall{seed: maphash.MakeSeed()} }

// note takes an ID, and lets go of those noted longer ago than age.
func (r *recall) note(id ID, now time.Time, age time.Duration) {
	last := len(r.hours) - 1
	if last < 0 || now.Sub(r.hours[last].began) >= time.Hour {
		r.hours = slices.DeleteFunc(r.hours, func(h hour) bool { return now.Sub(h.began) > age+time.Hour })
		r.hours = append(r.hours, hour{now, map[uint64]struct{}{}})
		last = len(r.hours) - 1
	}
	r.hours[last].ids[maphash.String(r.seed, string(id))] = struct{}{}
}

// knows reports whether an ID was noted.
func (r *recall) knows(id ID) bool {
	sum := maphash.String(r.seed, string(id))
	return slices.ContainsFunc(r.hours, func(h hour) bool { _, ok := h.ids[sum]; return ok })
}
