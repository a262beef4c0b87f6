package spool

import (
	"fmt"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// fates gives each call to Frame.io its fate by a seed, and by what it is and how often that was before: so it is the same whoever comes
// first, and no two calls end at the same time.
type fates struct {
	seed uint64
	kind func(luck func(n uint64) uint64, op string) fate // luck answers a number below n

	mu  sync.Mutex
	nth map[string]int
}

func newFates(seed uint64, kind func(luck func(n uint64) uint64, op string) fate) *fates {
	return &fates{seed: seed, kind: kind, nth: map[string]int{}}
}

func (f *fates) of(op, name string) fate {
	f.mu.Lock()
	call := op + " " + name
	f.nth[call]++
	h := xxhash.Sum64String(fmt.Sprint(f.seed, " ", call, " ", f.nth[call]))
	f.mu.Unlock()
	return f.kind(func(n uint64) uint64 {
		h = h*6364136223846793005 + 1442695040888963407
		return (h >> 33) % n
	}, op)
}

// steadyFate has every call succeed after some time.
func steadyFate(luck func(n uint64) uint64, _ string) fate {
	return fate{delay: 5*time.Millisecond + time.Duration(luck(10_000_000))}
}
