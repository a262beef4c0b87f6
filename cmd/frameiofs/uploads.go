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
		Usage: "pause, hurry, retry or cancel what is on its way",
		Subcommands: []*cli.Command{{
			Name:      "pause",
			Usage:     "stop sending, until resume",
			ArgsUsage: "[PATH…]",
			Description: `Without a path everything rests in all of your mounts, also what is written from now on; with paths the files at or
below them that are on their way now. A pause outlives unmount, restart and crash; status tells of it first. Names and folders
go on changing. Parts of files that are through are not sent again.

   frameiofs uploads pause
   frameiofs uploads pause ~/frameio/Acme/Films/Trailer/film.mov`,
			Action: tellAction("paused", "nothing that could be paused is on its way there", (*control.Client).Pause),
		}, {
			Name:      "resume",
			Usage:     "go on sending what was paused",
			ArgsUsage: "[PATH…]",
			Description: `Without a path everything goes on. A path goes on also while everything else stays paused.

   frameiofs uploads resume
   frameiofs uploads resume ~/frameio/Acme/Films/Trailer/film.mov`,
			Action: tellAction("going on", "nothing is paused there", (*control.Client).Resume),
		}, {
			Name:      "first",
			Usage:     "send these files before all others",
			ArgsUsage: "PATH…",
			Description: `In the order given. They need not wait until files that are being sent are through, and get the next free parts.

   frameiofs uploads first ~/frameio/Acme/Films/Trailer/film.mov`,
			Action: func(c *cli.Context) error {
				if c.NArg() == 0 {
					return misuse("frameiofs uploads first --help", "uploads first wants the files to put first")
				}
				return tellAction("put first", "nothing is on its way there", (*control.Client).First)(c)
			},
		}, {
			Name:      "retry",
			Usage:     "send again what was parked",
			ArgsUsage: "[PATH…]",
			Description: `Without a path everything that is parked in all of your mounts. A path that is held because the program
writing it was killed, or because you cancelled it, is taken as it is and sent too.

   frameiofs uploads retry
   frameiofs uploads retry ~/frameio/Acme/Films/Trailer/film.mov`,
			Action: retryAction,
		}, {
			Name:      "cancel",
			Usage:     "do not send these files; give up changes of names that were parked",
			ArgsUsage: "[PATH…]",
			Description: `Files at or below the paths that Frame.io does not have yet stay on this machine, with all their bytes: they are held until
"uploads retry PATH" sends them, a program writes them again, or you remove them. --all cancels all.

Of folders and names, what Frame.io refused, or --max-delete has kept, is not done: what is there stays, and is shown again. Without
a path that is all of your mounts, and no file is touched.

   frameiofs uploads cancel ~/frameio/Acme/Films/Trailer/film.mov
   frameiofs uploads cancel`,
			Flags:  []cli.Flag{&cli.BoolFlag{Name: "all", Usage: "all files that are on their way, in all of your mounts"}},
			Action: cancelAction,
		}, limitVerb()},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("frameiofs uploads --help", "uploads has no command %q", c.Args().First())
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

// tellAction tells the mounts that have the paths, or all, and says of how many files it was.
func tellAction(done, nothing string, tell func(*control.Client, context.Context, []string) (control.Told, error)) cli.ActionFunc {
	return func(c *cli.Context) error {
		n, mounts, err := 0, 0, error(nil)
		err = onMounts(c, func(ctx context.Context, to *control.Client, paths []string) error {
			told, err := tell(to, ctx, paths)
			n, mounts = n+told.Files, mounts+1
			return err
		})
		switch {
		case err != nil:
			return err
		case mounts == 0:
			fmt.Fprintln(c.App.Writer, nothingMounted)
		case n == 0 && c.NArg() > 0:
			fmt.Fprintln(c.App.Writer, nothing)
		case c.NArg() == 0:
			fmt.Fprintf(c.App.Writer, "%s: all uploads (%s on the way)\n", done, count(n, "file"))
		default:
			fmt.Fprintln(c.App.Writer, done+": "+count(n, "file"))
		}
		return nil
	}
}

func retryAction(c *cli.Context) error {
	n := 0
	err := onMounts(c, func(ctx context.Context, to *control.Client, paths []string) error {
		some, err := to.Retry(ctx, paths)
		n += some
		return err
	})
	if err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintln(c.App.Writer, "nothing is parked")
	} else {
		fmt.Fprintln(c.App.Writer, "trying again: "+count(n, "parked item"))
	}
	return nil
}

func cancelAction(c *cli.Context) error {
	if c.Bool("all") && c.NArg() > 0 {
		return misuse("frameiofs uploads cancel --help", "uploads cancel takes paths or --all, not both")
	}
	var all control.Told
	err := onMounts(c, func(ctx context.Context, to *control.Client, paths []string) error {
		if c.Bool("all") {
			paths = []string{""}
		}
		told, err := to.Cancel(ctx, paths)
		all.Files, all.Names = all.Files+told.Files, all.Names+told.Names
		return err
	})
	if err != nil {
		return err
	}
	if all.Files > 0 {
		fmt.Fprintln(c.App.Writer, "cancelled: "+count(all.Files, "file")+" kept on this machine; frameiofs uploads retry PATH sends them")
	}
	if all.Names > 0 {
		fmt.Fprintln(c.App.Writer, "given up: "+count(all.Names, "change")+" of names")
	}
	if all == (control.Told{}) {
		nothing := "nothing is parked"
		if c.NArg() > 0 || c.Bool("all") {
			nothing = "nothing that could be cancelled is on its way there"
		}
		fmt.Fprintln(c.App.Writer, nothing)
	}
	return nil
}

// onMounts asks the mounts that have the paths, or all, to do something.
func onMounts(c *cli.Context, do func(context.Context, *control.Client, []string) error) error {
	order, wanted, err := namedMounts(c)
	if err != nil {
		return err
	}
	for _, r := range order {
		err := do(c.Context, control.Dial(r.Socket), wanted[r])
		if errors.Is(err, control.ErrGone) && c.NArg() == 0 {
			continue
		}
		var f *failure
		switch {
		case errors.As(err, &f):
			return err
		case err != nil:
			return fail("", "%s: %w", r.MountPoint, err)
		}
	}
	return nil
}
