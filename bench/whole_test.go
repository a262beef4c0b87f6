package bench

import (
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"time"
)

// cold reads the film from beginning to end, of which nothing is here.
func (s *reading) cold() {
	t, peak, busy := s.wholeCold()
	what := fmt.Sprintf("%s cold, in order", megabytes(s.size))
	s.row(what, sec(t[0]), fmt.Sprintf("bare client, %d connections, to a file: %s, %.3f ×", bareConnections, sec(t[1]), times(t[0], t[1])),
		"≤ 1.03 ×", times(t[0], t[1]) <= 1.03)
	s.note("  processor time", sec(busy), fmt.Sprintf("the line alone: %s", sec(wire(s.size))))
	s.memory("cold in order", peak)
}

// loopback is cold without a line in between.
func (s *reading) loopback() {
	s.line(false)
	defer s.line(true)
	t, peak, busy := s.wholeCold()
	limit := time.Duration(float64(s.size) / (1 << 30) * 1.2 * float64(time.Second))
	s.row("  the same over loopback", sec(t[0]), fmt.Sprintf("bare client: %s, %.2f ×", sec(t[1]), times(t[0], t[1])), "≤ "+sec(limit), t[0] <= limit)
	s.note("  processor time", sec(busy), "")
	s.memory("loopback", peak)
}

// wholeCold answers the times of the mount and of a bare client, in turns, and the mount's peak memory and processor time.
func (s *reading) wholeCold() (t []time.Duration, peak int64, busy time.Duration) {
	var used []time.Duration
	t = repeat(*rounds, func() []time.Duration {
		m := s.mount(s.api)
		defer m.unmount()
		m.stat(filmPath)
		m.fresh()
		idle := m.busy()
		took := readAll(s.t, m.in(filmPath), discard{})
		peak, used = max(peak, m.peak()), append(used, m.busy()-idle)
		sum := crc32.New(castagnoli) // of what has come; while it comes it would be measured too
		if readAll(s.t, m.in(filmPath), sum); sum.Sum32() != s.sum {
			s.t.Fatal("what was read is not what is there")
		}
		return []time.Duration{took, s.bareCold()}
	})
	return t, peak, median(used)
}

func (s *reading) bareCold() time.Duration {
	into, err := os.Create(filepath.Join(s.dir, "bare.mov"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer os.Remove(into.Name())
	defer into.Close()
	bare := s.bareClient()
	defer bare.close()
	return bare.ranges(s.mediaURL(filmPath), 0, s.size, 8<<20, into)
}

// warm reads the film when all of it is here, in turns with the same on the bare disk.
func (s *reading) warm() {
	m := s.mount(s.api)
	defer m.unmount()
	s.line(false)
	m.stat(filmPath)
	readAll(s.t, m.in(filmPath), discard{})
	s.line(true)
	m.settleDown()
	m.fresh()
	before := s.traffic("media")
	t := repeat(*rounds, func() []time.Duration {
		forget(s.t, m.in(filmPath))
		m.forgetBlocks()
		forget(s.t, s.source)
		dropped := []time.Duration{readAll(s.t, m.in(filmPath), discard{}), readAll(s.t, s.source, discard{})}
		kept := repeat(5, func() []time.Duration { // in memory they are over too soon to be taken once
			return []time.Duration{readAll(s.t, m.in(filmPath), discard{}), readAll(s.t, s.source, discard{})}
		})
		return append(dropped, kept...)
	})
	for i, kept := range []string{"page cache dropped", "page cache kept"} {
		mounted, disk := t[2*i], t[2*i+1]
		rate := func(d time.Duration) float64 { return float64(s.size) / 1e6 / d.Seconds() }
		s.row(fmt.Sprintf("%s warm, %s", megabytes(s.size), kept), fmt.Sprintf("%.0f MB/s", rate(mounted)),
			fmt.Sprintf("bare disk: %.0f MB/s, %.0f %%", rate(disk), 100*times(disk, mounted)), "≥ 95 %", times(disk, mounted) >= 0.95)
	}
	if now := s.traffic("media"); now != before {
		s.note("  over the wire meanwhile", mib(now.Out-before.Out), "")
	}
	s.memory("warm", m.peak())
}

// settleDown waits until the cache has written down what came, which would otherwise be measured with what is next.
func (m *mount) settleDown() { time.Sleep(6 * time.Second) }
