package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
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

// crowd is several programs that write, save, rename and delete on a mount, each in a folder of its own, and know what they were told
// is done. The mount may go and come back under them.
type crowd struct {
	*rig
	*mount
	t       testing.TB
	top     string // the folder of all of them, below the project
	workers []*worker
	pause   time.Duration // between what one does and the next, on average
	large   int           // one in so many files has several parts; 0: none
	trees   bool          // folders are removed with what is in them, too
	done    chan struct{}
	running sync.WaitGroup
	epoch   atomic.Int64 // grows when the mount is killed, and again when it is back
	inCall  atomic.Int64 // how many are in a system call now
	tally   tally
}

// saved are the bytes of one save. Every save has others.
type saved struct {
	seed uint64
	size int
	over []patch // what was written into it later
}

type patch struct {
	seed uint64
	at   int
	size int
}

func (s *saved) bytes() []byte {
	b := noise(s.seed, s.size)
	for _, p := range s.over {
		copy(b[p.at:], noise(p.seed, p.size))
	}
	return b
}

// noise are bytes that follow from seed and do not compress.
func noise(seed uint64, size int) []byte {
	b := make([]byte, size+8)
	x := seed*0x9e3779b97f4a7c15 + 1
	for i := 0; i < size; i += 8 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		for k := range 8 {
			b[i+k] = byte(x >> (8 * k))
		}
	}
	return b[:size]
}

// worker is one of those programs. What it knows of is its goroutine's alone, and whoever looks when that has ended.
type worker struct {
	*crowd
	n      int
	random *rand.Rand
	next   uint64
	files  map[string]*saved // by path below the project: closed, and not changed since
	folder map[string]bool
	doubt  map[string]*doubt // what it was not told the end of
	ever   map[uint64]string // checksums of all that may have become a version, and of what path
	story  []string          // what it did, the latest last
}

// doubt is a path of which a call was not answered, or with an error.
type doubt struct {
	may    []*saved // what may be there; nil: nothing
	any    bool     // or anything: it was written in place and not closed
	synced []byte   // begins with these, if it is there: they were fsynced
}

func newCrowd(t testing.TB, r *rig, m *mount, workers int, seed uint64) *crowd {
	l := &crowd{t: t, rig: r, mount: m, top: "Untitled/load", done: make(chan struct{}), pause: 20 * time.Millisecond, large: 25}
	if err := os.MkdirAll(m.in(l.top), 0o755); err != nil {
		t.Fatal(err)
	}
	for n := range workers {
		w := &worker{crowd: l, n: n, random: rand.New(rand.NewPCG(seed, uint64(n))), next: seed<<20 + uint64(n)<<40,
			files: map[string]*saved{}, folder: map[string]bool{}, doubt: map[string]*doubt{}, ever: map[uint64]string{}}
		w.mkdir(fmt.Sprintf("%s/w%d", l.top, n))
		l.workers = append(l.workers, w)
	}
	return l
}

func (l *crowd) begin() {
	for _, w := range l.workers {
		l.running.Go(w.run)
	}
}

// end lets everybody finish, and clear up what is in doubt. The mount has to be there.
func (l *crowd) end() {
	close(l.done)
	l.running.Wait()
	for _, w := range l.workers {
		w.resolve()
	}
}

