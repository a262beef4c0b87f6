package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/spool"
)

// bandwidthFlag limits the bandwidth, at the start or live.
func bandwidthFlag() cli.Flag {
	return &cli.GenericFlag{Name: "bwlimit", Value: &timetable{},
		Usage: "send at most `RATE` bytes a second: 10M, 10M:2M for sending and reading, off, or a timetable such as \"08:00,2M Fri-18:00,off\""}
}

func limitVerb() *cli.Command {
	return &cli.Command{
		Name:      "limit",
		Usage:     "tell or change, while it runs, how fast and how many at once",
		ArgsUsage: "[MOUNTPOINT…]",
		Description: `What is changed holds at once, until the mount ends; the same flags of mount, or lines of the settings file, hold from the
start. Without flags it tells what holds now.

   frameiofs uploads limit --bwlimit 10M                        at most 10 MB/s up
   frameiofs uploads limit --bwlimit 10M:2M                     … and 2 MB/s down
   frameiofs uploads limit --bwlimit "08:00,2M 18:00,off"       during the day; Mon-08:00 is of Mondays only
   frameiofs uploads limit --bwlimit off --uploads 8 --parts 4 ~/frameio`,
		Flags: []cli.Flag{
			bandwidthFlag(),
			&cli.IntFlag{Name: "uploads", Value: spool.DefaultUploads, DefaultText: "as it is", Usage: "upload `N` files at once, and 16 times as many small ones"},
			&cli.IntFlag{Name: "parts", Value: spool.DefaultParts, DefaultText: "as it is", Usage: "send `N` parts of one file at once"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		},
		Action: limitAction,
	}
}

func limitAction(c *cli.Context) error {
	var change control.LimitsChange
	if c.IsSet("bwlimit") {
		text := c.Generic("bwlimit").(*timetable).text
		change.Bandwidth = &text
	}
	for _, f := range []struct {
		name string
		to   **int
	}{{"uploads", &change.Uploads}, {"parts", &change.Parts}} {
		if !c.IsSet(f.name) {
			continue
		}
		n := c.Int(f.name)
		*f.to = &n
	}
	all := []mountLimits{}
	err := onMounts(c, func(ctx context.Context, to *control.Client, paths []string) error {
		for _, p := range paths {
			if p != "" {
				return misuse("limits are those of a mount", "%s is not a mount point", p)
			}
		}
		st, err := to.Status(ctx, control.Query{Limit: 1})
		if err != nil {
			return err
		}
		l, err := to.SetLimits(ctx, change)
		all = append(all, mountLimits{st.MountPoint, l})
		return err
	})
	if err != nil {
		return err
	}
	return printLimits(c.App.Writer, all, c.Bool("json"))
}

// mountLimits is what --json prints a list of.
type mountLimits struct {
	MountPoint string `json:"mountpoint"`
	control.Limits
}

func printLimits(w io.Writer, all []mountLimits, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(w, nothingMounted)
	}
	for _, l := range all {
		fmt.Fprintf(w, "%s: %s\n", shown(l.MountPoint), limitsText(l.Limits))
	}
	return nil
}

// limitsText is limits in one line.
func limitsText(l control.Limits) string {
	text := fmt.Sprintf("%s at once, %s of each", count(l.Uploads, "upload"), count(l.Parts, "part"))
	switch {
	case l.Up > 0 && l.Down > 0:
		text += fmt.Sprintf(" · at most %s up, %s down", rateText(l.Up), rateText(l.Down))
	case l.Up > 0:
		text += fmt.Sprintf(" · at most %s up", rateText(l.Up))
	case l.Down > 0:
		text += fmt.Sprintf(" · at most %s down", rateText(l.Down))
	default:
		text += " · no limit of bandwidth"
	}
	if len(l.Bandwidth) > 0 && (l.Up == 0 && l.Down == 0 || len(l.Bandwidth) > 12) {
		text += " now (" + oneLine(l.Bandwidth) + ")"
	}
	return text
}
