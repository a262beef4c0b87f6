package fs_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSparseFilesAndHoles(t *testing.T) {
	t.Parallel()
	const size = 6 << 20
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		path := filepath.Join(m.project, "sparse.bin")
		f, err := os.Create(path)
		check(t, "create", err)
		want := make([]byte, size)
		put := func(off int, b []byte) {
			t.Helper()
			_, err := f.WriteAt(b, int64(off))
			check(t, "write", err)
			copy(want[off:], b)
		}
		put(0, noise(1, 1<<20))
		put(4<<20, noise(2, 1<<20))
		check(t, "grow", f.Truncate(size))
		fallocate := func(mode uint32, off, n int) {
			t.Helper()
			check(t, "fallocate", unix.Fallocate(int(f.Fd()), mode, int64(off), int64(n)))
			clear(want[off:min(off+n, len(want))])
		}
		fallocate(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 4096, 128<<10)
		fallocate(unix.FALLOC_FL_ZERO_RANGE|unix.FALLOC_FL_KEEP_SIZE, 4<<20+10, 1000)
		fallocate(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, size-10, 1000)
		fi, err := f.Stat()
		check(t, "stat", err)
		if fi.Size() != size {
			t.Errorf("%d bytes after punching beyond the end, want %d", fi.Size(), size)
		}
		fallocate(unix.FALLOC_FL_ZERO_RANGE, size-5, 8)
		want = append(want, 0, 0, 0)
		for _, mode := range []uint32{unix.FALLOC_FL_COLLAPSE_RANGE, unix.FALLOC_FL_INSERT_RANGE, unix.FALLOC_FL_UNSHARE_RANGE, unix.FALLOC_FL_PUNCH_HOLE} {
			if err := unix.Fallocate(int(f.Fd()), mode, 0, 4096); !errors.Is(err, unix.EOPNOTSUPP) {
				t.Errorf("fallocate mode %#x: %v", mode, err)
			}
		}
		if hole := seek(t, f, 0, unix.SEEK_HOLE); hole < 4096 || hole > 132<<10 {
			t.Errorf("the first hole is at %d", hole)
		}
		if data := seek(t, f, 2<<20, unix.SEEK_DATA); data <= 2<<20 || data > 4<<20 {
			t.Errorf("after the hole data begin at %d", data)
		}
		if _, err := unix.Seek(int(f.Fd()), size+3, unix.SEEK_DATA); !errors.Is(err, unix.ENXIO) {
			t.Errorf("data beyond the end: %v", err)
		}
		check(t, "close", f.Close())
		got, err := os.ReadFile(path)
		check(t, "read", err)
		if !bytes.Equal(got, want) {
			t.Error("what is leaving reads back differently")
		}
		m.settle()
		if !bytes.Equal(m.body(m.there()["sparse.bin"].ID), want) {
			t.Error("Frame.io has other bytes")
		}
		f, err = os.Open(path)
		check(t, "open", err)
		defer f.Close()
		if data, hole := seek(t, f, 2<<20, unix.SEEK_DATA), seek(t, f, 0, unix.SEEK_HOLE); data != 2<<20 || hole != int64(len(want)) {
			t.Errorf("on Frame.io: data at %d, the first hole at %d of %d", data, hole, len(want))
		}
	})
}

// seek is lseek(2), without a look at the file's own place.
func seek(t *testing.T, f *os.File, off int64, whence int) int64 {
	t.Helper()
	at, err := unix.Seek(int(f.Fd()), off, whence)
	check(t, "seek", err)
	return at
}

// A hole punched into an asset makes a version, whose other bytes are the asset's.
func TestAHoleInAnAssetIsAVersion(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		path := filepath.Join(m.project, "reel.bin")
		want := noise(1, 3<<20)
		check(t, "write", os.WriteFile(path, want, 0o644))
		m.settle()
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		check(t, "open", err)
		if data, hole := seek(t, f, 5, unix.SEEK_DATA), seek(t, f, 5, unix.SEEK_HOLE); data != 5 || hole != int64(len(want)) {
			t.Errorf("before the change data at %d, hole at %d", data, hole)
		}
		check(t, "punch", unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 1_000_001, 99_999))
		clear(want[1_000_001:1_100_000])
		if data := seek(t, f, 2<<20, unix.SEEK_DATA); data != 2<<20 {
			t.Errorf("what the asset had is data at %d only", data)
		}
		check(t, "close", f.Close())
		m.settle()
		it := m.there()["reel.bin"]
		if len(it.Versions) != 2 || !bytes.Equal(m.body(head(it)), want) {
			t.Errorf("%d versions, or other bytes", len(it.Versions))
		}
	})
}
