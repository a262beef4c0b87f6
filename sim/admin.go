package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/sim/link"
	"github.com/frameiofs/frameiofs/sim/seed"
	"github.com/frameiofs/frameiofs/sim/world"
)

// adminHelp is what GET /_sim/ answers.
const adminHelp = `What can be looked at and changed while the simulator runs:

GET    /_sim/state                   addresses, tokens, behaviour, line, faults, request sums
GET    /_sim/tree[?deleted=true]     every asset, as a flat list with paths
GET    /_sim/find?path=P/F/name      the id of one
GET    /_sim/requests[?since=N&host=upload]   the requests remembered
DELETE /_sim/requests                forget them
GET    /_sim/faults                  the rules in force, with counts
POST   /_sim/faults                  {"rules": ["429@api:assets.create*3"]}
DELETE /_sim/faults[?id=N]           lift one rule, or all
PATCH  /_sim/behaviour               {"zero_byte": "refuse", "list_lag": "2s", …}
PUT    /_sim/link                    {"rtt": "50ms", "up": 1000000, "down": 0, "up_each": 0, "down_each": 0, "drip": "0s"}
                                     and "state": "cut", "frozen" or "lost" for a line that is down; then these controls answer
                                     at the address that GET /_sim/state calls "control"
PUT    /_sim/clock                   {"ahead": "3h"}   Frame.io's clock, against this machine's
PUT    /_sim/limits                  {"scale": 1}   0 = no refusals, 60 = a minute's limit recovers in a second
PATCH  /_sim/account                 {"storage_limit": 1000000, "locked": false}   the first account
POST   /_sim/expire?what=tokens|refresh|urls   end the life of what was handed out (developer tokens have no end)
POST   /_sim/revoke                  {"token": "fio-u-…"}
POST   /_sim/touch                   act as somebody else:
         {"do": "folder",  "in": "Project/Folder", "name": "new"}
         {"do": "file",    "in": …, "name": …, "content": "text"}     or "size": N for pseudo-random bytes,
                                   or "from": "/a/file" of this machine, on the world's disk: it is linked, not copied
         {"do": "rename",  "at": "Project/Folder/name", "name": "other"}
         {"do": "move",    "at": …, "in": …}
         {"do": "delete" | "restore" | "unversion", "at": …}
         {"do": "version", "at": …, "name": …, "content": …}          a new version on a file or stack
       "in" and "at" are paths or ids; "as" is an e-mail address, jonas@northlight.example if left out.
`

func (s *Server) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/{$}", func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, adminHelp) })
	for pattern, f := range map[string]func(*http.Request) (any, error){
		"GET /_sim/state":       s.getState,
		"GET /_sim/tree":        func(r *http.Request) (any, error) { return s.Tree(r.URL.Query().Get("deleted") == "true") },
		"GET /_sim/find":        s.getFind,
		"GET /_sim/requests":    s.getRequests,
		"DELETE /_sim/requests": func(*http.Request) (any, error) { s.record.Clear(); return ok, nil },
		"GET /_sim/faults":      func(*http.Request) (any, error) { return s.faults.List(), nil },
		"POST /_sim/faults":     s.postFaults,
		"DELETE /_sim/faults":   s.deleteFaults,
		"PATCH /_sim/behaviour": s.patchBehaviour,
		"PUT /_sim/link":        s.putLink,
		"PUT /_sim/limits":      s.putLimits,
		"PUT /_sim/clock":       s.putClock,
		"PATCH /_sim/account":   s.patchAccount,
		"POST /_sim/expire":     s.postExpire,
		"POST /_sim/revoke":     s.postRevoke,
		"POST /_sim/touch":      s.postTouch,
	} {
		mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(rw, r.Body, 16<<20)
			answerAdmin(rw, r, f)
		})
	}
	return loopbackOnly(mux)
}

// ok is the answer of calls that have nothing to tell.
var ok = map[string]bool{"ok": true}

func answerAdmin(rw http.ResponseWriter, r *http.Request, f func(*http.Request) (any, error)) {
	v, err := f(r)
	switch {
	case errors.Is(err, world.ErrNotFound):
		writeJSON(rw, http.StatusNotFound, map[string]string{"error": err.Error()})
	case err != nil:
		writeJSON(rw, http.StatusUnprocessableEntity, map[string]string{"error": err.Error()})
	default:
		writeJSON(rw, http.StatusOK, v)
	}
}

