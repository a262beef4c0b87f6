package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/signin"
)

// signedIn is what `login --list --json` prints of a profile, and whoami of the one in use.
type signedIn struct {
	Profile  string        `json:"profile,omitempty"`
	Method   signin.Method `json:"method"` // browser, server, token
	Kept     string        `json:"kept"`   // keyring, file; FRAMEIO_TOKEN or --token-file if it is in no profile
	File     string        `json:"file,omitempty"`
	ClientID string        `json:"client_id,omitempty"`
	API      string        `json:"api"`
	URL      string        `json:"url"`
	User     string        `json:"user,omitempty"` // as it was at the sign-in
	Scopes   []string      `json:"scopes,omitempty"`
	SignedIn *time.Time    `json:"signed_in,omitempty"`
	Expires  *time.Time    `json:"expires,omitempty"`         // of the access token
	Renews   bool          `json:"renews"`                    // by itself
	Unused   *time.Time    `json:"refresh_expires,omitempty"` // of the refresh token, if it is not used before
	Guessed  bool          `json:"refresh_expires_is_guessed,omitempty"`
}

func signedInOf(g signin.Grant) signedIn {
	s := signedIn{Profile: g.Profile, Method: g.Method, Kept: string(g.Store), ClientID: g.ClientID, API: g.API, URL: g.APIURL, Scopes: g.Scopes,
		SignedIn: timeOf(g.SignedIn), Expires: timeOf(g.Expires), Renews: g.Renewable()}
	if g.User.ID != "" {
		s.User = person(g.User)
	}
	if end, known := g.RefreshExpires(); !end.IsZero() {
		s.Unused, s.Guessed = &end, !known
	}
	return s
}

func listProfiles(c *cli.Context) error {
	all, err := profiles().List()
	if err != nil {
		fmt.Fprintf(c.App.ErrWriter, "not all profiles can be read: %s\n", oneLine(err.Error()))
	}
	list := []signedIn{}
	for _, g := range all {
		if full, err := profiles().Load(g.Profile); err == nil { // else what is known without the keyring
			g = full
		}
		list = append(list, signedInOf(g))
	}
	if c.Bool("json") {
		return json.NewEncoder(c.App.Writer).Encode(list)
	}
	if len(list) == 0 {
		fmt.Fprintln(c.App.Writer, "nobody is signed in: frameiofs login")
	}
	for _, s := range list {
		user := s.User
		if user == "" {
			user = "not known yet whom it speaks for"
		}
		fmt.Fprintf(c.App.Writer, "%-12s %s, API %s at %s, by %s, in the %s; %s\n", s.Profile, oneLine(user), s.API, s.URL, s.Method, s.Kept, s.life(time.Now()))
	}
	return nil
}

// life tells people until when it is good.
func (s signedIn) life(now time.Time) string {
	at := func(t time.Time) string {
		if d := t.Sub(now); d.Abs() > 48*time.Hour {
			return t.Local().Format("2006-01-02")
		}
		return t.Local().Format("2006-01-02 15:04")
	}
	about := ""
	if s.Guessed {
		about = "about "
	}
	switch {
	case s.Renews && s.Unused != nil && s.Expires != nil:
		return fmt.Sprintf("access token good until %s, renews itself until %s%s unless it is used before", at(*s.Expires), about, at(*s.Unused))
	case s.Renews && s.Expires != nil:
		return fmt.Sprintf("access token good until %s, renews itself", at(*s.Expires))
	case s.Renews:
		return "renews itself"
	case s.Expires == nil:
		return "tells no end"
	case s.Expires.Before(now):
		return "ran out at " + at(*s.Expires)
	}
	return fmt.Sprintf("good until %s, does not renew itself", at(*s.Expires))
}
