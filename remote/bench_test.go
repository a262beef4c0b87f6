package remote

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
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

// BenchmarkOpenRange reads 256 MiB over one connection to a host on this machine that makes them up, and beside it does the
// same with the bare connection, which is as fast as it can get.
func BenchmarkOpenRange(b *testing.B) {
	const size = 256 << 20
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go flood(conn, size)
		}
	}()
	url := "http://" + l.Addr().String() + "/"
	for _, buf := range []int{32 << 10, 128 << 10, 1 << 20} {
		p := make([]byte, buf)
		b.Run(fmt.Sprintf("range/%dKiB", buf>>10), func(b *testing.B) {
			c := dial(b, url, StaticToken("t"))
			b.SetBytes(size)
			for b.Loop() {
				r, err := c.OpenRange(b.Context(), fileRef, 0, -1, func(context.Context) (Link, error) { return Link{URL: url, Size: size}, nil })
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.CopyBuffer(onlyWriter{}, r, p); n != size || err != nil {
					b.Fatal(n, err)
				}
				r.Close()
			}
		})
		b.Run(fmt.Sprintf("bare/%dKiB", buf>>10), func(b *testing.B) {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			b.SetBytes(size)
			for b.Loop() {
				io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				if n, err := io.CopyBuffer(onlyWriter{}, io.LimitReader(conn, size), p); n != size || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// onlyWriter hides io.Discard's ReadFrom, which has a buffer of its own.
type onlyWriter struct{}

func (onlyWriter) Write(p []byte) (int, error) { return len(p), nil }

// flood answers every request on conn with size bytes.
func flood(conn net.Conn, size int) {
	defer conn.Close()
	block := make([]byte, 1<<20)
	r := bufio.NewReader(conn)
	for {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		fmt.Fprintf(conn, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-%d/%d\r\nContent-Length: %d\r\n\r\n", size-1, size, size)
		for n := 0; n < size; n += len(block) {
			if _, err := conn.Write(block); err != nil {
				return
			}
		}
	}
}
