package bench

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// settle is mount's default.
const settle = 2 * time.Second

// writingRows are what is measured, in the order of issue 4.
var writingRows = []struct {
	name string
	run  func(*writing)
}{
	{"film", (*writing).film},
	{"small", (*writing).small},
	{"limits", (*writing).limits},
	{"export", (*writing).export},
	{"names", (*writing).names},
	{"random", (*writing).random},
	{"rsync", (*writing).rsync},
}

// writing is one run of its measurements.
type writing struct {
	*rig
	verdicts
	api    string
	size   int64  // of the film
	source string // the film on the bare disk
	n      int    // folders that were made, to have each measurement in one of its own
}

// BenchmarkWriting measures what issue 4 wants writing to show. It is to be run with -benchtime 1x.
func BenchmarkWriting(b *testing.B) {
	once(b)
	wanted, err := regexp.Compile(*rowsWanted)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	s := &writing{rig: newRig(b, "empty"), size: *mebibytes << 20}
	s.source = filepath.Join(s.dir, "source.mov")
	fmt.Printf("\n%s; medians of %d\n", conditions(), *rounds)
	for _, api := range apis() {
		s.api = api
		s.head(api)
		for _, row := range writingRows {
			if wanted.MatchString(row.name) {
				row.run(s)
			}
		}
	}
	fmt.Printf("\n%d missed; load %s; took %v\n", s.missed, load(), time.Since(began).Round(time.Second))
}

// project is where everything goes.
const project = "Untitled"

// folder makes a folder on Frame.io and answers its path.
func (s *writing) folder(name string) string {
	s.t.Helper()
	s.n++
	name = fmt.Sprintf("%s %s %d", name, s.api, s.n)
	s.call(http.MethodPost, "/_sim/touch", map[string]any{"do": "folder", "in": project, "name": name}, nil)
	return project + "/" + name
}

// uploaded waits until the upload host has got so many bytes more than before, and answers when that was, to some 20 ms.
func (s *writing) uploaded(before traffic, bytes int64) time.Time {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if t := s.soFar()["upload"]; t.Current == 0 && t.In >= before.In+bytes {
			return time.Now()
		}
	}
	s.t.Fatal("the upload does not end")
	return time.Time{}
}

// synced waits until the mount says that Frame.io has everything.
func (m *mount) synced() { m.r.run("sync", "--timeout", patience.String(), m.point) }

// film copies the film into the mount, and waits until Frame.io has it.
func (s *writing) film() {
	if _, err := os.Stat(s.source); err != nil {
		film(s.t, s.source, s.size)
	}
	writtenBack := func(path string) { // what is written back must not be measured with what is next
		if err := exec.Command("sync", "-f", path).Run(); err != nil {
			s.t.Fatal(err)
		}
	}
	bare := filepath.Join(s.dir, "bare.mov")
	var peak int64
	var used []time.Duration
	t := repeat(*rounds, func() []time.Duration {
		folder := s.folder("film")
		m := s.mount(s.api, "--settle", settle.String())
		defer m.unmount()
		m.stat(folder)
		writtenBack(s.dir)
		plain := cp(s.t, s.source, bare)
		synced := plain + s.command("sync", bare)
		s.remove(bare)
		writtenBack(s.dir)
		m.fresh()
		idle, before := m.busy(), s.traffic("upload")
		began := time.Now()
		took := cp(s.t, s.source, m.in(folder+"/film.mov"))
		whole := s.uploaded(before, s.size).Sub(began)
		m.synced()
		told := time.Since(began)
		peak, used = max(peak, m.peak()), append(used, m.busy()-idle)
		c := s.bareClient()
		defer c.close()
		return []time.Duration{took, plain, synced, whole, told, c.send(s.rig, s.api, folder, "bare.mov", s.source)}
	})
	took, plain, synced, whole, told, floor := t[0], t[1], t[2], t[3], t[4], t[5]
	what := megabytes(s.size)
	s.row("cp of "+what+": cp returns", sec(took), fmt.Sprintf("bare disk, cp and sync: %s, %.2f × (cp alone %s, %.2f ×)",
		sec(synced), times(took, synced), sec(plain), times(took, plain)), "≤ 1.15 ×", times(took, synced) <= 1.15)
	limit := took + time.Duration(1.05*float64(floor)) + settle
	s.row("  whole on the service", sec(whole), fmt.Sprintf("cp + bare client, %d connections (%s) + settle: %.3f × the floor", bareConnections, sec(floor),
		times(whole-took-settle, floor)), "≤ "+sec(limit), whole <= limit)
	s.note("  sync returns", sec(told), fmt.Sprintf("bytes ÷ line: %s", sec(wire(s.size))))
	s.row("  peak memory", mib(peak), "", "≤ 120 MiB", peak <= 120<<20)
	perGiB := time.Duration(float64(median(used)) * (1 << 30) / float64(s.size))
	s.row("  processor time, per GiB", sec(perGiB), "", "≤ 1 s", perGiB <= time.Second)
}

// command runs a program and answers how long it took.
func (s *writing) command(name string, args ...string) time.Duration {
	s.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		s.t.Fatalf("%s is missing: sudo apt-get install -y %s", name, name)
	}
	began := time.Now()
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return time.Since(began)
}

func (s *writing) remove(path string) {
	s.t.Helper()
	if err := os.RemoveAll(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
}
