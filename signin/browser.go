package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/oauth2"

	"github.com/frameiofs/frameiofs/remote"
)

// DefaultRedirect is where the browser is sent back to, unless the app was registered with something else.
const DefaultRedirect = "http://127.0.0.1:47823/signed-in"

// Attempt is one sign-in through a browser, from the address that is opened to the code that comes back.
type Attempt struct {
	grant    Grant
	service  service
	state    string
	verifier string
	listener net.Listener // nil if the browser cannot be sent back to us
}

// Begin prepares a sign-in. g says for what: API, APIURL, AuthURL, ClientID, ClientSecret if the app has one, RedirectURL. listen is
// whether the browser is waited for; it may only be false, or the redirect a foreign one, if the user will paste what came of it.
func Begin(g Grant, listen bool) (*Attempt, error) {
	a := &Attempt{grant: g.clone(), service: serviceOf(g.API, g.AuthURL), state: rand.Text(), verifier: oauth2.GenerateVerifier()}
	if !listen || !Loopback(g.RedirectURL) {
		return a, nil
	}
	u, err := url.Parse(g.RedirectURL)
	if err != nil {
		return nil, fmt.Errorf("redirect address: %w", err)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	host := u.Hostname()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if a.listener, err = net.Listen("tcp", net.JoinHostPort(host, port)); err != nil {
		e := &Error{Text: fmt.Sprintf("cannot wait for the browser at %s: %s", u.Host, shortest(err)), Hint: "--no-browser works without; or --redirect-url with another port, as the app is registered", Err: err}
		if errors.Is(err, syscall.EADDRINUSE) {
			e.Text = fmt.Sprintf("another program has port %s, where the browser is to be sent back to", port)
			e.Hint = "end it (another frameiofs login?), or use --no-browser, or --redirect-url with another port that the app is registered with"
		}
		return nil, e
	}
	if port == "0" {
		_, free, err := net.SplitHostPort(a.listener.Addr().String())
		if err != nil {
			return nil, err
		}
		u.Host = net.JoinHostPort(u.Hostname(), free)
		a.grant.RedirectURL = u.String()
	}
	return a, nil
}

// Loopback reports whether a browser that is sent to an address comes to this machine, without encryption.
func Loopback(redirect string) bool {
	u, err := url.Parse(redirect)
	return err == nil && u.Scheme == "http" && isLoopback(u.Hostname())
}

// Listens reports whether Wait can work.
func (a *Attempt) Listens() bool { return a.listener != nil }

// URL is what the user opens in a browser. It holds no secret.
func (a *Attempt) URL() string {
	return a.service.config(&a.grant).AuthCodeURL(a.state, oauth2.S256ChallengeOption(a.verifier))
}

// Close stops waiting for the browser.
func (a *Attempt) Close() {
	if a.listener != nil {
		a.listener.Close()
	}
}

// answer is what the browser brought.
type answer struct {
	code string
	err  error
}

// Wait waits for the browser to be sent back, and answers the code. Answers to other sign-ins are told to note, and waited past.
func (a *Attempt) Wait(ctx context.Context, note func(string)) (string, error) {
	got := make(chan answer, 1)
	var once sync.Once
	redirect, err := url.Parse(a.grant.RedirectURL)
	if err != nil {
		return "", fmt.Errorf("redirect address: %w", err)
	}
	path := redirect.Path
	if path == "" {
		path = "/"
	}
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != path || r.Host != redirect.Host {
			http.NotFound(w, r)
			return
		}
		code, err := a.read(r.URL.Query())
		if errors.Is(err, errOtherState) {
			say(w, http.StatusBadRequest, "This is not the sign-in that frameiofs waits for", "Use the page that was opened last.")
			note("the browser came back from another sign-in; still waiting for this one")
			return
		}
		if err != nil {
			say(w, http.StatusOK, "frameiofs is not signed in", err.Error())
		} else {
			say(w, http.StatusOK, "Almost done", "frameiofs has its answer. You can close this page and go back to the terminal.")
		}
		once.Do(func() { got <- answer{code, err} })
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		srv.Serve(a.listener) // ends with Shutdown
	}()
	defer func() {
		end, cancel := context.WithTimeout(context.Background(), time.Second) // the page is to arrive
		defer cancel()
		if srv.Shutdown(end) != nil {
			srv.Close()
		}
		<-served
	}()
	select {
	case r := <-got:
		return r.code, r.err
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			return "", &Error{Text: "nobody came back from the browser in time", Hint: "try again; --no-browser if the browser is on another machine, --timeout for more time",
				Err: context.DeadlineExceeded}
		}
		return "", context.Cause(ctx)
	}
}

// say writes the page that the user sees last.
func say(w http.ResponseWriter, status int, title, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html><meta charset=\"utf-8\"><title>frameiofs</title><body style=\"font:17px/1.5 system-ui,sans-serif;max-width:32em;margin:4em auto;padding:0 1em\"><h1>%s</h1><p>%s</p>\n",
		html.EscapeString(title), html.EscapeString(text))
}

// errOtherState is an answer to something that was not asked: an old page, or somebody who wants us to speak for him.
var errOtherState = errors.New("another state")

func (a *Attempt) read(q url.Values) (string, error) {
	switch {
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(a.state)) != 1:
		return "", errOtherState
	case q.Get("error") != "":
		return "", denied(a.service, q.Get("error"), q.Get("error_description"))
	case q.Get("code") == "":
		return "", &Error{Text: a.service.name + " sent the browser back without a code", Hint: "begin again: " + again(a.grant.Profile), Err: remote.ErrToken}
	}
	return q.Get("code"), nil
}

// Pasted reads the code from what the user pasted: the whole address that the browser was sent to, or only the code.
func (a *Attempt) Pasted(text string) (string, error) {
	text = strings.Trim(strings.TrimSpace(text), `"'<>`)
	if text == "" {
		return "", &Error{Text: "nothing was pasted", Hint: "begin again: " + again(a.grant.Profile), Err: remote.ErrToken}
	}
	if !strings.Contains(text, "://") && !strings.HasPrefix(text, "?") && !strings.Contains(text, "code=") {
		if strings.ContainsAny(text, " \t&=") {
			return "", &Error{Text: "that is neither the address that the browser was sent to nor a code", Hint: "begin again: " + again(a.grant.Profile), Err: remote.ErrToken}
		}
		return text, nil
	}
	_, query, _ := strings.Cut(text, "?")
	if query == "" {
		query = text
	}
	query, fragment, _ := strings.Cut(query, "#")
	q, err := url.ParseQuery(query)
	if err == nil && q.Get("code") == "" && q.Get("error") == "" && fragment != "" {
		q, err = url.ParseQuery(fragment)
	}
	if err != nil || q.Get("code") == "" && q.Get("error") == "" {
		return "", &Error{Text: "the pasted address holds no code", Hint: "paste the address that the browser was sent to last, whole", Err: remote.ErrToken}
	}
	code, err := a.read(q)
	if errors.Is(err, errOtherState) {
		return "", &Error{Text: "the pasted address is the answer to another sign-in (its state is not ours)", Hint: "begin again, and use the page that is opened then: " + again(a.grant.Profile), Err: remote.ErrToken}
	}
	return code, err
}

// Redeem trades the code for a grant.
func (a *Attempt) Redeem(ctx context.Context, code string) (Grant, error) {
	return newClient().redeem(ctx, a.grant, code, a.verifier)
}
