package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
)

func statusVerb() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "tell what is on its way to Frame.io and what is safe",
		ArgsUsage: "[MOUNTPOINT]",
		Description: `Of all your mounts if none is named. What needs you comes first.

   frameiofs status
   frameiofs status --watch ~/frameio
   frameiofs status --json | jq '.[].totals'

--json prints a list of mounts, one object each; with --watch a line per change of the picture.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "show it until Ctrl-C"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		},
		Action: statusAction,
	}
}

func statusAction(c *cli.Context) error {
	if c.NArg() > 1 {
		return misuse("", "status wants one mount point at most")
	}
	if !c.Bool("watch") {
		all, err := statusOf(c.Context, c.Args().First())
		if err != nil && len(all) == 0 {
			return err
		}
		// One mount in trouble does not hide the others.
		return errors.Join(printStatus(c.App.Writer, all, c.Bool("json")), err)
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt)
	defer stop()
	screen := newConsole(c.App.Writer)
	defer screen.Close()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		all, err := statusOf(ctx, c.Args().First())
		if err != nil {
			return err
		}
		switch {
		case c.Bool("json"), !screen.live:
			if err := printStatus(c.App.Writer, all, c.Bool("json")); err != nil {
				return err
			}
		default:
			var lines []string
			for _, st := range all {
				lines = append(lines, statusLines(st, screen.lines()/max(1, len(all)))...)
			}
			if len(all) == 0 {
				lines = []string{nothingMounted}
			}
			screen.Paint(lines)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
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

// statusOf asks the mount that has path, or all mounts.
func statusOf(ctx context.Context, path string) ([]control.Status, error) {
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
		st, err := askStatus(ctx, r, control.Query{})
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

// statusLines is a Status for people, in at most most lines.
func statusLines(st control.Status, most int) []string {
	head := fmt.Sprintf("%s — Frame.io %s %s as %s", shown(st.MountPoint), strings.ToUpper(st.API), shown(st.Root), oneLine(st.User))
	if st.ReadOnly {
		head += ", read-only"
	}
	if st.State == control.Finishing {
		head = shown(st.MountPoint) + " — unmounted, finishing the uploads"
	}
	lines := []string{head}
	if st.Trouble != "" {
		lines = append(lines, "  ! "+st.Trouble)
	}
	if st.Link.State == "down" {
		lines = append(lines, "  ! Frame.io cannot be used since "+st.Link.Since.Local().Format("15:04:05")+": "+st.Link.Error)
	}
	if st.Paused {
		lines = append(lines, "  ! uploads are paused: frameiofs uploads resume")
	}
	lines = append(lines, summary(st)...)
	for _, n := range st.Names {
		if (n.Parked || n.Error != "") && len(lines) < most/2 {
			lines = append(lines, "  "+nameLine(n))
		}
	}
	room := max(1, most-len(lines)-2)
	left := st.LeftOut
	for i, f := range st.Files {
		if f.Local {
			continue
		}
		if i >= room {
			left += len(st.Files) - i
			break
		}
		lines = append(lines, "  "+fileLine(f))
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("  … and %d more", left))
	}
	lines = append(lines, fmt.Sprintf("  cache %s of %s · %s free for writing", size(st.Cache.Used), size(st.Cache.Limit), size(st.DiskFree)))
	return lines
}

// summary is what matters in few words: needs you, on its way, safe.
func summary(st control.Status) (lines []string) {
	t := st.Totals
	if t.Parked > 0 {
		lines = append(lines, fmt.Sprintf("  ! %s parked: Frame.io does not take them and they need you; then: frameiofs uploads retry", count(t.Parked, "file")))
	}
	if t.NamesParked > 0 {
		lines = append(lines, fmt.Sprintf("  ! %s of names parked: frameiofs uploads retry tries again, frameiofs uploads cancel gives up", count(t.NamesParked, "change")))
	}
	if t.Held > 0 {
		lines = append(lines, fmt.Sprintf("  ! %s held on this machine", count(t.Held, "file")))
	}
	switch {
	case t.Files > 0:
		line := fmt.Sprintf("  %s on the way, %s of %s sent (%d%%)", count(t.Files, "file"), size(t.Sent), size(t.Bytes), percent(t.Sent, t.Bytes))
		if t.Rate >= 1 {
			line += fmt.Sprintf(", %s/s", size(int64(t.Rate)))
		}
		lines = append(lines, line+timeLeft(t))
	case t.Names > 0:
	case t.Writing == 0 && t.Parked == 0 && t.Held == 0 && t.NamesParked == 0:
		lines = append(lines, "  everything is on Frame.io")
	}
	if t.Names > 0 {
		line := fmt.Sprintf("  %s of names on the way to Frame.io", count(t.Names, "change"))
		if t.Files == 0 {
			line += timeLeft(t)
		}
		lines = append(lines, line)
	}
	lines = append(lines, provingLines(t)...)
	if t.Writing > 0 {
		lines = append(lines, fmt.Sprintf("  %s being written", count(t.Writing, "file")))
	}
	if t.Local > 0 {
		lines = append(lines, fmt.Sprintf("  %s stay on this machine (temporary names, empty files)", count(t.Local, "file")))
	}
	if t.Folders > 0 {
		lines = append(lines, fmt.Sprintf("  %s with temporary names stay on this machine, with what is in them", count(t.Folders, "folder")))
	}
	return lines
}

// timeLeft is how long it takes yet, and what that hangs on if it is not the bandwidth.
func timeLeft(t control.Totals) string {
	left := time.Duration(t.TimeLeft * float64(time.Second))
	if left <= 0 || left > 1000*time.Hour {
		return ""
	}
	text := ", " + span(left) + " left"
	if t.LimitedBy != "bandwidth" {
		text += " by " + t.LimitedBy
	}
	return text
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