// loopbackOnly keeps others on the network out, and web pages that talk to this machine under a name of their own.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.RemoteAddr) || !isLoopback(r.Host) {
			http.Error(rw, "the simulator's controls answer to 127.0.0.1 only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// read decodes a JSON object; a field nobody knows is an error, so that a slip of the pen is noticed.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

func (s *Server) getState(*http.Request) (any, error) {
	tokens := map[string]string{}
	for _, t := range seed.Tokens {
		tokens[t.Name] = t.Secret
	}
	return map[string]any{
		"api": s.URL(), "upload": s.UploadURL(), "media": s.MediaURL(), "control": s.ControlURL(), "env": s.Env(), "tokens": tokens,
		"accounts": s.world.Accounts(world.Root()), "users": s.world.Users(), "behaviour": s.world.Behaviour(),
		"link": fromLink(s.link.Config()), "faults": s.faults.List(), "requests": s.record.Stats(),
	}, nil
}

func (s *Server) getFind(r *http.Request) (any, error) {
	id, err := s.Find(r.URL.Query().Get("path"))
	return map[string]world.ID{"id": id}, err
}

func (s *Server) getRequests(r *http.Request) (any, error) {
	since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64) // nonsense counts as 0
	entries := s.record.Entries(since)
	if host := r.URL.Query().Get("host"); host != "" {
		kept := entries[:0]
		for _, e := range entries {
			if e.Host == host {
				kept = append(kept, e)
			}
		}
		entries = kept
	}
	return map[string]any{"entries": entries, "stats": s.record.Stats()}, nil
}

func (s *Server) postFaults(r *http.Request) (any, error) {
	var in struct{ Rules []string }
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if err := s.faults.AddText(in.Rules...); err != nil {
		return nil, err
	}
	return s.faults.List(), nil
}

func (s *Server) deleteFaults(r *http.Request) (any, error) {
	id := 0
	if text := r.URL.Query().Get("id"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not the number of a rule", text)
		}
		id = n
	}
	return map[string]int{"lifted": s.faults.Clear(id)}, nil
}

func (s *Server) patchBehaviour(r *http.Request) (any, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var bad error
	err = s.world.SetBehaviour(func(b *world.Behaviour) {
		before := *b
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.DisallowUnknownFields()
		if bad = d.Decode(b); bad != nil {
			*b = before
		}
	})
	return s.world.Behaviour(), errors.Join(bad, err)
}

// linkJSON is a link.Config as the controls write it.
type linkJSON struct {
	RTT      world.Duration `json:"rtt"`
	Up       int64          `json:"up"`
	Down     int64          `json:"down"`
	UpEach   int64          `json:"up_each"`
	DownEach int64          `json:"down_each"`
	State    link.State     `json:"state,omitempty"`
	Drip     world.Duration `json:"drip,omitempty"`
}

func fromLink(c link.Config) linkJSON {
	return linkJSON{world.Duration(c.RTT), c.Up, c.Down, c.UpEach, c.DownEach, c.State, world.Duration(c.Drip)}
}

func (s *Server) putLink(r *http.Request) (any, error) {
	var in linkJSON
	if err := read(r, &in); err != nil {
		return nil, err
	}
	err := s.link.Set(link.Config{RTT: time.Duration(in.RTT), Up: in.Up, Down: in.Down, UpEach: in.UpEach, DownEach: in.DownEach,
		State: in.State, Drip: time.Duration(in.Drip)})
	return in, err
}

func (s *Server) putClock(r *http.Request) (any, error) {
	var in struct {
		Ahead world.Duration `json:"ahead"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	s.SetAhead(time.Duration(in.Ahead))
	return in, nil
}

func (s *Server) putLimits(r *http.Request) (any, error) {
	in := struct{ Scale float64 }{1}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	s.limiter.SetScale(in.Scale)
	return in, nil
}

func (s *Server) patchAccount(r *http.Request) (any, error) {
	var in struct {
		StorageLimit *int64 `json:"storage_limit"`
		Locked       *bool  `json:"locked"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	first := s.world.Accounts(world.Root())[0]
	err := s.world.ChangeAccount(first.ID, func(a *world.Account) {
		if in.StorageLimit != nil {
			a.StorageLimit = *in.StorageLimit
		}
		if in.Locked != nil {
			a.Locked = *in.Locked
		}
	})
	return ok, err
}

func (s *Server) postExpire(r *http.Request) (any, error) {
	switch what := r.URL.Query().Get("what"); what {
	case "tokens":
		return ok, s.world.ExpireTokens()
	case "refresh":
		return ok, s.world.ExpireRefresh()
	case "urls":
		return ok, s.world.ExpireURLs()
	default:
		return nil, fmt.Errorf("expire what? %q is none of tokens, refresh, urls", what)
	}
}

func (s *Server) postRevoke(r *http.Request) (any, error) {
	var in struct{ Token string }
	if err := read(r, &in); err != nil {
		return nil, err
	}
	found, err := s.world.Revoke(in.Token)
	return map[string]bool{"found": found}, err
}
