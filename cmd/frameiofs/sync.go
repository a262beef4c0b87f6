package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

func syncVerb() *cli.Command {
	return &cli.Command{
		Name:      "sync",
		Usage:     "wait until Frame.io has what was written",
		ArgsUsage: "[PATH…]",
		Description: `Waits for the files at or below the paths, or for everything in all of your mounts. Files that are still open
for writing are not waited for.

   cp film.mov ~/frameio/Acme/Films/Trailer/ && frameiofs sync ~/frameio/Acme/Films/Trailer/film.mov
   frameiofs sync --timeout 10m
   frameiofs sync --until transcoded --timeout 1h ~/frameio/Acme/Films/Trailer

Exit code 0 when everything has come so far, 3 if something was given up, is held or paused and needs you, 4 after --timeout.`,
		Flags: []cli.Flag{
			&cli.GenericFlag{Name: "until", Value: &choiceValue{string(control.Uploaded), control.Untils()}, DefaultText: string(control.Uploaded),
				Usage: "`STATE` to wait for: uploaded (Frame.io has confirmed every byte), verified (and that they are the right ones, as mount --verify says), " +
					"or transcoded (and it has made proxies of what can be played, also of what was there before)"},
			&cli.DurationFlag{Name: "timeout", Usage: "give up waiting after `TIME`; the uploads go on"},
		},
		Action: syncAction,
	}
}

// errTimeout is the cause of a wait that --timeout ended.
var errTimeout = errors.New("--timeout has passed")

func syncAction(c *cli.Context) error {
	order, wanted, err := namedMounts(c)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt)
	defer stop()
	if d := c.Duration("timeout"); d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, errTimeout)
		defer cancel()
	}
	until := control.Until(c.Generic("until").(*choiceValue).value)
	show := newProgress(newConsole(c.App.ErrWriter))
	defer show.close()
	var parked error
	var needy []string
	for _, r := range order {
		err := control.Dial(r.Socket).Sync(ctx, wanted[r], until, show.status)
		switch {
		case err == nil:
		case errors.Is(err, control.ErrParked):
			parked = err
			needy = append(needy, needsLines(c.Context, r, wanted[r])...)
		case errors.Is(err, control.ErrGone) && c.NArg() == 0 && !stillMounted(r.MountPoint):
			control.Forget(registryDir(), r)
		case errors.Is(context.Cause(ctx), errTimeout):
			show.close()
			return &failure{exitTimeout, fmt.Errorf("not everything is %s after %s", untilText[until], c.Duration("timeout")), "frameiofs status tells how far it is; it goes on"}
		case ctx.Err() != nil:
			show.close()
			return fail("the uploads go on", "interrupted")
		default:
			return fail("", "%s: %w", r.MountPoint, err)
		}
	}
	if parked != nil {
		show.close()
		for _, line := range needy {
			fmt.Fprintln(c.App.ErrWriter, line)
		}
		return &failure{exitParked, parked, "frameiofs status tells which and why"}
	}
	return nil
}

var untilText = map[control.Until]string{
	control.Uploaded: "on Frame.io", control.Verified: "on Frame.io and verified", control.Transcoded: "on Frame.io and transcoded",
}

// progress shows a wait: painted on a terminal, else a line every few seconds.
type progress struct {
	console *console
	last    time.Time
	begun   time.Time
}

// progressLine is how often a wait says a line where nothing can be painted.
const progressLine = 5 * time.Second

func newProgress(c *console) *progress { return &progress{console: c, begun: time.Now()} }

func (p *progress) status(st control.Status) {
	if p.console.live {
		p.console.show(st)
		return
	}
	if p.last.IsZero() || time.Since(p.last) >= progressLine {
		p.last = time.Now()
		if t := st.Totals; t.Files > 0 {
			fmt.Fprintf(p.console, "%s on the way, %s of %s sent (%d%%)\n", count(t.Files, "file"), size(t.Sent), size(t.Bytes), percent(t.Sent, t.Bytes))
		} else if t.Verifying > 0 || t.Transcoding > 0 {
			fmt.Fprintln(p.console, strings.TrimSpace(strings.Join(provingLines(t), "; ")))
		}
	}
}

// line shows one line instead of a status.
func (p *progress) line(text string) {
	if p.console.live {
		p.console.Paint([]string{text})
	} else if time.Since(p.last) >= progressLine && time.Since(p.begun) >= progressLine {
		p.last = time.Now()
		fmt.Fprintln(p.console, text)
	}
}

func (p *progress) close() { p.console.Close() }
