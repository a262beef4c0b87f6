package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/remote"
)

func whoamiVerb() *cli.Command {
	return &cli.Command{
		Name:  "whoami",
		Usage: "tell whom the token speaks for, and what it can see",
		Description: `   frameiofs whoami
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
	return nil
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
	return acc.connect(c.Context, log)
}
