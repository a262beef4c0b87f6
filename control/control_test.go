package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// fakeMount answers from memory.
type fakeMount struct {
	status   Status
	query    Query
	paths    []string
	until    Until
	receipts []ReceiptQuery
	how      How
	sync     func(ctx context.Context, progress func(Status)) error
	unmount  error
	panics   bool
	warm     func(ctx context.Context, progress func(Holding)) (Holding, error)
}

func (m *fakeMount) Status(_ context.Context, q Query) (Status, error) {
	if m.panics {
		panic("boom")
	}
	m.query = q
	return m.status, nil
}

func (m *fakeMount) List(_ context.Context, path string) ([]Entry, error) {
	if path == "gone" {
		return nil, fmt.Errorf("list %s: %w", path, ErrNotExist)
	}
	return []Entry{{Name: path + "/a.mov", Kind: "file", Size: 7, Safe: SafeUploading, Sent: 3}}, nil
}

func (m *fakeMount) Sync(ctx context.Context, paths []string, until Until, progress func(Status)) error {
	m.paths, m.until = paths, until
	return m.sync(ctx, progress)
}

func (m *fakeMount) Retry(_ context.Context, paths []string) (int, error) {
	m.paths = paths
	return len(paths), nil
}

func (m *fakeMount) Unmount(_ context.Context, how How, progress func(Status)) (Status, error) {
	m.how = how
	return Status{Totals: Totals{Files: 2}}, m.unmount
}

func (m *fakeMount) Profile(_ context.Context, d time.Duration) (Profile, error) {
	return Profile{Seconds: d.Seconds(), Programs: []Program{{Name: "ffmpeg", PIDs: []int{7}, NetworkBytes: 5}}}, nil
}

func serve(t *testing.T, dir string, m Mount) *Client {
	t.Helper()
	s, err := Listen(dir, m, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close server: %v", err)
		}
		if _, err := os.Lstat(s.Socket()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is still there after Close: %v", err)
		}
	})
	return Dial(s.Socket())
}

func TestStatusArrivesWhole(t *testing.T) {
	when := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	want := Status{
		MountPoint: "/mnt/frameio", State: Mounted, PID: 7, API: "v4", Since: when,
		Totals: Totals{Files: 1, Bytes: 1 << 40, Sent: 5}, Link: Link{State: "down", Since: &when, Error: "no route"},
		Files: []File{{Path: "a/„b“\n.mov", Size: 1 << 40, Sent: 5, Stage: "parked", Reason: "quota", NextTry: &when}},
	}
	m := &fakeMount{status: want}
	c := serve(t, t.TempDir(), m)
	for _, tt := range []struct {
		ask  Query
		want Query
	}{
		{Query{}, Query{Limit: DefaultFiles}},
		{Query{Under: "a b/ü?&", Limit: 3}, Query{Under: "a b/ü?&", Limit: 3}},
		{Query{Limit: 1 << 30}, Query{Limit: MaxFiles}},
	} {
		got, err := c.Status(t.Context(), tt.ask)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("status: got %+v, want %+v", got, want)
		}
		if m.query != tt.want {
			t.Errorf("query %+v arrived as %+v, want %+v", tt.ask, m.query, tt.want)
		}
	}
}

