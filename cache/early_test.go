package cache

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

func TestIsMedia(t *testing.T) {
	for _, c := range []struct {
		name, kind string
		want       bool
	}{
		{"a.mov", "", true}, {"A.MXF", "application/octet-stream", true}, {"x", "video/quicktime", true}, {"x", "audio/x-wav", true},
		{"x", "application/mxf", true}, {"x", "", false}, {"a.mov", "text/plain", false}, {"a.pdf", "", false}, {"a.zip", "application/zip", false},
	} {
		if got := isMedia(remote.Item{Name: c.name, MediaType: c.kind}); got != c.want {
			t.Errorf("%q %q: %v", c.name, c.kind, got)
		}
	}
}

func clip(id remote.ID, size int64) remote.Item {
	it := film(id, size)
	it.MediaType = "video/mp4"
	return it
}

// A film's head and tail are there right after open; of what is no film, nothing is, but all is made ready.
func TestEarly(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		const size = 1<<30 + 5
		src := &films{rtt: 30 * time.Millisecond}
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
		defer closeBlocks(t, b)
		for name, it := range map[string]remote.Item{"film": clip("film", size), "small film": clip("small", mediaEarly-1), "other": film("other", size)} {
			r := b.Open(it)
			time.Sleep(time.Second)
			synctest.Wait()
			_, asked, _ := src.counts()
			want := map[bool]int64{true: headEarly + tailEarly + blockSize, false: 0}[name == "film"]
			if asked > want || name == "film" && asked < headEarly+tailEarly || len(src.prepared) != 1 {
				t.Errorf("%s: asked for %d bytes, prepared %v", name, asked, src.prepared)
			}
			src.prepared = nil
			if name == "film" {
				mustRead(t, r, "film", 0, 100_000)
				mustRead(t, r, "film", size-tailEarly, tailEarly)
				if got, _, _ := src.counts(); len(got) != 0 {
					t.Errorf("head and tail were not there: %v", got)
				}
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.early != 0 || b.ahead != 0 || b.pieces != 0 {
			t.Errorf("left over: %d early, %d bytes ahead, %d pieces", b.early, b.ahead, b.pieces)
		}
	})
}

// stubborn is not to be hurried when it makes ready.
type stubborn struct{ *films }

func (stubborn) Prepare(context.Context, remote.Ref) error {
	time.Sleep(time.Second)
	return nil
}

// Who opens and closes at once leaves behind what makes ready to read: until that is done nobody else makes room of what it opens.
func TestEarlyCountsAsAUser(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: stubborn{&films{}}})
		defer closeBlocks(t, b)
		r := b.Open(film("a", 1<<30))
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		known := func() int {
			b.retireOldest(1 << 40)
			b.mu.Lock()
			defer b.mu.Unlock()
			return len(b.table)
		}
		if known() != 1 {
			t.Error("its files are deleted while they are made")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if known() != 0 {
			t.Error("it is in use for ever")
		}
	})
}

// Thousands of films opened in a row, each read at its beginning: what is fetched early is bounded, and ends with the Reader.
func TestEarlyIsBounded(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		src := &films{rtt: time.Minute}
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
		defer closeBlocks(t, b)
		var readers []*Reader
		for i := range 1000 {
			readers = append(readers, b.Open(clip(remote.ID(fmt.Sprint(i)), 1<<30)))
		}
		synctest.Wait()
		if n := len(src.prepared); n != maxEarly {
			t.Errorf("%d prepared at once", n)
		}
		for _, r := range readers {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if src.open != 0 || b.early != 0 {
			t.Errorf("%d downloads and %d others go on", src.open, b.early)
		}
	})
}

// Looking at the head of a film, in any steps, costs little beside what is read.
func TestHeadCostsLittle(t *testing.T) {
	for _, step := range []int64{4 << 10, 32 << 10, 128 << 10, mib} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			src := &films{rtt: 30 * time.Millisecond}
			b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
			defer closeBlocks(t, b)
			r := b.Open(clip("f", 6*mib))
			for off := int64(0); off < mib; off += step {
				mustRead(t, r, "f", off, step)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if _, asked, _ := src.counts(); asked > 2*mib+tailEarly+blockSize {
				t.Errorf("steps of %d: asked for %d bytes", step, asked)
			}
		})
	}
}

// A read of 1 MiB somewhere, as the kernel cuts it, goes out as ranges of a block, side by side, and nothing else does.
func TestRandomReadGoesOutInBlocks(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		src := &films{rtt: 30 * time.Millisecond, chunk: 64 << 10, pace: 5 * time.Millisecond} // as at 100 Mbit/s
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
		defer closeBlocks(t, b)
		r := b.Open(film("f", 1<<30))
		time.Sleep(time.Second)
		const off = 500*mib + 12*4096
		began := time.Now()
		done := make(chan bool)
		go func() {
			mustRead(t, r, "f", off+mib, 4096)
			done <- true
		}()
		mustRead(t, r, "f", off, mib)
		<-done
		if d := time.Since(began); d > 41*time.Millisecond {
			t.Errorf("took %v", d)
		}
		got, asked, _ := src.counts()
		if len(got) != 9 || asked != 9*blockSize {
			t.Errorf("requests %v", got)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Reading the index at the end of a film in small steps fetches it at once, side by side.
func TestIndexAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		const size, index = 10 << 30, 4*mib + 77
		src := &films{rtt: 30 * time.Millisecond, chunk: 64 << 10, pace: 5 * time.Millisecond}
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
		defer closeBlocks(t, b)
		r := b.Open(clip("f", size))
		began := time.Now()
		for off := int64(0); off < 256<<10; off += 32 << 10 {
			mustRead(t, r, "f", off, 32<<10)
		}
		for off := int64(size - index); off < size; off += 32 << 10 {
			mustRead(t, r, "f", off, min(32<<10, size-off))
		}
		if d := time.Since(began); d > 170*time.Millisecond { // the link, the head, the index, and the bytes of both
			t.Errorf("took %v", d)
		}
		if _, asked, _ := src.counts(); asked > 6*mib {
			t.Errorf("asked for %d bytes", asked)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// The link is full after two or three round trips.
func TestRampIsShort(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		src := &films{rtt: 30 * time.Millisecond, chunk: 64 << 10, pace: 5 * time.Millisecond}
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
		defer closeBlocks(t, b)
		r := b.Open(film("f", 1<<30))
		time.Sleep(time.Second)
		var began []time.Duration
		start := time.Now()
		src.gate = func(_ context.Context, _ int64) error {
			src.mu.Lock()
			defer src.mu.Unlock()
			if src.open >= 16 && len(began) == 0 {
				began = append(began, time.Since(start))
			}
			return nil
		}
		for off := int64(0); off < 64*mib; off += mib {
			mustRead(t, r, "f", off, mib)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if len(began) == 0 || slices.Max(began) > 170*time.Millisecond {
			t.Errorf("16 connections after %v", began)
		}
	})
}
