package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// first reads the first bytes of films of which nothing is here, on connections that are warm.
func (s *reading) first() {
	const size = 8 << 20
	paths := s.clips(2**rounds, size)
	m := s.mount(s.api)
	defer m.unmount()
	m.stat(paths[0])
	other := m.open(filmPath)
	defer other.Close()
	var off int64
	warmUp := func() { // the connections, by reading on somewhere else in another file
		off += 16 << 20
		if _, err := other.ReadAt(make([]byte, 4096), off%s.size); err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond) // what is read ahead there is here by now
	}
	var bytes int64
	read := func(path string, wait time.Duration) time.Duration {
		warmUp()
		before := s.traffic("media").Out
		began := time.Now()
		f := m.open(path)
		defer f.Close()
		if wait > 0 {
			time.Sleep(wait)
			began = time.Now()
		}
		readFirst(s, f)
		took := time.Since(began)
		bytes = max(bytes, s.traffic("media").Out-before)
		return took
	}
	i := 0
	t := repeat(*rounds, func() []time.Duration {
		i += 2
		// Whoever opens a film wants it: its link may come before it is read.
		return []time.Duration{read(paths[i-2], 300*time.Millisecond), read(paths[i-1], 0)}
	})
	for i, known := range []string{"known", "not known"} {
		limit := *linkRTT + 10*time.Millisecond
		target := "≤ 1 RTT + 10 ms"
		if i == 1 {
			limit, target = 2**linkRTT+15*time.Millisecond, "≤ 2 RTT + 15 ms"
		}
		s.row("first byte of a cold file, its link "+known, sec(t[i]), fmt.Sprintf("%.2f round trips", times(t[i], *linkRTT)), target, t[i] <= limit)
	}
	s.note("  over the wire for such a read, at most", mib(bytes), "")
}

func readFirst(s *reading, f *os.File) {
	s.t.Helper()
	if _, err := f.ReadAt(make([]byte, 4096), 0); err != nil {
		s.t.Fatal(err)
	}
}

// clips makes n files that are no films by name, so that nothing is read of them on suspicion.
func (s *reading) clips(n int, size int64) (paths []string) {
	s.t.Helper()
	for i := range n {
		name := fmt.Sprintf("clip %s %d.bin", s.api, i+1)
		s.call("POST", "/_sim/touch", map[string]any{"do": "file", "in": "Big", "name": name, "size": size + int64(i)}, nil)
		paths = append(paths, "Big/"+name)
	}
	return paths
}

func (m *mount) open(path string) *os.File {
	m.r.t.Helper()
	f, err := os.Open(m.in(path))
	if err != nil {
		m.r.t.Fatal(err)
	}
	return f
}

// random reads 200 pieces of 1 MiB anywhere in a film of which nothing is here.
func (s *reading) random() {
	const reads = 200
	var peak, bytes int64
	t := repeat(*rounds, func() []time.Duration {
		m := s.mount(s.api)
		defer m.unmount()
		m.stat(filmPath)
		f := m.open(filmPath)
		defer f.Close()
		offsets := make([]int64, reads)
		places := rand.New(rand.NewPCG(1, 2))
		for i := range offsets {
			offsets[i] = places.Int64N(s.size-chunk) | 1
		}
		buf := make([]byte, chunk)
		readFirst(s, f) // link and connections are there
		before := s.traffic("media").Out
		mounted := each(offsets, func(off int64) {
			if _, err := f.ReadAt(buf, off); err != nil {
				s.t.Fatalf("read at %d: %v", off, err)
			}
		})
		bytes, peak = max(bytes, s.traffic("media").Out-before), max(peak, m.peak())
		bare := s.bareClient()
		defer bare.close()
		url := s.mediaURL(filmPath)
		bare.ranges(url, 0, chunk, chunk/8, nil) // connects
		floor := each(offsets, func(off int64) { bare.ranges(url, off, chunk, chunk/8, nil) })
		return []time.Duration{percentile(mounted, 50), percentile(mounted, 95), percentile(floor, 50), percentile(floor, 95)}
	})
	for i, p := range []struct {
		name  string
		limit time.Duration
	}{{"p50", *linkRTT + 18*time.Millisecond}, {"p95", *linkRTT + 25*time.Millisecond}} {
		s.row(fmt.Sprintf("%d random reads of 1 MiB, %s", reads, p.name), sec(t[i]),
			fmt.Sprintf("bare client, 8 × 128 KiB: %s, %.2f ×", sec(t[i+2]), times(t[i], t[i+2])), "≤ "+sec(p.limit), t[i] <= p.limit)
	}
	s.row("  over the wire", fmt.Sprintf("%.0f MB", float64(bytes)/1e6), fmt.Sprintf("asked for: %.0f MB", float64(reads*chunk)/1e6), "≤ 260 MB", bytes <= 260e6)
	s.memory("random reads", peak)
}

// each tells how long f took for each offset.
func each(offsets []int64, f func(int64)) (took []time.Duration) {
	for _, off := range offsets {
		began := time.Now()
		f(off)
		took = append(took, time.Since(began))
	}
	return took
}

// ffprobe looks at a film whose index stands at its end, ten gigabytes away, on connections that are warm.
func (s *reading) ffprobe() {
	if s.movie == "" {
		s.movie = longMovie(s.t, s.dir)
		s.plant(moviePath, s.movie)
	}
	probe := func(path string) time.Duration {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		began := time.Now()
		program(ctx, s.t, "ffprobe", "-v", "error", "-show_format", "-show_streams", path)
		return time.Since(began)
	}
	probe(s.movie) // the program and the file come into memory
	var peak, bytes int64
	t := repeat(*rounds, func() []time.Duration {
		m := s.mount(s.api)
		defer m.unmount()
		m.stat(moviePath)
		other := m.open(filmPath)
		readFirst(s, other) // connects
		other.Close()
		time.Sleep(300 * time.Millisecond)
		before := s.traffic("media").Out
		mounted := probe(m.in(moviePath))
		bytes, peak = max(bytes, s.traffic("media").Out-before), max(peak, m.peak())
		return []time.Duration{mounted, probe(s.movie)}
	})
	more := t[0] - t[1]
	s.row("ffprobe, cold 10 GiB mp4, moov at the end", sec(more), fmt.Sprintf("%.1f round trips; on the bare disk it takes %s", times(more, *linkRTT), sec(t[1])),
		"≤ 4 RTT", more <= 4**linkRTT)
	s.row("  over the wire", fmt.Sprintf("%.1f MB", float64(bytes)/1e6), "", "≤ 8 MB", bytes <= 8e6)
	s.memory("ffprobe", peak)
}
