package cache

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

const mib = 1 << 20

// Whatever readers do, and whatever the link and the room do to them: right bytes, or an error.
func TestReaderModel(t *testing.T) {
	for name, c := range map[string]struct {
		size  int64
		fault bool
	}{
		"steady":               {size: 64 * mib},
		"flaky":                {size: 64 * mib, fault: true},
		"flaky and small room": {size: 3 * mib, fault: true},
	} {
		t.Run(name, func(t *testing.T) {
			src := &films{chunk: 50_000}
			var mu sync.Mutex
			rnd := rand.New(rand.NewPCG(7, 7))
			src.fault = func(_ remote.ID, _, n int64) (int64, error) {
				mu.Lock()
				defer mu.Unlock()
				switch k := rnd.IntN(12); {
				case !c.fault || k > 2:
					return 0, nil
				case k == 0:
					return -1, errFault
				case k == 1:
					return rnd.Int64N(n + 1), io.EOF // a short body
				default:
					return rnd.Int64N(n + 1), errFault
				}
			}
			dir := t.TempDir()
			for run := range 2 { // the cache of one run is there in the next
				b := openBlocks(t, BlocksConfig{Dir: dir, Source: src, Size: c.size})
				var wg sync.WaitGroup
				for g := range 4 {
					wg.Go(func() { someReads(t, b, uint64(10*run+g), c.fault) })
				}
				wg.Wait()
				closeBlocks(t, b)
			}
		})
	}
}

// someReads reads here and there, in a row, beyond the end, interrupted, in three films.
func someReads(t *testing.T, b *Blocks, seed uint64, faults bool) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range 3 {
		id := remote.ID([]string{"one", "two", "three"}[rnd.IntN(3)])
		r := b.Open(film(id, 3*mib+12_345))
		off := int64(0)
		for range 15 {
			if rnd.IntN(3) == 0 {
				off = rnd.Int64N(r.Size() + 10)
			}
			p := make([]byte, rnd.IntN(400_000))
			ctx, cancel := context.WithCancel(t.Context())
			if rnd.IntN(8) == 0 {
				cancel()
			}
			read := r.ReadAt
			if rnd.IntN(5) == 0 {
				read = r.ReadOnce
			}
			n, err := read(ctx, p, off)
			interrupted := errors.Is(err, context.Canceled) && ctx.Err() != nil
			broken := faults && (errors.Is(err, errFault) || errors.Is(err, io.ErrUnexpectedEOF))
			if !interrupted && !broken {
				checkRead(t, r, id, p, off, n, err)
			}
			cancel()
			off += int64(n)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestReaderEnds(t *testing.T) {
	b := openBlocks(t, BlocksConfig{Source: &films{}})
	for _, size := range []int64{0, 1, blockSize - 1, blockSize, blockSize + 1, 3*blockSize + 7} {
		r := b.Open(film("f", size))
		if r.Size() != size {
			t.Errorf("size %d, want %d", r.Size(), size)
		}
		for _, c := range []struct {
			off, n int64
			want   int64
			err    error
		}{
			{size, 10, 0, io.EOF}, {size + 5, 10, 0, io.EOF}, {0, size + 1, size, io.EOF}, {0, size, size, nil},
			{size - 1, 1, 1, nil}, {size - 1, 2, 1, io.EOF}, {0, 0, 0, nil},
		} {
			if c.off < 0 || size == 0 && c.off == 0 && c.n == 0 {
				continue
			}
			if c.off >= size {
				c.want, c.err = 0, io.EOF
			}
			p := make([]byte, c.n)
			if n, err := r.ReadAt(t.Context(), p, c.off); int64(n) != c.want || err != c.err {
				t.Errorf("size %d: ReadAt(%d, %d) = %d, %v; want %d, %v", size, c.n, c.off, n, err, c.want, c.err)
			}
		}
		if _, err := r.ReadAt(t.Context(), make([]byte, 1), -1); err == nil || err == io.EOF {
			t.Errorf("negative offset: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := r.ReadAt(t.Context(), make([]byte, 1), 0); size > 0 && !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	}
}

func TestOneDownloadHoweverManyRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &films{rtt: time.Second}
		b := openBlocks(t, BlocksConfig{Dir: t.TempDir(), Source: src})
		defer closeBlocks(t, b)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				r := b.Open(film("f", 100*mib))
				defer func() { _ = r.Close() }()
				mustRead(t, r, "f", 50*mib+int64(i)*1000, 1000)
			})
		}
		wg.Wait()
		if got, asked, _ := src.counts(); len(got) != 1 || asked != blockSize {
			t.Errorf("requests %v", got)
		}
		if n := b.Fetched(); n != blockSize {
			t.Errorf("%d bytes have come", n)
		}
	})
}

