package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func xmlError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message><RequestId>r</RequestId></Error>`, code, message)
}

// bodies gives data as a reader, which is copied, and as a file, which the kernel sends.
func bodies(t *testing.T, data []byte) map[string]io.ReaderAt {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "body"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if _, err := file.Write(data); err != nil {
		t.Fatal(err)
	}
	return map[string]io.ReaderAt{"reader": bytes.NewReader(data), "file": file}
}

func TestPutPartSendsOneSliceAsS3WantsIt(t *testing.T) {
	file := bytes.Repeat([]byte("0123456789"), 100_000)
	var got []byte
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for _, c := range []struct{ what, got, want string }{
			{"method", r.Method, "PUT"},
			{"query", r.URL.RawQuery, "X-Amz-Signature=s"},
			{"content type", r.Header.Get("Content-Type"), "video/mp4"},
			{"acl", r.Header.Get("x-amz-acl"), "private"},
			{"authorization", r.Header.Get("Authorization"), ""},
			{"transfer encoding", strings.Join(r.TransferEncoding, ","), ""},
			{"length", fmt.Sprint(r.ContentLength), "500001"},
		} {
			if c.got != c.want {
				t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
			}
		}
		got, _ = io.ReadAll(r.Body)
	})
	part := Part{Number: 2, URL: s.URL + "/parts/a/part_2?X-Amz-Signature=s", MediaType: "video/mp4", Off: 333_333, Size: 500_001}
	for name, body := range bodies(t, file) {
		var progress int64
		ctx := WithProgress(t.Context(), func(n int64) { progress += n })
		if err := dial(t, s.URL, StaticToken("fio-u-x")).PutPart(ctx, part, body); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, file[333_333:833_334]) || progress != 500_001 {
			t.Errorf("%s: got %d bytes and %d in progress", name, len(got), progress)
		}
	}
}

func TestPutPartTriesAgain(t *testing.T) {
	t.Parallel()
	small := bytes.Repeat([]byte("x"), 2<<20)
	big := bytes.Repeat([]byte("x"), 16<<20) // more than the kernel buffers between two sockets
	for _, c := range []struct {
		name  string
		first func(w http.ResponseWriter, r *http.Request)
	}{
		{"slow down", func(w http.ResponseWriter, r *http.Request) { xmlError(w, 503, "SlowDown", "") }},
		{"timeout", func(w http.ResponseWriter, r *http.Request) { xmlError(w, 400, "RequestTimeout", "") }},
		{"internal", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			xmlError(w, 500, "InternalError", "")
		}},
		{"reset", func(w http.ResponseWriter, r *http.Request) {
			io.CopyN(io.Discard, r.Body, 1<<20)
			panic(http.ErrAbortHandler)
		}},
		{"portal", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<h1>Welcome</h1>")
		}},
		{"answer before the end", func(w http.ResponseWriter, r *http.Request) {
			io.CopyN(io.Discard, r.Body, 1000)
			w.Header().Set("Connection", "close")
		}},
	} {
		data := small
		if c.name == "answer before the end" {
			data = big
		}
		for kind, body := range bodies(t, data) {
			t.Run(c.name+" "+kind, func(t *testing.T) {
				t.Parallel()
				var calls atomic.Int32
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if calls.Add(1) == 1 {
						c.first(w, r)
						return
					}
					if got, _ := io.ReadAll(r.Body); !bytes.Equal(got, data) {
						t.Errorf("the second attempt sent %d bytes", len(got))
					}
				})
				var progress atomic.Int64
				ctx := WithProgress(t.Context(), func(n int64) { progress.Add(n) })
				part := Part{Number: 1, URL: s.URL, MediaType: "a/b", Size: int64(len(data))}
				if err := dial(t, s.URL, StaticToken("t")).PutPart(ctx, part, body); err != nil {
					t.Error(err)
				}
				if calls.Load() != 2 || progress.Load() != int64(len(data)) {
					t.Errorf("%d attempts, %d bytes in progress; want 2 and %d: what is sent twice counts once", calls.Load(), progress.Load(), len(data))
				}
			})
		}
	}
}

func TestPutPartGivesUpForGoodReason(t *testing.T) {
	amz := func(at time.Time) string { return at.UTC().Format("20060102T150405Z") }
	for _, c := range []struct {
		name   string
		status int
		code   string
		msg    string
		query  string
		is     error
		not    error
	}{
		{"wrong signature", 403, "SignatureDoesNotMatch", "no", "X-Amz-Expires=600&X-Amz-Date=" + amz(time.Now()), iofs.ErrPermission, ErrExpired},
		{"expired, S3 says", 403, "AccessDenied", "Request has expired", "", ErrExpired, iofs.ErrPermission},
		{"expired, the URL says", 403, "AccessDenied", "", "X-Amz-Expires=600&X-Amz-Date=" + amz(time.Now().Add(-time.Hour)), ErrExpired, iofs.ErrPermission},
		{"too large", 400, "EntityTooLarge", "big", "", ErrRefused, nil},
		{"not XML", 404, "<", "", "", iofs.ErrNotExist, nil},
	} {
		calls := 0
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			io.Copy(io.Discard, r.Body)
			xmlError(w, c.status, c.code, c.msg)
		})
		err := dial(t, s.URL, StaticToken("t")).PutPart(t.Context(), Part{Number: 3, URL: s.URL + "/?sig=SECRET&" + c.query, Size: 2}, strings.NewReader("xy"))
		if !errors.Is(err, c.is) || c.not != nil && errors.Is(err, c.not) || calls != 1 {
			t.Errorf("%s: got %v after %d calls, want %v", c.name, err, calls, c.is)
		}
		if err != nil && (strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "put part 3")) {
			t.Errorf("%s: the text is %q", c.name, err)
		}
	}
}

// badDisk fails after some bytes.
type badDisk struct{}

func (badDisk) ReadAt(p []byte, off int64) (int, error) {
	if off > 0 {
		return 0, iofs.ErrInvalid
	}
	return copy(p, make([]byte, 1000)), nil
}

func TestPutPartTellsOurOwnTroubleFromTheLinks(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	c := dial(t, s.URL, StaticToken("t"))
	if err := c.PutPart(t.Context(), Part{URL: s.URL, Size: 1 << 20}, badDisk{}); !errors.Is(err, iofs.ErrInvalid) || errors.Is(err, ErrOffline) {
		t.Errorf("failing disk: got %v", err)
	}
	for kind, body := range bodies(t, []byte("short")) {
		if err := c.PutPart(t.Context(), Part{URL: s.URL, Size: 10}, body); !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrOffline) {
			t.Errorf("short %s: got %v", kind, err)
		}
	}
	s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.PutPart(ctx, Part{URL: s.URL, Size: 5}, strings.NewReader("bytes")); !errors.Is(err, ErrOffline) {
		t.Errorf("no server: got %v, want ErrOffline when the context ends", err)
	}
	if err := c.PutPart(t.Context(), Part{URL: "http://upload.example/", Size: 5}, strings.NewReader("bytes")); !errors.Is(err, errInsecure) {
		t.Errorf("open address: got %v", err)
	}
}

// silent is an upload or media host that takes the request and never answers the first one.
type silent struct {
	answer func(*http.Request) *http.Response
	calls  int
}

func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.calls++; s.calls == 1 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if r.Body != nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	return s.answer(r), nil
}

func TestStalledTransfersAreCutAndTakenUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, "http://127.0.0.1:1", StaticToken("t"))
		host := &silent{answer: func(*http.Request) *http.Response {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}
		}}
		c.data = host
		start := time.Now()
		err := c.PutPart(t.Context(), Part{URL: "http://127.0.0.1:1/", Size: 5}, strings.NewReader("bytes"))
		if took := time.Since(start); err != nil || host.calls != 2 || took < stall || took > stall+time.Second {
			t.Errorf("PUT: %v after %d attempts and %v", err, host.calls, took)
		}

		// The first GET's body stops in the middle.
		first := true
		c.media = transport(func(r *http.Request) (*http.Response, error) {
			var from int64
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
			h := http.Header{"Content-Range": {fmt.Sprintf("bytes %d-9/10", from)}}
			body := io.NopCloser(strings.NewReader("0123456789"[from:]))
			if first {
				first = false
				body = io.NopCloser(io.MultiReader(strings.NewReader("0123"), hanging{r.Context()}))
			}
			return &http.Response{StatusCode: 206, Header: h, ContentLength: 10 - from, Body: body}, nil
		})
		fetch := func(context.Context) (Link, error) { return Link{URL: "http://127.0.0.1:1/f", Size: 10}, nil }
		start = time.Now()
		r, err := c.OpenRange(t.Context(), fileRef, 0, 10, fetch)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // a reader that takes its time is no stall
		got, err := io.ReadAll(r)
		r.Close()
		if took := time.Since(start) - time.Hour; string(got) != "0123456789" || err != nil || took < mediaStall || took > mediaStall+time.Second {
			t.Errorf("GET: %q, %v after %v", got, err, took)
		}
	})
}

// hanging gives nothing until its context ends.
type hanging struct{ ctx context.Context }

func (h hanging) Read([]byte) (int, error) {
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

func TestPutPartOfNothingHasALength(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Length") != "0" {
			t.Errorf("Content-Length %q, want 0", r.Header.Get("Content-Length"))
		}
	})
	if err := dial(t, s.URL, StaticToken("t")).PutPart(t.Context(), Part{URL: s.URL}, strings.NewReader("")); err != nil {
		t.Error(err)
	}
}
