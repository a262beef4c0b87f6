package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

	"github.com/cespare/xxhash/v2"
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
	if len(w.story) >= 4000 {
		w.story = slices.Delete(w.story, 0, 1000)
	}
	w.story = append(w.story, time.Now().Format("15:04:05.000 ")+fmt.Sprintf("epoch %d ", w.epoch.Load())+fmt.Sprintf(format, args...))
}

// wrong fails the test, with the story of a path.
func (w *worker) wrong(path, format string, args ...any) {
	var about []string
	for _, line := range w.story {
		if strings.Contains(line, filepath.Base(path)) {
			about = append(about, line)
		}
	}
	if text, err := w.try("ls", "--json", filepath.Dir(w.in(path))); err == nil {
		about = append(about, "ls: "+text)
	}
	if text, err := w.try("ls", "--json", filepath.Dir(filepath.Dir(w.in(path)))); err == nil {
		about = append(about, "ls above: "+text)
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

// note keeps in mind that s may become a version.
func (w *worker) note(path string, s *saved) { w.ever[xxhash.Sum64(s.bytes())] = path }

// put writes s whole to path, and reports whether all of that was answered well.
func (w *worker) put(path string, s *saved, flags int, fsync bool) bool {
	was, there := w.files[path]
	d := &doubt{may: []*saved{was, s}}
	if !there {
		d.may[0] = nil
	}
	w.doubt[path] = d
	delete(w.files, path)
	var f *os.File
	if !w.call("open", path, func() (err error) { f, err = os.OpenFile(w.in(path), flags|os.O_WRONLY|os.O_CREATE, 0o644); return err }) {
		d.may = append(d.may, &saved{}) // it may be there, and empty
		return false
	}
	d.any = true
	b := s.bytes()
	for len(b) > 0 {
		n := min(len(b), 128<<10)
		if !w.call("write", path, func() error { _, err := f.Write(b[:n]); return err }) {
			f.Close()
			return false
		}
		b = b[n:]
	}
	w.note(path, s)
	if fsync {
		if !w.call("fsync", path, f.Sync) {
			f.Close()
			return false
		}
		d.synced, d.any, d.may = s.bytes(), false, []*saved{s}
		w.tally.add("fsyncs")
	}
	if !w.call("close", path, f.Close) {
		return false
	}
	delete(w.doubt, path)
	w.files[path] = s
	w.tally.add("closes")
	return true
}

func (w *worker) create() { w.put(w.fresh(), w.content(), os.O_EXCL, false) }
func (w *worker) synced() { w.put(w.fresh(), w.content(), os.O_EXCL, true) }

func (w *worker) rewrite() {
	if p, ok := w.pick(); ok {
		w.put(p, w.content(), os.O_TRUNC, w.random.IntN(2) == 0)
	}
}

// copy is what cp does with two paths of the mount.
func (w *worker) copy() {
	from, ok := w.pick()
	if !ok {
		return
	}
	to, s := w.fresh(), w.files[from]
	w.doubt[to] = &doubt{may: []*saved{nil, s}, any: true}
	var in, out *os.File
	if !w.call("open", from, func() (err error) { in, err = os.Open(w.in(from)); return err }) {
		return
	}
	defer in.Close()
	if !w.call("open", to, func() (err error) {
		out, err = os.OpenFile(w.in(to), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		return err
	}) {
		return
	}
	w.note(to, s)
	if !w.call("copy", from+" to "+to, func() error { _, err := io.Copy(out, in); return err }) {
		out.Close()
		return
	}
	if w.call("close", to, out.Close) {
		delete(w.doubt, to)
		w.files[to] = s
		w.tally.add("closes")
	}
}

// patch writes into the middle of a file.
func (w *worker) patch() {
	p, ok := w.pick()
	if !ok || w.files[p].size < 2 {
		return
	}
	was := w.files[p]
	w.next++
	at := w.random.IntN(was.size - 1)
	s := &saved{was.seed, was.size, append(slices.Clone(was.over), patch{w.next, at, min(64<<10, 1+w.random.IntN(was.size-at))})}
	delete(w.files, p)
	w.doubt[p] = &doubt{may: []*saved{was, s}, any: true}
	var f *os.File
	if !w.call("open", p, func() (err error) { f, err = os.OpenFile(w.in(p), os.O_RDWR, 0); return err }) {
		return
	}
	last := s.over[len(s.over)-1]
	w.note(p, s)
	if !w.call("write", p, func() error { _, err := f.WriteAt(noise(last.seed, last.size), int64(last.at)); return err }) {
		f.Close()
		return
	}
	if w.call("close", p, f.Close) {
		delete(w.doubt, p)
		w.files[p] = s
		w.tally.add("closes")
	}
}

// safeSave writes beside and renames over.
func (w *worker) safeSave() {
	p, ok := w.pick()
	if !ok {
		return
	}
	aside := w.fresh()
	if w.put(aside, w.content(), os.O_EXCL, w.random.IntN(2) == 0) {
		w.move(aside, p)
	}
}

func (w *worker) rename() {
	if p, ok := w.pick(); ok {
		w.move(p, w.fresh())
	}
}

// move renames from to to.
func (w *worker) move(from, to string) {
	s, was := w.files[from], w.files[to]
	w.doubt[from], w.doubt[to] = &doubt{may: []*saved{s, nil}}, &doubt{may: []*saved{s, was}}
	delete(w.files, from)
	delete(w.files, to)
	w.note(to, s)
	if w.call("rename", from+" to "+to, func() error { return os.Rename(w.in(from), w.in(to)) }) {
		delete(w.doubt, from)
		delete(w.doubt, to)
		w.files[to] = s
		w.tally.add("renames")
	}
}

func (w *worker) remove() {
	if p, ok := w.pick(); ok {
		w.doubt[p] = &doubt{may: []*saved{w.files[p], nil}}
		delete(w.files, p)
		if w.call("unlink", p, func() error { return os.Remove(w.in(p)) }) {
			delete(w.doubt, p)
			w.tally.add("unlinks")
		}
	}
}

func (w *worker) mkdir(path string) {
	w.folder[path] = true // wanted, whatever comes of the call
	w.call("mkdir", path, func() error {
		if err := os.MkdirAll(w.in(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
}

func (w *worker) makeFolder() {
	if len(w.folder) > 6 {
		return
	}
	w.next++
	at := fmt.Sprintf("%s/w%d/d%d", w.top, w.n, w.next&0xfffff)
	w.mkdir(at)
	w.mkdir(at + "/deep")
}

// removeTree is rm -r of a folder.
func (w *worker) removeTree() {
	if !w.trees {
		return
	}
	var all []string
	for d := range w.folder {
		if strings.HasSuffix(d, "/deep") {
			all = append(all, filepath.Dir(d))
		}
	}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	top := all[w.random.IntN(len(all))]
	for p, s := range w.files {
		if strings.HasPrefix(p, top+"/") {
			w.doubt[p] = &doubt{may: []*saved{s, nil}}
			delete(w.files, p)
		}
	}
	delete(w.folder, top)
	delete(w.folder, top+"/deep")
	w.doubt[top] = &doubt{any: true}
	if w.call("rm -r", top, func() error { return os.RemoveAll(w.in(top)) }) {
		for p := range w.doubt {
			if p == top || strings.HasPrefix(p, top+"/") {
				delete(w.doubt, p)
			}
		}
		w.tally.add("trees removed")
	}
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
		epoch := w.epoch.Load()
		if _, err := os.Lstat(w.in(path)); errors.Is(err, fs.ErrNotExist) && epoch%2 == 0 && w.epoch.Load() == epoch {
			began := time.Now()
			for err != nil && time.Since(began) < 15*time.Second {
				time.Sleep(20 * time.Millisecond)
				_, err = os.Lstat(w.in(path))
			}
			w.wrong(path, "was closed and is not there; after %v: %v", time.Since(began).Round(time.Millisecond), err)
		}
		return
	}
	if want := s.bytes(); !bytes.Equal(b, want) {
		w.wrong(path, "was closed with %d bytes and has %d others: %s", len(want), len(b), differs(want, b))
	}
	w.tally.add("files read")
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
	if !missing && !w.call("unlink", p, func() error { return os.Remove(w.in(p)) }) {
		if _, err := os.Lstat(w.in(p)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	delete(w.doubt, p)
	return true
}
