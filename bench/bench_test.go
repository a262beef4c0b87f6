// Package bench measures a mounted Frame.io as a program on the machine sees it, against what the disk and the line can do.
//
// `make bench` runs it and prints a table. The mount, and the simulator with its line, are processes of their own, so that the
// memory is the mount's alone. Each figure stands beside its limit, taken in the same run: a busy machine slows both.
package bench

import (
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

var mebibytes = flag.Int64("mib", 1024, "size, in MiB, of the film that is copied and read")

const (
	manyFiles = 10_000
	settle    = 2 * time.Second // the default; it is taken off the time of the upload
	team      = "Northlight Pictures/Post"
	project   = "Big"
	filmName  = "film.mov"
)

var generations = []string{"v2", "v4"}

// BenchmarkMount measures everything once for each generation of the API. It is to be run with -benchtime 1x.
func BenchmarkMount(b *testing.B) {
	if b.N != 1 {
		b.Fatal("run with -benchtime 1x: it takes minutes, and repeats by itself what is quick")
	}
	began := time.Now()
	r := newRig(b)
	s := &suite{rig: r, size: *mebibytes << 20, source: filepath.Join(r.dir, "source.mov"), bare: filepath.Join(r.dir, "bare.mov")}
	s.sum = film(b, s.source, s.size)
	for _, api := range generations {
		s.api = api
		s.listing()
		s.writing()
		s.reading()
		s.pieces()
		s.remove()
	}
	fmt.Printf("\nfilm %s; line: round trip %v, %.0f Mbit/s per connection, %.0f Mbit/s in all; %d CPUs, load %s; took %v\n",
		s.film(), linkRTT, linkEach*8/1e6, linkAll*8/1e6, runtime.NumCPU(), load(), time.Since(began).Round(time.Second))
	fmt.Print("medians of 3 of what takes up to 10 s, else once; ratio = measured ÷ against\n\n")
	s.print(os.Stdout, generations)
}

// load is how busy the machine is, on average of the last minute, 5 and 15.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// suite is one run of all measurements.
type suite struct {
	*rig
	table
	api          string
	size         int64
	sum          uint32
	source, bare string
}

// film names the size.
func (s *suite) film() string {
	if s.size%(1<<30) == 0 {
		return fmt.Sprintf("%d GiB", s.size>>30)
	}
	return fmt.Sprintf("%d MiB", s.size>>20)
}

// wire is how long n bytes take over the whole line.
func wire(n int64) time.Duration { return time.Duration(float64(n) / linkAll * float64(time.Second)) }

// in is a path in the mount.
func (m *mount) in(path string) string { return filepath.Join(m.point, team, project, path) }

// stat brings the listings on the way to path here, so that they are not measured with it.
func (m *mount) stat(path string) {
	m.r.b.Helper()
	if _, err := os.Stat(m.in(path)); err != nil {
		m.r.b.Fatal(err)
	}
}

// listing lists a folder that comes in many pages. Their bytes count too: one connection brings 12 MB a second.
func (s *suite) listing() {
	var asked traffic
	t := thrice(func() []time.Duration {
		m := s.mount(s.api)
		defer m.unmount()
		m.stat("Many")
		before := s.traffic("api")
		cold := list(s.b, m.in("Many"), manyFiles)
		after := s.traffic("api")
		asked.Requests, asked.Out = after.Requests-before.Requests, after.Out-before.Out
		return []time.Duration{cold, list(s.b, m.in("Many"), manyFiles)}
	})
	what := fmt.Sprintf("list %d files, ", manyFiles)
	limit := time.Duration(asked.Requests) * linkRTT
	s.seconds(s.api, what+"cold", t[0], "pages × round trip", limit)
	s.seconds(s.api, what+"again", t[1], "pages × round trip", limit)
	s.put(s.api, what+"pages", "calls", float64(asked.Requests), "", 0)
	s.put(s.api, what+"over the wire", "MiB", float64(asked.Out)/(1<<20), "", 0)
}

// writing copies the film into the mount, and waits until Frame.io has it.
func (s *suite) writing() {
	m := s.mount(s.api)
	defer m.unmount()
	m.stat("Many")
	target := m.in(filmName)
	var closed time.Time
	t := thrice(func() []time.Duration {
		for _, path := range []string{target, s.bare} {
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) { // within the quiet time: nothing has left yet
				s.b.Fatal(err)
			}
		}
		bare := cp(s.b, s.source, s.bare)
		took := cp(s.b, s.source, target)
		closed = time.Now()
		return []time.Duration{took, bare}
	})
	s.seconds(s.api, "write "+s.film()+" (cp)", t[0], "cp on the bare disk", t[1])
	s.run("sync", "--timeout", patience.String(), m.point)
	s.seconds(s.api, "upload it, after the quiet time", time.Since(closed)-settle, "bytes ÷ line", wire(s.size))
	if sent := s.traffic("upload").In; sent < s.size {
		s.b.Fatalf("%d bytes were uploaded, not %d", sent, s.size)
	}
	s.put(s.api, "peak memory, writing and uploading", "MiB", float64(m.peak())/(1<<20), "", 0)
}

