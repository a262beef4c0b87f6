package cache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// fireSeconds bounds one read under fire; the source answers at once, so this is for ever.
const fireSeconds = 20

// Readers under fire: links break, the cache is cleared, too small, pinned, warmed and adopted into, the disk changes bytes
// between runs and loses files, and the program is killed and started again in the middle. Never a wrong byte, never a hang.
func TestUnderFire(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		src := &films{chunk: 30_000}
		rnd := newDice(seed)
		src.fault = func(_ remote.ID, _, n int64) (int64, error) {
			switch rnd.n(16) {
			case 0:
				return -1, errFault
			case 1:
				return rnd.n(n + 1), io.EOF
			case 2:
				return rnd.n(n + 1), errFault
			}
			return 0, nil
		}
		dir := t.TempDir()
		for run := range 5 {
			cfg := BlocksConfig{Dir: dir, Source: src, Size: []int64{64, 6, 64, 3, 12}[run] * mib}
			b := openBlocks(t, cfg)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { fireReads(t, b, rnd) })
			}
			wg.Go(func() { fireOrders(t, b, rnd) })
			if run%2 == 0 {
				wg.Wait()
			} else { // killed: what the next run finds is a copy of now
				time.Sleep(time.Duration(rnd.n(20)) * time.Millisecond)
				dir = filepath.Join(t.TempDir(), "left")
				for os.CopyFS(dir, os.DirFS(cfg.Dir)) != nil { // a file went meanwhile
					_ = os.RemoveAll(dir)
				}
			}
			closeBlocks(t, b)
			wg.Wait()
			if st := b.Stats(); st.Ahead != 0 || b.pieces != 0 || b.waiting != 0 || b.early != 0 || b.running != 0 {
				t.Errorf("left over: %+v, %d pieces, %d waiting, %d early, %d streams", st, b.pieces, b.waiting, b.early, b.running)
			}
			fireDamage(t, dir, rnd)
		}
	}
}

// dice are random numbers for several goroutines.
type dice struct {
	mu  sync.Mutex
	rnd *rand.Rand
}

func newDice(seed uint64) *dice { return &dice{rnd: rand.New(rand.NewPCG(seed, 3))} }

// n is a number from 0 to less than most.
func (d *dice) n(most int64) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rnd.Int64N(most)
}

func fireFilm(rnd *dice) remote.Item {
	it := clip(remote.ID([]string{"one", "two", "three", "four"}[rnd.n(4)]), 2*mib+777)
	if rnd.n(3) == 0 {
		it = clip("large", 9*mib+1)
	}
	return it
}

// fireReads reads here and there and in a row.
func fireReads(t *testing.T, b *Blocks, rnd *dice) {
	for range 6 {
		it := fireFilm(rnd)
		r := b.Open(it)
		off := rnd.n(it.Size)
		for range 14 {
			switch rnd.n(5) {
			case 0:
				off = rnd.n(it.Size)
			case 1:
				fireFile(t, r, it)
			}
			p := make([]byte, 1+rnd.n(700_000))
			ctx, cancel := context.WithTimeout(t.Context(), fireSeconds*time.Second)
			if rnd.n(10) == 0 {
				time.AfterFunc(time.Duration(rnd.n(3))*time.Millisecond, cancel)
			}
			n, err := r.ReadAt(ctx, p, off)
			switch {
			case errors.Is(err, context.DeadlineExceeded):
				t.Error("a read hangs")
			case errors.Is(err, errFault), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled), errors.Is(err, os.ErrClosed):
			default:
				checkRead(t, r, it.Content, p, off, n, err)
			}
			cancel()
			off += int64(n)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// fireFile checks what is handed out, also a while after the Reader was closed.
func fireFile(t *testing.T, r *Reader, it remote.Item) {
	f, ok := r.File()
	if !ok {
		return
	}
	own, err := os.Open(f.Name())
	if err != nil {
		return // another run has taken over
	}
	defer func() { _ = own.Close() }()
	got, want := make([]byte, it.Size), make([]byte, it.Size)
	fill(want, it.Content, 0)
	if _, err := own.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: WRONG BYTES handed out (%v)", it.Content, err)
	}
}

// fireOrders gives the orders that a person, or the spool, may give.
func fireOrders(t *testing.T, b *Blocks, rnd *dice) {
	for range 25 {
		it := fireFilm(rnd)
		ctx, cancel := context.WithTimeout(t.Context(), fireSeconds*time.Second)
		var err error
		switch rnd.n(6) {
		case 0:
			_, err = b.Clear(nil)
		case 1:
			_, err = b.Clear(&it)
		case 2:
			err = b.Pin(it)
		case 3:
			err = b.Unpin(it)
		case 4:
			err = b.Warm(ctx, it, nil)
		case 5:
			path := filepath.Join(t.TempDir(), "spooled")
			content := make([]byte, it.Size)
			fill(content, it.Content, 0)
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Error(err)
			}
			err = b.Adopt(it, path)
		}
		cancel()
		for _, fine := range []error{nil, ErrOpen, ErrPinned, ErrTooBig, errFault, io.ErrUnexpectedEOF, os.ErrClosed, errNoRoom} {
			if errors.Is(err, fine) {
				err = nil
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// fireDamage flips bytes and takes files, as between two runs.
func fireDamage(t *testing.T, dir string, rnd *dice) {
	for _, path := range filesIn(t, dir, dataExt) {
		other := path[:len(path)-len(dataExt)] + exts[rnd.n(3)]
		summed, _ := os.ReadFile(path[:len(path)-len(dataExt)] + sumsExt)
		switch rnd.n(6) {
		case 0:
			_ = os.Remove(other)
		case 1:
			_ = os.Truncate(other, 5)
		case 2, 3:
			at := rnd.n(2 * mib)
			if i := at / blockSize; int64(len(summed)) < 8*(i+1) || bytes.Equal(summed[8*i:8*i+8], make([]byte, 8)) {
				continue // adopted: nobody knows what it should be
			}
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			var b [1]byte
			_, err = f.ReadAt(b[:], at)
			b[0] ^= 1
			if _, err2 := f.WriteAt(b[:], at); err != nil || err2 != nil {
				t.Error(err, err2)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
