package world

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TokenKind tells what sort of bearer token it is.
type TokenKind string

// The kinds of token.
const (
	Developer TokenKind = "developer" // fio-u-…; on V4 only with x-frameio-legacy-token-auth: true (frameio-v4.md §1.5)
	OAuth     TokenKind = "oauth"     // V2 OAuth access token (frameio-v2.md §1.3)
	IMS       TokenKind = "ims"       // Adobe IMS access token, V4 only (frameio-v4.md §1.2)
)

// Token is a bearer token and, for the OAuth kinds, the refresh token that came with it.
type Token struct {
	Access         string
	Kind           TokenKind
	User           ID
	Client         string   // OAuth client it was given to
	Scopes         []string // nil = all
	Issued         time.Time
	Expires        time.Time // zero = never
	Refresh        string    // "" = none; gone once used
	RefreshExpires time.Time
	RefreshLife    time.Duration
	Family         string // what came of one sign-in; "" for tokens that were put here
	Revoked        bool
}

// Code is a one-time authorization code.
type Code struct {
	Code      string
	Kind      TokenKind
	User      ID
	Client    string
	Redirect  string
	Challenge string // PKCE S256; "" = none
	Scopes    []string
	Offline   bool // a refresh token is wanted
	Expires   time.Time
	Family    string // of the tokens that come of it
	used      bool
}

func (w *World) putToken(t Token) {
	if old := w.tokens[t.Access]; old != nil {
		delete(w.refresh, old.Refresh)
	}
	w.tokens[t.Access] = &t
	if t.Refresh != "" {
		w.refresh[t.Refresh] = &t
	}
}

// AddToken stores a token as it is; an empty Access gets a fresh one in the kind's form.
func (w *World) AddToken(t Token) (Token, error) {
	err := w.change(func() error {
		if w.users[t.User] == nil {
			return fail(ErrNotFound, "user", "no such user")
		}
		if t.Access == "" {
			t.Access = newSecret(t.Kind)
		}
		t.Issued = w.stamp()
		w.storeToken(t)
		return nil
	})
	return t, err
}

func (w *World) storeToken(t Token) {
	w.putToken(t)
	w.journal.add("token", t)
}

func newSecret(k TokenKind) string {
	if k == Developer {
		return "fio-u-" + rand.Text() + rand.Text()
	}
	return "sim-" + string(k) + "-" + rand.Text() + rand.Text()
}

// Authenticate says whose bearer token this is. ErrToken if it is unknown, expired or revoked.
func (w *World) Authenticate(bearer string) (Caller, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tokens[bearer]
	switch {
	case t == nil:
		return Caller{}, fail(ErrToken, "", "unknown token")
	case t.Revoked:
		return Caller{}, fail(ErrToken, "", "the token was revoked")
	case !t.Expires.IsZero() && !w.now().Before(t.Expires):
		return Caller{}, fail(ErrToken, "", "the token has expired")
	}
	return Caller{User: t.User, Kind: t.Kind, Scopes: slices.Clone(t.Scopes)}, nil
}

// Issue makes an OAuth or IMS token that lives for life, with a refresh token if refreshLife is not 0.
func (w *World) Issue(kind TokenKind, user ID, client string, scopes []string, life, refreshLife time.Duration) (Token, error) {
	var t Token
	err := w.change(func() error {
		if w.users[user] == nil {
			return fail(ErrNotFound, "user", "no such user")
		}
		t = w.issue(Token{Kind: kind, User: user, Client: client, Scopes: scopes, RefreshLife: refreshLife}, life)
		return nil
	})
	return t, err
}

// Redeem trades a code for a token.
func (w *World) Redeem(c Code, life, refreshLife time.Duration) (Token, error) {
	if !c.Offline {
		refreshLife = 0
	}
	var t Token
	err := w.change(func() error {
		t = w.issue(Token{Kind: c.Kind, User: c.User, Client: c.Client, Scopes: c.Scopes, RefreshLife: refreshLife, Family: c.Family}, life)
		return nil
	})
	return t, err
}

// issue gives t, which says for whom and what, its secrets and times.
func (w *World) issue(t Token, life time.Duration) Token {
	now, refreshLife := w.now().UTC(), t.RefreshLife
	t.Scopes, t.Issued, t.Expires, t.Refresh = slices.Clone(t.Scopes), now, now.Add(life), ""
	if t.Family == "" {
		t.Family = rand.Text()
	}
	if t.Access = newSecret(t.Kind); t.Kind == IMS {
		t.Access = imsToken(t)
	}
	if refreshLife > 0 {
		t.Refresh, t.RefreshExpires = "sim-refresh-"+rand.Text(), now.Add(refreshLife)
	}
	w.storeToken(t)
	return t
}