func (w *worker) run() {
	for {
		select {
		case <-w.done:
			return
		default:
		}
		if w.t.Failed() {
			return
		}
		epoch := w.epoch.Load()
		if epoch%2 == 1 {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if len(w.doubt) > 0 {
			w.resolve()
			continue
		}
		w.act()
		time.Sleep(time.Duration(w.random.Int64N(int64(2*w.pause + 1))))
	}
}

// act does one thing.
func (w *worker) act() {
	do := []func(){w.create, w.create, w.create, w.synced, w.copy, w.copy, w.rewrite, w.rewrite, w.patch, w.safeSave, w.safeSave, w.rename, w.rename, w.remove,
		w.makeFolder, w.removeTree, w.look, w.look}
	if len(w.files) > 60 {
		do = []func(){w.remove, w.removeTree}
	}
	do[w.random.IntN(len(do))]()
}

// tell adds to the story, of which the last is kept.
func (w *worker) tell(format string, args ...any) {
	if len(w.story) >= 20000 {
		w.story = slices.Delete(w.story, 0, 5000)
	}
	w.story = append(w.story, time.Now().Format("15:04:05.000 ")+fmt.Sprintf("epoch %d ", w.epoch.Load())+fmt.Sprintf(format, args...))
}

// wrong fails the test, with the story of a path.
func (w *worker) wrong(path, format string, args ...any) {
	var about []string
	names := []string{"/" + filepath.Base(path)}
	for _, line := range slices.Backward(w.story) { // also of what was renamed to it
		if from, to, ok := strings.Cut(line, " to "); ok && strings.Contains(line, " rename ") && strings.Contains(to, names[len(names)-1]+":") {
			names = append(names, from[strings.LastIndexByte(from, '/'):])
		}
	}
	for _, line := range w.story {
		if slices.ContainsFunc(names, func(n string) bool { return strings.Contains(line, n) }) {
			about = append(about, line)
		}
	}
	var there []string
	for _, it := range w.tree() {
		if it.Name == filepath.Base(path) {
			there = append(there, fmt.Sprintf("%s (%d bytes, complete %v, in %s)", it.Path, it.Size, it.Complete, it.ParentID))
		}
	}
	w.t.Errorf("%s %s:\n%s\non Frame.io: %s", path, fmt.Sprintf(format, args...), strings.Join(about, "\n"), strings.Join(there, ", "))
}

// call does one system call of a program on a path, and reports whether it succeeded.
func (w *worker) call(what, path string, f func() error) bool {
	epoch := w.epoch.Load()
	w.inCall.Add(1)
	began := time.Now()
	err := f()
	took := time.Since(began)
	w.inCall.Add(-1)
	w.tell("%s %s: %v after %v", what, path, err, took.Round(time.Millisecond))
	switch {
	case err == nil:
		return true
	case w.epoch.Load() != epoch || epoch%2 == 1:
		w.tally.add("calls cut off by a kill")
		return false
	}
	var n syscall.Errno
	errors.As(err, &n)
	switch n {
	case syscall.ENOTCONN, syscall.ECONNABORTED, syscall.ETIMEDOUT, syscall.EIO, syscall.EBUSY, syscall.EINTR, syscall.EACCES, syscall.ESTALE, syscall.ENOENT, syscall.ENOTEMPTY, syscall.EEXIST:
		w.tally.add(fmt.Sprintf("%s: %v", what, n))
	default:
		w.t.Errorf("%s: %v after %v", what, err, took.Round(time.Millisecond))
	}
	if took > fireTimeout {
		w.t.Errorf("%s took %v", what, took)
	}
	return false
}

// fresh is a path that never was.
func (w *worker) fresh() string {
	w.next++
	dirs := []string{fmt.Sprintf("%s/w%d", w.top, w.n)}
	for d := range w.folder {
		dirs = append(dirs, d)
	}
	slices.Sort(dirs)
	return fmt.Sprintf("%s/%d.%s", dirs[w.random.IntN(len(dirs))], w.next&0xfffff, []string{"mov", "bin", "txt"}[w.random.IntN(3)])
}

// content is what nobody has written before.
func (w *worker) content() *saved {
	w.next++
	size := 1 + w.random.IntN(6<<10)
	if w.large > 0 && w.random.IntN(w.large) == 0 {
		size = 1<<20 + w.random.IntN(4<<20)
	}
	return &saved{seed: w.next, size: size}
}

// pick is one of the files.
func (w *worker) pick() (string, bool) {
	var all []string
	for p := range w.files {
		all = append(all, p)
	}
	if len(all) == 0 {
		return "", false
	}
	slices.Sort(all)
	return all[w.random.IntN(len(all))], true
}

// look lists a folder and reads a file.
func (w *worker) look() {
	w.call("ls", w.top, func() error { _, err := os.ReadDir(w.in(fmt.Sprintf("%s/w%d", w.top, w.n))); return err })
	if p, ok := w.pick(); ok {
		w.verify(p, w.files[p])
	}
}

// verify reads a file that was closed.
func (w *worker) verify(path string, s *saved) {
	var b []byte
	if !w.call("read", path, func() (err error) { b, err = os.ReadFile(w.in(path)); return err }) {
		w.there(path)
		return
	}
	if want := s.bytes(); !bytes.Equal(b, want) {
		w.wrong(path, "was closed with %d bytes and has %d others: %s", len(want), len(b), differs(want, b))
	}
	w.tally.add("files read")
}

// there wants a file that was closed to be shown, unless the mount is killed meanwhile.
func (w *worker) there(path string) {
	epoch := w.epoch.Load()
	if _, err := os.Lstat(w.in(path)); errors.Is(err, fs.ErrNotExist) && epoch%2 == 0 && w.epoch.Load() == epoch {
		began := time.Now()
		for err != nil && time.Since(began) < 15*time.Second {
			time.Sleep(20 * time.Millisecond)
			_, err = os.Lstat(w.in(path))
		}
		w.wrong(path, "was closed and is not there; after %v: %v", time.Since(began).Round(time.Millisecond), err)
	}
}

// differs tells from where on two contents differ.
func differs(want, got []byte) string {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			return fmt.Sprintf("from %d on", i)
		}
	}
	return "one is the beginning of the other"
}

// resolve looks what became of that of which no answer came, and has it gone.
func (w *worker) resolve() {
	for d := range w.folder {
		if _, err := os.Lstat(w.in(d)); errors.Is(err, fs.ErrNotExist) {
			w.mkdir(d)
		}
	}
	var all []string
	for p := range w.doubt {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	for _, p := range all {
		if !w.resolveOne(p) {
			return // again later
		}
	}
}

func (w *worker) resolveOne(p string) bool {
	d := w.doubt[p]
	if d.any {
		if !w.call("rm", p, func() error { return os.RemoveAll(w.in(p)) }) {
			return false
		}
		delete(w.doubt, p)
		return true
	}
	var b []byte
	missing := false
	if !w.call("read", p, func() (err error) {
		b, err = os.ReadFile(w.in(p))
		if missing = errors.Is(err, fs.ErrNotExist); missing {
			return nil
		}
		return err
	}) {
		return false
	}
	right := false
	for _, s := range d.may {
		right = right || s == nil && missing || s != nil && !missing && bytes.Equal(b, s.bytes())
	}
	if !right {
		w.wrong(p, "has %d bytes (missing: %v) that it never had; synced %d", len(b), missing, len(d.synced))
	}
	w.tally.add("unanswered calls looked into")
	d.may = append(d.may, nil) // the next call may be cut off, too
	if !missing && !w.call("unlink", p, func() error { return os.Remove(w.in(p)) }) {
		if _, err := os.Lstat(w.in(p)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	delete(w.doubt, p)
	return true
}
