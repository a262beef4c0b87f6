package cache

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/remote"
)

// Reading on fills the link: here one of 12.5 MB/s for each connection, 30 ms away.
func TestSequentialReadFillsLink(t *testing.T) {
	const size, chunk, speed = 64 * mib, 64 << 10, 12_500_000
	for _, readers := range []int{1, 2} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			src := &films{rtt: 30 * time.Millisecond, chunk: chunk, pace: chunk * time.Second / speed}
			b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
			defer closeBlocks(t, b)
			began := time.Now()
			var wg sync.WaitGroup
			for i := range readers {
				wg.Go(func() {
					r := b.Open(film("f", size*int64(readers))) // two places in one file are two streams
					for off := size * int64(i); off < size*int64(i+1); off += 128 << 10 {
						mustRead(t, r, "f", off, 128<<10)
						if off%(8*mib) == 0 {
							checkAhead(t, b)
						}
					}
					if err := r.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			took := time.Since(began)
			rate := float64(size*readers) / took.Seconds() / speed
			t.Logf("%d readers: %.1f connections' worth, %d at most", readers, rate, src.mostOpen)
			if rate < 7 || src.mostOpen > maxPieces+4*readers {
				t.Errorf("%d readers: %v: %.1f connections' worth, %d at most", readers, took, rate, src.mostOpen)
			}
			if _, asked, _ := src.counts(); asked > int64(size*readers)*102/100 {
				t.Errorf("asked for %d bytes", asked)
			}
		})
	}
}

func checkAhead(t *testing.T, b *Blocks) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ahead > b.memory || b.ahead < 0 || b.pieces > maxPieces {
		t.Errorf("%d bytes in %d pieces under way", b.ahead, b.pieces)
	}
}

// runAhead reads r until much is fetched ahead, and stops the film there.
func runAhead(t *testing.T, src *films, r *Reader) {
	t.Helper()
	for off := int64(0); off < 8*mib; off += 128 << 10 {
		mustRead(t, r, "f", off, 128<<10)
	}
	synctest.Wait()
	if src.open < 8 {
		t.Errorf("only %d downloads under way", src.open)
	}
}

func TestCloseAndSeekEndReadAhead(t *testing.T) {
	for name, stop := range map[string]func(t *testing.T, r *Reader){
		"close": func(t *testing.T, r *Reader) {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		},
		"seek": func(t *testing.T, r *Reader) { mustRead(t, r, "f", 500*mib, 100) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				// What is beyond the first 8 MiB comes slowly.
				src := &films{chunk: 64 << 10}
				src.gate = func(ctx context.Context, off int64) error {
					if off >= 8*mib && off < 400*mib {
						return sleep(ctx, time.Hour)
					}
					return nil
				}
				b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
				defer closeBlocks(t, b)
				r := b.Open(film("f", 1<<30))
				runAhead(t, src, r)
				stop(t, r)
				synctest.Wait()
				if src.open > 0 {
					t.Errorf("%d downloads are still under way", src.open)
				}
				b.mu.Lock()
				defer b.mu.Unlock()
				if b.ahead != 0 || b.pieces != 0 || b.running != 0 || b.used != 8*mib+int64(map[string]int{"seek": blockSize}[name]) {
					t.Errorf("left over: %d bytes ahead, %d pieces, %d streams, %d bytes used", b.ahead, b.pieces, b.running, b.used)
				}
			})
		})
	}
}

// A film's player reads sound and picture in turns, far apart: neither is taken for a seek for ever.
func TestTwoPlacesInTurns(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		const n = 48 * mib
		src := &films{rtt: 30 * time.Millisecond, chunk: 64 << 10, pace: 5 * time.Millisecond}
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
		defer closeBlocks(t, b)
		r := b.Open(film("f", 1<<30))
		began := time.Now()
		for off := int64(0); off < n; off += 256 << 10 {
			mustRead(t, r, "f", off, 256<<10)
			mustRead(t, r, "f", 500*mib+off, 256<<10)
		}
		// One connection would take 2*n/64Ki*5ms = 7.7 s, and as long again for the way.
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("took %v", d)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, asked, _ := src.counts(); asked > 2*n+DefaultMemory+8*mib {
			t.Errorf("asked for %d bytes to read %d", asked, 2*n)
		}
	})
}

// A whole film comes as fast as over a bare client with 16 connections: what the ramp and the end cost is little.
func TestWholeFilmFillsLine(t *testing.T) {
	const size, chunk = 512 * mib, 64 << 10
	link := func() *films { // 1 Gbit/s in all, 100 Mbit/s a connection, 30 ms away
		return &films{rtt: 30 * time.Millisecond, dial: 30 * time.Millisecond, chunk: chunk,
			pace: chunk * time.Second / 12_500_000, line: chunk * time.Second / 125_000_000}
	}
	var bare, took time.Duration
	synctest.Test(t, func(t *testing.T) {
		src, began := link(), time.Now()
		var g errgroup.Group
		g.SetLimit(16)
		for off := int64(0); off < size; off += 8 * mib {
			g.Go(func() error {
				body, err := src.OpenRange(t.Context(), remote.Ref{ID: "f"}, off, 8*mib)
				if err != nil {
					return err
				}
				_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, body, make([]byte, chunk))
				return errors.Join(err, body.Close())
			})
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		bare = time.Since(began)
	})
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: link()})
		defer closeBlocks(t, b)
		r := b.Open(film("f", size))
		began := time.Now()
		var g errgroup.Group
		p := make([]byte, 2*mib)
		for off := int64(0); off < size; off += 2 * mib { // as a kernel does it
			for _, half := range []int64{0, mib} {
				g.Go(func() error { _, err := r.ReadAt(t.Context(), p[half:half+mib], off+half); return err })
			}
			if err := g.Wait(); err != nil {
				t.Fatal(err)
			}
		}
		took = time.Since(began)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Logf("bare %v, read %v", bare, took)
	if took > bare*103/100 {
		t.Errorf("took %v, a bare client %v", took, bare)
	}
}
