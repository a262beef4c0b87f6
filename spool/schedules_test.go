package spool

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

var (
	scheduleSeed = flag.Uint64("schedules.seed", 1, "seed of the first schedule of TestSchedules")
	scheduleRuns = flag.Int("schedules", 60, "how many schedules TestSchedules simulates")
)

// weather is what befalls calls in one schedule: how many of a thousand end with each error.
type weather struct {
	early, late map[error]uint64
	final       map[error]uint64 // of calls that only the spool makes
	expired     uint64           // of PUTs
	slow        uint64           // calls that take long
	live        time.Duration    // of upload URLs
}

// weatherOf draws one.
func weatherOf(seed uint64) *weather {
	w := &weather{early: map[error]uint64{}, late: map[error]uint64{}, final: map[error]uint64{}, live: 24 * time.Hour}
	for bit, set := range []func(){
		func() { w.early[remote.ErrOffline] = 60 },
		func() { w.early[remote.ErrLimited] = 60 },
		func() { w.early[remote.ErrNotFrameio] = 30 },
		func() { w.late[remote.ErrOffline] = 60 },
		func() { w.final[remote.ErrRefused] = 15; w.final[remote.ErrQuota] = 15 },
		func() { w.expired = 80 },
		func() { w.slow = 50 },
		func() { w.live = 300 * time.Millisecond },
	} {
		if seed>>bit&1 == 1 {
			set()
		}
	}
	return w
}

func (w *weather) fate(luck func(n uint64) uint64, op string) fate {
	is := fate{delay: 2*time.Millisecond + time.Duration(luck(20_000_000))}
	if luck(1000) < w.slow {
		is.delay += time.Duration(luck(uint64(20 * time.Second)))
	}
	draw := func(from map[error]uint64) error {
		for _, err := range []error{remote.ErrOffline, remote.ErrLimited, remote.ErrNotFrameio, remote.ErrRefused, remote.ErrQuota} {
			if n := from[err]; n > 0 && luck(1000) < n {
				return err
			}
		}
		return nil
	}
	is.early, is.late = draw(w.early), draw(w.late)
	switch op {
	case "put":
		if luck(1000) < w.expired {
			is.early = remote.ErrExpired
		}
	case "create", "copy", "stat", "version":
		if err := draw(w.final); err != nil {
			is.early = err
		}
	}
	return is
}

// scene is what differs from workload to workload, by its seed.
func scene(seed uint64, f *fake) func(*Config) {
	f.pieces, f.sums = int64(1+seed%4), seed%2 == 0
	return func(c *Config) {
		c.testOnlyFolders = seed/4%2 == 0
		c.Settle = []time.Duration{time.Millisecond, 20 * time.Millisecond, DefaultSettle}[seed%3]
	}
}

// outcomes counts what happened in all schedules.
type outcomes struct {
	mu                            sync.Mutex
	runs, calls, files, parked    int
	restarts, again, lost, orphan int
}

