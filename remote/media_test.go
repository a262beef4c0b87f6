package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// film is a media host with one file.
type film struct {
	bytes  []byte
	etag   string
	gets   atomic.Int32
	before func(n int, w http.ResponseWriter, r *http.Request) bool // true: it has answered
}

func (f *film) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(f.gets.Add(1))
	if f.before != nil && f.before(n, w, r) {
		return
	}
	w.Header().Set("ETag", f.etag)
	w.Header().Set("Content-Type", "video/mp4")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.bytes))
}

// open connects to a film and gives a fetch that counts.
func (f *film) open(t *testing.T) (c *Conn, fetch func(context.Context) (Link, error), fetched *atomic.Int32) {
	s := serve(t, f.ServeHTTP)
	fetched = new(atomic.Int32)
	return dial(t, s.URL, StaticToken("fio-u-x")), func(context.Context) (Link, error) {
		return Link{URL: fmt.Sprintf("%s/?Expires=%d&v=%d", s.URL, time.Now().Add(time.Hour).Unix(), fetched.Add(1)), Size: int64(len(f.bytes))}, nil
	}, fetched
}

func newFilm(size int) *film {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	return &film{bytes: b, etag: `"e1"`}
}

var fileRef = Ref{Kind: File, ID: "f1"}

func TestOpenRangeReadsExactlyTheRange(t *testing.T) {
	f := newFilm(100_000)
	f.before = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "" {
			t.Error("the media host was sent the token")
		}
		return false
	}
	c, fetch, fetched := f.open(t)
	for _, x := range []struct{ off, n, first, end int64 }{
		{0, 10, 0, 10}, {99_990, 100, 99_990, 100_000}, {500, -1, 500, 100_000}, {7, 0, 0, 0},
		{100_000, 5, 0, 0}, {200_000, 5, 0, 0}, {0, 100_000, 0, 100_000},
	} {
		r, err := c.OpenRange(t.Context(), fileRef, x.off, x.n, fetch)
		if err != nil {
			t.Fatalf("%v: %v", x, err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, f.bytes[x.first:x.end]) {
			t.Errorf("%v: got %d bytes, %v", x, len(got), err)
		}
	}
	if fetched.Load() != 1 {
		t.Errorf("%d links were asked for, want 1 for all reads", fetched.Load())
	}
	if _, err := c.OpenRange(t.Context(), Ref{Kind: Stack, ID: "s"}, 0, 1, fetch); !errors.Is(err, ErrRefused) {
		t.Errorf("range of a stack: got %v, want ErrRefused: its bytes change", err)
	}
}

func TestOpenRangeSharesOneLink(t *testing.T) {
	f := newFilm(1000)
	c, fetch, fetched := f.open(t)
	slow := func(ctx context.Context) (Link, error) {
		time.Sleep(20 * time.Millisecond)
		return fetch(ctx)
	}
	var wg sync.WaitGroup
	for i := range int64(50) {
		wg.Go(func() {
			r, err := c.OpenRange(t.Context(), fileRef, i*20, 20, slow)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, f.bytes[i*20:i*20+20]) {
				t.Errorf("at %d: %v", i*20, err)
			}
		})
	}
	wg.Wait()
	if fetched.Load() != 1 {
		t.Errorf("50 readers asked for %d links, want 1", fetched.Load())
	}
}

func TestOpenRangeGoesOnAfterACut(t *testing.T) {
	f := newFilm(1 << 20)
	cut := 0
	f.before = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 3 {
			return false
		}
		cut++
		var from, to int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
		w.Header().Set("ETag", f.etag)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(f.bytes)))
		w.Header().Set("Content-Length", fmt.Sprint(to-from+1))
		w.WriteHeader(206)
		w.Write(f.bytes[from : from+100_000])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c, fetch, _ := f.open(t)
	r, err := c.OpenRange(t.Context(), fileRef, 1000, 900_000, fetch)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, f.bytes[1000:901_000]) || cut != 3 {
		t.Errorf("got %d bytes, %v, after %d cuts", len(got), err, cut)
	}
}