// Reading the middle 1 MiB of 1 GiB moves less than 4 MiB, whatever the size of a read and their order, and what a kernel reads ahead.
func TestMiddleMovesLittle(t *testing.T) {
	for name, c := range map[string]struct{ step, kernel int64 }{
		"128 KiB":                     {128 << 10, 0},
		"1 MiB":                       {mib, 0},
		"4 KiB":                       {4 << 10, 0},
		"128 KiB, kernel reads ahead": {128 << 10, mib},
		"1 MiB, kernel reads ahead":   {mib, mib},
	} {
		t.Run(name, func(t *testing.T) {
			src := &films{}
			b := openBlocks(t, BlocksConfig{Source: src})
			r := b.Open(film("f", 1<<30))
			const middle = 1<<29 - 777
			for off := int64(0); off < mib+c.kernel; off += c.step {
				mustRead(t, r, "f", middle+off, c.step)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			closeBlocks(t, b)
			if _, asked, moved := src.counts(); asked >= 4*mib || moved > asked {
				t.Errorf("asked for %d bytes, moved %d", asked, moved)
			}
		})
	}
}

// A program's bytes are given as soon as they are here, however much else is fetched with them.
func TestReaderDoesNotWaitForMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &films{chunk: 4096, pace: time.Second}
		b := openBlocks(t, BlocksConfig{Dir: t.TempDir(), Source: src})
		defer closeBlocks(t, b)
		r := b.Open(film("f", 100*mib))
		began := time.Now()
		mustRead(t, r, "f", 0, 4096)
		if d := time.Since(began); d != time.Second {
			t.Errorf("the first 4 KiB took %v", d)
		}
		mustRead(t, r, "f", 0, 8192) // same download
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("the next 4 KiB were there after %v", d)
		}
		if got, _, _ := src.counts(); len(got) != 1 {
			t.Errorf("requests %v", got)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A reader that was interrupted, or whose time is over, takes nothing from another who waits for the same bytes.
func TestReaderContextIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &films{rtt: time.Minute}
		b := openBlocks(t, BlocksConfig{Dir: t.TempDir(), Source: src})
		defer closeBlocks(t, b)
		r := b.Open(film("f", 100*mib))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := r.ReadAt(ctx, make([]byte, 10), 0); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("impatient: %v", err)
			}
		})
		synctest.Wait()
		mustRead(t, r, "f", 5, 10)
		wg.Wait()
		if got, _, _ := src.counts(); len(got) != 1 {
			t.Errorf("requests %v", got)
		}
		// With no one left who waits, the download ends.
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.ReadAt(ctx, make([]byte, 10), 50*mib); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("impatient: %v", err)
		}
		synctest.Wait()
		if src.open != 0 {
			t.Errorf("%d downloads that no one waits for", src.open)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Reads that were given up half way leave nothing on disk that no one counts.
func TestGivenUpLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		src := &films{chunk: 10_000, pace: time.Second}
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
		defer closeBlocks(t, b)
		r := b.Open(film("f", 100*mib))
		for i := range int64(10) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if _, err := r.ReadAt(ctx, make([]byte, blockSize), 9*i*mib); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			cancel()
		}
		synctest.Wait()
		used, _ := b.Usage()
		if n := onDisk(t, dir); used != 0 || n > 4096 {
			t.Errorf("used %d, on disk %d", used, n)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestErrorIsForWhoWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fail bool
		src := &films{rtt: time.Second}
		src.fault = func(remote.ID, int64, int64) (int64, error) {
			if fail {
				return 1000, errFault
			}
			return 0, nil
		}
		b := openBlocks(t, BlocksConfig{Dir: t.TempDir(), Source: src})
		defer closeBlocks(t, b)
		r := b.Open(film("f", 100*mib))
		fail = true
		mustRead(t, r, "f", 0, 1000) // these came before the link broke
		if _, err := r.ReadAt(t.Context(), make([]byte, 1001), 0); !errors.Is(err, errFault) {
			t.Errorf("got %v", err)
		}
		fail = false
		mustRead(t, r, "f", 0, 1001)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}
