package bench

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

var (
	faults     = flag.String("faults", "", "which cells TestFaults tries: those that contain `TEXT`, \"all\", or a handful")
	faultLanes = flag.Int("faultlanes", 8, "how many cells TestFaults tries at once")
	faultTable = flag.String("faulttable", "", "`FILE` that TestFaults writes its table into")
)

// handful are the cells of every run of the tests.
var handful = []string{"answer lost after it was done at \"create the asset\", once", "reset at \"send a part\", once", "422 at \"create the asset\", until", "garbage JSON at \"confirm\", once"}

// TestFaults has everything go wrong that can go wrong between here and Frame.io, at each step of a file's life, once and until it is
// over, and wants each file whole in the end, once, and what does not go on by itself to be seen.
func TestFaults(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "frameiofs")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/frameiofs/frameiofs/cmd/frameiofs").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	results := &outcomes{}
	began := time.Now()
	t.Run("cells", func(t *testing.T) {
		for _, api := range apis() {
			for n, mine := range lanes(chosen(api)) {
				t.Run(fmt.Sprintf("%s/lane %d", api, n), func(t *testing.T) {
					t.Parallel()
					l := newLane(t, binary, api, mine[0].mishap.lane, mine)
					for _, c := range mine {
						o := l.try(c)
						results.add(c, o)
						for _, w := range o.wrong {
							t.Errorf("%v: %s", c, w)
						}
						t.Logf("%v: %s after %.1f s, told %q after %.1f s, seen %v after %.1f s, %d calls", c, o.end, o.after.Seconds(), o.told, o.took.Seconds(), o.seen, o.soon.Seconds(), o.calls)
					}
				})
			}
		}
	})
	t.Logf("%d cells in %v", len(results.all), time.Since(began).Round(time.Second))
	if *faultTable == "" || *faults != "all" || t.Failed() {
		return
	}
	if err := os.WriteFile(*faultTable, []byte(page(results.all, time.Since(began))), 0o644); err != nil {
		t.Error(err)
	}
}

// lanes deals cells out to mounts: what takes long first, and those together that need the same.
func lanes(all []cell) (lanes [][]cell) {
	kinds := map[laneKind][]cell{}
	for _, c := range all {
		if c.mishap.slow || c.mishap.line == "lost" { // the connections of others would be half-open, too, and loopback acknowledges what comes on them
			lanes = append(lanes, []cell{c})
			continue
		}
		kinds[c.mishap.lane] = append(kinds[c.mishap.lane], c)
	}
	for _, same := range kinds {
		n := max(1, *faultLanes/len(apis()))
		if *faults == "" {
			n = 1 // quicker, for so few
		}
		dealt := make([][]cell, min(n, (len(same)+7)/8))
		for i, c := range same {
			dealt[i%len(dealt)] = append(dealt[i%len(dealt)], c)
		}
		lanes = append(lanes, dealt...)
	}
	return lanes
}

// chosen are the cells that are to be tried.
func chosen(api string) (all []cell) {
	switch *faults {
	case "all":
		return cells(api, "")
	case "":
		for _, which := range handful {
			all = append(all, cells(api, which)...)
		}
		return all
	}
	return cells(api, *faults)
}

// outcomes collects what came of the cells.
type outcomes struct {
	mu  sync.Mutex
	all map[string]outcome // by cell
}

func (o *outcomes) add(c cell, is outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[string]outcome{}
	}
	o.all[c.String()] = is
}
