package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func xmlError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message><RequestId>r</RequestId></Error>`, code, message)
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
	var progress int64
	ctx := WithProgress(t.Context(), func(n int64) { progress += n })
	part := Part{Number: 2, URL: s.URL + "/parts/a/part_2?X-Amz-Signature=s", MediaType: "video/mp4", Off: 333_333, Size: 500_001}
	if err := dial(t, s.URL, StaticToken("fio-u-x")).PutPart(ctx, part, bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, file[333_333:833_334]) || progress != 500_001 {
		t.Errorf("got %d bytes and %d in progress", len(got), progress)
	}
}

func TestPutPartTriesAgain(t *testing.T) {
	t.Parallel()
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
		t.Run(c.name, func(t *testing.T) {
			data := big[:3<<20]
			if c.name == "answer before the end" {
				data = big
			}
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
			if err := dial(t, s.URL, StaticToken("t")).PutPart(ctx, part, bytes.NewReader(data)); err != nil {
				t.Error(err)
			}
			if calls.Load() != 2 || progress.Load() != int64(len(data)) {
				t.Errorf("%d attempts, %d bytes in progress; want 2 and %d: what is sent twice counts once", calls.Load(), progress.Load(), len(data))
			}
		})
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
	if err := c.PutPart(t.Context(), Part{URL: s.URL, Size: 10}, strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrOffline) {
		t.Errorf("short file: got %v", err)
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
