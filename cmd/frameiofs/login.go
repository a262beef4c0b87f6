package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/signin"
)

func loginVerb() *cli.Command {
	return &cli.Command{
		Name:  "login",
		Usage: "sign in, and keep the right to speak for you",
		Description: `Without an app of your own registered with Adobe or Frame.io it asks for a developer token. With its client id it opens the
browser. docs/sign-in.md tells how to register one. A secret is never taken from the command line: it is asked for, or read from
stdin or a file. Signing in again needs no flags, and a mount that runs goes on with the new token.

   frameiofs login                                         paste a developer token (fio-u-…)
   frameiofs login --client-id ID                          V4: Adobe's sign-in page in the browser
   frameiofs login --client-id ID --no-browser             … in a browser elsewhere: paste what it shows
   frameiofs login --api v2 --client-id ID                 V2: Frame.io's sign-in page
   frameiofs login --method server --client-id ID          V4 from server to server; asks for the client's secret
   frameiofs login --profile farm --method server --client-id ID --secret-file /run/secrets/frameio
   frameiofs login --list                                  which profiles there are`,
		Flags:  loginFlags(),
		Action: loginAction,
	}
}

func loginFlags() []cli.Flag {
	return []cli.Flag{
		profileFlag(),
		&cli.BoolFlag{Name: "list", Usage: "list the profiles, and sign in to none"},
		&cli.BoolFlag{Name: "json", Usage: "with --list: print JSON"},
		&cli.GenericFlag{Name: "method", Value: &choiceValue{"", []string{"browser", "server", "token"}}, DefaultText: "as before; else browser with a client id, token without",
			Usage: "`HOW` to sign in: browser, server (V4 from server to server), or token (paste one)"},
		&cli.StringFlag{Name: "client-id", EnvVars: []string{"FRAMEIO_CLIENT_ID"}, Usage: "`ID` of the app that you registered with Adobe (V4) or Frame.io (V2)"},
		&cli.StringFlag{Name: "secret-file", TakesFile: true, Usage: "read the client's secret, or the token, from `FILE`, which only you may read; - is stdin"},
		&cli.StringFlag{Name: "redirect-url", DefaultText: signin.DefaultRedirect, Usage: "`URL` that the app is registered with, where the browser is sent back to"},
		&cli.BoolFlag{Name: "no-browser", Usage: "print the sign-in page's address instead of opening it, and take what the browser was sent back to from the keyboard"},
		&cli.GenericFlag{Name: "store", Value: &choiceValue{"", []string{"keyring", "file"}}, DefaultText: "the keyring if there is one",
			Usage: "keep the secrets in `PLACE`: the system's keyring, or a file that only you may read"},
		&cli.DurationFlag{Name: "timeout", Value: 5 * time.Minute, Usage: "wait for the browser for `TIME`"},
		&cli.GenericFlag{Name: "api", Value: &choiceValue{"auto", []string{"auto", "v2", "v4"}}, EnvVars: []string{"FRAMEIO_API"}, DefaultText: "auto",
			Usage: "`GENERATION` of Frame.io's API: v2, v4, or auto: for a token the one that knows it, else v4"},
		&cli.StringFlag{Name: "api-url", Value: defaultURL, EnvVars: []string{"FRAMEIO_API_URL"}, Usage: "base `URL` of the API that the token is for"},
		&cli.StringFlag{Name: "auth-url", EnvVars: []string{"FRAMEIO_AUTH_URL"}, DefaultText: "Adobe's or Frame.io's",
			Usage: "base `URL` of who signs in, for the simulator; the paths below it are Adobe's (V4) or Frame.io's (V2)"},
	}
}

// login is one run of the verb.
type login struct {
	c      *cli.Context
	grant  signin.Grant // so far
	was    signin.Grant // what the profile was before
	noRing error        // why the keyring is not used, if nobody said that it should not be
	method signin.Method
}

