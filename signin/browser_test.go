package signin

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/sim/world"
)

func TestThroughTheBrowser(t *testing.T) {
	for _, api := range []string{"v2", "v4"} {
		t.Run(api, func(t *testing.T) {
			srv := startSim(t, world.Behaviour{})
			g := signIn(t, ask(srv, api))
			if !good(srv, g.Access) || g.Refresh == "" || !g.Renewable() {
				t.Fatalf("got %+v", g)
			}
			life, refresh := map[string]time.Duration{"v2": time.Hour, "v4": 24 * time.Hour}[api], map[string]int{"v2": 30, "v4": 14}[api]
			if d := time.Until(g.Expires); d > life || d < life-time.Minute {
				t.Errorf("the token is good for %s", d)
			}
			at, known := g.RefreshExpires()
			if d := time.Until(at).Hours() / 24; known || d > float64(refresh) || d < float64(refresh)-1 {
				t.Errorf("the refresh token is good for %f days, known %v", d, known)
			}
			if scope := map[string]string{"v2": "asset.create", "v4": "additional_info.roles"}[api]; !slices.Contains(g.Scopes, scope) {
				t.Errorf("scopes %q", g.Scopes)
			}
			again, err := newClient().renew(t.Context(), g)
			if err != nil || again.Access == g.Access || again.Refresh == g.Refresh || !good(srv, again.Access) {
				t.Errorf("renewed: %+v, %v", again, err)
			}
			if err := Revoke(t.Context(), again); err != nil || good(srv, again.Access) {
				t.Errorf("revoke: %v; good %v", err, good(srv, again.Access))
			}
		})
	}
}

func TestPasted(t *testing.T) {
	srv := startSim(t, world.Behaviour{NoLoopback: true})
	g := ask(srv, "v4")
	g.RedirectURL = "adobe+simnative://adobeid/sim-native"
	a, err := Begin(g, true)
	if err != nil || a.Listens() {
		t.Fatal(err, a.Listens())
	}
	to := browse(t, a.URL())
	if !strings.HasPrefix(to, g.RedirectURL+"?") {
		t.Fatalf("the browser is sent to %q", to)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	code := u.Query().Get("code")
	for _, text := range []string{to, " " + to + "\r\n", `"` + to + `"`, "?" + u.RawQuery, u.RawQuery, code, strings.Replace(to, "?", "#", 1)} {
		if got, err := a.Pasted(text); got != code || err != nil {
			t.Errorf("pasted %q: %q, %v", text, got, err)
		}
	}
	wrong := url.Values{"code": {"x"}, "state": {"other"}}
	no := url.Values{"error": {"access_denied"}, "state": {u.Query().Get("state")}}
	for text, want := range map[string]string{
		"": "nothing was pasted", g.RedirectURL + "?" + wrong.Encode(): "another sign-in", g.RedirectURL + "?" + no.Encode(): "did not allow",
		g.RedirectURL: "holds no code", "what is this": "neither",
	} {
		_, err := a.Pasted(text)
		wantError(t, "pasted "+text, err, nil, want, "")
	}
	got, err := a.Redeem(t.Context(), code)
	if err != nil || !good(srv, got.Access) {
		t.Errorf("redeem: %v", err)
	}
	_, err = a.Redeem(t.Context(), code)
	wantError(t, "a code used twice", err, remote.ErrToken, "does not accept the code", "frameiofs login --profile p", code, a.verifier)
}

func TestOtherSignInsAreWaitedPast(t *testing.T) {
	srv := startSim(t, world.Behaviour{})
	a, err := Begin(ask(srv, "v4"), true)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	noted := make(chan string, 1)
	go func() {
		if page := browse(t, a.grant.RedirectURL+"?code=evil&state=guess"); !strings.Contains(page, "not the sign-in") {
			t.Errorf("the page says %q", page)
		}
		if page := browse(t, strings.Replace(a.grant.RedirectURL, "/signed-in", "/favicon.ico", 1)); !strings.Contains(page, "404") {
			t.Errorf("another path: %q", page)
		}
		browse(t, a.URL())
	}()
	code, err := a.Wait(t.Context(), func(s string) { noted <- s })
	if err != nil || code == "evil" {
		t.Fatal(code, err)
	}
	if s := <-noted; !strings.Contains(s, "another sign-in") {
		t.Errorf("noted %q", s)
	}
	if _, err := a.Redeem(t.Context(), code); err != nil {
		t.Error(err)
	}
}

func TestWhatTheBrowserBringsThatIsNoCode(t *testing.T) {
	srv := startSim(t, world.Behaviour{Consent: world.ConsentDeny})
	a, err := Begin(ask(srv, "v2"), true)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	page := make(chan string, 1)
	go func() { page <- browse(t, a.URL()) }()
	_, err = a.Wait(t.Context(), func(string) {})
	wantError(t, "denied", err, remote.ErrToken, "did not allow", "administrator")
	if p := <-page; !strings.Contains(p, "is not signed in") {
		t.Errorf("the page says %q", p)
	}

	a, err = Begin(ask(srv, "v4"), true)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = a.Wait(ctx, func(string) {})
	wantError(t, "nobody comes", err, context.DeadlineExceeded, "in time", "--no-browser")

	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	g := ask(srv, "v4")
	g.RedirectURL = "http://" + busy.Addr().String() + "/signed-in"
	_, err = Begin(g, true)
	wantError(t, "port in use", err, nil, "another program has port", "--redirect-url")
	if a, err := Begin(g, false); err != nil || a.Listens() {
		t.Errorf("without waiting for the browser: %v", err)
	}
}

func TestServersThatAreNone(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/html/ims/token/v3":
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<html>hotel"))
		case "/elsewhere/ims/token/v3":
			http.Redirect(w, r, "/html/ims/token/v3", http.StatusFound)
		case "/json/ims/token/v3":
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(`{"hello":"world"}`))
		case "/bad/ims/token/v3":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(503)
		case "/clock/ims/token/v3":
			w.Header().Set("Date", time.Now().Add(-3*time.Hour).UTC().Format(http.TimeFormat))
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			w.Write([]byte(`{"error":"invalid_client","error_description":"no\nsuch\u001b[31m client"}`))
		}
	}))
	defer page.Close()
	tls := httptest.NewTLSServer(page.Config.Handler)
	defer tls.Close()
	for _, c := range []struct {
		base       string
		is         error
		text, hint string
	}{
		{page.URL + "/html", remote.ErrNotFrameio, "web page", "proxy"},
		{page.URL + "/elsewhere", remote.ErrNotFrameio, "web page", "proxy"},
		{page.URL + "/json", remote.ErrNotFrameio, "something else than a token", "proxy"},
		{page.URL + "/bad", remote.ErrOffline, "trouble of its own (status 503)", "try again"},
		{page.URL + "/clock", remote.ErrToken, "no such [31m client", "clock is off by 3h0m0s"},
		{tls.URL, remote.ErrOffline, "not trusted", "proxy"},
		{"http://127.0.0.1:1", remote.ErrOffline, "127.0.0.1:1 cannot be reached: connect: connection refused", "check the network"},
	} {
		g := Grant{Profile: "p", Method: Server, API: "v4", AuthURL: c.base, ClientID: "id", Secrets: Secrets{ClientSecret: "hush-hush"}}
		_, err := ServerToServer(t.Context(), g)
		wantError(t, c.base, err, c.is, c.text, c.hint, "hush-hush")
		g = Grant{Profile: "p", Method: Browser, API: "v4", AuthURL: c.base, ClientID: "id", Secrets: Secrets{Refresh: "hush-hush"}}
		_, err = newClient().renew(t.Context(), g)
		wantError(t, c.base+" renewing", err, nil, "", "", "hush-hush")
	}
}

