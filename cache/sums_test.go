package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// flip changes a byte in each of some blocks of the only content in dir.
func flip(t *testing.T, dir string, blocks ...int64) {
	t.Helper()
	paths := filesIn(t, dir, dataExt)
	if len(paths) != 1 {
		t.Fatalf("files %q", paths)
	}
	if err := os.Chmod(paths[0], 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(paths[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, i := range blocks {
		var b [1]byte
		if _, err := f.ReadAt(b[:], i*blockSize+i); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 0x40
		if _, err := f.WriteAt(b[:], i*blockSize+i); err != nil {
			t.Fatal(err)
		}
	}
}

// Bytes that the disk has changed between two runs are never served, whatever the reads: they are fetched again, and only they.
func TestFlippedBytes(t *testing.T) {
	const size = 3*mib + 100
	for _, step := range []int64{1000, 100_000, blockSize, mib} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			var log strings.Builder
			dir, src := t.TempDir(), &films{}
			b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
			readSome(t, b, "f", size, 0, size)
			closeBlocks(t, b)
			flip(t, dir, 1, 2, 9)
			src.counts()
			b = openBlocks(t, BlocksConfig{Dir: dir, Source: src, Log: slog.New(slog.NewTextHandler(&log, nil))})
			r := b.Open(film("f", size))
			if _, ok := r.File(); ok {
				t.Error("handed out unchecked")
			}
			mustReadAll(t, r, "f", step)
			land(t, r)
			if _, asked, _ := src.counts(); asked != 3*blockSize {
				t.Errorf("fetched %d bytes", asked)
			}
			if _, ok := r.File(); !ok {
				t.Error("not handed out")
			}
			if n := strings.Count(log.String(), "WARN"); n != 1 {
				t.Errorf("logged %d times: %s", n, log.String())
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			closeBlocks(t, b)
			readSome(t, openBlocks(t, BlocksConfig{Dir: dir, Source: src}), "f", size, 0, size)
			if got, _, _ := src.counts(); len(got) != 0 {
				t.Errorf("fetched again in the third run: %v", got)
			}
		})
	}
}

// A damaged file that was handed out is not mended in its place, where a program may have it mapped: another takes its place.
func TestFlippedAfterHandedOut(t *testing.T) {
	const size = 2 * mib
	dir, src := t.TempDir(), &films{}
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
	r := b.Open(film("f", size))
	mustReadAll(t, r, "f", mib)
	land(t, r)
	f, ok := r.File()
	if !ok {
		t.Fatal("not handed out")
	}
	path := f.Name()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	closeBlocks(t, b)
	flip(t, dir, 5)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mapped.Close() }()
	b = openBlocks(t, BlocksConfig{Dir: dir, Source: src})
	r = b.Open(film("f", size))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() { mustReadAll(t, r, "f", 50_000*int64(i+1)) })
	}
	wg.Wait()
	mustReadAll(t, r, "f", mib) // what came before the other file was there may not have been kept
	land(t, r)
	if f, ok := r.File(); !ok || f.Name() == path {
		t.Error("no other file took its place")
	}
	after := make([]byte, size)
	if _, err := mapped.ReadAt(after, 0); err != nil || string(after) != string(before) {
		t.Errorf("what was handed out has changed (%v)", err)
	}
	if used, _ := b.Usage(); used != size {
		t.Errorf("used %d", used)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// What versions before sums left is used, and gets sums for what is added.
func TestMapWithoutSums(t *testing.T) {
	const size = 3 * mib
	dir, src := t.TempDir(), &films{}
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
	readSome(t, b, "f", size, 0, 2*mib)
	closeBlocks(t, b)
	for _, path := range filesIn(t, dir, mapExt) {
		m, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		body := append([]byte(mapMagic1), m[len(mapMagic):len(m)-8]...)
		if err := os.WriteFile(path, binary.BigEndian.AppendUint64(body, xxhash.Sum64(body)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(strings.TrimSuffix(path, mapExt) + sumsExt); err != nil {
			t.Fatal(err)
		}
	}
	src.counts()
	b = openBlocks(t, BlocksConfig{Dir: dir, Source: src})
	r := b.Open(film("f", size))
	mustReadAll(t, r, "f", mib)
	land(t, r)
	if _, asked, _ := src.counts(); asked != mib {
		t.Errorf("fetched %d bytes", asked)
	}
	if _, ok := r.File(); !ok {
		t.Error("not handed out")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	closeBlocks(t, b)
	flip(t, dir, 20)
	readSome(t, openBlocks(t, BlocksConfig{Dir: dir, Source: src}), "f", size, 0, size)
	if _, asked, _ := src.counts(); asked != blockSize {
		t.Errorf("fetched %d bytes", asked)
	}
}

// Killed between any two steps on disk, and with whatever was not told of by a map turned to garbage, the next run serves right
// bytes.
func TestKilledBetweenSteps(t *testing.T) {
	const size = 5*blockSize + 99
	dir, lefts := t.TempDir(), t.TempDir()
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: &films{}, Size: 4 * blockSize})
	steps := map[string]int{}
	var mu sync.Mutex
	b.testOnlyStep = func(step string) {
		mu.Lock()
		defer mu.Unlock()
		if steps[step]++; steps[step] > 12 {
			return
		}
		left := filepath.Join(lefts, fmt.Sprint(step, steps[step]))
		if err := os.CopyFS(left, os.DirFS(dir)); errors.Is(err, os.ErrNotExist) {
			_ = os.RemoveAll(left) // something else went on meanwhile, so this is no state that ever was
		} else if err != nil {
			t.Error(err)
		}
	}
	spooled := filepath.Join(t.TempDir(), "spooled")
	content := make([]byte, 2*blockSize)
	fill(content, "g", 0)
	if err := os.WriteFile(spooled, content, 0o600); err != nil {
		t.Fatal(err)
	}
	r := b.Open(film("f", size))
	for round := range 2 {
		for off := int64(0); off < size; off += blockSize {
			mustRead(t, r, "f", off, min(blockSize, size-off))
			land(t, r)
			if err := r.c.save(); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Adopt(film("g", 2*blockSize), spooled); round == 0 && err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := b.Clear(nil); err != nil {
		t.Error(err)
	}
	closeBlocks(t, b)
	for _, step := range []string{"make", "block", "sums", "sync", "map", "hole", "adopt", "delete"} {
		if steps[step] == 0 {
			t.Errorf("no step %q", step)
		}
	}
	left, err := filepath.Glob(filepath.Join(lefts, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range left {
		garble(t, dir)
		b := openBlocks(t, BlocksConfig{Dir: dir, Source: &films{}})
		readSome(t, b, "f", size, 0, size)
		readSome(t, b, "g", 2*blockSize, 0, 2*blockSize)
		closeBlocks(t, b)
	}
}

// garble overwrites the blocks that no map tells of: a power loss may leave anything there.
func garble(t *testing.T, dir string) {
	t.Helper()
	for _, path := range filesIn(t, dir, mapExt) {
		data := strings.TrimSuffix(path, mapExt) + dataExt
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(data)
		if err != nil {
			continue
		}
		have, _, err := decodeMap(b, fi.Size())
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(data, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range blocksOf(fi.Size()) {
			if !have.has(i) {
				if _, err := f.WriteAt(make([]byte, min(blockSize, fi.Size()-i*blockSize)), i*blockSize); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
