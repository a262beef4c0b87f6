package token

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

// signIn goes the whole way with PKCE at Adobe's.
func (r *rig) signIn() map[string]any {
	r.t.Helper()
	back := r.authorize("/ims/authorize/v2", "client_id", "sim-native", "scope", "openid,offline_access",
		"code_challenge", challenge(verifier), "code_challenge_method", "S256")
	status, tok := r.redeem(back.Get("code"))
	if status != 200 {
		r.t.Fatalf("sign in: %d %v", status, tok)
	}
	return tok
}

func (r *rig) redeem(code string) (int, map[string]any) {
	return r.post("/ims/token/v3?client_id=sim-native", "grant_type", "authorization_code", "code", code, "code_verifier", verifier)
}

func (r *rig) refresh(token any) (int, map[string]any) {
	return r.post("/ims/token/v3", "client_id", "sim-native", "grant_type", "refresh_token", "refresh_token", token.(string))
}

func (r *rig) good(tok map[string]any) bool {
	_, err := r.w.Authenticate(tok["access_token"].(string))
	return err == nil
}

func (r *rig) behave(f func(b *world.Behaviour)) {
	r.t.Helper()
	if err := r.w.SetBehaviour(f); err != nil {
		r.t.Fatal(err)
	}
}

func TestCodeIsGoodOnceAndForItsTime(t *testing.T) {
	r := newRig(t)
	ask := func() string {
		return r.authorize("/ims/authorize/v2", "client_id", "sim-native", "scope", "openid,offline_access",
			"code_challenge", challenge(verifier), "code_challenge_method", "S256").Get("code")
	}
	code := ask()
	_, tok := r.redeem(code)
	if !r.good(tok) {
		t.Fatal("the first use of a code brings no token")
	}
	if status, again := r.redeem(code); status != 400 || again["error"] != "invalid_grant" {
		t.Errorf("a code used twice: %d %v", status, again)
	}
	if r.good(tok) {
		t.Error("the token of a code that was used twice is still good")
	}
	r.behave(func(b *world.Behaviour) { b.CodeLife = world.Duration(time.Minute) })
	code = ask()
	r.clock = r.clock.Add(2 * time.Minute)
	if status, v := r.redeem(code); status != 400 {
		t.Errorf("a code of a minute after two: %d %v", status, v)
	}
}

func TestReadingsOfRotation(t *testing.T) {
	for _, c := range []struct {
		how               world.RefreshTokens
		answers, again    bool // the answer has a refresh token; the old one can be used again
		newGoodAfterwards bool // after the old one was used again
	}{
		{world.RefreshRotate, true, false, true},
		{world.RefreshKeep, false, true, true},
		{world.RefreshFamily, true, false, false},
	} {
		r := newRig(t)
		r.behave(func(b *world.Behaviour) { b.RefreshTokens = c.how })
		first := r.signIn()
		status, second := r.refresh(first["refresh_token"])
		if status != 200 || second["refresh_token"] != nil != c.answers {
			t.Errorf("%q: refresh: %d %v", c.how, status, second)
			continue
		}
		status, _ = r.refresh(first["refresh_token"])
		if again := status == 200; again != c.again || r.good(second) != c.newGoodAfterwards {
			t.Errorf("%q: used again: %v; what it brought before is good: %v", c.how, again, r.good(second))
		}
	}
}

func TestLivesCanBeShortened(t *testing.T) {
	r := newRig(t)
	r.behave(func(b *world.Behaviour) {
		b.AccessLife, b.RefreshLife = world.Duration(time.Minute), world.Duration(time.Hour)
	})
	tok := r.signIn()
	if tok["expires_in"] != 60.0 {
		t.Errorf("expires_in %v", tok["expires_in"])
	}
	r.clock = r.clock.Add(61 * time.Second)
	if r.good(tok) {
		t.Error("good after its time")
	}
	r.clock = r.clock.Add(time.Hour)
	if status, _ := r.refresh(tok["refresh_token"]); status != 400 {
		t.Errorf("refresh after its time: %d", status)
	}
}

