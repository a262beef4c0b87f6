package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/frameiofs/frameiofs/remote"
)

// rig is a spool with a fake Frame.io. Tests run in a synctest bubble: time passes only when everybody waits.
type rig struct {
	*Spool
	t    *testing.T
	f    *fake
	cfg  Config
	stop func()

	mu      sync.Mutex
	settled []string               // "name = bytes" as told, in order
	bases   map[remote.ID]*memBase // by content, see was
	opens   int                    // of bases
}

func newRig(t *testing.T, f *fake, tune ...func(*Config)) *rig {
	t.Helper()
	return rigAt(t, f, memDir(t), tune...)
}

func rigAt(t *testing.T, f *fake, dir string, tune ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, f: f, bases: map[remote.ID]*memBase{}}
	r.cfg = Config{Dir: dir, Remote: f, Base: r.base, Settled: r.onSettled, Log: testLog(t)}
	for _, g := range tune {
		g(&r.cfg)
	}
	r.open()
	t.Cleanup(r.end)
	return r
}

func testLog(t *testing.T) *slog.Logger {
	if os.Getenv("SPOOL_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (r *rig) open() {
	r.t.Helper()
	s, err := Open(r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Spool = s
}

// onSettled is what the mounted tree would do: take the bytes.
func (r *rig) onSettled(i Info, it remote.Item, data string) error {
	b, err := os.ReadFile(data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		if err := os.Remove(data); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled = append(r.settled, fmt.Sprintf("%s = %s", i.Name, clip(string(b))))
	return nil
}

func (r *rig) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.settled)
}

func clip(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%d bytes", len(s))
	}
	return s
}

// start runs the spool until end.
func (r *rig) start() *rig {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	s := r.Spool
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			r.t.Error(err)
		}
	}()
	r.stop = func() {
		cancel()
		<-done
	}
	return r
}

func (r *rig) end() {
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
	if err := r.Spool.Close(); err != nil {
		r.t.Error(err)
	}
}

// finish waits until nothing is on its way and nothing is left to be deleted.
func (r *rig) finish() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Hour)
	defer cancel()
	if err := r.Wait(ctx, nil); err != nil && !errors.Is(err, ErrParked) {
		for _, i := range r.All() {
			r.t.Logf("%+v", i)
		}
		r.t.Fatal("wait: ", err)
	}
	for range 3 * 3600 {
		r.Spool.mu.RLock()
		n := len(r.orphans)
		r.Spool.mu.RUnlock()
		if n == 0 {
			return
		}
		time.Sleep(time.Second)
	}
	for name, o := range r.orphans {
		r.t.Logf("%s: %+v", name, o)
	}
	r.t.Fatal("orphans are left")
}

// expect compares what people see on Frame.io.
func (r *rig) expect(want ...string) {
	r.t.Helper()
	if got := r.f.tree(); !slices.Equal(got, want) {
		r.t.Errorf("Frame.io has\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (r *rig) expectTold(want ...string) {
	r.t.Helper()
	if got := r.told(); !slices.Equal(got, want) {
		r.t.Errorf("told %q, want %q", got, want)
	}
}

// expectEmpty checks that the state folder holds nothing but these folders' entries.
func (r *rig) expectEmpty() {
	r.t.Helper()
	if r.stop != nil { // what settled is removed after it is gone
		r.stop()
		r.stop = nil
	}
	r.syncAll() // what was discarded goes with the next commit
	for _, folder := range append([]string{young}, folders...) {
		list, err := os.ReadDir(filepath.Join(r.cfg.Dir, folder))
		if err != nil {
			r.t.Fatal(err)
		}
		for _, d := range list {
			r.t.Errorf("%s/%s is left in the state folder", folder, d.Name())
		}
	}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) create(name string) *Entry {
	r.t.Helper()
	e, err := r.Create(Target{Parent: folderA, Name: name}, Attr{})
	r.must(err)
	return e
}

func (r *rig) opened(e *Entry, write bool) *Handle {
	r.t.Helper()
	h, err := e.Open(write)
	r.must(err)
	return h
}

func (r *rig) put(h *Handle, off int64, s string) {
	r.t.Helper()
	n, err := h.WriteAt(r.t.Context(), []byte(s), off)
	r.must(err)
	if n != len(s) {
		r.t.Fatalf("wrote %d bytes of %d", n, len(s))
	}
}

// shut is close(2) and the release that follows.
func (r *rig) shut(h *Handle) {
	r.t.Helper()
	r.must(h.Flush(r.t.Context(), Closing{PID: 1}))
	h.Release()
}

// file is create, write, close.
func (r *rig) file(name, content string) *Entry {
	r.t.Helper()
	e := r.create(name)
	h := r.opened(e, true)
	r.put(h, 0, content)
	r.shut(h)
	return e
}

func (r *rig) read(h *Handle) string {
	r.t.Helper()
	b := make([]byte, h.Entry().Size()+10)
	n, err := h.ReadAt(r.t.Context(), b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		r.t.Fatal(err)
	}
	return string(b[:n])
}

// reach waits until the entry has a stage.
func (r *rig) reach(e *Entry, st Stage) {
	r.t.Helper()
	for range 100000 {
		if e.Info().Stage == st {
			return
		}
		time.Sleep(time.Millisecond)
	}
	r.t.Fatalf("the entry is %s and does not become %s", e.Info().Stage, st)
}

// was is an asset as the mounted tree knows it, whose bytes come from b; nil: from Frame.io.
func (r *rig) was(ref remote.Ref, b *memBase) remote.Item {
	it := r.f.look(ref)
	if b != nil {
		it.Size = b.Size()
		r.mu.Lock()
		r.bases[it.Content] = b
		r.mu.Unlock()
	}
	return it
}

// base is Config.Base.
func (r *rig) base(was remote.Item) Base {
	r.mu.Lock()
	b := r.bases[was.Content]
	r.opens++
	r.mu.Unlock()
	if b == nil {
		b = r.f.base(was.Content)
	}
	return b
}

// memBase is an asset's bytes.
type memBase struct {
	s      string
	delay  time.Duration
	closed *int
	asked  atomic.Int64 // bytes

	mu  sync.Mutex
	err error
}

// fail has every read answer err, or none any more.
func (b *memBase) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *memBase) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := sleep(ctx, b.delay); err != nil {
		return 0, err
	}
	b.mu.Lock()
	err := b.err
	b.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := strings.NewReader(b.s).ReadAt(p, off)
	b.asked.Add(int64(n))
	return n, err
}
func (b *memBase) ReadOnce(ctx context.Context, p []byte, off int64) (int, error) {
	return b.ReadAt(ctx, p, off)
}
func (b *memBase) Size() int64 { return int64(len(b.s)) }
func (b *memBase) Close() error {
	if b.closed != nil {
		*b.closed++
	}
	return nil
}

// memDir is t.TempDir in memory where Linux has that: for tests that fsync thousands of times and do not look at what it does.
func memDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "spool")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// killed is what a kill -9 would leave, started again but not running.
func (r *rig) killed(tune ...func(*Config)) *rig {
	r.t.Helper()
	synctest.Wait() // the others stand still
	dir := filepath.Join(memDir(r.t), "copy")
	r.must(copyTree(dir, r.cfg.Dir))
	return rigAt(r.t, r.f, dir, tune...)
}

// bubble runs a test where time is ours.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// seen is how fake.tree shows a content.
func seen(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%d bytes %016x", len(s), xxhash.Sum64String(s))
	}
	return s
}
