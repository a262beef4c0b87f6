package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

func statusVerb() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "tell what is on its way to Frame.io and what is safe",
		ArgsUsage: "[MOUNTPOINT|PATH]",
		Description: `Of all your mounts if none is named. What needs you comes first. Of a file or folder in a mount it tells where its bytes are
safe, and so does the exit code: 0 if Frame.io has all of it, 3 if something in it needs you, 4 if it is not there yet.

   frameiofs status
   frameiofs status --watch ~/frameio                     live, with keys to pause, retry, put first and cancel
   frameiofs status ~/frameio/Acme/Films/film.mov && rm /media/card/film.mov
   frameiofs status --json | jq '.[].totals'

--json prints a list of mounts, each a Status of package control (go doc github.com/frameiofs/frameiofs/control Status), whose names stay;
with --watch a line every second; of a file or folder one object.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "show it until q or Ctrl-C; keys act upon what is shown"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		},
		Action: statusAction,
	}
}

func statusAction(c *cli.Context) error {
	if c.NArg() > 1 {
		return misuse("", "status wants one mount point, file or folder at most")
	}
	if path := c.Args().First(); path != "" {
		mounts, err := control.Registered(registryDir())
		if err != nil {
			return fail("", "%w", err)
		}
		if r, below, ok := control.Find(mounts, path); ok && below != "" {
			return statusPathAction(c, r, below)
		}
	}
	if c.Bool("watch") {
		return watchAction(c)
	}
	limit := 0
	if !c.Bool("json") {
		limit = boardFiles
	}
	all, err := statusOf(c.Context, c.Args().First(), limit)
	if err != nil && len(all) == 0 {
		return err
	}
	// One mount in trouble does not hide the others.
	return errors.Join(printStatus(c.App.Writer, all, c.Bool("json")), err)
}

const nothingMounted = "nothing is mounted"

// mostLines is what status prints of one mount; --json tells all.
const mostLines = 40

func printStatus(w io.Writer, all []control.Status, asJSON bool) error {
	if asJSON {
		if all == nil {
			all = []control.Status{}
		}
		return json.NewEncoder(w).Encode(all)
	}
	if f, ok := w.(*os.File); ok && canShow(f) {
		width, _ := newConsole(f).size()
		_, err := fmt.Fprintln(w, boardLines(newBoard(f, width, mostLines), all))
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(w, nothingMounted)
	}
	for i, st := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, strings.Join(statusLines(st, mostLines), "\n"))
	}
	return nil
}

// askTime is how long a mount may take to answer before it counts as stuck.
const askTime = 10 * time.Second

// statusOf asks the mount that has path, or all mounts, and for at most limit files of each (0: control.DefaultFiles).
func statusOf(ctx context.Context, path string, limit int) ([]control.Status, error) {
	mounts, err := control.Registered(registryDir())
	if err != nil {
		return nil, fail("", "%w", err)
	}
	if path != "" {
		r, _, err := findRegistered(mounts, path)
		if err != nil {
			return nil, err
		}
		mounts = []control.Registration{r}
	}
	var all []control.Status
	var trouble error
	for _, r := range mounts {
		st, err := askStatus(ctx, r, control.Query{Limit: limit})
		switch {
		case errors.Is(err, control.ErrGone) && path == "" && !stillMounted(r.MountPoint):
			control.Forget(registryDir(), r) // killed, and the machine has been restarted since or the mount was cleaned up
			continue
		case errors.Is(err, control.ErrGone):
			trouble = fail("frameiofs unmount "+r.MountPoint+" cleans it up; mounting again goes on where it was",
				"%s: the mount's process (%d) was killed; what was written is kept", r.MountPoint, r.PID)
		case ctx.Err() != nil:
			return nil, nil
		case err != nil:
			trouble = fail("", "%s: %w", r.MountPoint, err)
		default:
			all = append(all, st)
		}
	}
	return all, trouble
}

func askStatus(ctx context.Context, r control.Registration, q control.Query) (control.Status, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTime, fmt.Errorf("process %d does not answer", r.PID))
	defer cancel()
	st, err := control.Dial(r.Socket).Status(ctx, q)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return st, err
}

// findRegistered finds the mount that has path; what is not found is explained.
func findRegistered(mounts []control.Registration, path string) (control.Registration, string, error) {
	r, below, ok := control.Find(mounts, path)
	if ok {
		return r, below, nil
	}
	hint := "frameiofs status lists your mounts"
	if table, err := mountTable(); err == nil {
		if m, _, ok := findMount(table, path); ok && m.Type == fuseType {
			if deadMount(m.Point) {
				return r, "", fail("frameiofs unmount "+m.Point+" cleans it up", "%s: the mount's process was killed", m.Point)
			}
			hint = "ask as the user who mounted it"
		}
	}
	return r, "", fail(hint, "%s is not in a Frame.io of yours", path)
}

// namedMounts are the mounts that c's arguments name, with the paths below each; all mounts if there are none.
func namedMounts(c *cli.Context) (order []control.Registration, wanted map[control.Registration][]string, err error) {
	mounts, err := control.Registered(registryDir())
	if err != nil {
		return nil, nil, fail("", "%w", err)
	}
	return byMount(mounts, c.Args().Slice())
}

// byMount sorts paths to the mounts that have them, and makes them paths below those. Without any it answers all mounts, with none.
func byMount(mounts []control.Registration, paths []string) (order []control.Registration, wanted map[control.Registration][]string, err error) {
	wanted = map[control.Registration][]string{}
	if len(paths) == 0 {
		return mounts, wanted, nil
	}
	for _, path := range paths {
		r, below, err := findRegistered(mounts, path)
		if err != nil {
			return nil, nil, err
		}
		if _, ok := wanted[r]; !ok {
			order = append(order, r)
		}
		wanted[r] = append(wanted[r], below)
	}
	return order, wanted, nil
}

func stillMounted(point string) bool {
	table, err := mountTable()
	if err != nil {
		return false
	}
	m, below, ok := findMount(table, point)
	return ok && below == "" && m.Type == fuseType
}

// nameLine tells of a change that needs somebody, or does not get on.
func nameLine(n control.Name) string {
	stage, why := "waiting", n.Error
	if n.Parked {
		stage, why = "parked", n.Reason
	}
	line := fmt.Sprintf("%-10s %s %s", stage, n.What, shown(n.Path))
	if why != "" {
		line += ": " + oneLine(why)
	}
	return line
}

func fileLine(f control.File) string {
	name := shown(f.Path)
	switch f.Stage {
	case "uploading":
		if f.CopyOf != "" {
			break
		}
		return fmt.Sprintf("%-10s %3d%%  %s  %s of %s", f.Stage, percent(f.Sent, f.Size), name, size(f.Sent), size(f.Size))
	case "waiting":
		if f.Paused {
			return fmt.Sprintf("%-10s %s  %s of %s sent", "paused", name, size(f.Sent), size(f.Size))
		}
	case "parked", "held":
		return fmt.Sprintf("%-10s %s  %s: %s", f.Stage, name, size(f.Size), oneLine(f.Reason))
	}
	line := fmt.Sprintf("%-10s %s  %s", f.Stage, name, size(f.Size))
	if f.CopyOf != "" {
		line += ", to be copied on Frame.io from " + shown(f.CopyOf)
	}
	if f.Stage == "settling" && f.Missing > 0 {
		line += ", of which " + size(f.Missing) + " that were not changed are being fetched"
	}
	if f.Error != "" {
		line += ": " + f.Error
		if f.NextTry != nil {
			line += fmt.Sprintf(" (again in %s)", span(max(0, time.Until(*f.NextTry))))
		}
	}
	return line
}