func TestRevokingARefreshTokenEndsTheSignIn(t *testing.T) {
	r := newRig(t)
	first := r.signIn()
	_, second := r.refresh(first["refresh_token"])
	if status, _ := r.post("/ims/revoke?client_id=sim-native", "token", second["refresh_token"].(string)); status != 200 {
		t.Fatalf("revoke: %d", status)
	}
	if r.good(first) || r.good(second) {
		t.Error("an access token of a sign-in that was revoked is good")
	}
	r.behave(func(b *world.Behaviour) { b.NoRevoke = true })
	resp, err := http.PostForm(r.url+"/oauth2/revoke", url.Values{"client_id": {"sim-native"}, "token": {"x"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("V2 without revocation: %d", resp.StatusCode)
	}
}

// page fetches an authorize address that does not redirect.
func (r *rig) page(query url.Values) (int, string) {
	r.t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Get(r.url + "/ims/authorize/v2?" + query.Encode())
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(raw) + resp.Header.Get("Location")
}

func TestRedirectsAreThoseOfTheClient(t *testing.T) {
	r := newRig(t)
	open := func(redirect string) int {
		status, _ := r.page(url.Values{"response_type": {"code"}, "client_id": {"sim-native"}, "redirect_uri": {redirect},
			"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}})
		return status
	}
	for redirect, want := range map[string]int{
		"http://127.0.0.1:1234/x": 302, "http://[::1]:1/": 302, "http://localhost:9/": 302, "adobe+simnative://adobeid/sim-native": 302,
		"https://127.0.0.1:1/": 400, "http://evil.example/": 400, "http://127.0.0.1.evil.example/": 400, "adobe+other://adobeid/x": 400, "": 400,
	} {
		if got := open(redirect); got != want {
			t.Errorf("%s: %d, want %d", redirect, got, want)
		}
	}
	r.behave(func(b *world.Behaviour) { b.NoLoopback = true })
	if a, b := open("http://127.0.0.1:1234/x"), open("adobe+simnative://adobeid/sim-native"); a != 400 || b != 302 {
		t.Errorf("without loopback: %d, %d", a, b)
	}
}

func TestConsent(t *testing.T) {
	r := newRig(t)
	q := url.Values{"response_type": {"code"}, "client_id": {"sim-native"}, "redirect_uri": {"http://127.0.0.1:9/"}, "scope": {"openid"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}}
	r.behave(func(b *world.Behaviour) { b.Consent = world.ConsentDeny })
	if status, to := r.page(q); status != 302 || !strings.Contains(to, "error=access_denied") {
		t.Errorf("deny: %d %s", status, to)
	}
	r.behave(func(b *world.Behaviour) { b.Consent = world.ConsentAsk })
	if status, page := r.page(q); status != 200 || !strings.Contains(page, "sim-native") || !strings.Contains(page, "Allow") {
		t.Errorf("ask: %d %s", status, page)
	}
	q.Set("sim_consent", "yes")
	if status, to := r.page(q); status != 302 || !strings.Contains(to, "code=") {
		t.Errorf("yes: %d %s", status, to)
	}
	q.Set("sim_consent", "no")
	if status, to := r.page(q); status != 302 || !strings.Contains(to, "error=access_denied") {
		t.Errorf("no: %d %s", status, to)
	}
	q.Set("scope", "openid,everything")
	if _, to := r.page(q); !strings.Contains(to, "error=invalid_scope") {
		t.Errorf("unknown scope: %s", to)
	}
}

func TestFormsAreForms(t *testing.T) {
	r := newRig(t)
	resp, err := http.Post(r.url+"/ims/token/v3", "application/json", strings.NewReader(`{"grant_type":"client_credentials"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("JSON at the token endpoint: %d", resp.StatusCode)
	}
}
