package remote

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// BenchmarkPutPart sends 256 MiB from a file in parts of 16 MiB, four at a time, to a host on this machine that drops them.
func BenchmarkPutPart(b *testing.B) {
	const size, part = 256 << 20, 16 << 20
	path := filepath.Join(b.TempDir(), "film")
	if err := os.WriteFile(path, bytes.Repeat([]byte("film"), size/4), 0o600); err != nil {
		b.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	s := serve(b, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	c := dial(b, s.URL, StaticToken("t"))
	b.SetBytes(size)
	for b.Loop() {
		var wg sync.WaitGroup
		parts := make(chan Part)
		for range 4 {
			wg.Go(func() {
				for p := range parts {
					if err := c.PutPart(b.Context(), p, file); err != nil {
						b.Error(err)
					}
				}
			})
		}
		for off := int64(0); off < size; off += part {
			parts <- Part{URL: s.URL, Off: off, Size: part}
		}
		close(parts)
		wg.Wait()
	}
}
