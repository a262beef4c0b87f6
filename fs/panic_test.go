package fs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/fs"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// faulty is a wire that panics, as often as it is told to, where a mistake in ours would.
type faulty struct {
	client

	mu   sync.Mutex
	left map[string]int // by method; negative: always
	hit  map[string]int
}

func newFaulty(c client) *faulty {
	return &faulty{client: c, left: map[string]int{}, hit: map[string]int{}}
}

func (f *faulty) arm(method string, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left[method] = times
}

func (f *faulty) hits(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hit[method]
}

func (f *faulty) here(method string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left[method] == 0 {
		return
	}
	f.left[method]--
	f.hit[method]++
	panic("a mistake in " + method)
}

func (f *faulty) Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	f.here("Children")
	return f.client.Children(ctx, ref)
}

func (f *faulty) Usage(ctx context.Context, account remote.ID) (remote.Usage, error) {
	f.here("Usage")
	return f.client.Usage(ctx, account)
}

func (f *faulty) Prepare(ctx context.Context, file remote.Ref) error {
	f.here("Prepare")
	return f.client.Prepare(ctx, file)
}

func (f *faulty) OpenRange(ctx context.Context, file remote.Ref, off, n int64) (io.ReadCloser, error) {
	f.here("OpenRange")
	return f.client.OpenRange(ctx, file, off, n)
}

func (f *faulty) CreateFolder(ctx context.Context, parent remote.Ref, name string) (remote.Item, error) {
	f.here("CreateFolder")
	return f.client.CreateFolder(ctx, parent, name)
}

func (f *faulty) CreateFile(ctx context.Context, n remote.NewFile) (remote.Upload, error) {
	f.here("CreateFile")
	return f.client.CreateFile(ctx, n)
}

func (f *faulty) PutPart(ctx context.Context, part remote.Part, body io.ReaderAt) error {
	f.here("PutPart")
	return f.client.PutPart(ctx, part, body)
}

func (f *faulty) Stat(ctx context.Context, ref remote.Ref) (remote.Item, error) {
	f.here("Stat")
	return f.client.Stat(ctx, ref)
}

func (f *faulty) Delete(ctx context.Context, ref remote.Ref) error {
	f.here("Delete")
	return f.client.Delete(ctx, ref)
}

// faultyNames panics in a request of the kernel itself.
type faultyNames struct {
	fs.Names
	f *faulty
}

func (n faultyNames) Mkdir(ctx context.Context, parent remote.Ref, name string) (remote.Item, error) {
	n.f.here("Mkdir")
	return n.Names.Mkdir(ctx, parent, name)
}

func (n faultyNames) Remove(ctx context.Context, it remote.Item, parent remote.Ref) error {
	n.f.here("Remove")
	return n.Names.Remove(ctx, it, parent)
}

// notebook is a log that can be asked.
type notebook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notebook) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notebook) has(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Contains(n.text.String(), text)
}

// broken is a mount on a wire that can be told to panic, and its log.
func (r *rig) broken() (*mounted, *faulty, *notebook) {
	var f *faulty
	book := &notebook{}
	log := slog.New(slog.NewTextHandler(book, nil))
	m := r.mount(mountWith{
		age:    time.Nanosecond, // each look asks
		client: func(c client) client { f = newFaulty(c); return f },
		fs:     func(c *fs.Config) { c.Log, c.Names = log, faultyNames{c.Names, f} },
		spool:  func(c *spool.Config) { c.Log = log },
	})
	return m, f, book
}

