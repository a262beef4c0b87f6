package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/frameiofs/frameiofs/sim/fault"
	"github.com/frameiofs/frameiofs/sim/hosts"
	"github.com/frameiofs/frameiofs/sim/limit"
	"github.com/frameiofs/frameiofs/sim/link"
	"github.com/frameiofs/frameiofs/sim/record"
	"github.com/frameiofs/frameiofs/sim/seed"
	"github.com/frameiofs/frameiofs/sim/token"
	v2 "github.com/frameiofs/frameiofs/sim/v2"
	v4 "github.com/frameiofs/frameiofs/sim/v4"
	"github.com/frameiofs/frameiofs/sim/world"
)

// DefaultSeed is what an empty world is filled with.
const DefaultSeed = "sample"

// logSize is how many requests are remembered.
const logSize = 20_000

// Config says what to simulate. The zero value is the sample world with Frame.io's own limits and no faults, gone when
// it is closed.
type Config struct {
	Dir        string          // where the world lives and survives restarts; "" = a temporary folder
	Seed       string          // what an empty world is filled with (package seed); "" = DefaultSeed
	SeedNumber uint64          // ids, bytes and probabilities follow from it; 0 = 1
	Listen     string          // the API's address; "" = any free port of 127.0.0.1. The storage hosts always take 127.0.0.1
	NoLimits   bool            // never refuse for too many calls; the x-ratelimit headers stay
	LimitScale float64         // how much faster than Frame.io the rate limits recover; 0 = 1
	Link       link.Config     // round trips and bandwidth; zero = as fast as the machine
	Faults     []string        // rules in the grammar of package fault
	Behaviour  world.Behaviour // readings of what the documents leave open
	Token      token.Config    // OAuth clients and lifetimes
	Now        func() time.Time
	Log        *slog.Logger
}

// Server is a running simulator. Make it with New.
type Server struct {
	log     *slog.Logger
	world   *world.World
	faults  *fault.Set
	record  *record.Log
	limiter *limit.Limiter
	link    *link.Link
	hosts   *hosts.Hosts
	v4      *v4.Wire

	ahead     atomic.Int64    // by how many nanoseconds its clock is ahead
	listeners [4]net.Listener // api, upload, media, controls
	servers   [4]*http.Server
	running   sync.WaitGroup
	close     sync.Once
	closeErr  error
}

// The indices of listeners and servers.
const (
	apiHost = iota
	uploadHost
	mediaHost
	controlHost
)

// Check finds what is wrong with what a person may have written, and tells the field's name in lower case; "" if nothing is.
func (cfg Config) Check() (field string, err error) {
	if cfg.Seed != "" {
		if err := seed.Check(cfg.Seed); err != nil {
			return "seed", err
		}
	}
	return "fault", fault.NewSet(1).AddText(cfg.Faults...)
}

