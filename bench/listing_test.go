package bench

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// walk does what ls -lR does: it reads each folder and looks at each name in it, one after the other.
func (r *rig) walk(dir string, wantNames int) time.Duration {
	r.t.Helper()
	began := time.Now()
	if n, err := walk(dir); err != nil || n != wantNames {
		r.t.Fatalf("%s has %d names, not %d (%v)", dir, n, wantNames, err)
	}
	return time.Since(began)
}

func walk(dir string) (names int, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		st, err := e.Info()
		if err != nil {
			return 0, err
		}
		names++
		if st.IsDir() {
			n, err := walk(filepath.Join(dir, e.Name()))
			if names += n; err != nil {
				return names, err
			}
		}
	}
	return names, nil
}

// calls answers how many requests the API got since before, and how many bytes it gave.
func (r *rig) calls(before traffic) (n, out int64) {
	r.t.Helper()
	now := r.traffic("api")
	return now.Requests - before.Requests, now.Out - before.Out
}

// folder lists one folder that comes in many pages.
func (s *reading) folder() {
	page := map[string]int{"v2": 100, "v4": 500}[s.api]
	limit := time.Duration(manyFiles/page) * *linkRTT
	var asked, bytes, again, peak int64
	t := repeat(*rounds, func() []time.Duration {
		m := s.mount(s.api)
		defer m.unmount()
		m.stat(manyPath)
		before := s.traffic("api")
		cold := s.walk(m.in(manyPath), manyFiles)
		asked, bytes = s.calls(before)
		before = s.traffic("api")
		warm := s.walk(m.in(manyPath), manyFiles)
		again, _ = s.calls(before)
		peak = max(peak, m.peak())
		bare := s.bareClient()
		defer bare.close()
		return []time.Duration{cold, warm, bare.pages(s.rig, s.api, manyPath)}
	})
	what := fmt.Sprintf("list a cold folder of %d", manyFiles)
	s.row(what, sec(t[0]), fmt.Sprintf("%d pages × round trip %s: %.2f", manyFiles/page, sec(limit), times(t[0], limit)),
		"≤ 1.30 ×", times(t[0], limit) <= 1.3)
	s.note("  calls, over the wire", fmt.Sprint(asked), mib(bytes))
	s.note("  the same by a bare client", sec(t[2]), fmt.Sprintf("the mount takes %.2f × as long", times(t[0], t[2])))
	s.row("  again", sec(t[1]), fmt.Sprint(again, " calls"), "≤ 80 ms, 0 calls", t[1] <= 80*time.Millisecond && again == 0)
	s.memory("a folder", peak)
}

const (
	treeFolders = 100
	treeNames   = treeFolders + treeFolders*100
)

// tree lists a hundred folders of a hundred.
func (s *reading) tree() {
	var asked, again, remounted, peak int64
	folders := s.folderIDs()
	var mounts []*mount
	t := repeat(*rounds, func() []time.Duration {
		m := s.mount(s.api)
		mounts = append(mounts, m)
		m.stat(treePath)
		before := s.traffic("api")
		cold := s.walk(m.in(treePath), treeNames)
		asked, _ = s.calls(before)
		before = s.traffic("api")
		warm := s.walk(m.in(treePath), treeNames)
		again, _ = s.calls(before)
		peak = max(peak, m.peak())
		m.stop()
		bare := s.bareClient()
		defer bare.close()
		return []time.Duration{cold, warm, bare.tree(s.rig, s.api, treePath, folders)}
	})
	time.Sleep(11 * time.Second) // by now no listing is so young that it counts as fresh
	late := repeat(*rounds, func() []time.Duration {
		m := mounts[0]
		mounts = mounts[1:]
		defer m.unmount()
		m.start()
		before := s.traffic("api")
		m.stat(treePath)
		took := s.walk(m.in(treePath), treeNames)
		remounted, _ = s.calls(before)
		peak = max(peak, m.peak())
		return []time.Duration{took}
	})
	s.row("list a cold tree of 100 × 100, limits off", sec(t[0]), fmt.Sprintf("bare client, 16 at once: %s, %.2f ×; %d calls", sec(t[2]), times(t[0], t[2]), asked),
		"≤ 0.50 s", t[0] <= 500*time.Millisecond)
	s.row("  again", sec(t[1]), fmt.Sprint(again, " calls"), "≤ 100 ms, 0 calls", t[1] <= 100*time.Millisecond && again == 0)
	s.row("  after a remount", sec(late[0]), fmt.Sprint(remounted, " calls, with those behind it"), "≤ 200 ms", late[0] <= 200*time.Millisecond)
	s.memory("a tree", peak)
}

