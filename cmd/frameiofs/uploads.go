package main

import (
	"context"
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
		}, {
			Name:      "cancel",
			Usage:     "give up changes of names that were parked",
			ArgsUsage: "[PATH…]",
			Description: `What Frame.io refused, or --max-delete has kept, is not done: what is there stays, and is shown again. Without a path
that is all of your mounts. Files are not touched: what was written stays until it is uploaded or removed.

   frameiofs uploads cancel ~/frameio/Acme/Films`,
			Action: cancelAction,
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
	n, err := onParked(c, func(ctx context.Context, to *control.Client, paths []string) (int, error) {
		return to.Retry(ctx, paths)
	})
	if err == nil && n > 0 {
		fmt.Fprintln(c.App.Writer, "trying again: "+count(n, "parked item"))
	}
	return err
}

func cancelAction(c *cli.Context) error {
	n, err := onParked(c, func(ctx context.Context, to *control.Client, paths []string) (int, error) {
		return to.Cancel(ctx, paths)
	})
	if err == nil && n > 0 {
		fmt.Fprintln(c.App.Writer, "given up: "+count(n, "change")+" of names")
	}
	return err
}

// onParked asks the mounts that have the paths, or all, to do something with what is parked, and says so if that is nothing.
func onParked(c *cli.Context, do func(context.Context, *control.Client, []string) (int, error)) (n int, err error) {
	mounts, err := control.Registered(registryDir())
	if err != nil {
		return 0, fail("", "%w", err)
	}
	order, wanted, err := byMount(mounts, c.Args().Slice())
	if err != nil {
		return 0, err
	}
	for _, r := range order {
		some, err := do(c.Context, control.Dial(r.Socket), wanted[r])
		if errors.Is(err, control.ErrGone) && c.NArg() == 0 {
			continue
		}
		if err != nil {
			return n, fail("", "%s: %w", r.MountPoint, err)
		}
		n += some
	}
	if n == 0 {
		fmt.Fprintln(c.App.Writer, "nothing is parked")
	}
	return n, nil
}
