package spool

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

func benchSpool(b *testing.B, dir string) *Spool {
	b.Helper()
	s, err := Open(Config{
		Dir: dir, Remote: newFake(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Settled: func(Info, remote.Item, string) error { return nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkWriteAt is the way of the bytes: compare it with the bare disk's page cache.
func BenchmarkWriteAt(b *testing.B) {
	s := benchSpool(b, b.TempDir())
	defer s.Close()
	e, err := s.Create(Target{Parent: folderA, Name: "a"}, Attr{})
	if err != nil {
		b.Fatal(err)
	}
	h, err := e.Open(true)
	if err != nil {
		b.Fatal(err)
	}
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	for i := 0; b.Loop(); i++ {
		if _, err := h.WriteAt(b.Context(), p, int64(i%256)<<20); err != nil {
			b.Fatal(err)
		}
	}
	h.Release()
}

// BenchmarkSmallFile is create, write 4 KiB, close.
func BenchmarkSmallFile(b *testing.B) {
	s := benchSpool(b, b.TempDir())
	defer s.Close()
	p := make([]byte, 4096)
	for i := 0; b.Loop(); i++ {
		e, err := s.Create(Target{Parent: folderA, Name: fmt.Sprint("f", i)}, Attr{})
		if err != nil {
			b.Fatal(err)
		}
		h, err := e.Open(true)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := h.WriteAt(b.Context(), p, 0); err != nil {
			b.Fatal(err)
		}
		if err := h.Flush(b.Context(), Closing{}); err != nil {
			b.Fatal(err)
		}
		h.Release()
	}
}

// BenchmarkRecover opens a state folder with 10,000 closed files.
func BenchmarkRecover(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "s")
	s := benchSpool(b, dir)
	for i := range 10000 {
		e, err := s.Create(Target{Parent: folderA, Name: fmt.Sprint("f", i)}, Attr{})
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Truncate(b.Context(), 100); err != nil {
			b.Fatal(err)
		}
	}
	begin := time.Now()
	s.Close()
	b.ReportMetric(time.Since(begin).Seconds(), "s-to-disk")
	for b.Loop() {
		s := benchSpool(b, dir)
		b.StopTimer()
		if n := len(s.In("folder-a")); n != 10000 {
			b.Fatal(n)
		}
		s.Close()
		b.StartTimer()
	}
}

// BenchmarkRunning is what finding out the hash costs, of bytes that the kernel has: once more read, or as they come by.
func BenchmarkRunning(b *testing.B) {
	const size = 64 << 20
	f, err := os.CreateTemp(b.TempDir(), "")
	if err == nil {
		err = f.Truncate(size)
	}
	if err == nil {
		_, err = f.WriteAt(make([]byte, size), 0)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	e := &Entry{}
	e.size.Store(size)
	a := &attempt{e: e}
	a.guard.f = f
	b.Run("read", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if _, err := newRunning(a).finish(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by", func(b *testing.B) {
		b.SetBytes(size)
		p := make([]byte, 32<<10)
		for b.Loop() {
			r := newRunning(a)
			for off := int64(0); off < size; off += int64(len(p)) {
				r.offer(p, off)
			}
		}
	})
}

func BenchmarkAllOfThousands(b *testing.B) {
	s := &Spool{index: newIndex()}
	for i := range 5000 {
		e := s.newEntry(NewKey(), record{Target: Target{Parent: folderA, Name: fmt.Sprint(i)}, Closed: time.Unix(int64(i*7919%5000), 0)})
		e.stage = Waiting
		s.byKey[e.key] = e
	}
	b.Run("All", func(b *testing.B) {
		for b.Loop() {
			s.All()
		}
	})
	b.Run("Moving", func(b *testing.B) {
		for b.Loop() {
			s.Moving()
		}
	})
}
