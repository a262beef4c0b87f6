package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// What is pinned stays, whatever presses, also in the next run; and gives way again once it is not pinned any more.
func TestPin(t *testing.T) {
	dir, src := t.TempDir(), &films{}
	open := func() *Blocks { return openBlocks(t, BlocksConfig{Dir: dir, Source: src, Size: 8 * mib}) }
	press := func(b *Blocks, name string) {
		for i := range 10 {
			readSome(t, b, remote.ID(fmt.Sprint(name, i)), mib, 0, mib)
		}
	}
	b := open()
	for range 2 { // twice is once
		if err := b.Pin(film("pinned", 2*mib)); err != nil {
			t.Fatal(err)
		}
	}
	readSome(t, b, "pinned", 2*mib, 0, 2*mib)
	press(b, "a")
	r := b.Open(film("pinned", 2*mib)) // nor are there holes made in it while it is open
	mustRead(t, r, "pinned", 0, 1)
	large := b.Open(film("large", 20*mib))
	mustReadAll(t, large, "large", mib)
	if err := errors.Join(r.Close(), large.Close()); err != nil {
		t.Error(err)
	}
	if _, err := b.Clear(nil); err != nil {
		t.Error(err)
	}
	if it := film("pinned", 2*mib); true {
		if _, err := b.Clear(&it); !errors.Is(err, ErrPinned) {
			t.Errorf("cleared: %v", err)
		}
	}
	closeBlocks(t, b)

	b = open()
	if st := b.Stats(); st.Pinned != 2*mib || st.Pins != 1 || st.Files != 1 || st.Used != 2*mib {
		t.Errorf("after a restart: %+v", st)
	}
	press(b, "b")
	if n, pinned := b.Held(film("pinned", 2*mib)); n != 2*mib || !pinned {
		t.Errorf("holds %d, pinned: %v", n, pinned)
	}
	src.counts()
	readSome(t, b, "pinned", 2*mib, 0, 2*mib)
	if got, _, _ := src.counts(); len(got) != 0 {
		t.Errorf("fetched again: %v", got)
	}
	if err := b.Pin(film("more", 6*mib)); !errors.Is(err, ErrTooBig) {
		t.Errorf("pinned more than there is room for: %v", err)
	}
	for range 2 {
		if err := b.Unpin(film("pinned", 2*mib)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Pin(film("more", 6*mib)); err != nil {
		t.Error(err)
	}
	press(b, "c")
	if n, pinned := b.Held(film("pinned", 2*mib)); n != 0 || pinned {
		t.Errorf("holds %d, pinned: %v", n, pinned)
	}
	closeBlocks(t, b)
	b = open()
	if st := b.Stats(); st.Pinned != 6*mib || st.Pins != 1 {
		t.Errorf("after another restart: %+v", st)
	}
}

func TestClear(t *testing.T) {
	dir, src := t.TempDir(), &films{}
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
	readSome(t, b, "a", mib, 0, mib)
	readSome(t, b, "b", mib, 0, mib)
	r := b.Open(film("open", mib))
	mustReadAll(t, r, "open", mib)
	it := film("open", mib)
	if n, err := b.Clear(&it); n != 0 || !errors.Is(err, ErrOpen) {
		t.Errorf("what is open: %d, %v", n, err)
	}
	it = film("a", mib)
	for _, want := range []int64{mib, 0} {
		if n, err := b.Clear(&it); n != want || err != nil {
			t.Errorf("what is not open: %d, %v", n, err)
		}
	}
	if n, err := b.Clear(nil); n != mib || err != nil {
		t.Errorf("everything: %d, %v", n, err)
	}
	src.counts()
	mustReadAll(t, r, "open", mib)
	if got, _, _ := src.counts(); len(got) != 0 {
		t.Errorf("fetched again: %v", got)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if n, err := b.Clear(nil); n != mib || err != nil {
		t.Errorf("everything: %d, %v", n, err)
	}
	if n := onDisk(t, dir); n != 0 || b.Stats().Used != 0 {
		t.Errorf("%d bytes on disk, %+v", n, b.Stats())
	}
	readSome(t, b, "a", mib, 0, mib)
}

// A file that was handed out never changes: not by room being made, not by Clear, not by a broken disk, not in the next run.
func TestFileNeverChanges(t *testing.T) {
	dir, src := t.TempDir(), &films{}
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: src, Size: 8 * mib})
	r := b.Open(film("f", 2*mib))
	mustRead(t, r, "f", 0, 2*mib-blockSize)
	if _, ok := r.File(); ok {
		t.Error("handed out before it was whole")
	}
	mustRead(t, r, "f", 0, 2*mib)
	f, ok := r.File()
	if !ok {
		t.Fatal("a whole file was not handed out")
	}
	path := f.Name()
	own, err := os.Open(path) // as a mapping, it outlives the Reader
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	same := func(when string) {
		t.Helper()
		got, want := make([]byte, 2*mib), make([]byte, 2*mib)
		fill(want, "f", 0)
		if _, err := own.ReadAt(got, 0); err != nil || string(got) != string(want) {
			t.Errorf("%s: the file has changed (%v)", when, err)
		}
	}
	large := b.Open(film("large", 20*mib))
	mustReadAll(t, large, "large", mib)
	same("while the cache was pressed")
	if err := errors.Join(r.Close(), large.Close()); err != nil {
		t.Error(err)
	}
	closeBlocks(t, b)

	b = openBlocks(t, BlocksConfig{Dir: dir, Source: src, Size: 8 * mib})
	r = b.Open(film("f", 2*mib))
	mustRead(t, r, "f", 0, 2*mib)
	large = b.Open(film("large", 20*mib))
	mustReadAll(t, large, "large", mib)
	same("in the next run")
	if f, ok := r.File(); !ok || f.Name() != path {
		t.Error("not handed out in the next run")
	}
	if err := errors.Join(r.Close(), large.Close()); err != nil {
		t.Error(err)
	}
	if _, err := b.Clear(nil); err != nil {
		t.Error(err)
	}
	same("deleted")
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("not deleted: %v", err)
	}
}

