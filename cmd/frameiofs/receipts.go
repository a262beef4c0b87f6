package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/spool"
)

func receiptsVerb() *cli.Command {
	return &cli.Command{
		Name:      "receipts",
		Usage:     "tell what was uploaded, and what proves that Frame.io has it",
		ArgsUsage: "[PATH…]",
		Description: `Of the files that were uploaded to the paths or below, or of all, mounted now or not, the newest first: when Frame.io had
confirmed it, its size, its xxHash64, how it was verified, and its path then.

   frameiofs receipts --since 24h ~/frameio/Acme/Films
   frameiofs receipts --json | jq -r '.[] | select(.proof != "checksum") | .path'
   frameiofs receipts --mhl ~/frameio/Acme/Films/Trailer > trailer.mhl

--mhl writes a manifest in the form of ASC MHL 2.0, with the newest version of each file by its path below PATH. What is damaged on
Frame.io, or was copied there and never was here, is left out: that is told, and the exit code is 3.

The receipts of a mount are lines of JSON in the folder receipts of its state folder. Some 100,000 are kept.`,
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "since", Usage: "only what was uploaded in the last `TIME`, such as 24h"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			&cli.BoolFlag{Name: "mhl", Usage: "print an ASC MHL manifest"},
		},
		Action: receiptsAction,
	}
}

func receiptsAction(c *cli.Context) error {
	if c.Bool("json") && c.Bool("mhl") {
		return misuse("", "receipts wants one of --json and --mhl")
	}
	if c.Bool("mhl") && c.NArg() > 1 {
		return misuse("", "receipts --mhl wants one PATH at most, to which the paths in it are relative")
	}
	order, wanted, err := namedMounts(c)
	if err != nil {
		return err
	}
	var all []control.Receipt
	for _, r := range order {
		q := control.ReceiptQuery{Paths: wanted[r]}
		if d := c.Duration("since"); d > 0 {
			q.Since = time.Now().Add(-d)
		}
		some, err := control.Dial(r.Socket).AllReceipts(c.Context, q)
		switch {
		case errors.Is(err, control.ErrGone) && c.NArg() == 0:
		case err != nil:
			return fail("", "%s: %w", r.MountPoint, err)
		}
		all = append(all, some...)
	}
	if c.NArg() == 0 {
		past, err := pastReceipts(order, c.Duration("since"))
		if err != nil {
			return fail("", "%w", err)
		}
		all = append(all, past...)
		slices.SortStableFunc(all, func(a, b control.Receipt) int { return b.Uploaded.Compare(a.Uploaded) })
	}
	switch {
	case c.Bool("json"):
		if all == nil {
			all = []control.Receipt{}
		}
		return json.NewEncoder(c.App.Writer).Encode(all)
	case c.Bool("mhl"):
		root := ""
		for _, paths := range wanted {
			root = paths[0]
		}
		return printMHL(c, all, root)
	}
	return printReceipts(c.App.Writer, all)
}

// pastReceipts are those of what is not mounted now.
func pastReceipts(mounts []control.Registration, since time.Duration) (all []control.Receipt, err error) {
	states, err := filepath.Glob(filepath.Join(stateHome(), "*", "identity.json"))
	for _, state := range states {
		dir := filepath.Dir(state)
		if slices.ContainsFunc(mounts, func(r control.Registration) bool { return filepath.Dir(r.Socket) == dir }) && inUse(dir) {
			continue
		}
		some, rerr := spool.ReceiptsIn(filepath.Join(dir, "receipts"))
		err = errors.Join(err, rerr)
		for i := range some {
			if since <= 0 || time.Since(some[i].Uploaded) <= since {
				all = append(all, receiptOf(&some[i]))
			}
		}
	}
	return all, err
}

func printReceipts(out io.Writer, all []control.Receipt) error {
	if len(all) == 0 {
		fmt.Fprintln(out, "there are no receipts")
	}
	w := tabwriter.NewWriter(out, 0, 1, 2, ' ', 0)
	for _, r := range all {
		sum, name := r.Checksum, r.Path
		if sum == "" {
			sum = "-"
		}
		if name == "" {
			name = r.Name
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Uploaded.Local().Format("2006-01-02 15:04:05"), size(r.Size), sum, proofText(r.Proof, r.Awaited, r.Damaged), shown(name))
	}
	return w.Flush()
}
