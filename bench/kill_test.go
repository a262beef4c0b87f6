package bench

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/frameiofs/frameiofs/sim"
)

var (
	kills    = flag.Int("kills", 0, "how often TestKill kills, with each generation of the API; 0: not at all")
	killSeed = flag.Uint64("killseed", 0, "`NUMBER` that what TestKill does follows from; 0 = another each time")
	killLog  = flag.String("killlog", "", "`FILE` for the log of a mount that failed, then with every request of the kernel")
)

// TestKill kills a mount's process again and again while programs work on it and Frame.io misbehaves, mounts again over what it left, and at
// the end wants Frame.io to have exactly what the programs were told is done: each file once, whole, with its own bytes in every version,
// and nothing besides. A kill that finds nothing under way does not count, and a run in which nothing arrived shows nothing.
func TestKill(t *testing.T) {
	if *kills == 0 {
		t.Log("takes minutes: make kill")
		return
	}
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64() >> 44
	}
	for _, api := range apis() {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			t.Logf("again: make kill KILLS=%d KILLSEED=%d API=%s", *kills, seed, api)
			began := time.Now()
			k := newKilled(t, api, seed)
			k.begin()
			for k.hit < *kills && !t.Failed() {
				k.once()
			}
			k.finish()
			if !t.Failed() && (k.files == 0 || k.bytes == 0 || k.tally.of("closes") == 0 || k.hit >= 20 && k.tally.of("calls cut off by a kill") == 0) {
				t.Errorf("nothing was shown: %d files compared, %d bytes, and %s", k.files, k.bytes, k.tally.String())
			}
			t.Logf("%s, seed %d: %d kills with something under way (%d idle ones not counted) in %v, of which starting again %v; %d files compared, %d versions, %d bytes; %s",
				api, seed, k.hit, k.idle, time.Since(began).Round(time.Second), k.starts.Round(time.Second), k.files, k.versions, k.bytes, k.tally.String())
		})
	}
}

// killed is a crowd on a mount that is killed.
type killed struct {
	*crowd
	random          *rand.Rand
	hit, idle       int
	starts          time.Duration
	files, versions int
	bytes           int64
}

func newKilled(t *testing.T, api string, seed uint64) *killed {
	r := newRig(t, "empty", "--behaviour", "part_size=1048576", "--behaviour", "uploaded_after=100ms", "--behaviour", "stack_name=head")
	r.line(false)
	r.starter = newStarter(t)
	args := []string{"--settle", "300ms", "--cache-size", "64MiB"}
	if *killLog != "" {
		args = append(args, "--debug")
	}
	m := r.mount(api, args...)
	k := &killed{crowd: newCrowd(t, r, m, 5, seed), random: rand.New(rand.NewPCG(seed, 99))}
	k.trees = true
	t.Cleanup(func() {
		if t.Failed() {
			showLog(t, m)
		}
	})
	return k
}

// trials are what Frame.io does meanwhile.
var trials = []string{
	"429@api?0.1", "503@api?0.1", "502@api:assets.create?0.1", "lost@api:assets.create?0.2", "lost@api?0.05", "reset@upload?0.2", "lost@upload?0.2",
	"503@upload?0.2", "slow=300ms@upload?0.3", "slow=200ms@api?0.2", "truncate@api?0.1", "expired@upload?0.05", "half@api?0.05", "html@api?0.05",
	"slow=500ms@api:assets.create?0.3", "fail@upload?0.02",
}

// once lets the programs work for a moment, and kills.
func (k *killed) once() {
	k.call("DELETE", "/_sim/faults", nil, nil)
	var rules []string
	for range k.random.IntN(4) {
		rules = append(rules, trials[k.random.IntN(len(trials))])
	}
	if len(rules) > 0 {
		k.call("POST", "/_sim/faults", map[string]any{"rules": rules}, nil)
	}
	time.Sleep(time.Duration(200+k.random.IntN(1500)) * time.Millisecond)
	moving := k.inCall.Load() > 0 || k.moving()
	k.epoch.Add(1)
	if err := syscall.Kill(k.pid, syscall.SIGKILL); err != nil {
		k.t.Fatal(err)
	}
	if moving {
		k.hit++
	} else {
		k.idle++
	}
	k.gone()
	began := time.Now()
	k.start()
	k.starts += time.Since(began)
	k.epoch.Add(1)
}

// moving tells whether Frame.io is being asked something.
func (k *killed) moving() bool {
	sums := k.soFar()
	return sums["api"].Current > 0 || sums["upload"].Current > 0
}

// finish lets all arrive, and compares.
func (k *killed) finish() {
	k.call("DELETE", "/_sim/faults", nil, nil)
	k.end()
	for k.unsettled() && !k.t.Failed() {
		time.Sleep(50 * time.Millisecond)
	}
	if k.t.Failed() {
		return
	}
	if text, err := k.try("sync", k.point); err != nil {
		k.t.Fatalf("sync: %v\n%s\n%s", err, text, k.run("status", k.point))
	}
	k.swept()
	k.compare()
}

// unsettled has what is in doubt looked into again.
func (k *killed) unsettled() bool {
	left := 0
	for _, w := range k.workers {
		if w.resolve(); len(w.doubt) > 0 {
			left++
		}
	}
	return left > 0
}

