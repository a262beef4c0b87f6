package bench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var (
	fireFor  = flag.Duration("fire", 6*time.Second, "how long TestFire shoots")
	fireSeed = flag.Uint64("fireseed", 0, "`NUMBER` that what TestFire does follows from; 0 = another each time")
)

// TestFire reads while links expire, bodies are cut, refusals rain, other people make new versions, the cache is cleared and too
// small, and the mount is killed and started again. A byte that is wrong fails, and so does a call that takes longer than the
// mount promises; a call that is refused after that time does not.
func TestFire(t *testing.T) {
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Fatalf("this test mounts for real; run: sudo apt-get install -y fuse3   (%v)", err)
	}
	seed := *fireSeed
	if seed == 0 {
		seed = rand.Uint64() >> 32
	}
	for _, api := range apis() {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			t.Logf("again: go test -run 'TestFire/%s' -count 1 -timeout 0 ./bench -fire %v -fireseed %d", api, *fireFor, seed)
			newWar(t, api, seed).fight()
		})
	}
}

const (
	fireFiles = 6
	// fireTimeout is how long one call may take: fs.Config.Timeout, and what a busy machine adds.
	fireTimeout = 75 * time.Second
	// fireSeen is how late a new version may be seen once nothing is shot at any more.
	fireSeen = 45 * time.Second
)

// war is a mount, who reads there, and who shoots.
type war struct {
	*rig
	*mount
	t      *testing.T
	random *rand.Rand
	files  []*target
	done   chan struct{} // closed when the shooting ends
	epoch  atomic.Int64  // grows when the mount is killed and again when it is back
	tally  tally
}

// target is a file that gets new versions.
type target struct {
	number   int
	path     string // below the mount
	mu       sync.Mutex
	versions []int64 // their sizes; a reader may see any of them
}

// add makes room for a version before it can be seen.
func (f *target) add(size int64) (version int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.versions = append(f.versions, size)
	return len(f.versions) - 1
}

// size is that of a version, and how many there are.
func (f *target) size(version int) (size int64, count int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if version < 0 {
		return 0, len(f.versions)
	}
	return f.versions[version], len(f.versions)
}

func newWar(t *testing.T, api string, seed uint64) *war {
	w := &war{t: t, random: rand.New(rand.NewPCG(seed, 0)), done: make(chan struct{})}
	// A process of its own, because a page that a mapping waits for can stop all of this one.
	w.rig = newRig(t, "empty", "--behaviour", "media_hosts=true", "--behaviour", fmt.Sprintf("gzip=%v", seed%2 == 0))
	w.line(false)
	for i := range fireFiles {
		f := &target{number: i, path: fmt.Sprintf("Untitled/film %d.%s", i, []string{"mov", "bin"}[i%2])}
		w.files = append(w.files, f)
		w.version(f)
	}
	w.mount = w.rig.mount(api, "--cache-size", "64MiB") // the films are more than that
	t.Cleanup(func() {
		if t.Failed() {
			w.showLog()
		}
	})
	return w
}

// fight lets everybody loose, and when it is over wants to see the newest versions whole.
func (w *war) fight() {
	w.stat("Untitled")
	var all sync.WaitGroup
	for i, read := range []func(*reader, *target){(*reader).inOrder, (*reader).anywhere, (*reader).mapped, (*reader).anywhere, (*reader).patient, (*reader).patient} {
		r := newReader(w, i)
		all.Go(func() { r.run(read) })
	}
	end := time.Now().Add(*fireFor)
	killAt := time.Now().Add(*fireFor / 2)
	for time.Now().Before(end) && !w.t.Failed() {
		w.shoot()
		if time.Now().After(killAt) {
			w.kill()
			killAt = time.Now().Add(10 * time.Second)
		}
		time.Sleep(time.Duration(50+w.random.IntN(400)) * time.Millisecond)
	}
	close(w.done)
	w.call("DELETE", "/_sim/faults", nil, nil)
	all.Wait()
	for _, f := range w.files {
		w.newest(f)
	}
	w.t.Logf("%s; peak memory since the last kill %s", w.tally.String(), mib(w.peak()))
}

