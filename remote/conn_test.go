package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// plainFault takes an error's body as it is.
func plainFault(_ int, body []byte) (string, string, error) { return "", string(body), nil }

// dial makes a connection to a test server.
func dial(t *testing.T, base string, token TokenSource) *Conn {
	t.Helper()
	c, err := NewConn(Config{BaseURL: base, Token: token, Patience: 300 * time.Millisecond}, Wire{Prefix: "/v9", Legacy: true, Fault: plainFault})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// rotating is a token source with one token in reserve.
type rotating struct{ tokens []string }

func (r *rotating) Token(context.Context) (string, error) { return r.tokens[0], nil }
func (r *rotating) Refresh(_ context.Context, old string) error {
	if len(r.tokens) < 2 || r.tokens[0] != old {
		return ErrToken
	}
	r.tokens = r.tokens[1:]
	return nil
}

func TestDoSendsWhatTheAPIWants(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, c := range []struct{ what, got, want string }{
			{"uri", r.RequestURI, "/base/v9/folders/a%2Fb/files?page=2"},
			{"authorization", r.Header.Get("Authorization"), "Bearer fio-u-x"},
			{"legacy header", r.Header.Get("x-frameio-legacy-token-auth"), "true"},
			{"type", r.Header.Get("Content-Type"), "application/json"},
			{"body", string(body), `{"name":"é"}`},
		} {
			if c.got != c.want {
				t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
			}
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Total", "7")
		io.WriteString(w, `{"id":"x","unknown":[1]}`)
	})
	var out struct{ ID string }
	h, err := dial(t, s.URL+"/base/", StaticToken(" fio-u-x\n")).Do(t.Context(), Call{
		Op: "create", Method: http.MethodPost, Path: []string{"folders", "a/b", "files"}, Query: url.Values{"page": {"2"}},
		Body: map[string]string{"name": "é"}, Out: &out,
	})
	if err != nil || out.ID != "x" || h.Get("Total") != "7" {
		t.Errorf("got %v, %v, %v", out, h, err)
	}
}

func TestDoRefreshesARefusedTokenOnce(t *testing.T) {
	var seen []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Header.Get("Authorization")+" "+string(body))
		if r.Header.Get("x-frameio-legacy-token-auth") != "" {
			t.Error("an Adobe token was announced as a legacy one")
		}
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer good" {
			w.WriteHeader(401)
		}
		io.WriteString(w, `{}`)
	})
	call := Call{Op: "create", Method: http.MethodPost, Path: []string{"me"}, Body: 1}
	if _, err := dial(t, s.URL, &rotating{[]string{"old", "good"}}).Do(t.Context(), call); err != nil {
		t.Error(err)
	}
	_, err := dial(t, s.URL, &rotating{[]string{"old", "bad", "good"}}).Do(t.Context(), call)
	if !errors.Is(err, ErrToken) || !errors.Is(err, iofs.ErrPermission) {
		t.Errorf("got %v, want ErrToken", err)
	}
	want := "Bearer old 1,Bearer good 1,Bearer old 1,Bearer bad 1"
	if got := strings.Join(seen, ","); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDoSaysWhoseAnswerItWas(t *testing.T) {
	for _, c := range []struct {
		name    string
		status  int
		typ     string
		body    string
		is      []error
		not     []error
		unknown bool
	}{
		{"Frame.io's 404", 404, "application/json", `{"message":"Not found"}`, []error{iofs.ErrNotExist}, []error{ErrNotFrameio}, false},
		{"a proxy's 404", 404, "text/html", "<h1>nginx", []error{ErrNotFrameio}, []error{iofs.ErrNotExist}, false},
		{"an empty 404", 404, "", "", []error{ErrNotFrameio}, []error{iofs.ErrNotExist}, false},
		{"a firewall's 403", 403, "text/html", "<h1>blocked", []error{ErrNotFrameio}, []error{iofs.ErrPermission}, false},
		{"captive portal", 200, "text/html", "<h1>Welcome", []error{ErrOffline, ErrNotFrameio}, nil, true},
		{"redirect to a portal", 302, "text/html", "", []error{ErrOffline, ErrNotFrameio}, nil, true},
		{"broken JSON", 200, "application/json", `{"id":`, []error{ErrNotFrameio}, nil, true},
		{"load balancer", 502, "text/html", "<h1>502", []error{ErrOffline}, []error{ErrNotFrameio}, true},
		{"plain refusal", 422, "application/json", "no", []error{ErrRefused}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Type"] = []string{c.typ}
				w.Header().Set("Location", "http://portal.example/?token=x")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			_, err := dial(t, s.URL, StaticToken("t")).Do(t.Context(), Call{Op: "create file", Method: http.MethodPost, Path: []string{"x"}, Out: new(struct{})})
			for _, want := range c.is {
				if !errors.Is(err, want) {
					t.Errorf("%v is not %v", err, want)
				}
			}
			for _, no := range c.not {
				if errors.Is(err, no) {
					t.Errorf("%v is %v", err, no)
				}
			}
			if unknownOutcome(err) != c.unknown {
				t.Errorf("outcome open: %v, want %v: %v", !c.unknown, c.unknown, err)
			}
		})
	}
}

