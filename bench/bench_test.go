// Package bench measures a mounted Frame.io as a program on the machine sees it, against what the disk and the line can do, and
// keeps it under fire.
//
// `make bench-reading` and `make bench-writing` print a table each, `make fire` misuses it for minutes. The mount, and the
// simulator with its line, are processes of their own, so that the memory is the mount's alone. Each figure stands beside its
// limit, taken in the same run: a busy machine slows both.
package bench

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	mebibytes  = flag.Int64("mib", 1024, "size, in MiB, of the film that is copied and read")
	generation = flag.String("api", "both", "generation of the API: v2, v4 or both")
)

// apis are the generations to measure.
func apis() []string {
	if *generation == "both" {
		return []string{"v2", "v4"}
	}
	return []string{*generation}
}

// team is what stands in a mount above the projects.
const team = "Northlight Pictures/Post"

// in is a path in the mount, given one that begins with a project.
func (m *mount) in(path string) string { return filepath.Join(m.point, team, path) }

// stat brings the listings on the way to path here, so that they are not measured with it.
func (m *mount) stat(path string) {
	m.r.t.Helper()
	if _, err := os.Stat(m.in(path)); err != nil {
		m.r.t.Fatal(err)
	}
}

// once ends what is not run with -benchtime 1x.
func once(b *testing.B) {
	if b.N != 1 {
		b.Fatal("run with -benchtime 1x: it takes minutes, and repeats by itself what is quick")
	}
}

// conditions are what a figure depends on besides the program.
func conditions() string {
	return fmt.Sprintf("line: round trip %v, %.0f Mbit/s per connection, %.0f Mbit/s in all; %d CPUs, load %s",
		*linkRTT, linkEach*8/1e6, linkAll*8/1e6, runtime.NumCPU(), load())
}

// load is how busy the machine is, on average of the last minute, 5 and 15.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// wire is how long n bytes take over the whole line.
func wire(n int64) time.Duration { return time.Duration(float64(n) / linkAll * float64(time.Second)) }

// megabytes names a size.
func megabytes(n int64) string {
	if n%(1<<30) == 0 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// median of an odd number of figures.
func median[T float64 | int64 | time.Duration](all []T) T {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// percentile of figures: p of 100 are not above it.
func percentile(all []time.Duration, p int) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[(len(all)*p+99)/100-1]
}

// repeat does n times what f measures, and answers the median of each of the times that f answers.
func repeat(n int, f func() []time.Duration) []time.Duration {
	var all [][]time.Duration
	for range n {
		all = append(all, f())
	}
	medians := make([]time.Duration, len(all[0]))
	for i := range medians {
		var one []time.Duration
		for _, times := range all {
			one = append(one, times[i])
		}
		medians[i] = median(one)
	}
	return medians
}