func TestLongStatePath(t *testing.T) {
	dir := t.TempDir()
	for len(dir) < 300 {
		dir = filepath.Join(dir, strings.Repeat("d", 50))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c := serve(t, dir, &fakeMount{status: Status{PID: 42}})
	if st, err := c.Status(t.Context(), Query{}); err != nil || st.PID != 42 {
		t.Errorf("status through a long path: %+v, %v", st, err)
	}
}

func TestListKeepsNotExist(t *testing.T) {
	c := serve(t, t.TempDir(), &fakeMount{})
	list, err := c.List(t.Context(), "x y")
	if err != nil || len(list) != 1 || list[0].Name != "x y/a.mov" || list[0].Sent != 3 {
		t.Errorf("list: got %+v, %v", list, err)
	}
	if _, err := c.List(t.Context(), "gone"); !errors.Is(err, ErrNotExist) || err.Error() != "list gone: "+ErrNotExist.Error() {
		t.Errorf("list of what is not there: got %v", err)
	}
}

func TestSyncStreamsProgressThenOutcome(t *testing.T) {
	m := &fakeMount{sync: func(_ context.Context, progress func(Status)) error {
		for i := range 3 {
			progress(Status{Totals: Totals{Files: 3 - i}})
		}
		return fmt.Errorf("2 files: %w", ErrParked)
	}}
	c := serve(t, t.TempDir(), m)
	var seen []int
	err := c.Sync(t.Context(), []string{"a", "b"}, Verified, func(st Status) { seen = append(seen, st.Totals.Files) })
	if !errors.Is(err, ErrParked) || errors.Is(err, ErrBusy) || !strings.HasPrefix(err.Error(), "2 files") {
		t.Errorf("sync: got %v, want parked", err)
	}
	if !reflect.DeepEqual(seen, []int{3, 2, 1}) {
		t.Errorf("progress: got %v", seen)
	}
	if !reflect.DeepEqual(m.paths, []string{"a", "b"}) || m.until != Verified {
		t.Errorf("paths: got %v, until %s", m.paths, m.until)
	}
}

func TestLeavingStopsOnlyTheWaiter(t *testing.T) {
	left := make(chan error, 1)
	m := &fakeMount{status: Status{PID: 1}}
	m.sync = func(ctx context.Context, progress func(Status)) error {
		progress(Status{})
		<-ctx.Done()
		left <- ctx.Err()
		return ctx.Err()
	}
	c := serve(t, t.TempDir(), m)
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Sync(ctx, nil, "", func(Status) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("sync: got %v, want canceled", err)
	}
	<-left
	if _, err := c.Status(t.Context(), Query{}); err != nil {
		t.Errorf("status afterwards: %v", err)
	}
}

func TestUnmount(t *testing.T) {
	m := &fakeMount{}
	c := serve(t, t.TempDir(), m)
	st, err := c.Unmount(t.Context(), Now, nil)
	if err != nil || m.how != Now || st.Totals.Files != 2 {
		t.Errorf("unmount: %+v, %v, how %q", st, err, m.how)
	}
	m.unmount = fmt.Errorf("/mnt: %w", ErrBusy)
	if _, err := c.Unmount(t.Context(), Drain, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("unmount of a busy mount: got %v", err)
	}
	if _, err := c.Unmount(t.Context(), "sometime", nil); err == nil || !strings.Contains(err.Error(), "how must be") {
		t.Errorf("unmount with nonsense: got %v", err)
	}
}

func TestPanicIsContained(t *testing.T) {
	m := &fakeMount{panics: true}
	c := serve(t, t.TempDir(), m)
	if _, err := c.Status(t.Context(), Query{}); err == nil || strings.Contains(err.Error(), "goroutine") {
		t.Errorf("status of a broken mount: got %v", err)
	}
	m.panics = false
	if _, err := c.Status(t.Context(), Query{}); err != nil {
		t.Errorf("status after a panic: %v", err)
	}
}

func TestDeadSocketsGo(t *testing.T) {
	dir := t.TempDir()
	dead := filepath.Join(dir, "control-1.sock")
	l, err := listenDead(dead)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := Dial(dead).Status(t.Context(), Query{}); !errors.Is(err, ErrGone) {
		t.Errorf("asking a dead socket: got %v, want ErrGone", err)
	}
	if _, err := Dial(filepath.Join(dir, "none.sock")).Status(t.Context(), Query{}); !errors.Is(err, ErrGone) {
		t.Errorf("asking a missing socket: got %v, want ErrGone", err)
	}
	serve(t, dir, &fakeMount{})
	if _, err := os.Lstat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead socket is still there: %v", err)
	}
}

func TestSocketIsPrivate(t *testing.T) {
	dir := t.TempDir()
	s, err := Listen(dir, &fakeMount{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	fi, err := os.Stat(s.Socket())
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("socket mode: %v, %v; want 0600", fi.Mode(), err)
	}
}

func TestStreamCutShort(t *testing.T) {
	m := &fakeMount{sync: func(_ context.Context, progress func(Status)) error {
		progress(Status{})
		panic(http.ErrAbortHandler) // as if the process had been killed
	}}
	c := serve(t, t.TempDir(), m)
	if err := c.Sync(t.Context(), nil, "", nil); err == nil || !strings.Contains(err.Error(), "ended before it said") {
		t.Errorf("sync with a mount that dies: got %v", err)
	}
}

func TestAProfileArrives(t *testing.T) {
	c := serve(t, t.TempDir(), &fakeMount{})
	p, err := c.Profile(t.Context(), 1500*time.Millisecond)
	if err != nil || p.Seconds != 1.5 || len(p.Programs) != 1 || p.Programs[0].NetworkBytes != 5 {
		t.Errorf("profile: %+v, %v", p, err)
	}
	for _, d := range []time.Duration{0, -1, MaxProfile + time.Second} {
		if _, err := c.Profile(t.Context(), d); err == nil || !strings.Contains(err.Error(), "at most a day") {
			t.Errorf("profile for %s: %v", d, err)
		}
	}
	if b, err := c.Goroutines(t.Context()); err != nil || !strings.Contains(string(b), "goroutine ") {
		t.Errorf("goroutines: %q, %v", b, err)
	}
}
