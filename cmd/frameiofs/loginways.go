package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/signin"
)

// byBrowser has the user sign in on a web page.
func (l *login) byBrowser(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.c.Duration("timeout"))
	defer cancel()
	if l.c.String("secret-file") != "" {
		secret, err := l.secret("client secret")
		if err != nil {
			return err
		}
		l.grant.ClientSecret = secret
	}
	paste := l.c.Bool("no-browser") || !signin.Loopback(l.grant.RedirectURL)
	a, err := signin.Begin(l.grant, true)
	if err != nil && paste {
		a, err = signin.Begin(l.grant, false) // what the browser shows can be pasted all the same
	}
	if err != nil {
		return troubleOf(err)
	}
	defer a.Close()
	out := l.c.App.ErrWriter
	if !l.c.Bool("no-browser") {
		if err := openBrowser(a.URL()); err != nil {
			fmt.Fprintf(out, "the browser cannot be opened: %s\n", err)
			paste = true
		}
	}
	code := ""
	if paste {
		code, err = l.pasted(ctx, a, out)
	} else {
		fmt.Fprintf(out, "the sign-in page opens in your browser; if it does not, open it by hand:\n\n%s\n\nwaiting for you to sign in …\n", a.URL())
		code, err = a.Wait(ctx, func(s string) { fmt.Fprintln(out, s) })
	}
	if err != nil {
		return troubleOf(err)
	}
	if l.grant, err = a.Redeem(ctx, code); err != nil {
		return troubleOf(err)
	}
	return nil
}

// pasted shows the address, and waits for what the browser was sent back to: by the keyboard, or by itself if it can reach us.
func (l *login) pasted(ctx context.Context, a *signin.Attempt, out io.Writer) (string, error) {
	fmt.Fprintf(out, "open this page in a browser and sign in:\n\n%s\n\nThen the browser is sent to an address that it may not be able to open. Copy that address, whole, and paste it here.\n", a.URL())
	type got struct {
		code string
		err  error
	}
	answers := make(chan got, 2)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // a read from the keyboard cannot be ended; it goes with the process
		text, err := askLine("address or code: ")
		if err != nil && a.Listens() && strings.TrimSpace(text) == "" && errors.Is(err, io.EOF) {
			return // nobody is at the keyboard, but the browser may come
		}
		if err != nil {
			answers <- got{err: fmt.Errorf("read what was pasted: %w", err)}
			return
		}
		code, err := a.Pasted(text)
		answers <- got{code, err}
	}()
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		if a.Listens() {
			code, err := a.Wait(ctx, func(s string) { fmt.Fprintln(out, s) })
			if ctx.Err() == nil || errors.Is(err, context.DeadlineExceeded) {
				answers <- got{code, err}
			}
		}
	}()
	var g got
	select {
	case g = <-answers:
	case <-ctx.Done():
		g.err = &signin.Error{Text: "nothing was pasted in time", Hint: "try again; --timeout for more time", Err: context.Cause(ctx)}
	}
	cancel()
	<-waited
	return g.code, g.err
}

// secret reads what must not be seen.
func (l *login) secret(what string) (string, error) {
	file := l.c.String("secret-file")
	text, err := askSecret(file, what)
	switch {
	case err != nil && file != "":
		return "", fail("", "--secret-file: %w", err)
	case err != nil:
		return "", fail("give it by stdin or by --secret-file FILE", "%w", err)
	}
	return text, nil
}

// byServer signs in with the app's own secret.
func (l *login) byServer(ctx context.Context) error {
	secret, err := l.secret("client secret")
	if err != nil {
		return err
	}
	l.grant.ClientSecret = secret
	if l.grant, err = signin.ServerToServer(ctx, l.grant); err != nil {
		return troubleOf(err)
	}
	return nil
}

// byToken takes a token that was made elsewhere.
func (l *login) byToken() error {
	if l.c.String("secret-file") == "" {
		fmt.Fprintln(l.c.App.ErrWriter, "developer tokens are made at https://developer.frame.io; docs/sign-in.md tells of the other ways")
	}
	token, err := l.secret("token")
	if err != nil {
		return err
	}
	if token, err = remote.StaticToken(token).Token(context.Background()); err != nil {
		return fail("paste it whole, and nothing else", "%w", err)
	}
	l.grant.Access, l.grant.Obtained = token, time.Now().UTC().Round(0)
	l.grant.Expires, _ = signin.Expiry(token)
	return nil
}
