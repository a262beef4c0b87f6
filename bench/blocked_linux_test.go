package bench

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var blocked = flag.Bool("blocked", false, "have TestBlocked make every kind of call on a line on which nothing comes")

// How long a call may take on such a line, with what a busy machine adds.
const (
	blockedMargin = 4 * time.Second
	noLink        = 0                // it needs none
	patient       = 1 * time.Second  // --patience: then the change is accepted, to be made later
	longest       = 60 * time.Second // it needs what is on Frame.io (fs.Config.Timeout)
	goesOn        = 3 * time.Second  // until work goes on when the line is back
)

// TestBlocked takes the line away under a mount, makes every kind of call, and wants each to return in its time. Then the line comes
// back, and what waits is to go on.
func TestBlocked(t *testing.T) {
	if !*blocked {
		t.Log("takes minutes: make blocked")
		return
	}
	for _, api := range apis() {
		for _, state := range []string{"frozen", "lost", "cut"} {
			t.Run(api+"/"+state, func(t *testing.T) {
				t.Parallel()
				b := newBlocked(t, api)
				b.line(state)
				began := time.Now()
				b.calls()
				b.line("")
				b.back()
				t.Logf("%s, line %s: %d calls made; took %v", api, state, b.made, time.Since(began).Round(time.Second))
			})
		}
	}
}

