package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/signin"
)

func whoamiVerb() *cli.Command {
	return &cli.Command{
		Name:  "whoami",
		Usage: "tell whom the token speaks for, and what it can see",
		Description: `   frameiofs whoami
   frameiofs whoami --profile farm
   frameiofs whoami --api v2 --json`,
		Flags:  append(connectFlags(), &cli.BoolFlag{Name: "json", Usage: "print JSON"}),
		Action: whoamiAction,
	}
}

// whoami is what `whoami --json` prints.
type whoami struct {
	API      string         `json:"api"`
	URL      string         `json:"url"`
	User     remote.User    `json:"user"`
	Accounts []accountUsage `json:"accounts"`
	SignIn   signedIn       `json:"sign_in"`
}

type accountUsage struct {
	ID   remote.ID `json:"id"`
	Name string    `json:"name"`
	remote.Usage
}

func whoamiAction(c *cli.Context) error {
	conn, err := connectFor(c)
	if err != nil {
		return err
	}
	defer conn.Close()
	who := whoami{API: conn.API, URL: conn.URL, User: conn.User, Accounts: []accountUsage{}}
	if who.SignIn, err = howSignedIn(c, conn); err != nil {
		return err
	}
	for it, err := range conn.Children(c.Context, remote.Ref{}) {
		if err != nil {
			return fail("", "%w", err)
		}
		a := accountUsage{ID: it.ID, Name: it.Name}
		if a.Usage, err = conn.Usage(c.Context, it.ID); err != nil {
			return fail("", "%w", err)
		}
		who.Accounts = append(who.Accounts, a)
	}
	if c.Bool("json") {
		return json.NewEncoder(c.App.Writer).Encode(who)
	}
	fmt.Fprintf(c.App.Writer, "%s, on Frame.io %s at %s\n", oneLine(person(who.User)), strings.ToUpper(who.API), who.URL)
	for _, a := range who.Accounts {
		room := "no limit told"
		if a.Limit > 0 {
			room = "of " + size(a.Limit)
		}
		fmt.Fprintf(c.App.Writer, "  account %s (%s): %s used, %s\n", shown(a.Name), a.ID, size(a.Used), room)
	}
	who.SignIn.tell(c.App.Writer, time.Now())
	return nil
}

// howSignedIn tells where the token is from.
func howSignedIn(c *cli.Context, conn *connection) (signedIn, error) {
	if conn.source != nil {
		s := signedInOf(conn.source.Grant())
		if s.API = conn.API; s.Kept == string(signin.File) {
			s.File = filepath.Join(profiles().Dir, s.Profile+".json")
		}
		return s, nil
	}
	who, err := speakerOf(c)
	if err != nil {
		return signedIn{}, err
	}
	s := signedIn{Method: signin.Token, Kept: "FRAMEIO_TOKEN", API: conn.API, URL: conn.URL}
	token := who.token
	if who.file != "" {
		s.Kept, s.File = "--token-file", who.file
		if token, err = remote.NewTokenFile(who.file).Token(c.Context); err != nil {
			return s, fail("", "--token-file: %w", err)
		}
	}
	expires, _ := signin.Expiry(token)
	s.Expires = timeOf(expires)
	return s, nil
}

// tell tells people.
func (s signedIn) tell(w io.Writer, now time.Time) {
	from := map[string]string{"keyring": "in the system's keyring", "file": "in " + s.File, "--token-file": "from " + s.File, "FRAMEIO_TOKEN": "from FRAMEIO_TOKEN"}[s.Kept]
	how := map[signin.Method]string{signin.Browser: "signed in by browser", signin.Server: "signed in from server to server", signin.Token: "a token"}[s.Method]
	if s.Profile != "" {
		how = "profile " + s.Profile + ": " + how
		from = "kept " + from
	}
	fmt.Fprintf(w, "  %s, %s; %s\n", how, from, s.life(now))
	if len(s.Scopes) > 0 {
		fmt.Fprintf(w, "  rights: %s\n", oneLine(strings.Join(s.Scopes, " ")))
	}
}

// connectFor connects a verb that asks Frame.io once and ends.
func connectFor(c *cli.Context) (*connection, error) {
	if err := applySettings(c); err != nil {
		return nil, err
	}
	acc, err := accountOf(c)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError, ReplaceAttr: withoutSecrets}))
	conn, err := acc.connect(c.Context, log)
	if err != nil {
		if acc.source != nil {
			acc.source.Close()
		}
		return nil, err
	}
	conn.source = acc.source
	return conn, nil
}
