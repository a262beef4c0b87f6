package bench

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/frameiofs/frameiofs/sim"
)

var (
	failingFiles  = flag.Int("failing", 0, "how many files TestFailing copies, twice with each generation of the API; 0: not at all")
	failingRounds = flag.Int("failingrounds", 2, "how often TestFailing does that")
)

// tenPercent has one call in ten fail, to each host, in the ways in which calls fail: refused by a server in trouble, cut before or in
// the middle, or done and the answer lost or cut.
var tenPercent = []string{"500@any?0.02", "503@any?0.02", "reset@any?0.02", "lost@any?0.02", "truncate@any?0.02"}

// atMost is how much longer a tree may take with one call in ten failing.
const atMost = 1.5

// TestFailing copies a tree with one call in ten failing, beside the same without, and wants it whole, and soon.
func TestFailing(t *testing.T) {
	if *failingFiles == 0 {
		t.Log("takes minutes: make failing")
		return
	}
	for _, api := range apis() {
		t.Run(api, func(t *testing.T) {
			f := &failing{rig: newRig(t, "empty"), t: t, api: api}
			f.source()
			var best [2]time.Duration
			for range *failingRounds {
				for i, rules := range [][]string{nil, tenPercent} {
					took := f.copy(rules)
					if best[i] == 0 || took < best[i] {
						best[i] = took
					}
				}
			}
			ratio := times(best[1], best[0])
			t.Logf("%s: %d files whole after %v, with one call in ten failing after %v: %.2f ×", api, *failingFiles, best[0].Round(10*time.Millisecond), best[1].Round(10*time.Millisecond), ratio)
			if ratio > atMost {
				t.Errorf("%.2f × the time without faults; at most %.1f ×", ratio, atMost)
			}
		})
	}
}

// failing is a tree, and a Frame.io that it is copied to.
type failing struct {
	*rig
	t    *testing.T
	api  string
	n    int
	dir  string
	want map[string]string // checksums, by path below the tree
}

// source writes the tree: twenty folders, and files of all sizes up to 128 KiB.
func (f *failing) source() {
	f.dir, f.want = filepath.Join(f.rig.dir, "source"), map[string]string{}
	for i := range *failingFiles {
		at := fmt.Sprintf("day %02d/take %04d.mov", i%20, i)
		b := noise(uint64(i), 1+(i*7919)%(128<<10))
		f.want[at] = fmt.Sprintf("%016x", xxhash.Sum64(b))
		if err := os.MkdirAll(filepath.Dir(filepath.Join(f.dir, at)), 0o755); err != nil {
			f.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(f.dir, at), b, 0o644); err != nil {
			f.t.Fatal(err)
		}
	}
}

// copy copies the tree into a fresh mount, and answers when Frame.io had all of it.
func (f *failing) copy(rules []string) time.Duration {
	m := f.mount(f.api)
	defer m.unmount()
	m.stat(project)
	time.Sleep(stocked)
	if rules != nil {
		f.call(http.MethodPost, "/_sim/faults", map[string]any{"rules": rules}, nil)
	}
	f.n++
	name := fmt.Sprintf("tree %d", f.n)
	before := f.traffic("api").Requests
	began := time.Now()
	if out, err := exec.Command("timeout", "600", "cp", "-r", f.dir, m.in(project+"/"+name)).CombinedOutput(); err != nil {
		f.t.Fatalf("cp: %v\n%s", err, out)
	}
	told := time.Since(began)
	m.synced()
	took := time.Since(began)
	struck := f.struck()
	f.compare(project + "/" + name + "/")
	f.t.Logf("%s, %q: cp returned after %v, whole after %v; %d calls of the API%s", f.api, rules, told.Round(time.Millisecond), took.Round(time.Millisecond), f.traffic("api").Requests-before, struck)
	return took
}

// struck lifts the faults, and tells how often they have struck.
func (f *failing) struck() string {
	var rules []struct {
		Rule        string
		Seen, Fired int
	}
	f.call(http.MethodGet, "/_sim/faults", nil, &rules)
	f.call("DELETE", "/_sim/faults", nil, nil)
	seen, fired := 0, 0
	for _, r := range rules {
		seen, fired = max(seen, r.Seen), fired+r.Fired
	}
	if len(rules) > 0 && fired*20 < seen {
		f.t.Errorf("only %d of %d calls failed", fired, seen)
	}
	return fmt.Sprintf("; %d of %d calls failed", fired, seen)
}

// compare wants Frame.io to have the tree, each file once and whole, and nothing else.
func (f *failing) compare(below string) {
	got := map[string]string{}
	for end := time.Now().Add(sweepTime); ; time.Sleep(100 * time.Millisecond) {
		var items []sim.Item
		f.call(http.MethodGet, "/_sim/tree", nil, &items)
		wrong := ""
		clear(got)
		for _, it := range items {
			at, in := strings.CutPrefix(it.Path, below)
			switch {
			case it.Type != "folder" && !it.Complete:
				wrong = "a placeholder is left: " + it.Path
			case !in || it.Type == "folder":
			case got[at] != "":
				wrong = "twice: " + it.Path
			default:
				got[at] = it.Checksum
			}
		}
		if wrong == "" && maps.Equal(got, f.want) {
			return
		}
		if time.Now().After(end) {
			f.t.Errorf("Frame.io has %d files of %d; %s", len(got), len(f.want), wrong)
			return
		}
	}
}
