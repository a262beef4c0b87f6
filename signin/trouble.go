package signin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/frameiofs/frameiofs/remote"
)

// ErrOver is a sign-in that has ended: only the user can begin a new one. It is a remote.ErrToken, too.
var ErrOver = fmt.Errorf("%w: the sign-in is over", remote.ErrToken)

// Error is why signing in, or renewing, failed.
type Error struct {
	Text string // one line for people; never holds a secret
	Hint string // what to do next
	Err  error  // what errors.Is looks at: ErrOver, remote.ErrToken, remote.ErrOffline, remote.ErrNotFrameio, …
}

func (e *Error) Error() string { return e.Text }

func (e *Error) Unwrap() error { return e.Err }

// again is the command that signs in again.
func again(profile string) string {
	if profile == "" || profile == DefaultProfile {
		return "frameiofs login"
	}
	return "frameiofs login --profile " + profile
}

func over(profile, why string) *Error {
	return &Error{Text: fmt.Sprintf("%s: sign in again: %s", why, again(profile)), Hint: again(profile), Err: ErrOver}
}

// explain puts what came of asking a service into words. redeeming is of a code; else it is a renewal or a server's sign-in.
func explain(err error, s service, g *Grant, redeeming bool) *Error {
	var said *oauth2.RetrieveError
	var mine *Error
	switch {
	case errors.As(err, &mine):
		return mine
	case errors.As(err, &said):
		return refusal(said, s, g, redeeming)
	}
	e := &Error{Text: fmt.Sprintf("%s cannot be reached: %s", s.host(), shortest(err)),
		Hint: "check the network, the proxy and --auth-url, and try again", Err: errors.Join(remote.ErrOffline, bareContext(err))}
	var cert *tls.CertificateVerificationError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Text = fmt.Sprintf("the certificate of %s is not valid at this machine's time, %s", s.host(), time.Now().Format("2006-01-02 15:04"))
		e.Hint = "set the clock: timedatectl set-ntp true"
	case errors.As(err, &cert):
		e.Text = fmt.Sprintf("the certificate of %s is not trusted: %s", s.host(), shortest(cert.Err))
		e.Hint = "something in between may read along; check the proxy, and the system's certificates (ca-certificates)"
	case strings.Contains(err.Error(), "cannot parse json"), strings.Contains(err.Error(), "missing access_token"):
		return foreign(s)
	}
	return e
}

// foreign is an answer that is not the service's.
func foreign(s service) *Error {
	return &Error{Text: fmt.Sprintf("%s answers, but with something else than a token (a web page, most likely)", s.host()),
		Hint: "log in to the network if it asks for that; check the proxy and --auth-url", Err: remote.ErrNotFrameio}
}

// refusal is a service that said no.
func refusal(r *oauth2.RetrieveError, s service, g *Grant, redeeming bool) *Error {
	status := 0
	if r.Response != nil {
		status = r.Response.StatusCode
	}
	words := oneLine(r.ErrorDescription)
	if words == "" {
		words = r.ErrorCode
	}
	switch {
	case r.ErrorCode == "" && status >= 500, status == http.StatusTooManyRequests, r.ErrorCode == "server_error", r.ErrorCode == "temporarily_unavailable":
		return &Error{Text: fmt.Sprintf("%s has trouble of its own (status %d)", s.host(), status), Hint: "try again in a minute", Err: remote.ErrOffline}
	case r.ErrorCode == "":
		return foreign(s)
	case (r.ErrorCode == "invalid_grant" || r.ErrorCode == "access_denied") && redeeming:
		return &Error{Text: fmt.Sprintf("%s does not accept the code (%s): codes are good once and for minutes, and only for the sign-in that asked", s.name, words),
			Hint: "begin again: " + again(g.Profile), Err: remote.ErrToken}
	case r.ErrorCode == "invalid_grant" || r.ErrorCode == "access_denied":
		return over(g.Profile, fmt.Sprintf("%s does not renew the sign-in any more (%s)", s.name, words))
	case r.ErrorCode == "invalid_client" || r.ErrorCode == "unauthorized_client":
		what, hint := "the client id", "check --client-id; "+s.register+" shows it"
		if g.ClientSecret != "" {
			what, hint = "the client id and secret", "check both; "+s.register+" shows them"
		}
		if !redeeming && g.Method == Browser || g.Serial > 0 {
			return &Error{Text: fmt.Sprintf("%s does not accept %s any more (%s): sign in again: %s", s.name, what, words, again(g.Profile)), Hint: hint, Err: ErrOver}
		}
		return &Error{Text: fmt.Sprintf("%s does not accept %s for this way to sign in (%s)", s.name, what, words), Hint: hint, Err: remote.ErrToken}
	case r.ErrorCode == "invalid_scope":
		return &Error{Text: fmt.Sprintf("%s does not grant the app what frameiofs needs (%s)", s.name, words),
			Hint: "add Frame.io's API and its scopes to the app at " + s.register, Err: remote.ErrToken}
	}
	return &Error{Text: fmt.Sprintf("%s refuses: %s (%s)", s.name, r.ErrorCode, words), Hint: "docs/sign-in.md tells how the app must be set up", Err: remote.ErrToken}
}

// denied puts what a sign-in page sent the browser back with into words.
func denied(s service, code, description string) *Error {
	words := oneLine(description)
	if words == "" {
		words = code
	}
	e := &Error{Text: fmt.Sprintf("%s refuses: %s (%s)", s.name, oneLine(code), words), Hint: "docs/sign-in.md tells how the app must be set up", Err: remote.ErrToken}
	switch code {
	case "access_denied":
		e.Text = fmt.Sprintf("you, or whoever administers the account, did not allow it (%s)", words)
		e.Hint = "sign in again and agree; if there was nothing to agree to, ask the account's administrator"
	case "invalid_scope":
		e.Text = fmt.Sprintf("%s does not grant the app what frameiofs needs (%s)", s.name, words)
		e.Hint = "add Frame.io's API and its scopes to the app at " + s.register
	case "unauthorized_client":
		e.Text = fmt.Sprintf("the app may not sign in this way (%s)", words)
		e.Hint = "it has to be an OAuth Native or Single Page App (V4), or an app with PKCE (V2); server-to-server is --method server"
	}
	return e
}

// shortest is the innermost cause that says something, without the address asked, which may hold a secret.
func shortest(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "it does not answer"
	case errors.As(err, &dns):
		return dns.Error()
	case errors.As(err, &op):
		return op.Err.Error()
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return oneLine(err.Error())
}

// bareContext keeps of a cause only whether it was somebody who did not want to wait.
func bareContext(err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	return nil
}

// oneLine keeps what came over the network short, on one line, and without control characters.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