func newBlocked(t *testing.T, api string) *hangs {
	r := newRig(t, "empty")
	var state struct{ Control string }
	r.call(http.MethodGet, "/_sim/state", nil, &state)
	admin := *r
	admin.url = state.Control
	h := &hangs{t: t, sim: &admin}
	h.line("")
	source := filepath.Join(r.dir, "old")
	if err := os.WriteFile(source, old, 0o644); err != nil {
		t.Fatal(err)
	}
	touch := func(do, in, name string) {
		h.sim.call(http.MethodPost, "/_sim/touch", map[string]string{"do": do, "in": in, "name": name, "from": source}, nil)
	}
	for _, dir := range []string{"warm", "cold a", "cold b", "cold c"} {
		touch("folder", "Untitled", dir)
		for i := range 12 {
			touch("file", "Untitled/"+dir, fmt.Sprintf("f%d.mov", i))
		}
		touch("folder", "Untitled/"+dir, "sub")
	}
	h.mount = r.mount(api, "--settle", "100ms", "--xattr")
	h.dir = h.in("Untitled/warm")
	if _, err := os.ReadDir(h.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(h.dir + "/f0.mov"); err != nil { // is here
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	return h
}

// hangs is what is called on such a mount.
type hangs struct {
	*mount
	t    *testing.T
	sim  *rig // its controls
	dir  string
	mu   sync.Mutex
	made int
}

func (h *hangs) line(state string) {
	h.sim.call(http.MethodPut, "/_sim/link", map[string]any{"rtt": "0s", "state": state}, nil)
}

// one makes a call that is to return, in whatever way, in its time.
func (h *hangs) one(what string, most time.Duration, call func() error) {
	began := time.Now()
	err := call()
	took := time.Since(began)
	h.mu.Lock()
	h.made++
	h.mu.Unlock()
	h.t.Logf("  %-36s %8.2f s of %2.0f  %v", what, took.Seconds(), most.Seconds(), err)
	if took > most+blockedMargin {
		h.t.Errorf("%s took %v: %v", what, took.Round(10*time.Millisecond), err)
	}
}

// calls are all that there are: first those that need nothing of Frame.io, then, side by side, those that do.
func (h *hangs) calls() {
	at := func(name string) string { return filepath.Join(h.dir, name) }
	var f *os.File
	h.one("stat", noLink, func() error { _, err := os.Stat(at("f1.mov")); return err })
	h.one("stat of nothing", noLink, func() error { _, err := os.Stat(at("nothing")); return err })
	h.one("readdir", noLink, func() error { _, err := os.ReadDir(h.dir); return err })
	h.one("statfs", patient, func() error { return unix.Statfs(h.dir, new(unix.Statfs_t)) })
	h.one("read what is here", noLink, func() error { _, err := os.ReadFile(at("f0.mov")); return err })
	h.one("open to read what is not", noLink, func() error { r, err := os.Open(at("f1.mov")); r.Close(); return err })
	h.one("create", patient, func() (err error) { f, err = os.Create(at("new.mov")); return err })
	if f != nil {
		h.one("write", noLink, func() error { _, err := f.Write(old); return err })
		h.one("fsync", noLink, func() error { return f.Sync() })
		h.one("ftruncate", noLink, func() error { return f.Truncate(1000) })
		h.one("close", noLink, func() error { return f.Close() })
	}
	h.one("rename what is new", patient, func() error { return os.Rename(at("new.mov"), at("newer.mov")) })
	h.one("getxattr", noLink, func() error {
		_, err := unix.Getxattr(at("newer.mov"), "user.frameio.state", make([]byte, 100))
		return err
	})
	h.one("setxattr", noLink, func() error { return unix.Setxattr(at("f1.mov"), "user.x", []byte("y"), 0) })
	h.one("listxattr", noLink, func() error { _, err := unix.Listxattr(at("f1.mov"), make([]byte, 100)); return err })
	h.one("chmod", noLink, func() error { return os.Chmod(at("f1.mov"), 0o600) })
	h.one("utimes", noLink, func() error { return os.Chtimes(at("f1.mov"), time.Now(), time.Now()) })
	h.one("symlink", noLink, func() error { return os.Symlink("x", at("link")) })
	h.one("unlink what is new", patient, func() error { return os.Remove(at("newer.mov")) })
	h.one("mkdir", patient, func() error { return os.Mkdir(at("made"), 0o755) })
	h.one("rename a folder", patient, func() error { return os.Rename(at("made"), at("made2")) })
	h.one("rmdir what is new", patient, func() error { return os.Remove(at("made2")) })
	h.one("rename", patient, func() error { return os.Rename(at("f2.mov"), at("g2.mov")) })
	h.one("move", patient, func() error { return os.Rename(at("f3.mov"), at("sub/f3.mov")) })
	h.one("unlink", patient, func() error { return os.Remove(at("f4.mov")) })
	h.one("rmdir", patient, func() error { return os.Remove(h.in("Untitled/warm/sub")) })
	var all sync.WaitGroup
	cold := func(what string, call func() error) { all.Go(func() { h.one(what, longest, call) }) }
	cold("readdir of what was never seen", func() error { _, err := os.ReadDir(h.in("Untitled/cold a")); return err })
	cold("stat of what was never seen", func() error { _, err := os.Stat(h.in("Untitled/cold b/f1.mov")); return err })
	cold("create in what was never seen", func() error { return os.WriteFile(h.in("Untitled/cold c/new.mov"), old, 0o644) })
	cold("read", func() error { _, err := os.ReadFile(at("f5.mov")); return err })
	cold("pread in the middle", func() error {
		f, err := os.Open(at("f6.mov"))
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.ReadAt(make([]byte, 4096), 1<<20)
		return err
	})
	cold("open to write over", func() error { return os.WriteFile(at("f7.mov"), old[:1000], 0o644) })
	cold("write into", func() error {
		f, err := os.OpenFile(at("f8.mov"), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte("x"), 5)
		f.Close()
		return err
	})
	cold("truncate", func() error { return os.Truncate(at("f9.mov"), 1000) })
	cold("rename over", func() error { return os.Rename(at("f10.mov"), at("f11.mov")) })
	all.Wait()
}

// back reads, with the line down, what is not here, and wants it soon after the line is back.
func (h *hangs) back() {
	h.line("lost")
	result := make(chan error, 1)
	var done time.Time
	go func() {
		_, err := os.ReadFile(h.in("Untitled/warm/f1.mov"))
		done = time.Now()
		result <- err
	}()
	time.Sleep(8 * time.Second)
	h.line("")
	began := time.Now()
	if err := <-result; err != nil {
		h.t.Errorf("a read that waited for the line: %v", err)
	}
	took := done.Sub(began)
	h.t.Logf("  the line back: a read that waited is done after %.2f s", took.Seconds())
	if took > goesOn+blockedMargin/4 {
		h.t.Errorf("the read went on %v after the line was back", took)
	}
	h.r.run("sync", "--timeout", "2m", h.point)
}