func TestOpenRangeRenewsARefusedLink(t *testing.T) {
	f := newFilm(1000)
	refuse := func(v string) {
		f.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if v != "" && r.URL.Query().Get("v") != v {
				return false
			}
			xmlError(w, 403, "AccessDenied", "Request has expired")
			return true
		}
	}
	c, fetch, fetched := f.open(t)
	refuse("1")
	r, err := c.OpenRange(t.Context(), fileRef, 0, 10, fetch)
	if err != nil || fetched.Load() != 2 {
		t.Fatalf("got %v after %d links, want success with the second", err, fetched.Load())
	}
	r.Close()
	refuse("")
	_, err = c.OpenRange(t.Context(), fileRef, 0, 10, fetch)
	if !errors.Is(err, ErrExpired) || fetched.Load() != 2+mediaRenewals {
		t.Errorf("got %v after %d links, want ErrExpired after %d more", err, fetched.Load(), mediaRenewals)
	}
}

func TestOpenRangeWithoutRanges(t *testing.T) {
	f := newFilm(300_000)
	f.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", fmt.Sprint(len(f.bytes)))
		w.Write(f.bytes)
		return true
	}
	c, fetch, _ := f.open(t)
	r, err := c.OpenRange(t.Context(), fileRef, 200_000, 50_000, fetch)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, f.bytes[200_000:250_000]) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestOpenRangeNeverGivesWrongBytes(t *testing.T) {
	f := newFilm(1000)
	for _, c := range []struct {
		name    string
		status  int
		headers map[string]string
		body    []byte
		is      error
	}{
		{"another range", 206, map[string]string{"Content-Range": "bytes 0-9/1000"}, f.bytes[:10], ErrNotFrameio},
		{"no range told", 206, nil, f.bytes[100:110], ErrNotFrameio},
		{"more than asked", 206, map[string]string{"Content-Range": "bytes 100-120/1000"}, f.bytes[100:121], ErrNotFrameio},
		{"another length", 206, map[string]string{"Content-Range": "bytes 100-109/1000", "Content-Length": "5"}, f.bytes[100:105], ErrNotFrameio},
		{"another file", 206, map[string]string{"Content-Range": "bytes 100-109/999"}, f.bytes[100:110], ErrChanged},
		{"another file whole", 200, map[string]string{"Content-Length": "10"}, f.bytes[:10], ErrChanged},
		{"compressed", 206, map[string]string{"Content-Range": "bytes 100-109/1000", "Content-Encoding": "gzip"}, f.bytes[100:110], ErrNotFrameio},
		{"not there yet", 404, nil, nil, ErrIncomplete},
		{"no range", 416, nil, nil, nil},
	} {
		f.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			for k, v := range c.headers {
				w.Header().Set(k, v)
			}
			w.WriteHeader(c.status)
			w.Write(c.body)
			return true
		}
		conn, fetch, _ := f.open(t)
		r, err := conn.OpenRange(t.Context(), fileRef, 100, 10, fetch)
		if err == nil {
			r.Close()
		}
		if err == nil || c.is != nil && !errors.Is(err, c.is) || errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.is)
		}
	}
}

func TestOpenRangeNoticesChangedBytes(t *testing.T) {
	f := newFilm(1000)
	c, fetch, _ := f.open(t)
	read := func() error {
		r, err := c.OpenRange(t.Context(), fileRef, 0, 10, fetch)
		if err == nil {
			r.Close()
		}
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	f.etag = `"e2"`
	if err := read(); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
	if err := read(); err != nil {
		t.Errorf("after the change was told: %v", err)
	}
}

func TestOpenRangeEndsWithItsContext(t *testing.T) {
	f := newFilm(1000)
	f.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Range", "bytes 0-999/1000")
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(206)
		w.Write(f.bytes[:10])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	c, fetch, _ := f.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := c.OpenRange(ctx, fileRef, 0, -1, fetch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
	r.Close()
}

// Bytes that come one a second are not what a reader can wait for; those of a slow line are.
func TestReadsThatDripAreFoundOut(t *testing.T) {
	r := &rangeReader{}
	for i := range 100 {
		if r.drips(1000, time.Second) {
			t.Fatalf("a kilobyte a second counts as drips after %d s", i)
		}
	}
	r = &rangeReader{}
	n := 1
	for ; !r.drips(1, time.Second); n++ {
	}
	if n < 15 || n > 17 {
		t.Errorf("a byte a second is found out after %d s", n)
	}
	if r.drips(1, time.Second) {
		t.Error("and again at once")
	}
}
