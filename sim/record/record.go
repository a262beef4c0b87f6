// Package record remembers what was asked of the simulated hosts, for tests and for people looking on.
//
// Wrap a host's handler with a Log; ask the Log for its Entries, or for the Stats that outlive them. A Log is bounded:
// the oldest entries go first. It never keeps bodies, and of an Authorization header only that there was one.
package record

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Entry is one request.
type Entry struct {
	Seq           int64     `json:"seq"`
	Host          string    `json:"host"` // "api", "upload" or "media"
	Method        string    `json:"method"`
	Path          string    `json:"path"` // with the query, but without signatures' worth of it for storage hosts
	Asset         string    `json:"asset,omitempty"`
	Part          int       `json:"part,omitempty"`
	ContentType   string    `json:"content_type,omitempty"`
	ACL           string    `json:"acl,omitempty"`
	Range         string    `json:"range,omitempty"`
	UserAgent     string    `json:"user_agent,omitempty"`
	Authorization bool      `json:"authorization"`
	ContentLength int64     `json:"content_length"` // as announced; −1 = chunked
	In            int64     `json:"in"`             // body bytes read
	Out           int64     `json:"out"`            // body bytes written
	Status        int       `json:"status"`         // 0: the connection was cut before an answer
	Fault         string    `json:"fault,omitempty"`
	Start         time.Time `json:"start"`
	End           time.Time `json:"end"`
	Parallel      int       `json:"parallel"` // requests under way on this host when it began, itself included
}

// Stats sums up a host.
type Stats struct {
	Requests    int64       `json:"requests"`
	ByStatus    map[int]int `json:"by_status"`
	In          int64       `json:"in"`
	Out         int64       `json:"out"`
	Current     int         `json:"current"`
	MaxParallel int         `json:"max_parallel"`
}

// Log keeps the latest requests of all hosts.
type Log struct {
	now func() time.Time

	mu    sync.Mutex
	size  int
	ring  []Entry
	seq   int64
	hosts map[string]*Stats
}

// New returns a log of the last size requests. A nil clock means time.Now.
func New(size int, now func() time.Time) *Log {
	if now == nil {
		now = time.Now
	}
	return &Log{now: now, size: size, hosts: make(map[string]*Stats)}
}

// Entries returns the requests kept that began after number since, oldest first. Those still under way are not there.
func (l *Log) Entries(since int64) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []Entry{}
	for _, e := range l.ring {
		if e.Seq > since {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return int(a.Seq - b.Seq) })
	return out
}

// Stats returns the sums per host.
func (l *Log) Stats() map[string]Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string]Stats)
	for host, s := range l.hosts {
		c := *s
		c.ByStatus = make(map[int]int)
		for k, v := range s.ByStatus {
			c.ByStatus[k] = v
		}
		out[host] = c
	}
	return out
}

// Quiet returns once no request is under way, or after the given time: a client may have the last byte of a long answer before it is
// recorded. It reports which of the two it was.
func (l *Log) Quiet(within time.Duration) bool {
	for end := time.Now().Add(within); ; time.Sleep(time.Millisecond) {
		current := 0
		for _, s := range l.Stats() {
			current += s.Current
		}
		if current == 0 || time.Now().After(end) {
			return current == 0
		}
	}
}

// Clear forgets entries and sums; numbers go on.
func (l *Log) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring = nil
	for _, s := range l.hosts {
		*s = Stats{ByStatus: make(map[int]int), Current: s.Current, MaxParallel: s.Current}
	}
}

type noteKey struct{}

// Note lets a handler say which asset and part a request is about.
func Note(r *http.Request, asset string, part int) {
	if e, ok := r.Context().Value(noteKey{}).(*Entry); ok {
		e.Asset, e.Part = asset, part
	}
}

// Wrap records the requests to next under the name of host. With hideQuery the query, which is all signature on the
// storage hosts, is left out.
func (l *Log) Wrap(host string, hideQuery bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := l.begin(host, r)
		if hideQuery {
			e.Path = r.URL.EscapedPath()
		}
		rw := &writer{ResponseWriter: w}
		body := &reader{ReadCloser: r.Body}
		r = r.WithContext(context.WithValue(r.Context(), noteKey{}, e))
		r.Body = body
		defer func() {
			e.In, e.Out, e.Status, e.Fault = body.n, rw.n, rw.status, w.Header().Get("x-sim-fault")
			l.end(e)
		}()
		next.ServeHTTP(rw, r)
		if rw.status == 0 {
			rw.status = http.StatusOK // net/http's reading of a handler that wrote nothing
		}
	})
}

func (l *Log) begin(host string, r *http.Request) *Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.hosts[host]
	if s == nil {
		s = &Stats{ByStatus: make(map[int]int)}
		l.hosts[host] = s
	}
	l.seq++
	s.Requests++
	s.Current++
	s.MaxParallel = max(s.MaxParallel, s.Current)
	return &Entry{
		Seq: l.seq, Host: host, Method: r.Method, Path: r.URL.RequestURI(),
		ContentType: r.Header.Get("Content-Type"), ACL: r.Header.Get("x-amz-acl"), Range: r.Header.Get("Range"),
		UserAgent: r.UserAgent(), Authorization: r.Header.Get("Authorization") != "",
		ContentLength: r.ContentLength, Start: l.now(), Parallel: s.Current,
	}
}

func (l *Log) end(e *Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.End = l.now()
	s := l.hosts[e.Host]
	s.Current--
	s.In += e.In
	s.Out += e.Out
	s.ByStatus[e.Status]++
	if len(l.ring) >= l.size {
		l.ring = l.ring[1:] // append moves the rest to a fresh array now and then, so this does not grow
	}
	l.ring = append(l.ring, *e)
}

type reader struct {
	io.ReadCloser
	n int64
}

func (r *reader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.n += int64(n)
	return n, err
}

type writer struct {
	http.ResponseWriter
	status int
	n      int64
}

func (w *writer) WriteHeader(status int) {
	if w.status == 0 || w.status < 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.n += int64(n)
	return n, err
}

// ReadFrom keeps net/http's way of sending files without copying them through the program.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	rf, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(onlyWriter{w}, r)
	}
	n, err := rf.ReadFrom(r)
	w.n += n
	return n, err
}

type onlyWriter struct{ io.Writer }

// Unwrap lets http.ResponseController find the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
