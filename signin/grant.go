package signin

import (
	"slices"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Method is how somebody signed in.
type Method string

// The methods.
const (
	Browser Method = "browser" // an authorization code with PKCE
	Server  Method = "server"  // a client's own id and secret, V4 only
	Token   Method = "token"   // pasted: a developer token, or an access token from elsewhere
)

// Methods are all of them.
var Methods = []Method{Browser, Server, Token}

// Grant is the right to speak for a user, and how it is renewed.
type Grant struct {
	Profile     string      `json:"profile"`
	Method      Method      `json:"method"`
	API         string      `json:"api"`     // v2 or v4
	APIURL      string      `json:"api_url"` // base address of the only API that the token is for
	AuthURL     string      `json:"auth_url,omitempty"`
	ClientID    string      `json:"client_id,omitempty"`
	RedirectURL string      `json:"redirect_url,omitempty"`
	Scopes      []string    `json:"scopes,omitempty"` // as granted; nil if nobody told
	User        remote.User `json:"user"`
	SignedIn    time.Time   `json:"signed_in"`
	Obtained    time.Time   `json:"obtained"`         // when the access token came, by this machine's clock
	Expires     time.Time   `json:"expires,omitzero"` // of the access token, by this machine's clock; zero: never, or unknown
	Serial      int         `json:"serial"`           // grows by one with every renewal
	Store       Store       `json:"store"`            // where the secrets are
	Forced      bool        `json:"forced,omitempty"` // the user chose the store

	Secrets `json:"-"`
}

// Secrets are what must not be seen.
type Secrets struct {
	Access       string `json:"access"`
	Refresh      string `json:"refresh,omitempty"`
	ClientSecret string `json:"client_secret,omitempty"`
	RefreshAge   int    `json:"refresh_age,omitempty"` // what the service told of the refresh token's life, in seconds
}

// Renewable reports whether a new access token can be had without the user.
func (g *Grant) Renewable() bool {
	return g.Refresh != "" || g.Method == Server && g.ClientSecret != ""
}

// Times of renewing.
const (
	lastMoment = time.Minute // a token with less left is not used any more
	earliest   = time.Hour   // renewing begins when this is left, or a quarter of the life
)

func (g *Grant) life() time.Duration { return max(0, g.Expires.Sub(g.Obtained)) }

// usable reports whether the access token is likely to be good for a call made now.
func (g *Grant) usable(now time.Time) bool {
	return g.Access != "" && (g.Expires.IsZero() || now.Before(g.Expires.Add(-min(lastMoment, g.life()/10))))
}

// due is when to renew; zero for never. A clock that was set back since makes it later, and then Frame.io's refusal is the sign.
func (g *Grant) due() time.Time {
	if g.Expires.IsZero() || !g.Renewable() {
		return time.Time{}
	}
	return g.Expires.Add(-min(earliest, g.life()/4))
}

// RefreshExpires is when the refresh token ends if it is not used before. known is false if it is only what the service is said to grant:
// 30 days on V2, 14 on V4 (spec: frameio-v2.md §1.3, frameio-v4.md §1.4). Zero if there is none.
func (g *Grant) RefreshExpires() (at time.Time, known bool) {
	if g.Refresh == "" {
		return time.Time{}, false
	}
	if at, ok := Expiry(g.Refresh); ok {
		return at, true
	}
	if g.RefreshAge > 0 {
		return g.Obtained.Add(time.Duration(g.RefreshAge) * time.Second), true
	}
	if g.API == "v2" {
		return g.Obtained.Add(30 * 24 * time.Hour), false
	}
	return g.Obtained.Add(14 * 24 * time.Hour), false
}

// clone is a copy that shares nothing.
func (g Grant) clone() Grant {
	g.Scopes = slices.Clone(g.Scopes)
	return g
}