func TestDoOffline(t *testing.T) {
	s := serve(t, nil)
	s.Close()
	secret := "fio-u-secret"
	c := dial(t, s.URL, StaticToken(secret))
	_, err := c.Do(t.Context(), Call{Op: "list", Method: http.MethodGet, Path: []string{"x"}, Query: url.Values{"after": {"cursor"}}, Repeat: true})
	if !errors.Is(err, ErrOffline) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "cursor") {
		t.Errorf("got %v, want ErrOffline without secrets", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(ctx, Call{Op: "list", Path: []string{"x"}}); !errors.Is(err, context.Canceled) || errors.Is(err, ErrOffline) {
		t.Errorf("got %v, want Canceled and no talk of the link", err)
	}
}

func TestDoRefusesIdsThatAreNone(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Errorf("%s went out", r.URL) })
	c := dial(t, s.URL, StaticToken("t"))
	for _, id := range []string{"", ".", ".."} {
		if _, err := c.Do(t.Context(), Call{Op: "delete", Method: http.MethodDelete, Path: []string{"assets", id}}); !errors.Is(err, ErrRefused) {
			t.Errorf("id %q: got %v, want ErrRefused", id, err)
		}
	}
}

func TestNewConnWantsASafeAddress(t *testing.T) {
	for base, ok := range map[string]bool{
		"":                              true,
		"https://api.frame.io":          true,
		"https://proxy.example/frameio": true,
		"http://127.0.0.1:1":            true,
		"http://localhost:1":            true,
		"http://[::1]:1":                true,
		"http://api.frame.io":           false,
		"http://127.0.0.1.example":      false,
		"ftp://api.frame.io":            false,
		"api.frame.io":                  false,
		"https://user:pw@api.frame.io":  false,
		"https://api.frame.io/?x=1":     false,
	} {
		_, err := NewConn(Config{BaseURL: base, Token: StaticToken("t")}, Wire{})
		if (err == nil) != ok {
			t.Errorf("%q: got %v, want success %v", base, err, ok)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("the error tells a password: %v", err)
		}
	}
	if _, err := NewConn(Config{}, Wire{}); !errors.Is(err, ErrToken) {
		t.Errorf("without a token source: got %v", err)
	}
}