// New opens the world and the ports. Nothing is answered before Start. Close it even if it was never started.
func New(cfg Config) (_ *Server, err error) {
	if cfg.Seed == "" {
		cfg.Seed = DefaultSeed
	}
	if cfg.SeedNumber == 0 {
		cfg.SeedNumber = 1
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{log: cfg.Log, faults: fault.NewSet(cfg.SeedNumber), record: record.New(logSize, cfg.Now), limiter: limit.New(cfg.Now)}
	cfg.Now = s.clock(cfg.Now)
	if err := s.faults.AddText(cfg.Faults...); err != nil {
		return nil, err
	}
	if s.link, err = link.New(cfg.Link); err != nil {
		return nil, err
	}
	if err := seed.Check(cfg.Seed); err != nil {
		return nil, err
	}
	switch {
	case cfg.NoLimits:
		s.limiter.SetScale(0)
	case cfg.LimitScale > 0:
		s.limiter.SetScale(cfg.LimitScale)
	}
	s.world, err = world.Open(world.Config{Dir: cfg.Dir, Behaviour: cfg.Behaviour, Now: cfg.Now, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if len(s.world.Users()) == 0 {
		if err := seed.Plant(s.world, cfg.Seed, cfg.SeedNumber); err != nil {
			return nil, err
		}
	}
	if err := s.listen(cfg); err != nil {
		return nil, err
	}
	s.hosts = hosts.New(s.world, s.UploadURL(), s.MediaURL())
	s.v4 = v4.New(s.world, s.hosts, s.limiter)
	// The controls stand before the log and the faults: looking on must not disturb.
	s.servers[controlHost] = s.server(s.admin())
	s.servers[apiHost] = s.server(s.controls(s.record.Wrap("api", false, s.faults.Wrap(fault.API, apiVoice, s.api(cfg.Token)))))
	s.servers[uploadHost] = s.server(s.record.Wrap("upload", true, s.faults.Wrap(fault.Upload, s.hosts.Voice, s.hosts.Upload())))
	s.servers[mediaHost] = s.server(s.record.Wrap("media", true, s.faults.Wrap(fault.Media, s.hosts.Voice, s.hosts.Media())))
	return s, nil
}

// ports are kept with a world, so that its signed URLs are good again after a restart if the ports are still free.
type ports struct{ API, Upload, Media string }

func (s *Server) listen(cfg Config) error {
	var old ports
	file := filepath.Join(cfg.Dir, "ports")
	if cfg.Dir != "" {
		if raw, err := os.ReadFile(file); err == nil {
			if err := json.Unmarshal(raw, &old); err != nil {
				return fmt.Errorf("read %s: %w", file, err)
			}
		}
	}
	wanted := [4]string{old.API, old.Upload, old.Media}
	if cfg.Listen != "" {
		l, err := net.Listen("tcp", cfg.Listen)
		if err != nil {
			return fmt.Errorf("listen for the API: %w", err)
		}
		s.listeners[apiHost] = l
	}
	for i, addr := range wanted {
		if s.listeners[i] != nil {
			continue
		}
		l, err := listenAgain(addr)
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		s.listeners[i] = l
	}
	if cfg.Dir == "" {
		return nil
	}
	raw, err := json.Marshal(ports{s.addr(apiHost), s.addr(uploadHost), s.addr(mediaHost)})
	if err != nil {
		return err
	}
	return os.WriteFile(file, raw, 0o644)
}

// listenAgain takes addr if it is free, else any port.
func listenAgain(addr string) (net.Listener, error) {
	if addr != "" {
		if l, err := net.Listen("tcp", addr); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

func (s *Server) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Start begins to answer. Call it once.
func (s *Server) Start() {
	for i, srv := range s.servers {
		l := s.listeners[i]
		if i != controlHost {
			l = s.link.Listen(l)
			srv.Handler = s.dated(srv.Handler)
		}
		s.running.Go(func() {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				s.log.Error("serve", "addr", l.Addr(), "err", err)
			}
		})
	}
}

// closePatience is how long Close waits for requests under way.
const closePatience = time.Second

// Close stops answering, waits for what is under way, and closes the world. A temporary world is removed.
func (s *Server) Close() error {
	s.close.Do(func() { s.closeErr = s.shutDown() })
	return s.closeErr
}

func (s *Server) shutDown() error {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	var stopping sync.WaitGroup
	for _, srv := range s.servers {
		if srv != nil {
			stopping.Go(func() {
				if srv.Shutdown(ctx) != nil {
					srv.Close() // stalled requests: cut them
				}
			})
		}
	}
	stopping.Wait()
	s.running.Wait()
	for _, l := range s.listeners {
		if l != nil {
			l.Close() // closed already if it was served
		}
	}
	var err error
	if s.v4 != nil {
		err = s.v4.Close()
	}
	return errors.Join(err, s.world.Close())
}

func (s *Server) addr(i int) string { return s.listeners[i].Addr().String() }

// URL is the base address of the API; the wires are below it at /v2 and /v4.
func (s *Server) URL() string { return "http://" + reachable(s.addr(apiHost)) }

// UploadURL is the base address of the upload host.
func (s *Server) UploadURL() string { return "http://" + s.addr(uploadHost) }

// ControlURL is where /_sim/ is besides at URL: not behind the line, so that it answers when the line is down.
func (s *Server) ControlURL() string { return "http://" + s.addr(controlHost) }

// MediaURL is the base address of the media host.
func (s *Server) MediaURL() string { return "http://" + s.addr(mediaHost) }

// reachable turns an address that means "all interfaces" into one that can be called.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// Token returns the secret of one of the seeded developer tokens: "full", "read-only", "no-create", "no-download",
// "assistant". It panics on other names.
func (s *Server) Token(name string) string {
	for _, t := range seed.Tokens {
		if t.Name == name {
			return t.Secret
		}
	}
	panic("sim: no seeded token is called " + name)
}

// Env returns the environment lines that point a client here.
func (s *Server) Env() []string {
	return []string{"FRAMEIO_API_URL=" + s.URL(), "FRAMEIO_TOKEN=" + s.Token("full")}
}

// World is what is simulated: change it as another user, look at it, set its behaviour.
func (s *Server) World() *world.World { return s.world }

// Faults are the rules in force.
func (s *Server) Faults() *fault.Set { return s.faults }

// Log remembers the requests to "api", "upload" and "media".
func (s *Server) Log() *record.Log { return s.record }

// Limiter is the rate limiter of both wires.
func (s *Server) Limiter() *limit.Limiter { return s.limiter }

// Link is the line in front of all three hosts.
func (s *Server) Link() *link.Link { return s.link }

// Hosts signs upload and media URLs.
func (s *Server) Hosts() *hosts.Hosts { return s.hosts }

func (s *Server) api(cfg token.Config) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v2/", v2.New(s.world, s.hosts, s.limiter))
	mux.Handle("/v4/", s.v4)
	tokens := token.New(s.world, cfg)
	mux.Handle("/oauth2/", tokens)
	mux.Handle("/ims/", tokens)
	mux.HandleFunc("GET /health", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(rw, `{"status":"ok"}`)
	})
	return s.compressed(mux)
}

// controls puts /_sim/ in front of the API.
func (s *Server) controls(api http.Handler) http.Handler {
	admin := s.admin()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_sim/") {
			admin.ServeHTTP(rw, r)
			return
		}
		api.ServeHTTP(rw, r)
	})
}
