package bench

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// chunk is how much a program reads at once: what cp, ffmpeg and players ask for lies between 128 KiB and this.
const chunk = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// film writes a file that nothing can compress, and answers its checksum.
func film(t testing.TB, path string, size int64) uint32 {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := crc32.New(castagnoli)
	random := rand.NewChaCha8([32]byte{1})
	if _, err := io.CopyBuffer(io.MultiWriter(onlyWriter{f}, sum), io.LimitReader(random, size), make([]byte, chunk)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return sum.Sum32()
}

type onlyWriter struct{ io.Writer }

// cp copies as a person does.
func cp(t testing.TB, from, to string) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	if out, err := exec.CommandContext(ctx, "cp", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	return time.Since(began)
}

// readAll reads a file from its beginning to its end. With a sum, it tells what was read.
func readAll(t testing.TB, path string, sum io.Writer) time.Duration {
	t.Helper()
	began := time.Now()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{f}, make([]byte, chunk)); err != nil {
		t.Fatalf("read: %v", err)
	}
	return time.Since(began)
}

// discard is io.Discard without its own, smaller buffer.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// forgetBlocks is forget for all that the mount keeps on disk.
func (m *mount) forgetBlocks() {
	m.r.t.Helper()
	found := 0
	err := filepath.WalkDir(filepath.Join(m.state, "cache"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if st, err := d.Info(); err == nil && st.Size() >= chunk {
			forget(m.r.t, path)
			found++
		}
		return nil
	})
	if err != nil || found == 0 {
		m.r.t.Fatalf("the mount keeps %d files (%v)", found, err)
	}
}
