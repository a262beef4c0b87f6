package world

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
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
		t = w.issue(kind, user, client, scopes, life, refreshLife)
		return nil
	})
	return t, err
}

func (w *World) issue(kind TokenKind, user ID, client string, scopes []string, life, refreshLife time.Duration) Token {
	now := w.now().UTC()
	t := Token{
		Access: newSecret(kind), Kind: kind, User: user, Client: client, Scopes: slices.Clone(scopes),
		Issued: now, Expires: now.Add(life), RefreshLife: refreshLife,
	}
	if refreshLife > 0 {
		t.Refresh, t.RefreshExpires = "sim-refresh-"+rand.Text(), now.Add(refreshLife)
	}
	w.storeToken(t)
	return t
}

// Rotate trades a refresh token for a new token; the old refresh token is gone after that (spec: frameio-v2.md §1.3,
// frameio-v4.md §1.4). The old access token goes on until it expires.
func (w *World) Rotate(kind TokenKind, refresh, client string, life time.Duration) (Token, error) {
	var t Token
	err := w.change(func() error {
		old := w.refresh[refresh]
		if old == nil || old.Revoked || old.Kind != kind || old.Client != client || !w.now().Before(old.RefreshExpires) {
			return fail(ErrToken, "refresh_token", "the refresh token is not valid")
		}
		spent := *old
		spent.Refresh = ""
		w.storeToken(spent)
		t = w.issue(kind, old.User, client, old.Scopes, life, old.RefreshLife)
		return nil
	})
	return t, err
}

// Revoke ends a token, given it or its refresh token. It tells whether there was one.
func (w *World) Revoke(secret string) (found bool, err error) {
	err = w.change(func() error {
		t := w.tokens[secret]
		if t == nil {
			t = w.refresh[secret]
		}
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

// AddCode keeps an authorization code for ten minutes and returns it. Codes do not survive a restart.
func (w *World) AddCode(c Code) Code {
	w.mu.Lock()
	defer w.mu.Unlock()
	raw := make([]byte, 16)
	rand.Read(raw) // never fails
	c.Code, c.Expires = hex.EncodeToString(raw), w.now().Add(10*time.Minute)
	for k, old := range w.codes {
		if w.now().After(old.Expires) {
			delete(w.codes, k)
		}
	}
	w.codes[c.Code] = c
	return c
}

// TakeCode returns a code and forgets it: it is good once.
func (w *World) TakeCode(code string) (Code, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.codes[code]
	delete(w.codes, code)
	return c, ok && w.now().Before(c.Expires)
}
