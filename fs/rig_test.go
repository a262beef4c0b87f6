package fs_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"io"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/fs"
	"github.com/frameiofs/frameiofs/remote"
	v2 "github.com/frameiofs/frameiofs/remote/v2"
	v4 "github.com/frameiofs/frameiofs/remote/v4"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/world"
	"github.com/frameiofs/frameiofs/spool"
	"github.com/frameiofs/frameiofs/spool/intent"
)

// The tests of this package mount for real, on the simulator: the kernel is the specification.

// client is what both wires have in common.
type client interface {
	spool.Remote
	CreateFolder(ctx context.Context, parent remote.Ref, name string) (remote.Item, error)
	Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error]
	Prepare(ctx context.Context, file remote.Ref) error
	OpenRange(ctx context.Context, file remote.Ref, off, n int64) (io.ReadCloser, error)
	Usage(ctx context.Context, account remote.ID) (remote.Usage, error)
	Me(ctx context.Context) (remote.User, error)
}

// wires runs a test on both generations of the API.
func wires(t *testing.T, test func(t *testing.T, api string)) {
	for _, api := range []string{"v2", "v4"} {
		t.Run(api, func(t *testing.T) { test(t, api) })
	}
}

// rig is a simulator and what is mounted on it.
type rig struct {
	t   *testing.T
	api string
	sim *sim.Server

	seen int64 // requests that were counted, see listings
}

// newRig starts a simulator without rate limits.
func newRig(t *testing.T, api string, change ...func(*sim.Config)) *rig {
	t.Helper()
	cfg := sim.Config{Seed: "empty", NoLimits: true}
	for _, c := range change {
		c(&cfg)
	}
	s, err := sim.New(cfg)
	if err != nil {
		t.Fatalf("start simulator: %v", err)
	}
	s.Start()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close simulator: %v", err)
		}
	})
	return &rig{t: t, api: api, sim: s}
}

// mounted is one mount with a state folder of its own.
type mounted struct {
	*rig
	state   string
	dir     string // the mount point
	project string // the first project's folder
	fs      *fs.FS
	spool   *spool.Spool
	names   *intent.Journal
	tree    *cache.Tree
	stop    func()
	fresh   time.Duration // for so long a listing is not asked for again
}

// mountWith is how a mount differs from the usual.
type mountWith struct {
	state  string // a state folder to go on with
	fs     func(*fs.Config)
	spool  func(*spool.Config)
	names  func(*intent.Config)
	client func(client) client // what stands between the mount and its wire
	token  string              // name of the seeded token; default full
	url    string              // where the API is reached; default the simulator's
	settle time.Duration
	full   bool          // the cache has no room
	age    time.Duration // how old a listing may be that is shown; default 300 ms
	fresh  time.Duration // for so long it is not asked for again; default 300 ms
}

// mount mounts; stop, or the end of the test, unmounts.
func (r *rig) mount(with mountWith) *mounted {
	t := r.t
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Fatalf("no FUSE here (%v): sudo apt-get install -y fuse3", err)
	}
	m := &mounted{rig: r, state: with.state, dir: t.TempDir()}
	if m.state == "" {
		m.state = t.TempDir()
	}
	if with.token == "" {
		with.token = "full"
	}
	if with.age == 0 {
		with.age = 300 * time.Millisecond
	}
	m.fresh = with.fresh
	if m.fresh == 0 {
		m.fresh = 300 * time.Millisecond
	}
	if with.settle == 0 {
		with.settle = 100 * time.Millisecond
	}
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if with.url == "" {
		with.url = r.sim.URL()
	}
	cl := r.client(with.url, with.token, log)
	if with.client != nil {
		cl = with.client(cl)
	}
	_, err := cl.Me(context.Background())
	check(t, "me", err)
	index, err := cache.OpenIndex(filepath.Join(m.state, "index.db"))
	check(t, "open index", err)
	nc := intent.Config{Dir: filepath.Join(m.state, "names"), Remote: cl, Log: log, Stays: spool.LocalFolder,
		Made:    func(here remote.Ref, is remote.Item) error { return m.fs.Made(here, is) },
		Ours:    func(id remote.ID) bool { return m.spool.Orphaned(id) },
		Leaving: func(id remote.ID) bool { return m.spool.Claimed(id) }}
	if with.names != nil {
		with.names(&nc)
	}
	m.names, err = intent.Open(nc)
	check(t, "open names", err)
	tree := cache.NewTree(cache.TreeConfig{Namespace: m.names, Index: index, Log: log, Age: with.age, Fresh: m.fresh,
		Changed: func(parent remote.Ref, changes []cache.Change) { m.fs.Changed(parent, changes) }})
	m.tree = tree
	bc := cache.BlocksConfig{Dir: filepath.Join(m.state, "blocks"), Source: cl, Log: log}
	if with.full {
		bc.KeepFree = 1 << 60
	}
	blocks, err := cache.OpenBlocks(bc)
	check(t, "open blocks", err)
	sc := spool.Config{Dir: filepath.Join(m.state, "spool"), Remote: cl, Names: m.names, Settle: with.settle, Log: log,
		Base:    func(was remote.Item) spool.Base { return blocks.Open(was) },
		Settled: func(in spool.Info, it remote.Item, data string) error { return m.fs.Settled(in, it, data) }}
	if with.spool != nil {
		with.spool(&sc)
	}
	m.spool, err = spool.Open(sc)
	check(t, "open spool", err)
	cfg := fs.Config{Tree: tree, Index: index, Blocks: blocks, Spool: m.spool, Names: journal{m.names, cl}, Rests: m.names, SyncNames: m.names.Sync, Patient: m.names.Patient, Usage: cl.Usage,
		UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Umask: 0o022, Log: log}
	if with.fs != nil {
		with.fs(&cfg)
	}
	m.fs, err = fs.New(cfg)
	check(t, "make tree", err)
	check(t, "mount", m.fs.Mount(m.dir))
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- m.spool.Run(ctx) }()
	carried := make(chan error, 1)
	go func() { carried <- m.names.Run(ctx) }()
	stopped := false
	m.stop = func() {
		if stopped {
			return
		}
		stopped = true
		m.unmount()
		cancel()
		if err := <-ran; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("spool: %v", err)
		}
		if err := <-carried; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("names: %v", err)
		}
		check(t, "close spool", m.spool.Close())
		check(t, "close blocks", blocks.Close())
		tree.Close()
		check(t, "close names", m.names.Close())
		check(t, "close index", index.Close())
	}
	t.Cleanup(m.stop)
	m.project = filepath.Join(m.dir, m.first(""), m.first(m.first("")), m.first(m.first(""), m.first(m.first(""))))
	return m
}