func loginAction(c *cli.Context) error {
	if c.NArg() > 0 {
		return misuse("frameiofs login --help; a token is not given as a word, where others could read it", "login takes no words after its flags")
	}
	if c.Bool("list") {
		return listProfiles(c)
	}
	if err := applySettings(c); err != nil {
		return err
	}
	l, err := newLogin(c)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch l.method {
	case signin.Browser:
		err = l.byBrowser(ctx)
	case signin.Server:
		err = l.byServer(ctx)
	default:
		err = l.byToken()
	}
	if err == nil {
		err = l.checkUser(ctx)
	}
	if err == nil {
		err = l.keep(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return fail("", "interrupted; nothing was changed")
	}
	return err
}

// newLogin puts together what was said now and what is known from the last time.
func newLogin(c *cli.Context) (*login, error) {
	name := cmp.Or(c.String("profile"), signin.DefaultProfile)
	if err := signin.CheckName(name); err != nil {
		return nil, misuse("", "--profile: %w", err)
	}
	l := &login{c: c}
	var err error
	if l.was, err = profiles().Peek(name); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		fmt.Fprintf(c.App.ErrWriter, "the profile as it was cannot be read, and is made anew: %s\n", oneLine(err.Error()))
	}
	choice := func(flag string) string { return c.Generic(flag).(*choiceValue).value }
	g := signin.Grant{Profile: name, API: choice("api"), APIURL: strings.TrimRight(c.String("api-url"), "/"), AuthURL: c.String("auth-url"),
		ClientID: c.String("client-id"), RedirectURL: c.String("redirect-url")}
	l.method = signin.Method(choice("method"))
	if l.method == "" && (g.ClientID == "" || g.ClientID == l.was.ClientID) {
		l.method = l.was.Method
	}
	if l.method == "" {
		l.method = signin.Token
		if g.ClientID != "" {
			l.method = signin.Browser
		}
	}
	if g.Method = l.method; l.was.Method == l.method { // as before, but for what is said now
		if g.API == "auto" {
			g.API = cmp.Or(l.was.API, "auto")
		}
		if !c.IsSet("api-url") && l.was.APIURL != "" {
			g.APIURL = l.was.APIURL
		}
		if g.API == l.was.API {
			g.AuthURL, g.ClientID, g.RedirectURL = cmp.Or(g.AuthURL, l.was.AuthURL), cmp.Or(g.ClientID, l.was.ClientID), cmp.Or(g.RedirectURL, l.was.RedirectURL)
		}
	}
	if g.API == "auto" && l.method != signin.Token {
		g.API = "v4"
	}
	l.grant = g
	return l, l.check()
}

// check finds what cannot be before anything is asked.
func (l *login) check() error {
	g := &l.grant
	for _, f := range []struct{ name, value string }{{"api-url", g.APIURL}, {"auth-url", g.AuthURL}} {
		if f.value == "" {
			continue
		}
		if err := signin.CheckURL(f.value); err != nil {
			return misuse("a secret would travel in the open, or elsewhere", "--%s: %w", f.name, err)
		}
	}
	if to := l.c.String("redirect-url"); to != "" && !goodRedirect(to) {
		return misuse("as the app is registered with Adobe or Frame.io", "--redirect-url: %q is not an address such as %s or adobe+…://…", to, signin.DefaultRedirect)
	}
	switch {
	case strings.HasSuffix(g.APIURL, "/v2"), strings.HasSuffix(g.APIURL, "/v4"):
		return misuse("", "--api-url: %q must be without %s; --api chooses the generation", g.APIURL, g.APIURL[len(g.APIURL)-3:])
	case l.method == signin.Server && g.API == "v2":
		return misuse("on V2 use a developer token: --method token", "--method server is for V4 only")
	case l.method == signin.Token && l.c.IsSet("client-id") && os.Getenv("FRAMEIO_CLIENT_ID") != l.c.String("client-id"):
		return misuse("", "--client-id is of no use with --method token")
	case l.method != signin.Token && g.ClientID == "":
		return misuse("register an app and give its --client-id (docs/sign-in.md tells how), or use --method token", "--method %s needs a --client-id", l.method)
	}
	if g.RedirectURL == "" {
		g.RedirectURL = signin.DefaultRedirect
	}
	if l.method != signin.Browser {
		g.RedirectURL = ""
	}
	return l.chooseStore()
}

// goodRedirect reports whether a browser can be sent to an address without the code being seen by others on the way.
func goodRedirect(to string) bool {
	u, err := url.Parse(to)
	return err == nil && u.Scheme != "" && u.Host != "" && u.User == nil && u.Fragment == "" && (u.Scheme != "http" || signin.Loopback(to))
}