// sweepTime is how long placeholders without an owner may be there after everything has arrived.
const sweepTime = 60 * time.Second

// swept waits until Frame.io has nothing that is not whole.
func (k *killed) swept() {
	for end := time.Now().Add(sweepTime); ; time.Sleep(200 * time.Millisecond) {
		var left []string
		for _, it := range k.tree() {
			for _, v := range append(it.Versions, it) {
				if v.Type == "file" && !v.Complete {
					left = append(left, fmt.Sprintf("%s (%s)", v.Path, v.ID))
				}
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			k.t.Errorf("placeholders are left on Frame.io: %s", strings.Join(left, ", "))
			return
		}
	}
}

func (l *crowd) tree() (items []sim.Item) {
	l.call(http.MethodGet, "/_sim/tree", nil, &items)
	return items
}

// compare wants Frame.io's world to be what the programs were told.
func (k *killed) compare() {
	want := map[string]*saved{}
	folders := map[string]bool{k.top: true}
	ever := map[uint64]string{}
	for _, w := range k.workers {
		for p, s := range w.files {
			want[p] = s
		}
		for d := range w.folder {
			folders[d] = true
		}
		for sum, p := range w.ever {
			ever[sum] = p
		}
	}
	for _, it := range k.tree() {
		switch {
		case it.Type == "folder":
			if !folders[it.Path] {
				k.t.Errorf("a folder that was removed, or made twice: %s\n%s", it.Path, k.about(it))
			}
			delete(folders, it.Path)
		case want[it.Path] == nil:
			k.t.Errorf("%s was removed, or is there twice: %+v\n%s", it.Path, it, k.about(it))
		default:
			k.compareOne(it, want[it.Path], ever)
			delete(want, it.Path)
		}
	}
	for p := range want {
		k.t.Errorf("lost: %s was closed, and Frame.io does not have it", p)
	}
	for d := range folders {
		k.t.Errorf("lost: the folder %s", d)
	}
}

// about is all that is known of what should not be on Frame.io: what the programs did with paths of its name, and what the mount wrote.
func (k *killed) about(it sim.Item) string {
	var all []string
	for _, w := range k.workers {
		for _, line := range w.story {
			if strings.Contains(line, "/"+it.Name) {
				all = append(all, fmt.Sprintf("program %d: %s", w.n, line))
			}
		}
	}
	return strings.Join(append(all, logged(k.mount, it)...), "\n")
}

// logged are the lines of a mount's log that tell of an item, or of what had its name.
func logged(m *mount, it sim.Item) (lines []string) {
	logs, _ := filepath.Glob(filepath.Join(m.state, "*.log"))
	for _, name := range logs {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		ids := []string{it.Name, string(it.ID)}
		for _, v := range it.Versions {
			ids = append(ids, string(v.ID))
		}
		for line := range strings.Lines(string(text)) {
			for _, id := range ids {
				if strings.Contains(line, id) {
					lines = append(lines, strings.TrimSpace(line))
					break
				}
			}
		}
	}
	return lines
}

// compareOne wants the newest version to have s's bytes, and each other some that were once saved, no two the same.
func (k *killed) compareOne(it sim.Item, s *saved, ever map[uint64]string) {
	k.files++
	versions := it.Versions
	if len(versions) == 0 {
		versions = []sim.Item{it}
	}
	seen := map[uint64]bool{}
	for i, v := range versions {
		b := k.original(string(v.ID))
		sum := xxhash.Sum64(b)
		k.versions++
		k.bytes += int64(len(b))
		if i == 0 && !bytes.Equal(b, s.bytes()) {
			k.t.Errorf("%s: the newest of %d versions has %d bytes, not the %d that were closed last (%s)", it.Path, len(versions), len(b), s.size, differs(s.bytes(), b))
		}
		if _, ok := ever[sum]; !ok {
			k.t.Errorf("%s: version %d of %d, %d bytes, was never saved so", it.Path, len(versions)-i, len(versions), len(b))
		}
		if seen[sum] {
			k.t.Errorf("%s: uploaded twice, version %d of %d", it.Path, len(versions)-i, len(versions))
		}
		seen[sum] = true
	}
}

// original are an asset's bytes on Frame.io.
func (l *crowd) original(id string) []byte {
	var asset struct{ Original string }
	l.call(http.MethodGet, "/v2/assets/"+id, nil, &asset)
	resp, err := http.Get(asset.Original)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		l.t.Fatalf("read %s: %s, %v", id, resp.Status, err)
	}
	return b
}

// showLog tells what a mount wrote last.
func showLog(t *testing.T, m *mount) {
	logs, _ := filepath.Glob(filepath.Join(m.state, "*.log"))
	if len(logs) == 0 {
		return
	}
	text, err := os.ReadFile(logs[0])
	if err != nil {
		t.Log(err)
		return
	}
	if *killLog != "" {
		if err := os.WriteFile(*killLog, text, 0o600); err != nil {
			t.Error(err)
		}
	}
	lines := strings.Split(string(text), "\n")
	t.Logf("%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
}
