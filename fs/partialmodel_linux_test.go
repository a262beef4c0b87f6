package fs_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPartialChangesAtRandom changes an asset and a plain file alike, at random, closes and opens them in between for shorter and
// longer than it takes to settle, and compares what is read, and in the end what is on Frame.io.
func TestPartialChangesAtRandom(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		const seed = 4
		rng := rand.New(rand.NewPCG(seed, 5))
		r := newRig(t, api)
		other := r.mount(mountWith{})
		local := filepath.Join(t.TempDir(), "a.bin")
		for _, path := range []string{local, filepath.Join(other.project, "a.bin")} {
			check(t, "write", os.WriteFile(path, noise(seed, 3<<20+777), 0o644))
		}
		other.settle()
		other.stop()
		m := r.mount(mountWith{settle: 50 * time.Millisecond})
		twins := openBoth(t, local, filepath.Join(m.project, "a.bin"))
		for i := range 100 {
			off, n := rng.Int64N(4<<20), 1+rng.Int64N(1<<rng.IntN(20))
			if rng.IntN(3) == 0 {
				off -= off % block
			}
			switch k := rng.IntN(12); {
			case k == 0:
				twins.both("truncate", func(f *os.File) error { return f.Truncate(off) })
			case k == 1:
				twins.both("punch", func(f *os.File) error {
					return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
				})
			case k == 2:
				twins.both("zero", func(f *os.File) error { return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_ZERO_RANGE, off, n) })
			case k == 3:
				twins.close()
				time.Sleep(time.Duration(rng.IntN(120)) * time.Millisecond)
				twins = openBoth(t, local, filepath.Join(m.project, "a.bin"))
			case k == 4 && i%3 == 0:
				twins.close()
				m.settle()
				twins = openBoth(t, local, filepath.Join(m.project, "a.bin"))
			case k < 9:
				b := noise(rng.Uint64(), int(n))
				twins.both("write", func(f *os.File) error { _, err := f.WriteAt(b, off); return err })
			}
			twins.same(i, off, 1+rng.IntN(400_000))
		}
		twins.same(-1, 0, 5<<20)
		twins.close()
		m.settle()
		want, err := os.ReadFile(local)
		check(t, "read", err)
		if it := r.there()["a.bin"]; !bytes.Equal(r.body(head(it)), want) {
			t.Errorf("seed %d: Frame.io has other bytes: %+v", seed, it)
		}
	})
}

// twins are two files that are to be the same.
type twins struct {
	t     *testing.T
	files [2]*os.File
}

func openBoth(t *testing.T, paths ...string) *twins {
	p := &twins{t: t}
	for i, path := range paths {
		var err error
		p.files[i], err = os.OpenFile(path, os.O_RDWR, 0)
		check(t, "open", err)
	}
	return p
}

func (p *twins) both(what string, do func(f *os.File) error) {
	p.t.Helper()
	for _, f := range p.files {
		check(p.t, what, do(f))
	}
}

func (p *twins) close() {
	p.t.Helper()
	p.both("close", (*os.File).Close)
}

func (p *twins) same(i int, off int64, n int) {
	p.t.Helper()
	var got [2][]byte
	for k, f := range p.files {
		b := make([]byte, n)
		m, err := f.ReadAt(b, off)
		if err != nil && !errors.Is(err, io.EOF) {
			p.t.Fatalf("step %d: read: %v", i, err)
		}
		got[k] = b[:m]
	}
	if !bytes.Equal(got[0], got[1]) {
		at := 0
		for at < min(len(got[0]), len(got[1])) && got[0][at] == got[1][at] {
			at++
		}
		p.t.Fatalf("step %d: %d bytes from %d read differently: %d, and the first other byte at %d", i, n, off, len(got[1]), off+int64(at))
	}
}
