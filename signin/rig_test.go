package signin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/world"
)

// startSim is a Frame.io, Adobe's part included.
func startSim(t *testing.T, b world.Behaviour) *sim.Server {
	t.Helper()
	srv, err := sim.New(sim.Config{Seed: "empty", NoLimits: true, Behaviour: b})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Close() })
	return srv
}

// withRing gives the test a keyring of its own.
func withRing(t *testing.T) {
	t.Helper()
	keyring.MockInit()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
}

func ask(srv *sim.Server, api string) Grant {
	return Grant{Profile: "p", Method: Browser, API: api, APIURL: srv.URL(), AuthURL: srv.URL(), ClientID: "sim-native",
		RedirectURL: "http://127.0.0.1:0/signed-in", Store: File, SignedIn: time.Now().UTC()}
}

// browse does what a browser would with an address, and answers the last page. What cannot be opened is answered as its address.
func browse(t *testing.T, address string) string {
	t.Helper()
	c := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Scheme != "http" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, err := c.Get(address)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	if to := resp.Header.Get("Location"); to != "" {
		return to
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(raw)
}

// signIn goes the whole way through a browser.
func signIn(t *testing.T, g Grant) Grant {
	t.Helper()
	a, err := Begin(g, true)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	go browse(t, a.URL())
	code, err := a.Wait(t.Context(), func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Redeem(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	got.SignedIn = time.Now()
	return got
}

func good(srv *sim.Server, access string) bool {
	_, err := srv.World().Authenticate(access)
	return err == nil
}

// wantError checks the words of an error, its hint's, and what it is, and that it shows no secret.
func wantError(t *testing.T, what string, err error, is error, text, hint string, secrets ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %v is no *Error", what, err)
		return
	}
	if !strings.Contains(e.Text, text) || !strings.Contains(e.Hint, hint) || strings.Contains(e.Text, "\n") {
		t.Errorf("%s: %q, hint %q; want %q, %q", what, e.Text, e.Hint, text, hint)
	}
	if is != nil && !errors.Is(err, is) {
		t.Errorf("%s: %v is not %v", what, err, is)
	}
	for _, s := range secrets {
		if s != "" && strings.Contains(e.Text+e.Hint, s) {
			t.Errorf("%s: it shows a secret: %q, %q", what, e.Text, e.Hint)
		}
	}
}

// asked counts the questions to a path.
func asked(srv *sim.Server, path string) (n int) {
	for _, e := range srv.Log().Entries(0) {
		if u, err := url.Parse(e.Path); err == nil && strings.HasPrefix(u.Path, path) {
			n++
		}
	}
	return n
}

func save(t *testing.T, p Profiles, g Grant) Grant {
	t.Helper()
	g, err := p.Save(context.Background(), g)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
