// Package token is where the simulated Frame.io hands out tokens: V2's OAuth endpoints and those of Adobe IMS for V4.
//
// New makes the handler for /oauth2/ and /ims/. The authorize endpoints ask nobody: they send the browser straight back
// with a code for the first user of the world, or for the one whose address is in login_hint; Behaviour.Consent makes them show a page,
// or refuse. Refresh tokens rotate: a used one is spent (spec: frameio-v2.md §1.3; frameio-v4.md §1.2–1.4). Strict are: redirect
// addresses, PKCE, codes that are good once, forms, scopes that nobody knows. Behaviour has a switch for what the documents leave open.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

// Client is an OAuth application that is known here.
type Client struct {
	ID     string
	Secret string // "" = a public client, which has to use PKCE
	Server bool   // may use client_credentials and nothing else
	// Redirects are the addresses it may be sent back to, as they were registered. Beside them any http address of this machine's
	// loopback is taken, whatever its port (RFC 8252 §7.3), but for Behaviour.NoLoopback.
	Redirects []string
}

// DefaultClients are known unless Config says otherwise.
var DefaultClients = []Client{
	{ID: "sim-native", Redirects: []string{"adobe+simnative://adobeid/sim-native"}},
	{ID: "sim-web", Secret: "sim-web-secret"},
	{ID: "sim-server", Secret: "sim-server-secret", Server: true},
}

// Config sets lifetimes. Zero values are the service's own.
type Config struct {
	Clients       []Client
	OAuthLife     time.Duration // 0 = 1 h (frameio-v2.md §1.3)
	OAuthRefresh  time.Duration // 0 = 30 days
	IMSLife       time.Duration // 0 = 24 h (frameio-v4.md §1.4)
	IMSRefresh    time.Duration // 0 = 14 days
	ServiceUserID world.ID      // whom client_credentials acts as; "" = the first user
}

type service struct {
	Config
	world *world.World
}

// flavour is what differs between the two services.
type flavour struct {
	kind          world.TokenKind
	life, refresh time.Duration
	offline       string // the scope that brings a refresh token
	scopes        []string
}

// The scopes there are (spec: frameio-v2.md §1.2, frameio-v4.md §1.3).
var (
	oauthScopes = splitScopes("account.read team.read team.create team.update project.read project.create project.update project.delete " +
		"asset.read asset.create asset.update asset.delete comment.read comment.create comment.update comment.delete " +
		"reviewlink.read reviewlink.create reviewlink.update reviewlink.delete " +
		"presentation.read presentation.create presentation.update presentation.delete webhook.read webhook.create webhook.update webhook.delete " +
		"action.read action.create action.update action.delete auditlog.read offline")
	imsScopes = splitScopes("openid AdobeID profile email offline_access additional_info.roles frame.s2s.all")
)

// New returns the handler.
func New(w *world.World, cfg Config) http.Handler {
	if cfg.Clients == nil {
		cfg.Clients = DefaultClients
	}
	s := &service{Config: cfg, world: w}
	or := func(d, def time.Duration) time.Duration {
		if d == 0 {
			return def
		}
		return d
	}
	oauth := flavour{world.OAuth, or(cfg.OAuthLife, time.Hour), or(cfg.OAuthRefresh, 30*24*time.Hour), "offline", oauthScopes}
	ims := flavour{world.IMS, or(cfg.IMSLife, 24*time.Hour), or(cfg.IMSRefresh, 14*24*time.Hour), "offline_access", imsScopes}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth2/auth", func(rw http.ResponseWriter, r *http.Request) { s.authorize(rw, r, s.now(oauth)) })
	mux.HandleFunc("POST /oauth2/token", func(rw http.ResponseWriter, r *http.Request) { s.token(rw, r, s.now(oauth)) })
	mux.HandleFunc("POST /oauth2/revoke", func(rw http.ResponseWriter, r *http.Request) {
		if w.Behaviour().NoRevoke {
			http.NotFound(rw, r)
			return
		}
		s.revoke(rw, r)
	})
	mux.HandleFunc("GET /ims/authorize/v2", func(rw http.ResponseWriter, r *http.Request) { s.authorize(rw, r, s.now(ims)) })
	mux.HandleFunc("POST /ims/token/v3", func(rw http.ResponseWriter, r *http.Request) { s.token(rw, r, s.now(ims)) })
	mux.HandleFunc("POST /ims/revoke", s.revoke)
	mux.HandleFunc("POST /ims/validate_token/v1", s.validate)
	return mux
}