// Warm fetches what is missing, once, and lets readers go first.
func TestWarm(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		const size = 64*mib + 5
		src := &films{rtt: 30 * time.Millisecond, chunk: 64 << 10, pace: 5 * time.Millisecond}
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
		defer closeBlocks(t, b)
		readSome(t, b, "f", size, 8*mib, mib)
		_, before, _ := src.counts()
		var wg sync.WaitGroup
		var steps []int64
		wg.Go(func() {
			if err := b.Warm(t.Context(), film("f", size), func(n int64) { steps = append(steps, n) }); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(100 * time.Millisecond)
		r := b.Open(film("f", size))
		for _, off := range []int64{3*mib + 512<<10, 40 * mib} { // the first is far in what Warm is fetching
			began := time.Now()
			mustRead(t, r, "f", off, 256<<10)
			if d := time.Since(began); d > 45*time.Millisecond {
				t.Errorf("a reader waited for %v", d)
			}
		}
		wg.Wait()
		sum := int64(0)
		for _, n := range steps {
			sum += n
		}
		if _, asked, _ := src.counts(); asked+before > size+2*mib || sum != size || steps[0] < mib {
			t.Errorf("asked for %d bytes, told of %d: %v", asked+before, sum, steps)
		}
		mustReadAll(t, r, "f", mib)
		if got, _, _ := src.counts(); len(got) != 0 {
			t.Errorf("fetched again: %v", got)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWarmEnds(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		src := &films{rtt: time.Minute}
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: src, Size: 16 * mib})
		defer closeBlocks(t, b)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Warm(ctx, film("f", 8*mib), nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("interrupted: %v", err)
		}
		synctest.Wait()
		if src.open != 0 {
			t.Errorf("%d downloads go on", src.open)
		}
		if err := b.Warm(t.Context(), film("large", 17*mib), nil); !errors.Is(err, ErrTooBig) {
			t.Errorf("too large: %v", err)
		}
		src.fault = func(remote.ID, int64, int64) (int64, error) { return 1000, errFault }
		if err := b.Warm(t.Context(), film("f", 8*mib), nil); !errors.Is(err, errFault) {
			t.Errorf("broken: %v", err)
		}
	})
}

// A disk that takes long to write down what came keeps nobody waiting: not who opens the file, and not who reads it.
func TestSlowDiskKeepsNobodyWaiting(t *testing.T) {
	b := openBlocks(t, BlocksConfig{Source: &films{}})
	r := b.Open(film("f", 2*mib))
	mustReadAll(t, r, "f", mib)
	land(t, r)
	reached, proceed := make(chan bool), make(chan bool)
	b.testOnlyStep = func(step string) {
		if step == "sync" {
			reached <- true
			<-proceed
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.c.save(); err != nil {
			t.Error(err)
		}
	})
	<-reached
	if _, ok := r.File(); !ok { // hangs if it waits
		t.Error("not handed out")
	}
	mustReadAll(t, r, "f", mib)
	close(proceed)
	wg.Wait()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