// imsToken looks as Adobe's do: a JWT without exp, with its times in milliseconds as text (spec: frameio-v4.md §1.4).
func imsToken(t Token) string {
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			panic("world: a map always marshals: " + err.Error())
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return part(map[string]string{"alg": "RS256", "x5u": "ims_na1-key-at-1.cer", "kid": "ims_na1-key-at-1", "itt": "at"}) + "." +
		part(map[string]string{
			"id": rand.Text(), "type": "access_token", "as": "ims-na1", "client_id": t.Client, "user_id": string(t.User), "scope": strings.Join(t.Scopes, ","),
			"created_at": strconv.FormatInt(t.Issued.UnixMilli(), 10), "expires_in": strconv.FormatInt(t.Expires.Sub(t.Issued).Milliseconds(), 10),
		}) + "." + base64.RawURLEncoding.EncodeToString([]byte(rand.Text()+rand.Text()))
}

// Rotate trades a refresh token for a new token. What becomes of the old one is Behaviour.RefreshTokens'. The old access token goes on
// until it expires.
func (w *World) Rotate(kind TokenKind, refresh, client string, life time.Duration) (Token, error) {
	var t Token
	err := w.change(func() error {
		if family, ok := w.spent[refresh]; ok && w.behaviour.RefreshTokens == RefreshFamily {
			w.endFamily(family) // stolen, or lost with an answer: nobody can tell
		}
		old := w.refresh[refresh]
		if old == nil || old.Revoked || old.Kind != kind || old.Client != client || !w.now().Before(old.RefreshExpires) {
			return nil
		}
		spent := *old
		t = w.issue(spent, life)
		if w.behaviour.RefreshTokens == RefreshKeep {
			t.RefreshExpires = old.RefreshExpires
			moved := t // the refresh token goes along with the newest
			moved.Refresh = spent.Refresh
			t.Refresh = ""
			spent.Refresh = ""
			w.storeToken(spent)
			w.storeToken(moved)
			return nil
		}
		w.spent[refresh] = old.Family
		spent.Refresh = ""
		w.storeToken(spent)
		return nil
	})
	if err == nil && t.Access == "" {
		err = fail(ErrToken, "refresh_token", "the refresh token is not valid")
	}
	return t, err
}

// endFamily revokes all that came of one sign-in.
func (w *World) endFamily(family string) {
	for _, t := range w.tokens {
		if t.Family == family && family != "" && !t.Revoked {
			gone := *t
			gone.Revoked, gone.Refresh = true, ""
			w.storeToken(gone)
		}
	}
}

// Revoke ends a token; given a refresh token, all that came of that sign-in. It tells whether there was one.
func (w *World) Revoke(secret string) (found bool, err error) {
	err = w.change(func() error {
		if t := w.refresh[secret]; t != nil {
			found = true
			w.endFamily(t.Family)
			return nil
		}
		t := w.tokens[secret]
		if found = t != nil; found {
			gone := *t
			gone.Revoked, gone.Refresh = true, ""
			w.storeToken(gone)
		}
		return nil
	})
	return found, err
}

// Token looks a bearer token up, expired ones too.
func (w *World) Token(access string) (Token, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := w.tokens[access]; t != nil {
		return *t, true
	}
	return Token{}, false
}

// ExpireTokens ends the life of every access token that has one; refresh tokens stay good.
func (w *World) ExpireTokens() error {
	return w.change(func() error {
		for _, t := range w.tokens {
			if !t.Expires.IsZero() && w.now().Before(t.Expires) {
				old := *t
				old.Expires = w.now().UTC()
				w.storeToken(old)
			}
		}
		return nil
	})
}

// ExpireRefresh ends the life of every refresh token.
func (w *World) ExpireRefresh() error {
	return w.change(func() error {
		for _, t := range w.tokens {
			if t.Refresh != "" {
				old := *t
				old.RefreshExpires = w.now().UTC()
				w.storeToken(old)
			}
		}
		return nil
	})
}

// AddCode keeps an authorization code for as long as Behaviour.CodeLife and returns it. Codes do not survive a restart.
func (w *World) AddCode(c Code) Code {
	w.mu.Lock()
	defer w.mu.Unlock()
	life := time.Duration(w.behaviour.CodeLife)
	if life == 0 {
		life = 10 * time.Minute
	}
	raw := make([]byte, 16)
	rand.Read(raw) // never fails
	c.Code, c.Family, c.Expires = hex.EncodeToString(raw), rand.Text(), w.now().Add(life)
	for k, old := range w.codes {
		if w.now().After(old.Expires) {
			delete(w.codes, k)
		}
	}
	w.codes[c.Code] = c
	return c
}

// TakeCode returns a code that is good: once, and for its time. One that is used again ends what it was traded for, as RFC 6749 §4.1.2
// advises.
func (w *World) TakeCode(code string) (c Code, ok bool, err error) {
	err = w.change(func() error {
		c, ok = w.codes[code]
		if ok && c.used {
			w.endFamily(c.Family)
		}
		ok = ok && !c.used && w.now().Before(c.Expires)
		if c.used = true; c.Code != "" {
			w.codes[code] = c
		}
		return nil
	})
	return c, ok, err
}
