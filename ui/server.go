package ui

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

// Mount is what the page asks of the mount that it shows.
type Mount interface {
	Status(ctx context.Context, q control.Query) (control.Status, error)
	// Receipts tells of the files that Frame.io has confirmed, the newest first.
	Receipts(ctx context.Context, q control.ReceiptQuery) (control.Receipts, error)
	// Projects tells what of each project is on this disk, as far as that is known without asking Frame.io.
	Projects(ctx context.Context) ([]Project, error)
	Uploads
}

// Uploads is what the page's buttons ask for, of the files at or below paths, or of all: see control.Uploads.
type Uploads interface {
	Retry(ctx context.Context, paths []string) (int, error)
	Pause(ctx context.Context, paths []string) (control.Told, error)
	Resume(ctx context.Context, paths []string) (control.Told, error)
	First(ctx context.Context, paths []string) (control.Told, error)
}

// Project is what of a project is on this disk.
type Project struct {
	Path   string `json:"path"` // below the mount point
	Files  int    `json:"files"`
	Size   int64  `json:"size"`   // bytes of Files
	Here   int64  `json:"here"`   // bytes of Size
	Pinned int    `json:"pinned"` // of Files
}

// Server is a page that is being served.
type Server struct {
	mount   Mount
	log     *slog.Logger
	http    *http.Server
	url     string
	secret  string
	history *history
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// ErrNotLocal: the page is for this machine only.
var ErrNotLocal = errors.New("it must be an address of this machine, like 127.0.0.1:0")

// CheckAddr reports whether a page may be served at addr: HOST:PORT of this machine; port 0 chooses one. ErrNotLocal if not.
func CheckAddr(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q: %w", addr, ErrNotLocal)
	}
	if host == "localhost" {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return fmt.Errorf("%q: %w", addr, ErrNotLocal)
	}
	return nil
}

// Listen serves the page of m at addr until Close.
func Listen(addr string, m Mount, log *slog.Logger) (*Server, error) {
	if err := CheckAddr(addr); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{mount: m, log: log, secret: rand.Text(), history: newHistory()}
	s.url = fmt.Sprintf("http://%s/%s/", l.Addr(), s.secret)
	s.http = &http.Server{Handler: s.guarded(s.routes()), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	s.done.Go(func() { s.history.run(ctx, m) })
	s.done.Go(func() {
		if err := s.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			log.Error("the page is not served any more", "err", err)
		}
	})
	return s, nil
}

// URL is the page's address. Who knows it may use the page: it is a secret.
func (s *Server) URL() string { return s.url }

// Close ends the page, and whoever still looks at it.
func (s *Server) Close() error {
	s.stop()
	err := s.http.Close()
	s.done.Wait()
	return err
}

// guarded lets through who knows the secret, came to this machine by its own name (not by one that somebody else's page has pointed here),
// and, to change something, comes from the page itself.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		secret, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch {
		case !local(r.Host), subtle.ConstantTimeCompare([]byte(secret), []byte(s.secret)) != 1:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Header.Get("Sec-Fetch-Site") != "same-origin" && r.Header.Get("Origin") != "http://"+r.Host:
			http.Error(w, "only the page itself may do that", http.StatusForbidden)
		default:
			r.URL.Path = "/" + rest
			next.ServeHTTP(w, r)
		}
	})
}

// local reports whether a Host header names this machine.
func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}