// now is f with the lifetimes that the world's behaviour sets.
func (s *service) now(f flavour) flavour {
	b := s.world.Behaviour()
	if b.AccessLife != 0 {
		f.life = time.Duration(b.AccessLife)
	}
	if b.RefreshLife != 0 {
		f.refresh = time.Duration(b.RefreshLife)
	}
	return f
}

// token trades a code, a refresh token or a server's credentials for an access token.
func (s *service) token(rw http.ResponseWriter, r *http.Request, f flavour) {
	r.Body = http.MaxBytesReader(rw, r.Body, 1<<16)
	if err := readForm(r); err != nil {
		refuse(rw, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	client, ok := s.authenticate(r)
	if !ok {
		// 400, where the standard would have 401 (spec: frameio-v2.md §1.3).
		refuse(rw, http.StatusBadRequest, "invalid_client", "unknown client or wrong secret")
		return
	}
	t, err := s.grant(r.Form, client, f)
	var bad grantError
	switch {
	case errors.As(err, &bad):
		refuse(rw, http.StatusBadRequest, string(bad), err.Error())
		return
	case errors.Is(err, world.ErrToken):
		refuse(rw, http.StatusBadRequest, "invalid_grant", err.Error())
		return
	case err != nil:
		refuse(rw, http.StatusInternalServerError, "server_error", err.Error())
		return
	}
	answer := map[string]any{
		"access_token": t.Access, "token_type": "bearer", "expires_in": int64(t.Expires.Sub(t.Issued) / time.Second),
	}
	if t.Scopes != nil && f.kind == world.OAuth { // Adobe's answers are not known to have it
		answer["scope"] = strings.Join(t.Scopes, " ")
	}
	if t.Refresh != "" {
		answer["refresh_token"] = t.Refresh
	}
	writeJSON(rw, http.StatusOK, answer)
}

// grantError is an OAuth error code.
type grantError string

func (g grantError) Error() string { return string(g) }

func (s *service) grant(form url.Values, client Client, f flavour) (world.Token, error) {
	switch grant := form.Get("grant_type"); {
	case grant == "client_credentials" && client.Server && f.kind == world.IMS:
		user, _ := s.user("")
		if s.ServiceUserID != "" {
			user = s.ServiceUserID
		}
		scopes := splitScopes(form.Get("scope"))
		if !known(scopes, f) {
			return world.Token{}, grantError("invalid_scope")
		}
		return s.world.Issue(f.kind, user, client.ID, scopes, f.life, 0)
	case client.Server:
		return world.Token{}, grantError("unauthorized_client")
	case grant == "authorization_code":
		return s.redeem(form, client, f)
	case grant == "refresh_token":
		return s.world.Rotate(f.kind, form.Get("refresh_token"), client.ID, f.life)
	}
	return world.Token{}, grantError("unsupported_grant_type")
}

func (s *service) redeem(form url.Values, client Client, f flavour) (world.Token, error) {
	c, ok, err := s.world.TakeCode(form.Get("code"))
	redirect := form.Get("redirect_uri")
	switch {
	case err != nil:
		return world.Token{}, err
	case !ok, c.Kind != f.kind, c.Client != client.ID:
		return world.Token{}, grantError("invalid_grant")
	case redirect == "" && f.kind == world.OAuth: // Adobe's clients send none (spec: frameio-v4.md §1.3)
		return world.Token{}, grantError("invalid_request")
	case redirect != "" && redirect != c.Redirect:
		return world.Token{}, grantError("invalid_grant")
	case c.Challenge != "" && !goodVerifier(form.Get("code_verifier")):
		return world.Token{}, grantError("invalid_request")
	case c.Challenge != "" && challenge(form.Get("code_verifier")) != c.Challenge:
		return world.Token{}, grantError("invalid_grant")
	}
	return s.world.Redeem(c, f.life, f.refresh)
}

// goodVerifier tells whether a code verifier is formed as RFC 7636 §4.1 wants it.
func goodVerifier(v string) bool {
	return len(v) >= 43 && len(v) <= 128 && strings.Trim(v, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") == ""
}

// readForm reads what must be a form.
func readForm(r *http.Request) error {
	if typ, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); typ != "application/x-www-form-urlencoded" {
		return errors.New("this is not a form")
	}
	if err := r.ParseForm(); err != nil {
		return errors.New("the form is malformed")
	}
	return nil
}

// known tells whether all scopes are.
func known(scopes []string, f flavour) bool {
	return !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(f.scopes, s) })
}