// journal is what cmd/frameiofs makes of the journal, too.
type journal struct {
	*intent.Journal
	client client
}

func (n journal) AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error) {
	for _, ref := range []remote.Ref{target, file} {
		if err := n.Idle(ctx, ref); err != nil {
			return remote.Item{}, err
		}
	}
	return n.client.AddVersion(ctx, target, file)
}

// unmount tries until nothing is open any more: RELEASE comes after close(2).
func (m *mounted) unmount() {
	for i := 0; ; i++ {
		err := m.fs.Unmount()
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EBUSY) || i > 50 {
			m.t.Errorf("unmount: %v", err)
			detach(m.dir)
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	m.fs.Wait()
}

// first is the first name in a folder of the mount, other than the shared projects.
func (m *mounted) first(path ...string) string {
	m.t.Helper()
	list, err := os.ReadDir(filepath.Join(append([]string{m.dir}, path...)...))
	check(m.t, "list", err)
	for _, e := range list {
		if e.Name() != "Shared with me" {
			return e.Name()
		}
	}
	m.t.Fatalf("nothing in %v", path)
	return ""
}

func (r *rig) client(url, token string, log *slog.Logger) client {
	r.t.Helper()
	cfg := remote.Config{BaseURL: url, Token: remote.StaticToken(r.sim.Token(token)), Logger: log}
	if r.api == "v2" {
		c, err := v2.New(cfg)
		check(r.t, "client", err)
		return c
	}
	c, err := v4.New(cfg)
	check(r.t, "client", err)
	return c
}

// settle waits until everything closed is on Frame.io.
func (m *mounted) settle() {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// RELEASE comes after close(2), so what was just closed may not be known as closed yet.
	time.Sleep(20 * time.Millisecond)
	for i := 0; i < 200 && m.writing(); i++ {
		time.Sleep(20 * time.Millisecond)
	}
	if err := m.spool.Wait(ctx, nil); err != nil {
		for _, in := range m.spool.All() {
			m.t.Logf("%s %q %d bytes: %s %s %s", in.Stage, in.Name, in.Size, in.Reason, in.Err, in.NextTry)
		}
		m.t.Fatalf("wait for uploads: %v", err)
	}
	leaving := func(in intent.Info) bool { return !in.Stays }
	for i := 0; slices.ContainsFunc(m.names.Pending(), leaving); i++ {
		if i > 1000 {
			m.t.Fatalf("changes of names are left: %+v", m.names.Pending())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (m *mounted) writing() bool {
	for _, in := range m.spool.All() {
		if in.Stage == spool.Writing {
			return true
		}
	}
	return false
}

// there is what Frame.io has, by path below the first project.
func (r *rig) there() map[string]sim.Item {
	r.t.Helper()
	all, err := r.sim.Tree(false)
	check(r.t, "look at Frame.io", err)
	got := map[string]sim.Item{}
	for _, it := range all {
		_, path, _ := strings.Cut(it.Path, "/")
		if _, twice := got[path]; twice {
			r.t.Errorf("Frame.io has %q twice", path)
		}
		got[path] = it
	}
	return got
}

// body is the bytes that Frame.io has under an id.
func (r *rig) body(id world.ID) []byte {
	r.t.Helper()
	f, _, err := r.sim.World().OpenBody(id)
	check(r.t, "open body", err)
	defer f.Close()
	b, err := io.ReadAll(f)
	check(r.t, "read body", err)
	return b
}

// head is the file whose bytes an item shows.
func head(it sim.Item) world.ID {
	if len(it.Versions) > 0 {
		return it.Versions[0].ID
	}
	return it.ID
}

// run runs a program and fails with its output.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: sudo apt-get install -y %s", name, packageOf(name))
	}
	cmd := inside(dir, path, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// inside is a program that runs in a folder. It goes there by itself: between fork and exec it would ask the mount, which is this very process,
// and its collector waits for the fork (spec: fuse.md §3.2).
func inside(dir, name string, args ...string) *exec.Cmd {
	return exec.Command("env", append([]string{"-C", dir, name}, args...)...)
}

func packageOf(name string) string {
	switch name {
	case "cp", "mv", "ln", "rm", "dd", "touch", "stat", "sync", "truncate", "df", "install":
		return "coreutils"
	case "gio":
		return "libglib2.0-bin"
	case "getfattr":
		return "attr"
	}
	return name
}

func check(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// noise is n bytes that do not repeat and follow from seed.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	x := seed*2862933555777941757 + 3037000493
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 32)
	}
	return b
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	fmt.Fprint(w.t.Output(), string(p))
	return len(p), nil
}

func syncClose(c *fs.Config) { c.SyncClose = true }
