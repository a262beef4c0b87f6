package bench

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

var (
	soakFor   = flag.Duration("soak", 0, "how long TestSoak works on a mount; 0: not at all")
	soakPause = flag.Duration("soakpause", 200*time.Millisecond, "how long each of those who work there rests between two things, on average")
	soakSeed  = flag.Uint64("soakseed", 1, "`NUMBER` that what TestSoak does follows from")
)

// TestSoak works on a mount for long, and wants its process not to grow: memory, open files, goroutines.
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Log("takes an hour: make soak")
		return
	}
	for _, api := range apis() {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			s := newSoak(t, api)
			s.work()
			s.judge()
		})
	}
}

// soak is a crowd on a mount that is looked at.
type soak struct {
	*killed
	control *control.Client
	began   time.Time
	samples map[string][]sample
}

// sample is a figure at a time.
type sample struct{ at, value float64 } // hours since the beginning

func newSoak(t *testing.T, api string) *soak {
	k := newKilled(t, api, *soakSeed)
	mounts, err := control.Registered(filepath.Join(k.dir, "home/state/frameiofs/mounts"))
	if err != nil {
		t.Fatal(err)
	}
	k.trees = true
	k.pause, k.large = *soakPause, 100
	r, _, ok := control.Find(mounts, k.point)
	if !ok {
		t.Fatalf("%s is not registered: %v", k.point, mounts)
	}
	k.begin()
	return &soak{killed: k, control: control.Dial(r.Socket), began: time.Now(), samples: map[string][]sample{}}
}

// soakEvery is how often the process is looked at.
const soakEvery = 5 * time.Second

func (s *soak) work() {
	random := rand.New(rand.NewPCG(*soakSeed, 7))
	for n := 0; time.Since(s.began) < *soakFor && !s.t.Failed(); n++ {
		if n%6 == 0 { // faults for half a minute, then half a minute of peace
			s.call("DELETE", "/_sim/faults", nil, nil)
			if n%12 == 0 {
				s.call("POST", "/_sim/faults", map[string]any{"rules": []string{trials[random.IntN(len(trials))], trials[random.IntN(len(trials))]}}, nil)
			}
		}
		s.look()
		time.Sleep(soakEvery)
	}
}

// look takes one sample of each figure.
func (s *soak) look() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	text, err := s.control.Goroutines(ctx)
	if err != nil {
		s.t.Error(err)
		return
	}
	goroutines := strings.Count(string(text), "\ngoroutine ") + 1
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid))
	if err != nil {
		s.t.Error(err)
		return
	}
	at := time.Since(s.began).Hours()
	for name, v := range map[string]float64{
		"memory, MiB (RssAnon)": float64(s.memory("RssAnon:")) / (1 << 20), "memory, MiB (VmRSS)": float64(s.memory("VmRSS:")) / (1 << 20),
		"open files": float64(len(fds)), "goroutines": float64(goroutines),
	} {
		s.samples[name] = append(s.samples[name], sample{at, v})
	}
}

// judge fits a line to the second half of each row of figures. It has a slope if all of the slope's interval of confidence lies on one side
// of 0, and the line rises by more than can be seen by eye: a fiftieth of the figure itself over that half.
func (s *soak) judge() {
	s.call("DELETE", "/_sim/faults", nil, nil)
	var names []string
	for name := range s.samples {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all := s.samples[name]
		half := all[len(all)/2:]
		slope, low, high := theilSen(half)
		mid := middle(half)
		grown := slope * (half[len(half)-1].at - half[0].at)
		verdict := "0"
		if low > 0 && grown > mid/50 {
			verdict = "GROWS"
			s.t.Errorf("%s grows by %.2f an hour", name, slope)
		}
		fmt.Printf("| %-22s | median %8.1f | slope an hour %+8.2f (95 %%: %+.2f … %+.2f) | %s |\n", name, mid, slope, low, high, verdict)
	}
	s.finish()
	s.t.Logf("%v: %s", time.Since(s.began).Round(time.Second), s.tally.String())
}

// theilSen is the median of the slopes between means of twenty stretches, which outliers do not move, and its 95 % interval by rank
// (Sen 1968). The means make neighbouring samples, which depend on each other, count once.
func theilSen(all []sample) (slope, low, high float64) {
	const stretches = 20
	var means []sample
	for i := range stretches {
		part := all[i*len(all)/stretches : (i+1)*len(all)/stretches]
		if len(part) == 0 {
			continue
		}
		var m sample
		for _, p := range part {
			m.at += p.at / float64(len(part))
			m.value += p.value / float64(len(part))
		}
		means = append(means, m)
	}
	var slopes []float64
	for i := range means {
		for j := range i {
			slopes = append(slopes, (means[i].value-means[j].value)/(means[i].at-means[j].at))
		}
	}
	if len(slopes) == 0 {
		return 0, 0, 0
	}
	slices.Sort(slopes)
	n := float64(len(means))
	// 1.96 standard deviations of Kendall's statistic.
	c := 1.96 * math.Sqrt(n*(n-1)*(2*n+5)/18)
	last := len(slopes) - 1
	rank := func(r float64) float64 { return slopes[min(max(int(r), 0), last)] }
	return slopes[last/2], rank((float64(len(slopes)) - c) / 2), rank((float64(len(slopes)) + c) / 2)
}

func middle(all []sample) float64 {
	var v []float64
	for _, p := range all {
		v = append(v, p.value)
	}
	slices.Sort(v)
	return v[len(v)/2]
}
