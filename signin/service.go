package signin

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// service is who hands out tokens for one generation of the API.
type service struct {
	name                string // for people
	base                string
	auth, token, revoke string // paths
	clientInQuery       bool   // Adobe's token endpoint wants client_id there of clients without a secret (spec: frameio-v4.md §1.3)
	comma               string // between scopes
	scopes              []string
	register            string // where a user makes a client id
}

// serviceOf is V2's or V4's; base replaces its address, "" does not.
func serviceOf(api, base string) service {
	s := service{ // spec: frameio-v4.md §1.2, §1.3
		name: "Adobe", base: "https://ims-na1.adobelogin.com",
		auth: "/ims/authorize/v2", token: "/ims/token/v3", revoke: "/ims/revoke", clientInQuery: true, comma: ",",
		scopes:   []string{"openid", "AdobeID", "profile", "email", "offline_access", "additional_info.roles"},
		register: "https://developer.adobe.com/console",
	}
	if api == "v2" { // spec: frameio-v2.md §1.2, §1.3. The address for revoking is not documented: it is where services of that kind have it.
		s = service{
			name: "Frame.io", base: "https://applications.frame.io",
			auth: "/oauth2/auth", token: "/oauth2/token", revoke: "/oauth2/revoke", comma: " ",
			scopes: []string{"account.read", "team.read", "project.read", "asset.read", "asset.create", "asset.update", "asset.delete",
				"offline"},
			register: "https://developer.frame.io",
		}
	}
	if base != "" {
		s.base = strings.TrimRight(base, "/")
	}
	return s
}

// serverScopes are those of server-to-server (spec: frameio-v4.md §1.3).
var serverScopes = []string{"openid", "AdobeID", "frame.s2s.all"}

func (s service) joined(scopes []string) []string { return []string{strings.Join(scopes, s.comma)} }

func (s service) tokenURL(clientID string, public bool) string {
	u := s.base + s.token
	if public && s.clientInQuery {
		u += "?client_id=" + url.QueryEscape(clientID)
	}
	return u
}

func (s service) config(g *Grant) *oauth2.Config {
	return &oauth2.Config{
		ClientID: g.ClientID, ClientSecret: g.ClientSecret, RedirectURL: g.RedirectURL, Scopes: s.joined(s.scopes),
		Endpoint: oauth2.Endpoint{AuthURL: s.base + s.auth, TokenURL: s.tokenURL(g.ClientID, g.ClientSecret == ""), AuthStyle: oauth2.AuthStyleInParams},
	}
}

func (s service) host() string {
	u, err := url.Parse(s.base)
	if err != nil {
		return s.base
	}
	return u.Host
}

// CheckURL refuses addresses that a secret must not be sent to: only https is, or http on this machine's loopback.
func CheckURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q is not of the form https://host", raw)
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return fmt.Errorf("%q must begin with https://, except for this machine itself", raw)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// scopesOf splits what a service says it granted.
func scopesOf(text string) []string {
	list := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
	slices.Sort(list)
	return list
}