// faults that are visible to a reader only by time.
var bullets = []string{
	"truncate@media?0.3", "reset@media?0.3", "503@media?0.4", "slowdown@media?0.4", "500@media?0.2", "expired@media?0.3", "html@media?0.1",
	"stall=2s@media?0.1", "slow=300ms@media?0.3", "429@media?0.3", "lost@media?0.2",
	"429@api?0.4", "503@api?0.3", "502@api?0.2", "lost@api?0.2", "truncate@api?0.2", "reset@api?0.2", "slow=500ms@api?0.3", "html@api?0.1",
}

func (w *war) shoot() {
	switch n := w.random.IntN(13); {
	case n < 4:
		var rules []string
		for range 1 + w.random.IntN(3) {
			rules = append(rules, bullets[w.random.IntN(len(bullets))])
		}
		w.call("DELETE", "/_sim/faults", nil, nil)
		w.call("POST", "/_sim/faults", map[string]any{"rules": rules}, nil)
	case n < 5:
		w.call("DELETE", "/_sim/faults", nil, nil)
	case n < 7:
		w.call("POST", "/_sim/expire?what=urls", nil, nil)
		w.tally.add("links expired")
	case n < 8:
		w.run("cache", "clear")
		w.tally.add("cache cleared")
	case n < 10: // refused for what is open, or pinned, or if too much is
		verb := []string{"clear", "pin", "unpin"}[w.random.IntN(3)]
		if _, err := w.try("cache", verb, w.in(w.files[w.random.IntN(len(w.files))].path)); err == nil {
			w.tally.add(verb + " of a file")
		}
	default:
		w.version(w.files[w.random.IntN(len(w.files))])
		w.tally.add("versions made")
	}
}

// version lets somebody else make a new version, or at first the file.
func (w *war) version(f *target) {
	size := int64(1+w.random.IntN(24<<20)) &^ int64(w.random.IntN(2)*(fireBlock-1)) // often a whole number of blocks
	size = max(size, 1)
	v := f.add(size)
	local := filepath.Join(w.dir, "new")
	to, err := os.Create(local)
	if err == nil {
		_, err = io.Copy(to, bytesOf(f.number, v, size))
		err = errors.Join(err, to.Close())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	what := map[string]any{"do": "version", "at": f.path, "from": local}
	if v == 0 {
		what = map[string]any{"do": "file", "in": filepath.Dir(f.path), "name": filepath.Base(f.path), "from": local}
	}
	w.call("POST", "/_sim/touch", what, nil)
	if err := os.Remove(local); err != nil { // the world has it by another name
		w.t.Fatal(err)
	}
}

// kill ends the mount's process without a warning, and mounts again over what it left.
func (w *war) kill() {
	w.epoch.Add(1)
	if err := syscall.Kill(w.pid, syscall.SIGKILL); err != nil {
		w.t.Fatal(err)
	}
	w.gone()
	w.start()
	w.epoch.Add(1)
	w.tally.add("kills")
}

// newest waits until the newest version of a file is shown, and reads it.
func (w *war) newest(f *target) {
	r := newReader(w, 99)
	began := time.Now()
	for {
		r.whole(f)
		_, count := f.size(-1)
		if r.saw[f.number].version == count-1 {
			w.tally.seen = max(w.tally.seen, time.Since(began))
			return
		}
		if time.Since(began) > fireSeen || w.t.Failed() {
			w.t.Errorf("%s shows version %d after %v of peace; the newest is %d", f.path, r.saw[f.number].version, time.Since(began).Round(time.Second), count-1)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// showLog tells what the mounts wrote last.
func (w *war) showLog() {
	logs, _ := filepath.Glob(filepath.Join(w.state, "*.log"))
	for _, name := range logs {
		text, _ := os.ReadFile(name)
		lines := strings.Split(string(text), "\n")
		w.t.Logf("%s:\n%s", name, strings.Join(lines[max(0, len(lines)-40):], "\n"))
	}
}

// tally counts what happened.
type tally struct {
	mu     sync.Mutex
	counts map[string]int64
	seen   time.Duration // how long a new version took to be seen in peace, at most
}

func (t *tally) add(what string) { t.addN(what, 1) }

func (t *tally) addN(what string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int64{}
	}
	t.counts[what] += n
}

func (t *tally) of(what string) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts[what]
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for what, n := range t.counts {
		all = append(all, fmt.Sprintf("%s: %d", what, n))
	}
	slices.Sort(all)
	return fmt.Sprintf("%s; newest versions seen after %v", strings.Join(all, ", "), t.seen.Round(time.Millisecond))
}
