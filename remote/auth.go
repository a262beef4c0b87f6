package remote

import (
	"errors"
	"net/http"
	"strings"
)

// auth puts the token on requests to the API host and on nothing else, and asks for a newer token once when it is refused.
type auth struct {
	host   string // the API's host:port; a request to any other host goes out bare
	legacy bool   // V4: a legacy developer token is announced by a header of its own (spec: frameio-v4.md §1.5)
	token  TokenSource
	next   http.RoundTripper
}

func (a *auth) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != a.host {
		return a.next.RoundTrip(req)
	}
	token, err := a.token.Token(req.Context())
	if err != nil {
		return nil, tokenless(err)
	}
	resp, err := a.next.RoundTrip(a.sign(req, token))
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	if err := a.token.Refresh(req.Context(), token); err != nil {
		if err != ErrToken && (errors.Is(err, ErrToken) || errors.Is(err, ErrOffline)) {
			discard(resp)
			return nil, tokenless(err) // it tells what to do
		}
		return resp, nil // Frame.io's 401 tells more than our failure to mend it
	}
	newer, err := a.token.Token(req.Context())
	if err != nil || newer == token {
		return resp, nil
	}
	discard(resp)
	again := a.sign(req, newer)
	if err := rewind(again); err != nil {
		return nil, err
	}
	return a.next.RoundTrip(again)
}

func (a *auth) sign(req *http.Request, token string) *http.Request {
	out := req.Clone(req.Context())
	out.Header.Set("Authorization", "Bearer "+token)
	if a.legacy && strings.HasPrefix(token, "fio-") {
		out.Header.Set("x-frameio-legacy-token-auth", "true")
	}
	return out
}

// tokenless marks an error that kept us from having a token. Where tokens come from may be out of reach, as Frame.io may.
func tokenless(err error) error {
	if errors.Is(err, ErrOffline) {
		return err
	}
	return &tokenError{err}
}

// tokenError marks that there was no token to send; nothing went out.
type tokenError struct{ err error }

func (e *tokenError) Error() string        { return e.err.Error() }
func (e *tokenError) Unwrap() error        { return e.err }
func (e *tokenError) Is(target error) bool { return target == ErrToken }

// rewind gives req its body again after an attempt has consumed it.
func rewind(req *http.Request) error {
	if req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return err
	}
	req.Body = body
	return nil
}