// reading reads the film that writing left on Frame.io, from beginning to end.
func (s *suite) reading() {
	m := s.mount(s.api)
	defer m.unmount()
	m.stat(filmName)
	sum := crc32.New(castagnoli)
	cold := readAll(s.b, m.in(filmName), sum)
	if sum.Sum32() != s.sum {
		s.b.Fatal("what was read is not what was written")
	}
	what := "read " + s.film() + ", "
	s.seconds(s.api, what+"cold", cold, "bytes ÷ line", wire(s.size))
	s.seconds(s.api, what+"cold", cold, "bare client, 16 connections", bareClient(s.b, s.mediaURL(project+"/"+filmName), s.size))
	m.settleDown()
	t := thrice(func() []time.Duration {
		forget(s.b, m.in(filmName))
		m.forgetBlocks()
		forget(s.b, s.bare)
		disk := []time.Duration{readAll(s.b, m.in(filmName), discard{}), readAll(s.b, s.bare, discard{})}
		forget(s.b, m.in(filmName))
		return append(disk, readAll(s.b, m.in(filmName), discard{}), readAll(s.b, s.bare, discard{}), readAll(s.b, m.in(filmName), discard{}))
	})
	s.seconds(s.api, what+"warm, dropped from memory", t[0], "bare disk, dropped from memory", t[1])
	s.seconds(s.api, what+"warm, blocks in memory", t[2], "bare disk, in memory", t[3])
	s.seconds(s.api, what+"warm, kernel has it", t[4], "bare disk, in memory", t[3])
	s.put(s.api, "peak memory, reading", "MiB", float64(m.peak())/(1<<20), "", 0)
}

// settleDown waits until the cache has written down what came, which would otherwise be measured with what is next.
func (m *mount) settleDown() { time.Sleep(6 * time.Second) }

// pieces reads a little of a film of which nothing is here. Three round trips are the least: for the signed address, for a
// connection to the media host, for the bytes.
func (s *suite) pieces() {
	const first, middle = 128 << 10, 1 << 20
	var moved [2]int64
	t := thrice(func() []time.Duration {
		var times []time.Duration
		for i, at := range []struct{ off, n int64 }{{0, first}, {s.size / 2, middle}} {
			m := s.mount(s.api)
			m.stat(filmName)
			before := s.traffic("media").Out
			times = append(times, readAt(s.b, m.in(filmName), at.off, at.n))
			moved[i] = s.traffic("media").Out - before
			m.unmount()
		}
		return times
	})
	s.seconds(s.api, "first 128 KiB, cold", t[0], "3 round trips + bytes ÷ connection", 3*linkRTT+wire(first*linkAll/linkEach))
	s.seconds(s.api, "middle 1 MiB, cold", t[1], "3 round trips + bytes ÷ line", 3*linkRTT+wire(middle))
	s.put(s.api, "first 128 KiB, over the wire", "MiB", float64(moved[0])/(1<<20), "bytes asked for", float64(first)/(1<<20))
	s.put(s.api, "middle 1 MiB, over the wire", "MiB", float64(moved[1])/(1<<20), "bytes asked for", float64(middle)/(1<<20))
}

// remove deletes the film, for the next generation to write its own.
func (s *suite) remove() {
	m := s.mount(s.api)
	defer m.unmount()
	if err := os.Remove(m.in(filmName)); err != nil {
		s.b.Fatal(err)
	}
}
