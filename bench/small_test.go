package bench

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	smallFiles   = 1000
	smallSize    = 64 << 10
	smallWorkers = 32 // of the bare client
	// After this time a mount has made ready for many files. Who mounts and copies does not do both in one second.
	stocked = 4 * time.Second
	// What an endpoint that makes files takes: 5 calls at once, and then 5 a second (spec: frameio-v2.md §8, frameio-v4.md §7).
	createBurst = 5
	createEach  = 200 * time.Millisecond
	limitsFiles = 100
)

// tree writes n small files that nothing can compress below a folder of the bare disk.
func (s *writing) tree(name string, n int) string {
	s.t.Helper()
	dir := filepath.Join(s.dir, name)
	if _, err := os.Stat(dir); err == nil {
		return dir // from before
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{2})
	b := make([]byte, smallSize)
	for i := range n {
		if _, err := io.ReadFull(random, b); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("frame_%04d.dpx", i)), b, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	s.command("sync", "-f", dir)
	return dir
}

// small copies a thousand small files, without the API's limits.
func (s *writing) small() {
	source := s.tree("small", smallFiles)
	bare := filepath.Join(s.dir, "bare")
	var peak int64
	var used []time.Duration
	t := repeat(*rounds, func() []time.Duration {
		folder := s.folder("small")
		m := s.mount(s.api, "--settle", settle.String())
		defer m.unmount()
		m.stat(folder)
		plain := s.command("cp", "-r", source, bare)
		s.remove(bare)
		s.command("sync", "-f", s.dir)
		m.fresh()
		time.Sleep(stocked)
		idle, before := m.busy(), s.traffic("upload")
		began := time.Now()
		took := s.command("cp", "-r", source, m.in(folder+"/small"))
		whole := s.uploaded(before, smallFiles*smallSize).Sub(began)
		m.synced()
		told := time.Since(began)
		peak, used = max(peak, m.peak()), append(used, m.busy()-idle)
		c := s.bareClient()
		defer c.close()
		return []time.Duration{took, plain, whole, told, c.sendAll(s.rig, s.api, folder, source, smallWorkers)}
	})
	took, plain, whole, told, floor := t[0], t[1], t[2], t[3], t[4]
	s.row("cp -r of 1,000 × 64 KiB: cp returns", sec(took), fmt.Sprintf("bare disk: %s, %.2f ×", sec(plain), times(took, plain)),
		"≤ 0.7 s, ≤ 2.3 ×", took <= 700*time.Millisecond && times(took, plain) <= 2.3)
	s.row("  whole on the service, limits off", sec(whole-settle)+" + settle", fmt.Sprintf("bare client, %d at once, create before PUT: %s, %.2f ×",
		smallWorkers, sec(floor), times(whole-settle, floor)), "≤ 2.30 s + settle", whole-settle <= 2300*time.Millisecond)
	s.note("  sync returns", sec(told), "")
	s.note("  peak memory, processor time", mib(peak), sec(median(used)))
}

// limits copies fewer with the API's limits in force.
func (s *writing) limits() {
	source := s.tree("few", limitsFiles)
	folder := s.folder("limits")
	defer s.call(http.MethodPut, "/_sim/limits", map[string]any{"scale": 0}, nil)
	s.call(http.MethodPut, "/_sim/limits", map[string]any{"scale": 1}, nil)
	m := s.mount(s.api, "--settle", settle.String())
	defer m.unmount()
	m.stat(folder)
	time.Sleep(time.Second) // the bucket of what is made empties
	before, all, refused := s.traffic("upload"), s.traffic("api"), s.refused()
	began := time.Now()
	s.command("cp", "-r", source, m.in(folder+"/few"))
	whole := s.uploaded(before, limitsFiles*smallSize).Sub(began)
	m.synced()
	told := time.Since(began)
	asked, _ := s.calls(all)
	no := s.refused() - refused
	// On V2 the folder is made by the same endpoint as the files.
	creates := limitsFiles
	if s.api == "v2" {
		creates++
	}
	floor := time.Duration(creates-createBurst) * createEach
	s.row(fmt.Sprintf("cp -r of %d × 64 KiB, limits on: whole", limitsFiles), sec(whole-settle)+" + settle",
		fmt.Sprintf("%d creates by their bucket: %s, %.3f ×; sync returns after %s", creates, sec(floor), times(whole-settle, floor), sec(told)), "≤ 1.05 ×",
		times(whole-settle, floor) <= 1.05)
	share := float64(no) / float64(max(1, asked))
	s.row("  calls refused", fmt.Sprintf("%.1f %%", 100*share), fmt.Sprintf("%d of %d", no, asked), "< 1 %", share < 0.01)
}

// refused is how many calls were refused for their number.
func (s *writing) refused() (n int) {
	s.t.Helper()
	var state struct {
		Requests map[string]struct {
			ByStatus map[int]int `json:"by_status"`
		}
	}
	s.call(http.MethodGet, "/_sim/state", nil, &state)
	return state.Requests["api"].ByStatus[http.StatusTooManyRequests]
}

// rsync brings a tree, and then finds nothing to do.
func (s *writing) rsync() {
	source := s.tree("few", limitsFiles) + "/"
	folder := s.folder("rsync")
	m := s.mount(s.api, "--settle", settle.String())
	defer m.unmount()
	bring := func() (files int) {
		out := s.output("rsync", "-a", "-i", source, m.in(folder)+"/few/")
		for line := range strings.Lines(out) {
			if strings.Contains(line, "frame_") {
				files++
			}
		}
		return files
	}
	first, leaving := bring(), bring()
	m.synced()
	there := bring()
	m.stop()
	m.start()
	again := bring()
	if first != limitsFiles {
		s.t.Fatalf("rsync brought %d files at first", first)
	}
	s.row("second rsync -a of the same tree", fmt.Sprintf("%d files", leaving), "while it is leaving", "0 files", leaving == 0)
	s.row("  when it is there", fmt.Sprintf("%d files", there), "", "0 files", there == 0)
	s.row("  after a remount", fmt.Sprintf("%d files", again), "", "0 files", again == 0)
}
