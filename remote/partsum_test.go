package remote

import (
	"bytes"
	"encoding/base64"
	"errors"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// The check value that the catalogue of CRCs gives for CRC-64/NVME.
func TestPartSumIsS3s(t *testing.T) {
	h := newSum()
	io.WriteString(h, "123456789")
	if h.Sum64() != 0xae8b14860a799888 {
		t.Errorf("%016x", h.Sum64())
	}
}

// A part of which the upload host tells another checksum is never taken as done.
func TestPutPartComparesChecksums(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("0123456789"), 200_000)
	for _, c := range []struct {
		name    string
		tells   func(n int32, right hash.Hash64) string // in the answer
		calls   int32
		matched bool
		err     error
	}{
		{"right", func(_ int32, h hash.Hash64) string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }, 1, true, nil},
		{"none", func(int32, hash.Hash64) string { return "" }, 1, false, nil},
		{"none that can be read", func(int32, hash.Hash64) string { return "?" }, 1, false, nil},
		{"wrong", func(int32, hash.Hash64) string { return "AAAAAAAAAAA=" }, 1, false, ErrGarbled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var calls, matched atomic.Int32
			var progress atomic.Int64
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				h := newSum()
				io.Copy(h, r.Body)
				if tells := c.tells(calls.Add(1), h); tells != "" {
					w.Header().Set(sumHeader, tells)
				}
			})
			ctx := WithMatched(WithProgress(t.Context(), func(n int64) { progress.Add(n) }), func() { matched.Add(1) })
			conn := dial(t, s.URL, StaticToken("t"))
			part := Part{Number: 1, URL: s.URL, MediaType: "a/b", Off: 7, Size: 1_999_000}
			err := conn.PutPart(ctx, part, bytes.NewReader(data))
			want := int64(1_999_000)
			if c.err != nil {
				want = 0
			}
			if !errors.Is(err, c.err) || calls.Load() != c.calls || matched.Load() > 0 != c.matched || progress.Load() != want {
				t.Errorf("%v after %d calls, matched %d times, %d in progress", err, calls.Load(), matched.Load(), progress.Load())
			}
		})
	}
}

// What the kernel sends is not known to us, and is not held against the upload host.
func TestPutPartOfAFileIsNotCompared(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set(sumHeader, "AAAAAAAAAAA=")
	})
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := dial(t, s.URL, StaticToken("t")).PutPart(t.Context(), Part{Number: 1, URL: s.URL, MediaType: "a/b", Size: 5}, f); err != nil {
		t.Error(err)
	}
}