func TestServerToServer(t *testing.T) {
	srv := startSim(t, world.Behaviour{})
	g := Grant{Profile: "farm", Method: Server, API: "v4", APIURL: srv.URL(), AuthURL: srv.URL(), ClientID: "sim-server", Secrets: Secrets{ClientSecret: "sim-server-secret"}}
	got, err := ServerToServer(t.Context(), g)
	if err != nil || !good(srv, got.Access) || got.Refresh != "" || !got.Renewable() {
		t.Fatalf("%+v, %v", got, err)
	}
	again, err := newClient().renew(t.Context(), got)
	if err != nil || again.Access == got.Access {
		t.Errorf("renew: %v", err)
	}
	g.ClientSecret = "wrong-secret"
	_, err = ServerToServer(t.Context(), g)
	wantError(t, "wrong secret", err, remote.ErrToken, "client id and secret", "check both", "wrong-secret")
}

func TestExpiryOfTokens(t *testing.T) {
	srv := startSim(t, world.Behaviour{AccessLife: world.Duration(30 * time.Minute)})
	g := signIn(t, ask(srv, "v4"))
	at, ok := Expiry(g.Access)
	if d := time.Until(at); !ok || d > 30*time.Minute || d < 29*time.Minute {
		t.Errorf("Adobe's: %s, %v", d, ok)
	}
	// {"alg":"none"} {"exp":2000000000}
	if at, ok := Expiry("eyJhbGciOiJub25lIn0.eyJleHAiOjIwMDAwMDAwMDB9."); !ok || at.Unix() != 2000000000 {
		t.Errorf("with exp: %s, %v", at, ok)
	}
	for _, none := range []string{"", "fio-u-x", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30."} {
		if _, ok := Expiry(none); ok {
			t.Errorf("%q has an end", none)
		}
	}
}

// Whatever is pasted, only an answer to this very sign-in brings a code; a bare code has no state, and PKCE to keep it to this one.
func FuzzPasted(f *testing.F) {
	a, err := Begin(Grant{Profile: "p", API: "v4", ClientID: "id", RedirectURL: "adobe+x://adobeid/x"}, false)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "code", "http://127.0.0.1/?code=a&state=b", "x://y#code=1", "?error=access_denied&state=" + a.state, "code=" + a.state, "a=%zz&code=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		code, err := a.Pasted(text)
		switch {
		case err == nil && code == "", err != nil && code != "":
			t.Errorf("%q: %q, %v", text, code, err)
		case err == nil && strings.Contains(text, "code=") && !strings.Contains(text, a.state):
			t.Errorf("%q: a code without our state: %q", text, code)
		case err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b"):
			t.Errorf("%q: the error is not one plain line: %q", text, err)
		}
	})
}
