package token

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/seed"
	"github.com/frameiofs/frameiofs/sim/world"
)

type rig struct {
	t     *testing.T
	w     *world.World
	url   string
	clock time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, clock: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	w, err := world.Open(world.Config{Dir: t.TempDir(), Now: func() time.Time { return r.clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	if err := seed.Plant(w, "empty", 1); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(New(w, Config{}))
	t.Cleanup(srv.Close)
	r.w, r.url = w, srv.URL
	return r
}

// post sends a form of key, value, key, value …
func (r *rig) post(path string, form ...string) (int, map[string]any) {
	r.t.Helper()
	v := url.Values{}
	for i := 0; i < len(form); i += 2 {
		v.Set(form[i], form[i+1])
	}
	resp, err := http.PostForm(r.url+path, v)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var obj map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &obj); err != nil {
			r.t.Fatalf("%q: %v", raw, err)
		}
	}
	return resp.StatusCode, obj
}

// authorize opens the page and returns the query of where it sends the browser.
func (r *rig) authorize(path string, query ...string) url.Values {
	r.t.Helper()
	v := url.Values{"response_type": {"code"}, "redirect_uri": {"http://127.0.0.1:9/cb?keep=1"}, "state": {"st"}}
	for i := 0; i < len(query); i += 2 {
		v.Set(query[i], query[i+1])
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Get(r.url + path + "?" + v.Encode())
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		r.t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	if q := to.Query(); q.Get("keep") != "1" || q.Get("state") != "st" || to.Host != "127.0.0.1:9" {
		r.t.Errorf("sent back to %s", to)
	}
	return to.Query()
}

const verifier = "a-verifier-of-the-length-that-is-wanted-0123456789"

func TestIMSWithPKCE(t *testing.T) {
	r := newRig(t)
	back := r.authorize("/ims/authorize/v2", "client_id", "sim-native", "scope", "openid,offline_access",
		"code_challenge", challenge(verifier), "code_challenge_method", "S256", "login_hint", "jonas@northlight.example")
	code := back.Get("code")
	// IMS clients of this kind put client_id in the query.
	redeem := func(v string) (int, map[string]any) {
		return r.post("/ims/token/v3?client_id=sim-native", "grant_type", "authorization_code", "code", code, "code_verifier", v)
	}
	status, tok := redeem(verifier)
	if status != 200 || tok["expires_in"] != 86400.0 || tok["token_type"] != "bearer" {
		t.Fatalf("token: %d %v", status, tok)
	}
	by, err := r.w.Authenticate(tok["access_token"].(string))
	if u, _ := r.w.User(by.User); err != nil || u.Email != "jonas@northlight.example" || by.Kind != world.IMS {
		t.Errorf("the token is of %s, %v", u.Email, err)
	}

	refresh := func(token any) (int, map[string]any) {
		return r.post("/ims/token/v3", "client_id", "sim-native", "grant_type", "refresh_token", "refresh_token", token.(string))
	}
	status, second := refresh(tok["refresh_token"])
	if status != 200 || second["refresh_token"] == tok["refresh_token"] || second["access_token"] == tok["access_token"] {
		t.Errorf("refresh: %d %v", status, second)
	}
	if status, _ := refresh(tok["refresh_token"]); status != 400 {
		t.Errorf("a spent refresh token: %d", status)
	}
	r.clock = r.clock.Add(25 * time.Hour)
	if _, err := r.w.Authenticate(second["access_token"].(string)); err == nil {
		t.Error("an access token of 24 h is good after 25")
	}
	status, third := refresh(second["refresh_token"])
	if status != 200 {
		t.Errorf("refresh after expiry: %d %v", status, third)
	}
	r.clock = r.clock.Add(15 * 24 * time.Hour)
	if status, _ := refresh(third["refresh_token"]); status != 400 {
		t.Errorf("a refresh token of 14 days after 15: %d", status)
	}
}

func TestWrongVerifier(t *testing.T) {
	r := newRig(t)
	back := r.authorize("/ims/authorize/v2", "client_id", "sim-native", "code_challenge", challenge(verifier), "code_challenge_method", "S256")
	status, _ := r.post("/ims/token/v3", "client_id", "sim-native", "grant_type", "authorization_code", "code", back.Get("code"), "code_verifier", "guess")
	if status != 400 {
		t.Errorf("wrong verifier: %d", status)
	}
	if back := r.authorize("/ims/authorize/v2", "client_id", "sim-native"); back.Get("error") != "invalid_request" {
		t.Errorf("public client without PKCE: %v", back)
	}
}

func TestV2OAuth(t *testing.T) {
	r := newRig(t)
	token := func(scope string) map[string]any {
		back := r.authorize("/oauth2/auth", "client_id", "sim-web", "scope", scope)
		req, err := http.NewRequest("POST", r.url+"/oauth2/token", strings.NewReader(url.Values{
			"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {"http://127.0.0.1:9/cb?keep=1"},
		}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth("sim-web", "sim-web-secret")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var tok map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&tok); err != nil || resp.StatusCode != 200 {
			t.Fatalf("token: %d %v %v", resp.StatusCode, tok, err)
		}
		return tok
	}
	tok := token("asset.read offline")
	by, err := r.w.Authenticate(tok["access_token"].(string))
	if err != nil || by.Kind != world.OAuth || !by.Has("asset.read") || by.Has("asset.create") || tok["expires_in"] != 3600.0 {
		t.Errorf("token %v: %+v, %v", tok, by, err)
	}
	if tok["refresh_token"] == nil {
		t.Error("scope offline brought no refresh token")
	}
	if tok := token("asset.read"); tok["refresh_token"] != nil {
		t.Error("a refresh token without scope offline")
	}
	status, _ := r.post("/ims/token/v3", "client_id", "sim-web", "client_secret", "sim-web-secret",
		"grant_type", "refresh_token", "refresh_token", tok["refresh_token"].(string))
	if status != 400 {
		t.Errorf("V2's refresh token at Adobe's: %d", status)
	}
}

func TestServerToServerRevokeValidate(t *testing.T) {
	r := newRig(t)
	server := []string{"client_id", "sim-server", "client_secret", "sim-server-secret"}
	status, tok := r.post("/ims/token/v3", append(server, "grant_type", "client_credentials")...)
	if status != 200 || tok["refresh_token"] != nil {
		t.Fatalf("client_credentials: %d %v", status, tok)
	}
	access := tok["access_token"].(string)
	valid := func() any {
		status, v := r.post("/ims/validate_token/v1", "client_id", "sim-server", "token", access, "type", "access_token")
		if status != 200 {
			t.Errorf("validate: %d", status)
		}
		return v["valid"]
	}
	if valid() != true {
		t.Error("a fresh token is not valid")
	}
	if status, _ := r.post("/ims/revoke", append(server, "token", access)...); status != 200 {
		t.Errorf("revoke: %d", status)
	}
	if valid() != false {
		t.Error("a revoked token is valid")
	}
	for name, form := range map[string][]string{
		"wrong secret":        {"client_id", "sim-server", "client_secret", "x", "grant_type", "client_credentials"},
		"unknown client":      {"client_id", "x", "grant_type", "client_credentials"},
		"unknown grant":       append(server, "grant_type", "password"),
		"credentials at V2's": append(server, "grant_type", "client_credentials"),
	} {
		path := "/ims/token/v3"
		if strings.HasSuffix(name, "V2's") {
			path = "/oauth2/token"
		}
		if status, v := r.post(path, form...); status != 400 || v["error"] == nil {
			t.Errorf("%s: %d %v", name, status, v)
		}
	}
}