// chooseStore decides where the secrets go.
func (l *login) chooseStore() error {
	store := signin.Store(l.c.Generic("store").(*choiceValue).value)
	if l.grant.Forced = store != ""; store == "" && l.was.Forced {
		store, l.grant.Forced = l.was.Store, true
	}
	if store == signin.File {
		l.grant.Store = store
		return nil
	}
	why := signin.KeyringThere()
	switch {
	case why == nil:
		l.grant.Store = signin.Keyring
	case store == signin.Keyring:
		return fail("start or unlock it (gnome-keyring, KWallet), or use --store file", "the keyring cannot be used: %w", why)
	default:
		l.grant.Store, l.noRing = signin.File, why
	}
	return nil
}

// checkUser asks Frame.io whose token it is. If it cannot be asked now the sign-in is kept all the same.
func (l *login) checkUser(ctx context.Context) error {
	g := &l.grant
	acc := account{api: g.API, url: g.APIURL, token: remote.StaticToken(g.Access)}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError, ReplaceAttr: withoutSecrets}))
	conn, err := acc.connect(ctx, log)
	var cannot unreachable
	switch {
	case err == nil:
		defer conn.Close()
		if g.User = conn.User; l.method == signin.Token && !strings.HasPrefix(g.Access, "fio-") {
			g.API = conn.API // developer tokens are good on both, and accounts are moved
		}
	case errors.As(err, &cannot):
		fmt.Fprintf(l.c.App.ErrWriter, "it is not known yet whose token it is: %s\n", oneLine(err.Error()))
	case l.method != signin.Token && errors.Is(err, iofs.ErrPermission) || l.method != signin.Token && strings.Contains(err.Error(), "does not accept"):
		hint := "the account's administrator, or its plan, has to allow apps"
		if g.API == "v4" { // spec: frameio-v4.md §1.3
			hint = "the app needs the scope additional_info.roles, your Adobe ID must be linked to Frame.io, and your organization may have to assign you a product profile"
			if l.method == signin.Server {
				hint = "server-to-server is for accounts in the Adobe Admin Console, with Frame.io's API added to the app"
			}
		}
		return fail(hint, "you are signed in, but Frame.io does not take the token (asked %s at %s)", strings.ToUpper(g.API), g.APIURL)
	default:
		return err
	}
	return nil
}

// keep keeps what came of it, and tells.
func (l *login) keep(ctx context.Context) error {
	l.grant.SignedIn = time.Now().UTC().Round(0)
	g, err := profiles().Save(ctx, l.grant)
	if err != nil {
		return fail("", "%w", err)
	}
	out := l.c.App.Writer
	who := "signed in"
	if g.User.ID != "" {
		who += " as " + oneLine(person(g.User))
	}
	fmt.Fprintf(out, "%s, as profile %s, kept in %s\n", who, g.Profile, keptIn(g))
	if l.noRing != nil {
		fmt.Fprintf(l.c.App.ErrWriter, "a file keeps it because the keyring cannot be used: %s\n", oneLine(l.noRing.Error()))
	}
	if l.was.User.ID != "" && g.User.ID != "" && l.was.User.ID != g.User.ID {
		fmt.Fprintf(out, "it was %s before; what is mounted for them sends nothing until they are signed in again\n", oneLine(person(l.was.User)))
	}
	if text := lifeOf(g); text != "" {
		fmt.Fprintln(out, text)
	}
	for _, name := range []string{"FRAMEIO_TOKEN", "FRAMEIO_TOKEN_FILE"} {
		if os.Getenv(name) != "" {
			fmt.Fprintf(l.c.App.ErrWriter, "%s is set, and counts before what was kept now: unset it, or name the profile\n", name)
		}
	}
	return nil
}

// lifeOf tells how long a sign-in is good.
func lifeOf(g signin.Grant) string {
	switch end, _ := g.RefreshExpires(); {
	case g.Method == signin.Server:
		return "it renews itself for as long as the client's secret is good"
	case !end.IsZero():
		return fmt.Sprintf("it renews itself while it is used; unused it ends about %s", end.Local().Format("2006-01-02"))
	case !g.Expires.IsZero():
		return fmt.Sprintf("it ends at %s, and cannot renew itself", g.Expires.Local().Format("2006-01-02 15:04"))
	}
	return ""
}