// simulate plays one schedule: a user at work, calls that fail, and the clock. In the end everything is as promised.
func simulate(t *testing.T, seed uint64, n *outcomes) {
	f := newFake()
	w := weatherOf(seed)
	f.assemble, f.live = 50*time.Millisecond, w.live
	var mu sync.Mutex
	failed, lost := 0, 0
	f.fate = newFates(seed, func(luck func(n uint64) uint64, op string) fate {
		is := w.fate(luck, op)
		mu.Lock()
		defer mu.Unlock()
		if is.early != nil {
			failed++
		}
		if is.late != nil {
			lost++
		}
		return is
	}).of
	root := memDir(t)
	tune := []func(*Config){scene(seed/256, f), func(c *Config) {
		c.testOnlyStep = func(what string) {
			if what == "orphan" {
				mu.Lock()
				n.orphan++
				mu.Unlock()
			}
		}
	}}
	u := newUser(t, seed, root, f, 3000, tune...)
	restarts := 0
	for k := range 14 {
		u.step()
		if k == 9 && u.rng.IntN(3) == 0 {
			restarts++
			u.shutAll()
			u.note("restart")
			u.halt()
			u.state = openState(t, f, root, "", u.settled, tune...)
		}
	}
	u.shutAll()
	if u.paused {
		u.pause()
	}
	parked := u.untilDone(f)
	o := u.swear(killed)
	v := o.judge(u.state, false)
	known := map[string]bool{}
	for _, w := range o.things {
		for _, h := range w.hist {
			known[h.data] = known[h.data] || !h.open
		}
	}
	f.mu.Lock()
	for _, b := range f.whole {
		if !known[b] {
			v.say("a mixture was sent as a whole file: %s%s", glance(b), o.nearest(b))
		}
	}
	calls := 0
	for _, c := range f.calls {
		calls += c
	}
	f.mu.Unlock()
	u.halt()
	if left, err := filepath.Glob(filepath.Join(root, "spool", orphans, "*")); err != nil || len(left) > 0 {
		v.say("notes of placeholders are left: %v, %v", left, err)
	}
	if len(v.wrong) > 0 {
		t.Errorf("schedule %d: go test -run TestSchedules ./spool -schedules.seed %d -schedules 1\n\t%s\nafter\n\t%s", seed, seed, strings.Join(v.wrong, "\n\t"), u.story(len(u.log)))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.runs++
	n.calls += calls
	n.files += v.files
	n.parked += parked
	n.restarts += restarts
	n.again += failed
	n.lost += lost
}

// shutAll closes what is open.
func (u *user) shutAll() {
	for _, th := range u.things {
		if th.h != nil {
			u.shutting(th)
		}
	}
}

// untilDone waits until all is where it belongs. Frame.io answers well from here on, and whatever it has refused is tried again by a person.
func (u *user) untilDone(f *fake) (parked int) {
	time.Sleep(3 * time.Second)
	f.mu.Lock()
	f.live = 24 * time.Hour
	f.mu.Unlock()
	f.set(newFates(1, steadyFate).of)
	for range 5 {
		u.drain()
		stuck := false
		for _, i := range u.All() {
			if i.Stage == Parked {
				stuck = true
				parked++
				u.Retry(i.Key)
			}
		}
		for _, i := range u.names.Pending() {
			if i.Parked {
				stuck = true
				parked++
			}
		}
		if !stuck {
			break
		}
		u.must(u.names.Retry())
	}
	return parked
}

// set changes what becomes of calls.
func (f *fake) set(fate func(op, name string) fate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fate = fate
}

// TestSchedules simulates the upload engine: a user at work on files and folders, calls that fail in every way or whose answers are lost,
// URLs that expire, restarts, and a clock that runs as fast as it can. What happens follows from the seed.
func TestSchedules(t *testing.T) {
	n := &outcomes{}
	begun := time.Now()
	const workers = 2
	t.Run("schedules", func(t *testing.T) {
		for w := range workers {
			t.Run(fmt.Sprint("worker ", w), func(t *testing.T) {
				t.Parallel()
				at := uint64(0)
				t.Cleanup(func() {
					if t.Failed() {
						t.Logf("it failed at seed %d", at)
					}
				})
				for k := w; k < *scheduleRuns && !t.Failed(); k += workers {
					at = *scheduleSeed + uint64(k)
					bubble(t, func(t *testing.T) { simulate(t, *scheduleSeed+uint64(k), n) })
					if k%5000 < workers && k >= 5000 {
						fmt.Fprintf(os.Stderr, "%d schedules in %v\n", n.done(), time.Since(begun).Round(time.Second))
					}
				}
			})
		}
	})
	t.Logf("%d schedules from seed %d on, %d calls, of which %d failed and %d lost their answers, %d placeholders were given up, %d times something was parked, %d restarts, %d files arrived, in %v",
		n.runs, *scheduleSeed, n.calls, n.again, n.lost, n.orphan, n.parked, n.restarts, n.files, time.Since(begun).Round(time.Second))
	if n.runs < *scheduleRuns || n.files < n.runs || *scheduleRuns >= 60 && (n.again == 0 || n.lost == 0 || n.orphan == 0 || n.parked == 0 || n.restarts == 0) {
		t.Error("that shows nothing")
	}
}

func (n *outcomes) done() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.runs
}