// A mistake of ours in one request is that request's: it gets EIO, the log has it, and the next one is served.
func TestPanicInARequestIsEIO(t *testing.T) {
	m, f, book := newRig(t, "v4").broken()
	file, folder := filepath.Join(m.project, "film.mov"), filepath.Join(m.project, "folder")
	want := noise(1, 3<<20)
	check(t, "write", os.WriteFile(file, want, 0o644))
	m.settle()

	f.arm("Mkdir", 1)
	if err := os.Mkdir(folder, 0o755); !errors.Is(err, syscall.EIO) {
		t.Errorf("mkdir that fails inside: got %v, want EIO", err)
	}
	if !book.has("a mistake in Mkdir") || !book.has("panic_test.go") {
		t.Error("the log has neither the cause nor the stack")
	}
	check(t, "mkdir once more", os.Mkdir(folder, 0o755))

	f.arm("Remove", 1)
	if err := os.Remove(file); !errors.Is(err, syscall.EIO) {
		t.Errorf("rm that fails inside: got %v, want EIO", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("after it: %v", err)
	}

	f.arm("Usage", 1)
	var st syscall.Statfs_t
	for range 2 { // not knowing an account's storage is no reason to fail; and nobody waits for who failed
		check(t, "statfs", syscall.Statfs(m.project, &st))
	}
	check(t, "remove", os.Remove(file))
}

// What is fetched behind a request is fetched apart from it. A mistake there is told to who waits, and to nobody else.
func TestPanicWhileFetchingIsEIO(t *testing.T) {
	r := newRig(t, "v4")
	first := r.mount(mountWith{})
	want := noise(2, 3<<20)
	check(t, "write", os.WriteFile(filepath.Join(first.project, "film.mov"), want, 0o644))
	check(t, "mkdir", os.Mkdir(filepath.Join(first.project, "deep"), 0o755))
	first.settle()
	first.stop()

	m, f, _ := r.broken()
	f.arm("Children", 1)
	if _, err := os.ReadDir(filepath.Join(m.project, "deep")); !errors.Is(err, syscall.EIO) {
		t.Errorf("list of a folder that fails inside: got %v, want EIO", err)
	}
	_, err := os.ReadDir(filepath.Join(m.project, "deep"))
	check(t, "list once more", err)

	f.arm("Prepare", 1)
	f.arm("OpenRange", 1000)
	file := filepath.Join(m.project, "film.mov")
	if _, err := os.ReadFile(file); !errors.Is(err, syscall.EIO) {
		t.Errorf("read that fails inside: got %v, want EIO", err)
	}
	f.arm("OpenRange", 0)
	got, err := os.ReadFile(file)
	check(t, "read once more", err)
	if !bytes.Equal(got, want) {
		t.Error("other bytes than were written")
	}
	if f.hits("Children") != 1 || f.hits("OpenRange") == 0 {
		t.Errorf("panicked %d and %d times", f.hits("Children"), f.hits("OpenRange"))
	}
}

// A mistake on the way of one upload makes that one be tried again, and shown meanwhile; it costs neither the mount nor a byte.
func TestPanicInAnUploadIsTriedAgain(t *testing.T) {
	m, f, book := newRig(t, "v4").broken()
	for _, method := range []string{"CreateFolder", "CreateFile", "PutPart", "Stat"} {
		f.arm(method, 1)
	}
	folder := filepath.Join(m.project, "folder")
	check(t, "mkdir", os.Mkdir(folder, 0o755))
	want := noise(3, 100<<10)
	check(t, "write", os.WriteFile(filepath.Join(folder, "still.png"), want, 0o644))
	m.settle()
	for _, method := range []string{"CreateFolder", "CreateFile", "PutPart", "Stat"} {
		if f.hits(method) != 1 {
			t.Errorf("%s panicked %d times, want once", method, f.hits(method))
		}
	}
	for path, it := range m.there() {
		if strings.HasSuffix(path, "still.png") && bytes.Equal(m.body(head(it)), want) {
			return
		}
	}
	t.Errorf("it is not on Frame.io: %v; the log says %s", m.there(), book.text.String())
}

// One that fails each time is given to a person, like everything that trying again does not mend.
func TestPanicInEachTryParks(t *testing.T) {
	m, f, _ := newRig(t, "v4").broken()
	f.arm("CreateFile", -1)
	file := filepath.Join(m.project, "still.png")
	want := noise(4, 100<<10)
	check(t, "write", os.WriteFile(file, want, 0o644))
	deadline := time.Now().Add(30 * time.Second)
	parked := func() (in spool.Info, ok bool) {
		for _, in := range m.spool.All() {
			return in, in.Stage == spool.Parked
		}
		return in, false
	}
	for in, ok := parked(); !ok; in, ok = parked() {
		if time.Now().After(deadline) {
			t.Fatalf("not parked: %+v", in)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if in, _ := parked(); !strings.Contains(in.Reason, "please report it") || strings.Contains(in.Reason, "a mistake in") {
		t.Errorf("the reason is %q", in.Reason)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("meanwhile it reads as %d bytes, %v", len(got), err)
	}
	f.arm("CreateFile", 0)
	m.spool.Retry()
	m.settle()
	if there := m.there(); len(there) == 0 {
		t.Error("it is not on Frame.io after the retry")
	}
}
