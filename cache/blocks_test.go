package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// filesIn returns the cache's files with an extension.
func filesIn(t *testing.T, dir, ext string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ext) && err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// onDisk is how many bytes of the disk the cache takes.
func onDisk(t *testing.T, dir string) (n int64) {
	t.Helper()
	for _, path := range filesIn(t, dir, dataExt) {
		if fi, err := os.Stat(path); err == nil {
			n += allocated(fi)
		}
	}
	return n
}

func readSome(t *testing.T, b *Blocks, id remote.ID, size, off, n int64) {
	t.Helper()
	r := b.Open(film(id, size))
	mustRead(t, r, id, off, n)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestRestart(t *testing.T) {
	dir, src := t.TempDir(), &films{}
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
	readSome(t, b, "f", 10*mib, 5*mib, 300_000)
	if _, err := OpenBlocks(BlocksConfig{Dir: dir, Source: src}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second process: %v", err)
	}
	used, _ := b.Usage()
	open := b.Open(film("f", 10*mib))
	mustRead(t, open, "f", 5*mib, 1)
	closeBlocks(t, b)
	if _, err := open.ReadAt(t.Context(), make([]byte, 1), 5*mib); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read from a closed cache: %v", err)
	}
	src.counts()

	b = openBlocks(t, BlocksConfig{Dir: dir, Source: src})
	if got, limit := b.Usage(); got != used || limit != DefaultSize {
		t.Errorf("used %d of %d, was %d", got, limit, used)
	}
	readSome(t, b, "f", 10*mib, 5*mib, 300_000)
	if got, _, _ := src.counts(); len(got) != 0 {
		t.Errorf("fetched again: %v", got)
	}
	readSome(t, b, "f", 10*mib, 2*mib, 10)
	if got, _, _ := src.counts(); len(got) != 1 {
		t.Errorf("requests %v for what was not there", got)
	}
}