// revoke ends a token; as usual it says yes to unknown ones too.
func (s *service) revoke(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, 1<<16)
	if err := readForm(r); err != nil {
		refuse(rw, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	if _, ok := s.authenticate(r); !ok {
		refuse(rw, http.StatusBadRequest, "invalid_client", "unknown client or wrong secret")
		return
	}
	if _, err := s.world.Revoke(r.Form.Get("token")); err != nil {
		refuse(rw, http.StatusInternalServerError, "server_error", err.Error())
		return
	}
	rw.WriteHeader(http.StatusOK)
}

// validate answers 200 even for what is not valid (spec: frameio-v4.md §1.2).
func (s *service) validate(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, 1<<16)
	if err := readForm(r); err != nil || r.Form.Get("type") != "access_token" {
		refuse(rw, http.StatusBadRequest, "invalid_request", "want client_id, token and type=access_token")
		return
	}
	t, _ := s.world.Token(r.Form.Get("token"))
	_, err := s.world.Authenticate(r.Form.Get("token"))
	valid := err == nil && t.Kind == world.IMS && t.Client == r.Form.Get("client_id")
	answer := map[string]any{"valid": valid}
	if valid {
		answer["token"] = map[string]any{"client_id": t.Client, "user_id": t.User,
			"expires_at": t.Expires.UnixMilli(), "created_at": t.Issued.UnixMilli()}
	} else {
		answer["reason"] = "bad_token"
	}
	writeJSON(rw, http.StatusOK, answer)
}

// authenticate finds the client, by HTTP Basic or by parameters, and checks its secret if it has one.
func (s *service) authenticate(r *http.Request) (Client, bool) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.Form.Get("client_id"), r.Form.Get("client_secret") // Form has the query too: IMS takes client_id there
	}
	c, ok := s.client(id)
	return c, ok && (c.Secret == "" || hmac.Equal([]byte(c.Secret), []byte(secret)))
}

func (s *service) client(id string) (Client, bool) {
	for _, c := range s.Clients {
		if c.ID == id {
			return c, true
		}
	}
	return Client{}, false
}

func (s *service) user(email string) (world.ID, bool) {
	for _, u := range s.world.Users() {
		if email == "" || u.Email == email {
			return u.ID, true
		}
	}
	return "", false
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// splitScopes takes V2's spaces and IMS's commas.
func splitScopes(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
}

func refuse(rw http.ResponseWriter, status int, code, description string) {
	writeJSON(rw, status, map[string]string{"error": code, "error_description": description})
}

func writeJSON(rw http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("token: an answer always marshals: " + err.Error())
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	// A client that went away is no news.
	_, _ = rw.Write(body)
}
