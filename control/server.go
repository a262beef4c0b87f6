package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxRequest bounds what a client may send, in bytes.
const maxRequest = 8 << 20

// Server answers for one mount.
type Server struct {
	http   *http.Server
	socket string
	served chan struct{} // closed when the accept loop has ended
}

// Listen makes the socket in dir, which must be a folder that only its user can enter, and answers for m until Close. Dead
// sockets of earlier processes in dir are removed.
func Listen(dir string, m Mount, log *slog.Logger) (*Server, error) {
	dropDead(dir)
	l, path, err := listen(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{socket: path, served: make(chan struct{})}
	s.http = &http.Server{
		Handler:           contain(log, routes(m)),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("control socket failed", "err", err)
		}
	}()
	return s, nil
}

// Socket is the path of the socket.
func (s *Server) Socket() string { return s.socket }

// Close removes the socket and lets answers that are under way end until ctx does.
func (s *Server) Close(ctx context.Context) error {
	removed := os.Remove(s.socket)
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-s.served
	return errors.Join(err, removed)
}

// contain turns a panic into an answer: asking must never take a mount down with its open files.
func contain(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				log.Error("control call failed", "call", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				http.Error(w, "internal error, see the log", http.StatusInternalServerError)
			}
		}()
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		next.ServeHTTP(w, r)
	})
}

func routes(m Mount) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		q := Query{Under: r.FormValue("under")}
		if n := r.FormValue("limit"); n != "" {
			var err error
			if q.Limit, err = strconv.Atoi(n); err != nil || q.Limit < 0 {
				http.Error(w, "limit is not a number", http.StatusBadRequest)
				return
			}
		}
		if q.Limit == 0 {
			q.Limit = DefaultFiles
		}
		q.Limit = min(q.Limit, MaxFiles)
		st, err := m.Status(r.Context(), q)
		answer(w, st, err)
	})
	mux.HandleFunc("GET /v1/list", func(w http.ResponseWriter, r *http.Request) {
		list, err := m.List(r.Context(), r.FormValue("path"))
		answer(w, list, err)
	})
	mux.HandleFunc("POST /v1/retry", func(w http.ResponseWriter, r *http.Request) {
		if q, ok := request(w, r); ok {
			n, err := m.Retry(r.Context(), q.Paths)
			answer(w, n, err)
		}
	})
	mux.HandleFunc("POST /v1/sync", func(w http.ResponseWriter, r *http.Request) {
		if q, ok := request(w, r); ok {
			if q.Until == "" {
				q.Until = Uploaded
			}
			if !slices.Contains(Untils(), string(q.Until)) {
				http.Error(w, "until must be "+strings.Join(Untils(), ", "), http.StatusBadRequest)
				return
			}
			stream(w, r, func(ctx context.Context, progress func(Status)) (Status, error) {
				return Status{}, m.Sync(ctx, q.Paths, q.Until, progress)
			})
		}
	})
	mux.HandleFunc("POST /v1/unmount", func(w http.ResponseWriter, r *http.Request) {
		q, ok := request(w, r)
		if !ok {
			return
		}
		if q.How != Now && q.How != Drain {
			http.Error(w, "how must be drain or now", http.StatusBadRequest)
			return
		}
		stream(w, r, func(ctx context.Context, progress func(Status)) (Status, error) {
			return m.Unmount(ctx, q.How, progress)
		})
	})
	uploadsRoutes(mux, m)
	cacheRoutes(mux, m)
	receiptRoutes(mux, m)
	profileRoutes(mux, m)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// order is the body of every POST.
type order struct {
	Paths    []string      `json:"paths,omitempty"`
	How      How           `json:"how,omitempty"`
	Until    Until         `json:"until,omitempty"`
	Receipts *ReceiptQuery `json:"receipts,omitempty"`

	Limits *LimitsChange `json:"limits,omitempty"`

	Seconds float64 `json:"seconds,omitempty"`
}

func request(w http.ResponseWriter, r *http.Request) (order, bool) {
	var q order
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, "request is not JSON: "+err.Error(), http.StatusBadRequest)
		return q, false
	}
	return q, true
}

// reply is every answer, and every line of a streamed one. The last line has Done or Error, and may have a Value all the same.
type reply struct {
	Value json.RawMessage `json:"value,omitempty"`
	Done  bool            `json:"done,omitempty"`
	Error *failure        `json:"error,omitempty"`
}

// replyOf is a value, an error, or both.
func replyOf(value any, err error) (out reply) {
	b, encodeErr := json.Marshal(value)
	if encodeErr == nil {
		out.Value = b
	} else if err == nil {
		err = encodeErr
	}
	if err != nil {
		out.Error = failureOf(err)
	}
	return out
}

func answer(w http.ResponseWriter, value any, err error) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(replyOf(value, err)) // a client that left is no error
}

// stream sends a line per progress and a last one with the outcome. progress must not be called after do has returned.
func stream[T any](w http.ResponseWriter, r *http.Request, do func(context.Context, func(T)) (T, error)) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc, flush := json.NewEncoder(w), http.NewResponseController(w)
	send := func(out reply) {
		flush.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a stopped client must not stop a mount's exit
		enc.Encode(out)
		flush.Flush()
	}
	value, err := do(r.Context(), func(value T) { send(replyOf(value, nil)) })
	last := replyOf(value, err)
	last.Done = last.Error == nil
	send(last)
}
