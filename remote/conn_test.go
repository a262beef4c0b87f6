package remote

import (
	"context"
	"errors"
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
func dial(t testing.TB, base string, token TokenSource) *Conn {
	t.Helper()
	c, err := NewConn(Config{BaseURL: base, Token: token, Patience: 300 * time.Millisecond}, Wire{Prefix: "/v9", Legacy: true, Fault: plainFault})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
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
	var out struct {
		ID string `json:"id"`
	}
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
		{"https://api.frame.io", "https://me:Signature@assets.frame.io/x", false},
		{"https://api.frame.io", "https://127.0.0.1/x", false},
		{"https://api.frame.io", "https://[::1]/x", false},
		{"https://api.frame.io", "https://[fe80::1%25eth0]/x", false},
		{"https://api.frame.io", "https://LOCALHOST./x", false},
		{"https://api.frame.io", "https://x.localhost/x", false},
		{"https://api.frame.io", "https://169.254.169.254/latest/meta-data", false},
		{"https://api.frame.io", "https://10.1.2.3/x", false},
		{"https://api.frame.io", "https://0.0.0.0/x", false},
		{"https://api.frame.io", "https://8.8.8.8/x", true},
		{"https://api.frame.io", "ftp://assets.frame.io/x", false},
		{"https://api.frame.io", "https:///x", false},
		{"https://api.frame.io", "https://:443/x", false},
		{"https://api.frame.io", "//assets.frame.io/x", false},
		{"https://api.frame.io", "", false},
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