func TestLinksGoOverTLSOrFromLoopbackToLoopback(t *testing.T) {
	for _, c := range []struct {
		base, link string
		ok         bool
	}{
		{"https://api.frame.io", "https://assets.frame.io/x?Signature=s", true},
		{"https://api.frame.io", "http://assets.frame.io/x", false},
		{"https://api.frame.io", "http://127.0.0.1:22/x", false},
		{"http://127.0.0.1:1", "http://127.0.0.1:2/x", true},
		{"http://127.0.0.1:1", "http://10.0.0.1/x", false},
		{"https://api.frame.io", "file:///etc/passwd", false},
		{"https://api.frame.io", "/relative", false},
		{"https://api.frame.io", "https://a b/?Signature=s", false},
	} {
		conn, err := NewConn(Config{BaseURL: c.base, Token: StaticToken("t")}, Wire{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.parseLink(c.link)
		if (err == nil) != c.ok {
			t.Errorf("%s from %s: got %v, want success %v", c.link, c.base, err, c.ok)
		}
		if err != nil && strings.Contains(err.Error(), "Signature") {
			t.Errorf("the error tells a signature: %v", err)
		}
	}
}

// maker is something that is made by counted attempts.
type maker struct {
	made     []ID // on "Frame.io"
	attempts int
	looks    []time.Time
	lose     int // answers of so many attempts are lost
	before   int // of which so many before anything was made
}

func (m *maker) make() Make[ID] {
	return Make[ID]{
		Key: "k",
		Do: func(context.Context) (ID, error) {
			m.attempts++
			if m.attempts > m.before {
				m.made = append(m.made, ID(fmt.Sprint(m.attempts)))
			}
			if m.attempts <= m.lose {
				return "", &Error{Op: "make", Unknown: true, Err: ErrOffline}
			}
			return m.made[len(m.made)-1], nil
		},
		Look: func(_ context.Context, since time.Time) (ID, bool, error) {
			m.looks = append(m.looks, since)
			if len(m.made) > 0 {
				return m.made[0], true, nil
			}
			return "", false, nil
		},
		ID: func(id ID) ID { return id },
	}
}

func TestOnceAdoptsWhatALostAnswerMade(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		m               maker
		attempts, looks int
		want            ID
		earlier         bool // an earlier run's outcome is unknown
	}{
		{name: "no trouble", attempts: 1, want: "1"},
		{name: "lost after it was made", m: maker{lose: 1}, attempts: 1, looks: 1, want: "1"},
		{name: "lost before it was made", m: maker{lose: 1, before: 1}, attempts: 2, looks: 1, want: "2"},
		{name: "an earlier run may have made it, and had", m: maker{made: []ID{"0"}}, earlier: true, looks: 1, want: "0"},
		{name: "an earlier run may have made it, but had not", earlier: true, attempts: 1, looks: 1, want: "1"},
	} {
		conn := dial(t, "http://127.0.0.1:1", StaticToken("t"))
		conn.patience = 10 * time.Second
		mk := c.m.make()
		start := time.Now()
		if c.earlier {
			mk.Since = start
		}
		got, err := Once(t.Context(), conn, mk)
		if got != c.want || err != nil || c.m.attempts != c.attempts || len(c.m.looks) != c.looks {
			t.Errorf("%s: got %q, %v, %d attempts, %d looks", c.name, got, err, c.m.attempts, len(c.m.looks))
		}
		for _, since := range c.m.looks {
			if d := start.Sub(since); d < slack-time.Second || d > slack+time.Second {
				t.Errorf("%s: looked %v back, want the slack of %v before the attempt", c.name, d, slack)
			}
		}
		if !conn.Mine(got) {
			t.Errorf("%s: what was acknowledged is taken for a leftover", c.name)
		}
	}
}

func TestOnceRemembersDoubtsForTheNextCall(t *testing.T) {
	conn := dial(t, "http://127.0.0.1:1", StaticToken("t"))
	m := maker{lose: 1}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // too short for a look
	defer cancel()
	if _, err := Once(ctx, conn, m.make()); !errors.Is(err, ErrOffline) {
		t.Fatalf("got %v, want the lost attempt's error", err)
	}
	got, err := Once(t.Context(), conn, m.make())
	if got != "1" || err != nil || m.attempts != 1 {
		t.Errorf("got %q, %v after %d attempts; want what the first attempt made", got, err, m.attempts)
	}
}