func (s *reading) folderIDs() (ids []string) {
	s.t.Helper()
	for i := range treeFolders {
		ids = append(ids, s.find(fmt.Sprintf("%s/day_%03d", treePath, i+1)))
	}
	return ids
}

// limits lists the tree with the API's limits in force. A listing costs a part of a leaky bucket, which may be full at once, and then
// drains: 5 calls a second on V2, 100 a minute on V4 (spec: frameio-v2.md §8, frameio-v4.md §7).
func (s *reading) limits() {
	burst, each := 5, 200*time.Millisecond
	if s.api == "v4" {
		burst, each = 100, 600*time.Millisecond
	}
	// What was asked for until now counts: the buckets are left to empty, sixty times as quickly as they would. Only then the mount may
	// learn how large they are.
	defer s.call(http.MethodPut, "/_sim/limits", map[string]any{"scale": 0}, nil)
	s.call(http.MethodPut, "/_sim/limits", map[string]any{"scale": 60}, nil)
	time.Sleep(2 * time.Second)
	s.call(http.MethodPut, "/_sim/limits", map[string]any{"scale": 1}, nil)
	m := s.mount(s.api)
	defer m.unmount()
	m.stat(treePath)
	time.Sleep(5 * each)
	before := s.traffic("api")
	took := s.walk(m.in(treePath), treeNames)
	asked, _ := s.calls(before)
	budget := time.Duration(treeFolders+1-burst)*each + *linkRTT
	if bare := 8 * *linkRTT; budget < bare {
		budget = bare
	}
	s.row("  the same, limits on", sec(took), fmt.Sprintf("%d calls by its bucket: %s, %.2f ×; %d calls", treeFolders+1, sec(budget), times(took, budget), asked),
		"≤ 1.10 ×", times(took, budget) <= 1.1)
}

const (
	bulkFolders = 10
	bulkFiles   = 10_000
)

// indexed is a mount that has listed 100,000 names, over a line that costs nothing.
func (s *reading) indexed() *mount {
	s.t.Helper()
	if s.bulk == nil {
		s.bulk = s.mount(s.api)
		s.line(false)
		s.bulk.stat(bulkPath)
		s.walk(s.bulk.in(bulkPath), bulkFolders+bulkFolders*bulkFiles)
		s.line(true)
	}
	return s.bulk
}

// usable starts the mount again and again with everything in its index.
func (s *reading) usable() {
	m := s.indexed()
	s.memory("listing 100,000", m.peak())
	t := repeat(*rounds, func() []time.Duration {
		m.stop()
		began := time.Now()
		m.start()
		started := time.Since(began)
		s.walk(m.in(bulkPath+"/day_001"), bulkFiles)
		return []time.Duration{started, time.Since(began)}
	})
	s.note("mount, 100,000 assets in the index", sec(t[0]), "until frameiofs mount --daemon returns")
	t2 := repeat(*rounds, func() []time.Duration {
		m.stop()
		began := time.Now()
		m.start()
		if _, err := os.ReadDir(m.in(bulkPath)); err != nil {
			s.t.Fatal(err)
		}
		return []time.Duration{time.Since(began)}
	})
	s.row("  usable: ls of a known folder", sec(t2[0]), fmt.Sprintf("ls -l of one with 10,000: %s", sec(t[1])), "≤ 300 ms", t2[0] <= 300*time.Millisecond)
	time.Sleep(5 * time.Second)
	idle := m.memory("VmRSS:")
	s.row("  memory, idle", mib(idle), "", "≤ 80 MiB", idle <= 80<<20)
}
