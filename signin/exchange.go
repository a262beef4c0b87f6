package signin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// ServerToServer signs in with a client's own id and secret, V4 only (spec: frameio-v4.md §1.3). g says for what.
func ServerToServer(ctx context.Context, g Grant) (Grant, error) {
	return newClient().server(ctx, g)
}

func (c *client) server(ctx context.Context, g Grant) (Grant, error) {
	s := serviceOf(g.API, g.AuthURL)
	cfg := clientcredentials.Config{ClientID: g.ClientID, ClientSecret: g.ClientSecret, TokenURL: s.tokenURL(g.ClientID, false),
		Scopes: s.joined(serverScopes), AuthStyle: oauth2.AuthStyleInParams}
	asked := time.Now()
	t, err := cfg.Token(c.context(ctx))
	if err != nil {
		return g, c.explain(err, s, &g, false)
	}
	return g.with(t, asked).orScopes(serverScopes), nil
}

// redeem trades a code for tokens.
func (c *client) redeem(ctx context.Context, g Grant, code, verifier string) (Grant, error) {
	s := serviceOf(g.API, g.AuthURL)
	asked := time.Now()
	t, err := s.config(&g).Exchange(c.context(ctx), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return g, c.explain(err, s, &g, true)
	}
	return g.with(t, asked).orScopes(s.scopes), nil
}

// orScopes is g with the scopes that were asked for if the service has not told others: then it granted these (RFC 6749 §5.1).
func (g Grant) orScopes(asked []string) Grant {
	if len(g.Scopes) == 0 {
		g.Scopes = slices.Sorted(slices.Values(asked))
	}
	return g
}

// renew gets a new access token without the user.
func (c *client) renew(ctx context.Context, g Grant) (Grant, error) {
	if g.Method == Server {
		return c.server(ctx, g)
	}
	s := serviceOf(g.API, g.AuthURL)
	asked := time.Now()
	t, err := s.config(&g).TokenSource(c.context(ctx), &oauth2.Token{RefreshToken: g.Refresh}).Token()
	if err != nil {
		return g, c.explain(err, s, &g, false)
	}
	return g.with(t, asked), nil
}

// with is g after a service's answer to what was asked at a time: lives are counted from then, by this machine's clock, so that neither a
// slow answer nor clocks that differ make a token look better than it is.
func (g Grant) with(t *oauth2.Token, asked time.Time) Grant {
	g = g.clone()
	g.Access, g.Obtained = t.AccessToken, asked.UTC().Round(0)
	g.Expires = time.Time{}
	if t.ExpiresIn > 0 {
		g.Expires = g.Obtained.Add(time.Duration(t.ExpiresIn) * time.Second)
	} else if !t.Expiry.IsZero() {
		g.Expires = t.Expiry.UTC().Round(0)
	}
	if t.RefreshToken != "" {
		g.Refresh = t.RefreshToken
	}
	g.RefreshAge = 0
	if age, ok := t.Extra("refresh_token_expires_in").(float64); ok && age > 0 {
		g.RefreshAge = int(age)
	}
	if scope, ok := t.Extra("scope").(string); ok && scope != "" {
		g.Scopes = scopesOf(scope)
	}
	return g
}

func (c *client) explain(err error, s service, g *Grant, redeeming bool) error {
	e := explain(err, s, g, redeeming)
	if d, bad := c.badClock(); bad {
		e.Hint = strings.TrimPrefix(fmt.Sprintf("%s; this machine's clock is off by %s", e.Hint, d.Abs().Round(time.Minute)), "; ")
	}
	return e
}

// Revoke ends a grant at who gave it. The error, an *Error, says what could not be revoked, and what that means.
func Revoke(ctx context.Context, g Grant) error {
	s := serviceOf(g.API, g.AuthURL)
	switch {
	case g.Method == Token && strings.HasPrefix(g.Access, "fio-"):
		return &Error{Text: "a developer token can only be ended where it was made", Hint: "delete it at https://developer.frame.io if nobody else uses it"}
	case g.Method == Token:
		return &Error{Text: "a pasted token is not ours to end", Hint: "whoever made it can end it"}
	}
	tokens := []string{g.Refresh, g.Access}
	if g.Refresh == "" {
		tokens = tokens[1:]
	}
	c := newClient()
	for _, t := range tokens {
		if err := c.revoke(ctx, s, g, t); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) revoke(ctx context.Context, s service, g Grant, token string) error {
	u := s.base + s.revoke
	form := url.Values{"token": {token}, "client_id": {g.ClientID}}
	if g.ClientSecret != "" {
		form.Set("client_secret", g.ClientSecret)
	} else if s.clientInQuery {
		u += "?client_id=" + url.QueryEscape(g.ClientID)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.http().Do(req)
	if err != nil {
		return explain(err, s, &g, false)
	}
	resp.Body.Close()
	switch {
	case resp.StatusCode < 300:
		return nil
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusMethodNotAllowed:
		return &Error{Text: fmt.Sprintf("%s has no way to revoke", s.host())}
	}
	return &Error{Text: fmt.Sprintf("%s does not revoke (status %d)", s.host(), resp.StatusCode)}
}
