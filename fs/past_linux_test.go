package fs_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/fs"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/spool"
)

func init() { helpers["late"] = mapLate }

// mapLate maps a file for writing, closes it, and puts each line that it reads into the mapping until there are no more.
func mapLate(path string) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	must(err)
	must(f.Truncate(16))
	b, err := unix.Mmap(int(f.Fd()), 0, 16, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(err)
	must(f.Close())
	fmt.Println("mapped")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		copy(b, lines.Bytes())
		fmt.Println("written")
	}
	must(unix.Munmap(b))
}

// roomy is a state folder on a disk that has the room without which the kernel does not write by itself.
func roomy(t *testing.T) string {
	t.Helper()
	for _, below := range []string{"", "/dev/shm"} {
		dir, err := os.MkdirTemp(below, "state")
		check(t, "make a state folder", err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		var st unix.Statfs_t
		check(t, "statfs", unix.Statfs(dir, &st))
		if int64(st.Bavail)*st.Bsize > spool.RoomToPass+1<<30 {
			return dir
		}
	}
	t.Fatalf("neither %s nor /dev/shm has %d bytes: make room", os.TempDir(), spool.RoomToPass)
	return ""
}

// writers runs a test on a mount where the kernel writes by itself, and on one where it does not.
func writers(t *testing.T, settle time.Duration, test func(t *testing.T, r *rig, m *mounted, passes bool), change ...func(*sim.Config)) {
	for _, passes := range []bool{true, false} {
		t.Run(map[bool]string{true: "past us", false: "through us"}[passes], func(t *testing.T) {
			r := newRig(t, "v4", change...)
			with := mountWith{settle: settle, state: roomy(t)}
			if !passes {
				with.fs = fs.NoPast
			}
			test(t, r, r.mount(with), passes && os.Geteuid() == 0)
		})
	}
}

// uploaded is what a file on Frame.io has, and how many there are or were.
func (r *rig) uploaded(t *testing.T, name string) []byte {
	t.Helper()
	it, ok := r.there()[name]
	if !ok {
		t.Fatalf("%s is not on Frame.io", name)
	}
	return r.body(head(it))
}

func at(t *testing.T, f *os.File, off int64, b []byte) {
	t.Helper()
	_, err := f.WriteAt(b, off)
	check(t, "write", err)
}

func sized(t *testing.T, path string, f *os.File, want int64) {
	t.Helper()
	a, err := os.Stat(path)
	check(t, "stat", err)
	b, err := f.Stat()
	check(t, "fstat", err)
	if a.Size() != want || b.Size() != want {
		t.Errorf("the file has %d bytes by its name and %d by its descriptor, not %d", a.Size(), b.Size(), want)
	}
}

// A writer, a reader beside it, a second writer that appends, truncation by each way: what ffmpeg does for faststart, and more.
func TestWritersAndReadersOfOneDraft(t *testing.T) {
	writers(t, 0, func(t *testing.T, r *rig, m *mounted, passes bool) {
		path := filepath.Join(m.project, "export.mp4")
		w, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		check(t, "create", err)
		if n := m.fs.Passing(); passes != (n == 1) {
			t.Errorf("%d handles are served by the kernel", n)
		}
		want := noise(7, 3<<20)
		at(t, w, 0, want)
		sized(t, path, w, int64(len(want)))
		rd, err := os.Open(path)
		check(t, "open beside the writer", err)
		defer rd.Close()
		got, err := io.ReadAll(rd)
		check(t, "read beside the writer", err)
		if !bytes.Equal(got, want) {
			t.Error("a reader beside the writer reads other bytes")
		}
		want = append(append(noise(8, 1<<20), want[:2<<20]...), want[2<<20:]...) // the index moves to the front
		at(t, w, 0, want)
		buf := make([]byte, 1<<20)
		_, err = rd.ReadAt(buf, 0)
		check(t, "read what was written over", err)
		if !bytes.Equal(buf, want[:1<<20]) {
			t.Error("the reader does not see what was written over")
		}
		a, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		check(t, "open to append", err)
		_, err = a.Write([]byte("tail"))
		check(t, "append", err)
		want = append(want, "tail"...)
		sized(t, path, w, int64(len(want)))
		check(t, "truncate by name", os.Truncate(path, int64(len(want))-2))
		want = want[:len(want)-2]
		sized(t, path, w, int64(len(want)))
		check(t, "truncate by descriptor", w.Truncate(int64(len(want))+10))
		want = append(want, make([]byte, 10)...)
		sized(t, path, a, int64(len(want)))
		check(t, "fsync", w.Sync())
		check(t, "close", a.Close())
		when := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
		check(t, "times", os.Chtimes(path, when, when))
		check(t, "close", w.Close())
		m.settle()
		if st, err := os.Stat(path); err != nil || !st.ModTime().Equal(when) {
			t.Errorf("its time became %v, %v", st.ModTime(), err)
		}
		if got := r.uploaded(t, "export.mp4"); !bytes.Equal(got, want) {
			t.Errorf("Frame.io has %d other bytes, not %d", len(got), len(want))
		}
		if n := len(r.there()["export.mp4"].Versions); n > 1 {
			t.Errorf("it has %d versions", n)
		}
		// Its reader still has it open.
		w, err = os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
		check(t, "open what is on Frame.io beside a reader", err)
		at(t, w, 0, []byte("new"))
		check(t, "close", w.Close())
		m.settle()
		if got := r.uploaded(t, "export.mp4"); string(got) != "new" {
			t.Errorf("Frame.io has %q", got)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "new" {
			t.Errorf("it reads back as %q, %v", got, err)
		}
	})
}

// Whoever opens a file in whatever order, nobody gets an error for how others have it open.
func TestOpenInAnyOrder(t *testing.T) {
	writers(t, time.Hour, func(t *testing.T, r *rig, m *mounted, _ bool) {
		flags := []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_APPEND, os.O_WRONLY | os.O_TRUNC}
		path := filepath.Join(m.project, "a.bin")
		for i := range len(flags) * len(flags) * len(flags) {
			check(t, "write", os.WriteFile(path, []byte("0123456789"), 0o644))
			var open []*os.File
			for _, how := range []int{flags[i%4], flags[i/4%4], flags[i/16]} {
				f, err := os.OpenFile(path, how, 0)
				check(t, fmt.Sprintf("open %d in run %d", len(open), i), err)
				open = append(open, f)
				if how != os.O_RDONLY {
					_, err := f.Write([]byte("ab"))
					check(t, "write", err)
				}
			}
			first, err := open[0].Stat()
			check(t, "stat", err)
			for _, f := range open {
				st, err := f.Stat()
				check(t, "stat", err)
				if st.Size() != first.Size() {
					t.Errorf("run %d: one sees %d bytes, another %d", i, first.Size(), st.Size())
				}
				check(t, "close", f.Close())
			}
		}
		for range 100 { // RELEASE comes a moment after close
			if m.fs.Passing() == 0 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%d handles are counted as open", m.fs.Passing())
	})
}

// Emptied and written again while it is being sent, a file arrives once, with the last bytes.
func TestEmptiedWhileItIsSent(t *testing.T) {
	slow := func(c *sim.Config) { c.Link.UpEach = 4 << 20 }
	writers(t, 0, func(t *testing.T, r *rig, m *mounted, _ bool) {
		path := filepath.Join(m.project, "b.mov")
		check(t, "write", os.WriteFile(path, noise(1, 3<<20), 0o644))
		for range 200 {
			if all := m.spool.All(); len(all) == 1 && all[0].Sent > 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		want := noise(2, 1<<20)
		check(t, "write again", os.WriteFile(path, want, 0o644))
		m.settle()
		if got := r.uploaded(t, "b.mov"); !bytes.Equal(got, want) {
			t.Errorf("Frame.io has %d other bytes", len(got))
		}
	}, slow)
}

// A mapping outlives its descriptor: what is written through it then leaves with the rest, once.
func TestMappedAfterClose(t *testing.T) {
	writers(t, 0, func(t *testing.T, r *rig, m *mounted, _ bool) {
		path := filepath.Join(m.project, "map.bin")
		cmd := mapper("late", path)
		in, err := cmd.StdinPipe()
		check(t, "pipe", err)
		out, err := cmd.StdoutPipe()
		check(t, "pipe", err)
		check(t, "start", cmd.Start())
		lines := bufio.NewReader(out)
		_, err = lines.ReadString('\n')
		check(t, "wait for the mapping", err)
		for i := range 3 {
			fmt.Fprintf(in, "%016d\n", i)
			_, err = lines.ReadString('\n')
			check(t, "write", err)
			time.Sleep(250 * time.Millisecond) // longer than the quiet time
		}
		if _, there := r.there()["map.bin"]; there {
			t.Error("it was sent while it was mapped")
		}
		in.Close()
		check(t, "the other process", cmd.Wait())
		m.settle()
		if got := r.uploaded(t, "map.bin"); string(got) != fmt.Sprintf("%016d", 2) {
			t.Errorf("Frame.io has %q", got)
		}
		if n := len(r.there()["map.bin"].Versions); n > 1 {
			t.Errorf("it has %d versions", n)
		}
	})
}

// Many who open a file at the same time, and close it while others open it, get no error.
func TestOpenInParallel(t *testing.T) {
	writers(t, time.Hour, func(t *testing.T, r *rig, m *mounted, _ bool) {
		for i := range 5 {
			path := filepath.Join(m.project, fmt.Sprint("p", i))
			check(t, "write", os.WriteFile(path, nil, 0o644))
			var g errgroup.Group
			for n := range 8 {
				g.Go(func() error {
					for k := range 40 {
						how := []int{os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND}[(n+k)%3]
						f, err := os.OpenFile(path, how, 0)
						if err != nil {
							return err
						}
						if how != os.O_RDONLY {
							_, err = f.Write([]byte("x"))
						}
						if err := firstOf(err, f.Close()); err != nil {
							return err
						}
					}
					return nil
				})
			}
			check(t, "open and close", g.Wait())
		}
	})
}

// Who changes a file through a mapping finds its times changed, though the kernel had been told others a moment before.
func TestTimesOfAMapping(t *testing.T) {
	writers(t, time.Hour, func(t *testing.T, _ *rig, m *mounted, _ bool) {
		path := filepath.Join(m.project, "library.db")
		check(t, "write", os.WriteFile(path, noise(3, 8192), 0o644))
		old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		check(t, "times", os.Chtimes(path, old, old))
		was, err := os.Stat(path)
		check(t, "stat", err)
		check(t, "write through a mapping", writeMapped(path, noise(4, 8192)))
		is, err := os.Stat(path)
		check(t, "stat", err)
		ctime := func(fi os.FileInfo) syscall.Timespec { return fi.Sys().(*syscall.Stat_t).Ctim }
		if !is.ModTime().After(was.ModTime()) || ctime(is) == ctime(was) {
			t.Errorf("its times are %v and %v, as before", is.ModTime(), ctime(is))
		}
	})
}
