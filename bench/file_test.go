package bench

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// chunk is how much a program reads at once: what cp, ffmpeg and players ask for lies between 128 KiB and this.
const chunk = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// film writes a file that nothing can compress, and answers its checksum.
func film(b *testing.B, path string, size int64) uint32 {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	sum := crc32.New(castagnoli)
	random := rand.NewChaCha8([32]byte{1})
	if _, err := io.CopyBuffer(io.MultiWriter(onlyWriter{f}, sum), io.LimitReader(random, size), make([]byte, chunk)); err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		b.Fatal(err)
	}
	return sum.Sum32()
}

type onlyWriter struct{ io.Writer }

// cp copies as a person does.
func cp(b *testing.B, from, to string) time.Duration {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	if out, err := exec.CommandContext(ctx, "cp", from, to).CombinedOutput(); err != nil {
		b.Fatalf("cp: %v\n%s", err, out)
	}
	return time.Since(began)
}

// readAll reads a file from its beginning to its end. With a sum, it tells what was read.
func readAll(b *testing.B, path string, sum io.Writer) time.Duration {
	b.Helper()
	began := time.Now()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{f}, make([]byte, chunk)); err != nil {
		b.Fatalf("read: %v", err)
	}
	return time.Since(began)
}

// discard is io.Discard without its own, smaller buffer.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// readAt opens a file and reads n bytes somewhere.
func readAt(b *testing.B, path string, off, n int64) time.Duration {
	b.Helper()
	began := time.Now()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.ReadAt(make([]byte, n), off); err != nil {
		b.Fatalf("read at %d: %v", off, err)
	}
	return time.Since(began)
}

// list reads a folder and answers how long that took.
func list(b *testing.B, path string, want int) time.Duration {
	b.Helper()
	began := time.Now()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	took := time.Since(began)
	if err != nil || len(names) != want {
		b.Fatalf("%s lists %d names, not %d (%v)", path, len(names), want, err)
	}
	return took
}

// forget lets the kernel drop what it has of a file's bytes in memory.
func forget(b *testing.B, path string) {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		b.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		b.Fatal(err)
	}
}

// forgetBlocks is forget for all that the mount keeps on disk.
func (m *mount) forgetBlocks() {
	m.r.b.Helper()
	found := 0
	err := filepath.WalkDir(filepath.Join(m.state, "cache"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".data") {
			forget(m.r.b, path)
			found++
		}
		return err
	})
	if err != nil || found == 0 {
		m.r.b.Fatalf("the mount keeps %d files (%v)", found, err)
	}
}

// bareClient reads size bytes as fast as the line lets a program that does nothing else: ranges, several at once, thrown away.
func bareClient(b *testing.B, url string, size int64) time.Duration {
	b.Helper()
	const connections, piece = 16, 8 << 20
	transport := &http.Transport{MaxIdleConnsPerHost: connections, ReadBufferSize: 64 << 10, DisableCompression: true}
	defer transport.CloseIdleConnections()
	var got atomic.Int64
	began := time.Now()
	g, ctx := errgroup.WithContext(context.Background())
	g.SetLimit(connections)
	for off := int64(0); off < size; off += piece {
		g.Go(func() error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return err
			}
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, min(off+piece, size)-1))
			resp, err := transport.RoundTrip(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusPartialContent {
				return fmt.Errorf("media host: %s", resp.Status)
			}
			n, err := io.CopyBuffer(discard{}, struct{ io.Reader }{resp.Body}, make([]byte, 128<<10))
			got.Add(n)
			return err
		})
	}
	if err := g.Wait(); err != nil || got.Load() != size {
		b.Fatalf("bare client: %d of %d bytes: %v", got.Load(), size, err)
	}
	return time.Since(began)
}