// Killed without a Close, the cache knows what it had written down, and no more.
func TestKill(t *testing.T) {
	dir, left, src := t.TempDir(), filepath.Join(t.TempDir(), "left"), &films{}
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
	r := b.Open(film("f", 10*mib))
	mustRead(t, r, "f", 0, 2*blockSize)
	land(t, r)
	if err := r.c.save(); err != nil {
		t.Fatal(err)
	}
	mustRead(t, r, "f", 8*mib, blockSize) // not written down
	land(t, r)
	if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, path := range filesIn(t, left, dataExt) { // nor on disk
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(make([]byte, blockSize), 8*mib); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	src.counts()
	b = openBlocks(t, BlocksConfig{Dir: left, Source: src})
	readSome(t, b, "f", 10*mib, 0, 2*blockSize)
	if got, _, _ := src.counts(); len(got) != 0 {
		t.Errorf("fetched again: %v", got)
	}
	readSome(t, b, "f", 10*mib, 8*mib, blockSize)
}

// A content of another size is another content.
func TestSizeIsPartOfTheKey(t *testing.T) {
	src := &films{}
	b := openBlocks(t, BlocksConfig{Source: src})
	readSome(t, b, "f", 1000, 0, 1000)
	readSome(t, b, "f", 2000, 0, 2000)
	readSome(t, b, "f", 1000, 0, 1000)
	if got, _, _ := src.counts(); len(got) != 2 {
		t.Errorf("requests %v", got)
	}
}

// An ID cannot lead out of the cache's folder.
func TestForeignID(t *testing.T) {
	dir := t.TempDir()
	b := openBlocks(t, BlocksConfig{Dir: filepath.Join(dir, "cache"), Source: &films{}})
	for _, id := range []remote.ID{"../../../x", "/etc/passwd", "a/b", "", remote.ID(strings.Repeat("x", 1000))} {
		readSome(t, b, id, 1000, 0, 1000)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestOldestGivesWay(t *testing.T) {
	dir, src := t.TempDir(), &films{}
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: src, Size: 8 * mib})
	held := b.Open(film("held", 2*mib))
	mustReadAll(t, held, "held", mib)
	for i := range 5 {
		readSome(t, b, remote.ID(fmt.Sprint(i)), mib, 0, mib)
	}
	readSome(t, b, "0", mib, 0, mib) // used again
	src.counts()
	for i := range 3 {
		readSome(t, b, remote.ID(fmt.Sprint("new", i)), mib, 0, mib)
		if used, limit := b.Usage(); used > limit {
			t.Errorf("used %d of %d", used, limit)
		}
	}
	src.counts()
	readSome(t, b, "0", mib, 0, mib)
	mustReadAll(t, held, "held", mib)
	if got, _, _ := src.counts(); len(got) != 0 {
		t.Errorf("what is read, or was of late, gave way: %v", got)
	}
	readSome(t, b, "1", mib, 0, mib)
	if got, _, _ := src.counts(); len(got) == 0 {
		t.Error("the oldest did not give way")
	}
	if err := held.Close(); err != nil {
		t.Error(err)
	}
	closeBlocks(t, b)
	if n := onDisk(t, dir); n > 8*mib {
		t.Errorf("%d bytes on disk", n)
	}
	// The order outlives the program.
	b = openBlocks(t, BlocksConfig{Dir: dir, Source: src, Size: 8 * mib})
	readSome(t, b, "held", 2*mib, 0, 10)
	src.counts()
	for i := range 3 {
		readSome(t, b, remote.ID(fmt.Sprint("more", i)), mib, 0, mib)
	}
	src.counts()
	readSome(t, b, "held", 2*mib, 0, 2*mib)
	if got, _, _ := src.counts(); len(got) != 0 {
		t.Errorf("the youngest gave way: %v", got)
	}
}

// A film larger than the cache is read through it all the same, forth and back, and the cache stays as small as it shall.
func TestFilmLargerThanCache(t *testing.T) {
	const size, room = 24 * mib, 4 * mib
	dir := t.TempDir()
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: &films{}, Size: room})
	r := b.Open(film("f", size))
	for range 2 {
		for off := int64(0); off < size; off += mib {
			mustRead(t, r, "f", off, mib)
			if used, limit := b.Usage(); used > limit {
				t.Fatalf("used %d of %d", used, limit)
			}
		}
	}
	if err := r.c.save(); err != nil {
		t.Fatal(err)
	}
	if n := onDisk(t, dir); n > room+room/4 { // and what was under way
		t.Errorf("%d bytes on disk", n)
	}
	// A map tells of no hole.
	left := filepath.Join(t.TempDir(), "left")
	if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	b = openBlocks(t, BlocksConfig{Dir: left, Source: &films{}, Size: room})
	r = b.Open(film("f", size))
	mustReadAll(t, r, "f", mib)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestKeepFree(t *testing.T) {
	dir, src := t.TempDir(), &films{}
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: src, KeepFree: 10 * mib})
	var mu sync.Mutex
	disk := int64(14 * mib) // that others leave us
	b.free = func(string) (int64, error) {
		mu.Lock()
		defer mu.Unlock()
		return disk - onDisk(t, dir), nil
	}
	expire := func() {
		b.mu.Lock()
		b.asked = time.Time{}
		b.mu.Unlock()
	}
	for i := range 8 {
		expire()
		readSome(t, b, remote.ID(fmt.Sprint(i)), mib, 0, mib)
		if n := onDisk(t, dir); n > 4*mib {
			t.Errorf("%d bytes on disk, where there is room for 4 MiB", n)
		}
	}
	// Someone else fills the disk: the cache gives all it has, and reads go past it.
	mu.Lock()
	disk = 5 * mib
	mu.Unlock()
	expire()
	readSome(t, b, "new", mib, 0, mib)
	if used, limit := b.Usage(); used != 0 || limit != 0 {
		t.Errorf("used %d of %d", used, limit)
	}
	if n := onDisk(t, dir); n > 0 {
		t.Errorf("%d bytes on disk", n)
	}
}

// Without a disk there is no cache, but there are films.
func TestNoDisk(t *testing.T) {
	dir := t.TempDir()
	b := openBlocks(t, BlocksConfig{Dir: filepath.Join(dir, "cache"), Source: &films{}})
	if err := os.Rename(b.dir, filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.dir, nil, 0o600); err != nil { // in the way
		t.Fatal(err)
	}
	readSome(t, b, "f", 3*mib, mib, mib+5)
	path := filepath.Join(dir, "data")
	if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Adopt(film("g", 4), path); err != nil {
		t.Errorf("adopt: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "data" {
		t.Errorf("the file that could not be adopted: %q, %v", b, err)
	}
}
