package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

func cacheVerb() *cli.Command {
	asJSON := &cli.BoolFlag{Name: "json", Usage: "print JSON"}
	return &cli.Command{
		Name:  "cache",
		Usage: "see and decide what is kept on this machine's disk",
		Description: `What is read stays on the disk until its room is needed. Files and folders can be fetched, kept, and given up.

   frameiofs cache status
   frameiofs cache pin ~/frameio/Acme/Films/Trailer/Dailies`,
		Subcommands: []*cli.Command{{
			Name:      "status",
			Usage:     "tell how full it is, and how much of a file or folder is here",
			ArgsUsage: "[PATH…]",
			Description: `Of all your mounts if no path is given.

   frameiofs cache status
   frameiofs cache status ~/frameio/Acme/Films/Trailer
   frameiofs cache status --json | jq '.[].pins'

--json prints a list of mounts, one object each.`,
			Flags:  []cli.Flag{asJSON},
			Action: cacheStatusAction,
		}, {
			Name:      "pin",
			Usage:     "keep files and folders here from now on",
			ArgsUsage: "PATH…",
			Description: `They are fetched in the background, now and after every mount, and never give way to others; so are new versions,
and what comes to be in a pinned folder later.

   frameiofs cache pin ~/frameio/Acme/Films/Trailer/Dailies
   frameiofs cache pin --wait ~/frameio/Acme/Films/Trailer/cut_12.mov && echo ready for the plane`,
			Flags:  []cli.Flag{&cli.BoolFlag{Name: "wait", Usage: "return when all of it is here"}},
			Action: pinAction,
		}, {
			Name:      "unpin",
			Usage:     "let what was pinned give way again",
			ArgsUsage: "PATH…",
			Description: `What is here stays until its room is needed, or until it is cleared. Of a folder, all that is pinned in it.

   frameiofs cache unpin ~/frameio/Acme/Films/Trailer/Dailies
   frameiofs cache unpin ~/frameio`,
			Action: unpinAction,
		}, {
			Name:      "warm",
			Usage:     "fetch files and folders now",
			ArgsUsage: "PATH…",
			Description: `Returns when all of it is here. Ctrl-C stops it; what has come stays. What is warmed gives way again when others need
the room: see pin.

   frameiofs cache warm ~/frameio/Acme/Films/Trailer/Dailies
   frameiofs cache warm --json ~/frameio/Acme/Films/Trailer/cut_12.mov`,
			Flags:  []cli.Flag{asJSON},
			Action: warmAction,
		}, {
			Name:      "clear",
			Usage:     "give the disk back",
			ArgsUsage: "[PATH…]",
			Description: `Everything in all of your mounts if no path is given. What a program has open, what is pinned, and what is not on
Frame.io yet stays.

   frameiofs cache clear
   frameiofs cache clear ~/frameio/Acme/Films/Trailer/Dailies`,
			Action: clearAction,
		}},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("frameiofs cache --help", "cache has no command %q", c.Args().First())
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

// eachMount asks all mounts that have one of the paths given, or all if none is. Mounts whose process is gone are an error only if
// they were named.
func eachMount(c *cli.Context, ask func(r control.Registration, m *control.Client, paths []string) error) error {
	order, wanted, err := namedMounts(c)
	if err != nil {
		return err
	}
	for _, r := range order {
		err := ask(r, control.Dial(r.Socket), wanted[r])
		switch {
		case err == nil, errors.Is(err, control.ErrGone) && c.NArg() == 0:
		case errors.Is(err, control.ErrGone):
			return fail("frameiofs unmount "+r.MountPoint+" cleans up; then mount again", "%s: the mount's process (%d) was killed", r.MountPoint, r.PID)
		default:
			return explainCache(r, err)
		}
	}
	return nil
}

// explainCache says what to do about what a mount answered.
func explainCache(r control.Registration, err error) error {
	hint := ""
	switch {
	case errors.Is(err, control.ErrNotExist):
		hint = "frameiofs ls tells what is there"
	case errors.Is(err, control.ErrTooBig):
		hint = "mount with a larger --cache-size, or unpin something: frameiofs cache status tells what is pinned"
	case errors.Is(err, control.ErrPinned):
		hint = "frameiofs cache unpin lets it go"
	case errors.Is(err, control.ErrOpen):
		hint = "close it there first"
	case errors.Is(err, control.ErrNotPinned):
		hint = "frameiofs cache status tells what is pinned"
	case errors.Is(err, control.ErrLeaving):
		hint = "all of it is on this machine; frameiofs sync waits until Frame.io has it"
	}
	return fail(hint, "%s: %w", r.MountPoint, err)
}

// somePaths refuses a command line without a path.
func somePaths(c *cli.Context) error {
	if c.NArg() == 0 {
		return misuse("frameiofs cache "+c.Command.Name+" --help", "cache %s wants a file or folder of a mount", c.Command.Name)
	}
	return nil
}

func cacheStatusAction(c *cli.Context) error {
	all := []control.CacheStatus{}
	err := eachMount(c, func(_ control.Registration, m *control.Client, paths []string) error {
		st, err := m.Cached(c.Context, paths)
		if err == nil {
			all = append(all, st)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case c.Bool("json"):
		return json.NewEncoder(c.App.Writer).Encode(all)
	case len(all) == 0:
		fmt.Fprintln(c.App.Writer, nothingMounted)
	}
	for _, st := range all {
		printCache(c.App.Writer, st)
	}
	return nil
}

func printCache(w io.Writer, st control.CacheStatus) {
	fmt.Fprintf(w, "%s — %s of %s used by %s, %s pinned, %s free on the disk\n", shown(st.MountPoint), size(st.Used), size(st.Limit),
		count(st.Files, "file"), size(st.Pinned), size(st.DiskFree))
	for _, h := range st.Pins {
		fmt.Fprintf(w, "  pinned %s: %s\n", shown("/"+h.Path), holdingLine(h))
	}
	for _, h := range st.Paths {
		fmt.Fprintf(w, "  %s: %s\n", shown("/"+h.Path), holdingLine(h))
	}
}

// holdingLine tells how much is here, in few words.
func holdingLine(h control.Holding) string {
	line := fmt.Sprintf("%s of %s here (%d%%), %d of %s", size(h.Here), size(h.Size), percent(h.Here, h.Size), h.Whole, count(h.Files, "file"))
	if h.Files == 0 {
		line = "no files"
	}
	if h.Pinned > 0 {
		line += fmt.Sprintf(", %d pinned", h.Pinned)
	}
	if h.Leaving > 0 {
		line += ", " + count(h.Leaving, "file") + " not on Frame.io yet"
	}
	if h.Error != "" {
		line += " ! " + oneLine(h.Error)
	}
	return line
}

func pinAction(c *cli.Context) error {
	if err := somePaths(c); err != nil {
		return err
	}
	err := eachMount(c, func(r control.Registration, m *control.Client, paths []string) error {
		h, err := m.Pin(c.Context, paths)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("pinned %s, %s", count(h.Files, "file"), size(h.Size))
		if left := h.Size - h.Here; left > 0 {
			line += fmt.Sprintf("; %s to fetch, in the background", size(left))
		}
		if h.Leaving > 0 {
			line += "; " + count(h.Leaving, "more file") + " when they are on Frame.io"
		}
		fmt.Fprintln(c.App.Writer, line)
		return nil
	})
	if err != nil || !c.Bool("wait") {
		return err
	}
	return warmAction(c)
}

func unpinAction(c *cli.Context) error {
	if err := somePaths(c); err != nil {
		return err
	}
	return eachMount(c, func(r control.Registration, m *control.Client, paths []string) error {
		gone, err := m.Unpin(c.Context, paths)
		for _, p := range gone.Paths {
			fmt.Fprintln(c.App.Writer, "unpinned "+shown(filepath.Join(r.MountPoint, p)))
		}
		return err
	})
}

func warmAction(c *cli.Context) error {
	if err := somePaths(c); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt)
	defer stop()
	asJSON, all := c.Bool("json"), []control.Holding{}
	err := eachMount(c, func(r control.Registration, m *control.Client, paths []string) error {
		show := newProgress(newConsole(c.App.ErrWriter))
		h, err := warmMount(ctx, m, paths, show)
		show.close()
		if err != nil && ctx.Err() != nil {
			return errors.New("interrupted; what has come stays")
		}
		if err != nil {
			return err
		}
		h.Path = r.MountPoint
		all = append(all, h)
		if !asJSON {
			fmt.Fprintf(c.App.Writer, "%s, %s: all is here\n", count(h.Files, "file"), size(h.Size))
		}
		return nil
	})
	if err == nil && asJSON {
		return json.NewEncoder(c.App.Writer).Encode(all)
	}
	return err
}

// warmMount fetches, and shows how far it is and how fast it goes.
func warmMount(ctx context.Context, m *control.Client, paths []string, show *progress) (control.Holding, error) {
	var speed track
	return m.Warm(ctx, paths, func(h control.Holding) {
		speed.add(time.Now(), h.Here)
		line := fmt.Sprintf("fetching %s: %s of %s (%d%%)", count(h.Files, "file"), size(h.Here), size(h.Size), percent(h.Here, h.Size))
		if rate := speed.rate(); rate >= 1 {
			line += fmt.Sprintf(", %s/s, %s left", size(int64(rate)), span(time.Duration(float64(h.Size-h.Here)/rate*float64(time.Second))))
		}
		show.line(line)
	})
}

func clearAction(c *cli.Context) error {
	return eachMount(c, func(r control.Registration, m *control.Client, paths []string) error {
		done, err := m.Clear(c.Context, paths)
		if err != nil && done.Freed == 0 {
			return err
		}
		line := fmt.Sprintf("%s: %s given back", shown(r.MountPoint), size(done.Freed))
		if done.Pinned > 0 {
			line += fmt.Sprintf("; %s pinned", count(done.Pinned, "file"))
		}
		if done.Open > 0 {
			line += fmt.Sprintf("; %s open", count(done.Open, "file"))
		}
		fmt.Fprintln(c.App.Writer, line)
		return err
	})
}
