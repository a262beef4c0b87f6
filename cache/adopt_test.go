package cache

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestAdopt(t *testing.T) {
	const size = 2*mib + 77
	content := make([]byte, size)
	fill(content, "f", 0)
	for name, before := range map[string]int64{"nothing there": 0, "a part there": mib, "all there": size} {
		t.Run(name, func(t *testing.T) {
			dir, src := t.TempDir(), &films{}
			b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
			path := filepath.Join(t.TempDir(), "data")
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
			r := b.Open(film("f", size))
			if before > 0 {
				mustRead(t, r, "f", 0, before)
			}
			src.counts()
			for range 2 { // again after a crash: the file is gone then
				if err := b.Adopt(film("f", size), path); err != nil {
					t.Fatal(err)
				}
				if _, err := os.Lstat(path); !os.IsNotExist(err) {
					t.Errorf("the file is still there: %v", err)
				}
			}
			mustReadAll(t, r, "f", 100_000)
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if used, _ := b.Usage(); used != size {
				t.Errorf("used %d, want %d", used, size)
			}
			closeBlocks(t, b)
			b = openBlocks(t, BlocksConfig{Dir: dir, Source: src})
			readSome(t, b, "f", size, 0, size)
			if got, _, _ := src.counts(); len(got) != 0 {
				t.Errorf("fetched what was adopted: %v", got)
			}
		})
	}
}

func TestAdoptRefuses(t *testing.T) {
	b := openBlocks(t, BlocksConfig{Source: &films{}, Size: 10 * mib})
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Adopt(film("f", 999), path); err == nil {
		t.Error("a file of another size was adopted")
	}
	if err := b.Adopt(film("d", 4096), filepath.Dir(path)); err == nil {
		t.Error("a folder was adopted")
	}
	if err := os.Truncate(path, 11*mib); err != nil {
		t.Fatal(err)
	}
	if err := b.Adopt(film("f", 11*mib), path); err != nil {
		t.Error(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Size() != 11*mib {
		t.Errorf("what is too large was taken: %v", err)
	}
}

// Adopting in the midst of a download changes no byte.
func TestAdoptWhileReading(t *testing.T) {
	const size = 8 * mib
	content := make([]byte, size)
	fill(content, "f", 0)
	b := openBlocks(t, BlocksConfig{Source: &films{chunk: 10_000}})
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			r := b.Open(film("f", size))
			defer func() { _ = r.Close() }()
			mustReadAll(t, r, "f", 70_000+int64(i)*1000)
		})
	}
	if err := b.Adopt(film("f", size), path); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if used, _ := b.Usage(); used != size {
		t.Errorf("used %d, want %d", used, size)
	}
}

// A file that somebody else has, too, loses no byte by what the cache does to make room, and gives way as a whole; also after the
// next start.
func TestAdoptWhatIsSharedIsNotPunched(t *testing.T) {
	const size = 6 * mib
	content := make([]byte, size)
	fill(content, "f", 0)
	dir, src := t.TempDir(), &films{}
	path := filepath.Join(t.TempDir(), "data")
	other := filepath.Join(filepath.Dir(path), "other")
	for _, err := range []error{os.WriteFile(path, content, 0o600), os.Link(path, other)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cfg := BlocksConfig{Dir: dir, Source: src, Size: 8 * mib}
	b := openBlocks(t, cfg)
	if err := b.Adopt(film("f", size), path); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		r := b.Open(film("f", size)) // what is open may give way in parts only
		mustRead(t, r, "f", 0, mib)
		readSome(t, b, "g", size, 0, size)
		if got, err := os.ReadFile(other); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("round %d: the other's bytes have changed (%v)", round, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		closeBlocks(t, b)
		b = openBlocks(t, cfg)
	}
}
