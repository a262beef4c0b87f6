package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

func uploadsVerb() *cli.Command {
	return &cli.Command{
		Name:  "uploads",
		Usage: "act upon what is on its way",
		Subcommands: []*cli.Command{{
			Name:      "retry",
			Usage:     "send again what was parked",
			ArgsUsage: "[PATH…]",
			Description: `Without a path everything that is parked in all of your mounts. A path that is held because the program
writing it was killed is taken as it is and sent too.

   frameiofs uploads retry
   frameiofs uploads retry ~/frameio/Acme/Films/Trailer/film.mov`,
			Action: retryAction,
		}},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("frameiofs uploads --help", "uploads has no command %q", c.Args().First())
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func retryAction(c *cli.Context) error {
	mounts, err := control.Registered(registryDir())
	if err != nil {
		return fail("", "%w", err)
	}
	order, wanted, err := byMount(mounts, c.Args().Slice())
	if err != nil {
		return err
	}
	n := 0
	for _, r := range order {
		again, err := control.Dial(r.Socket).Retry(c.Context, wanted[r])
		if errors.Is(err, control.ErrGone) && c.NArg() == 0 {
			continue
		}
		if err != nil {
			return fail("", "%s: %w", r.MountPoint, err)
		}
		n += again
	}
	if n == 0 {
		fmt.Fprintln(c.App.Writer, "nothing is parked")
		return nil
	}
	fmt.Fprintln(c.App.Writer, count(n, "file")+" sent again")
	return nil
}
