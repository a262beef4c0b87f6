package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/cache"
)

func doctorVerb() *cli.Command {
	keepFree := bytesValue(cache.DefaultKeepFree)
	return &cli.Command{
		Name:      "doctor",
		Usage:     "check this machine, the token, the link and the disk, and say what to do",
		ArgsUsage: "[MOUNTPOINT]",
		Description: `Nothing is changed: it mounts an empty folder for a moment, writes and removes 32 MiB in the state folder, and asks Frame.io
only what can be seen. Without a link it ends within 15 seconds.

   frameiofs doctor
   frameiofs doctor ~/frameio
   frameiofs doctor --bundle report.tar.gz     all of it for a bug report, without secrets and names

Exit code 1 if something fails; warnings are no failures.`,
		Flags: append(connectFlags(),
			&cli.StringFlag{Name: "state-dir", EnvVars: []string{"FRAMEIO_STATE_DIR"}, TakesFile: true, Usage: "check the disk of `DIR`, as mount's --state-dir"},
			&cli.GenericFlag{Name: "keep-free", Value: &keepFree, Usage: "`BYTES` of disk that are left to others, as mount's --keep-free"},
			&cli.BoolFlag{Name: "allow-other", Usage: "check whether other users can be let in, as mount's --allow-other"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			&cli.StringFlag{Name: "bundle", TakesFile: true, Usage: "write `FILE` (.tar.gz) for a bug report: this, status, the end of the log, versions, settings; without secrets"},
			&cli.BoolFlag{Name: "names", Usage: "leave the names of files, folders and people in the bundle"}),
		Action: doctorAction,
	}
}

// finding is one line of what doctor says.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"` // ok, warn, fail, or skipped
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`

	names []string // in Found, that are nobody's business in a report
}

// The states of a finding.
const (
	stateOK      = "ok"
	stateWarn    = "warn"
	stateFail    = "fail"
	stateSkipped = "skipped"
)

func fine(check, format string, args ...any) finding {
	return finding{Check: check, State: stateOK, Found: oneLine(fmt.Sprintf(format, args...))}
}

func doubtful(check, remedy, format string, args ...any) finding {
	return finding{Check: check, State: stateWarn, Found: oneLine(fmt.Sprintf(format, args...)), Remedy: remedy}
}

func wrong(check, remedy, format string, args ...any) finding {
	return finding{Check: check, State: stateFail, Found: oneLine(fmt.Sprintf(format, args...)), Remedy: remedy}
}

func skipped(check, why string, args ...any) finding {
	return finding{Check: check, State: stateSkipped, Found: oneLine(fmt.Sprintf(why, args...))}
}

// wrongBy is what err says, with the hint that it may have.
func wrongBy(check string, err error) finding {
	hint := ""
	var f *failure
	if errors.As(err, &f) {
		hint = f.hint
	}
	return wrong(check, hint, "%s", withoutSecret(err.Error()))
}

// examination is what doctor was asked to look at.
type examination struct {
	c        *cli.Context
	settings error // of the settings file
	point    string
	stateDir string
	keepFree int64
	others   bool
}

func doctorAction(c *cli.Context) error {
	if c.NArg() > 1 {
		return misuse("frameiofs doctor --help", "doctor wants one mount point at most, not %d", c.NArg())
	}
	bundle := c.String("bundle")
	if bundle != "" && !strings.HasSuffix(bundle, ".tar.gz") && !strings.HasSuffix(bundle, ".tgz") {
		return misuse("", "--bundle: %q must end in .tar.gz or .tgz", bundle)
	}
	x := examination{c: c, settings: applySettings(c), point: c.Args().First()}
	x.stateDir, x.keepFree, x.others = c.String("state-dir"), sizeFlag(c, "keep-free"), c.Bool("allow-other")
	if x.stateDir == "" {
		x.stateDir = stateHome()
	}
	var f *failure
	acc, err := accountOf(c)
	acc.done()
	if errors.As(err, &f) && f.code == exitUsage {
		return err
	}
	all := x.findings(c.Context)
	if err := printFindings(c.App.Writer, all, c.Bool("json")); err != nil {
		return err
	}
	if bundle != "" {
		if err := writeBundle(c.Context, bundle, x, all, c.Bool("names")); err != nil {
			return fail("", "--bundle: %w", err)
		}
		what := "without secrets and names; look through it before you send it"
		if c.Bool("names") {
			what = "without secrets, but with names; look through it before you send it"
		}
		fmt.Fprintf(c.App.ErrWriter, "wrote %s: %s\n", bundle, what)
	}
	n := 0
	for _, f := range all {
		if f.State == stateFail {
			n++
		}
	}
	if n > 0 {
		return fail("", "%s failed", count(n, "check"))
	}
	return nil
}

// linkTime bounds all that is asked over the network.
const linkTime = 12 * time.Second

// findings looks at everything; the network and the machine at the same time.
func (x examination) findings(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, linkTime)
	defer cancel()
	link := make(chan []finding, 1)
	go func() { link <- x.linkFindings(ctx) }()
	all := []finding{x.settingsFinding()}
	all = append(all, machineFindings(thisMachine(), x.others)...)
	all = append(all, diskFindings(x.stateDir, x.keepFree)...)
	all = append(all, limitFindings()...)
	all = append(all, <-link...)
	if x.point != "" {
		all = append(all, pointFinding(x.point))
	}
	return append(all, leftFindings(x.stateDir)...)
}

// done lets go of what accountOf has opened.
func (a account) done() {
	if a.source != nil {
		a.source.Close()
	}
}

func (x examination) settingsFinding() finding {
	if x.settings != nil {
		return wrongBy("settings", x.settings)
	}
	if !exists(settingsPath()) {
		return fine("settings", "there is no %s; all is as it comes", settingsPath())
	}
	return fine("settings", "%s", settingsPath())
}

func printFindings(w io.Writer, all []finding, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(all)
	}
	for _, f := range all {
		fmt.Fprintf(w, "%-8s%-15s%s\n", f.State, f.Check, f.Found)
		if f.Remedy != "" {
			fmt.Fprintf(w, "%23s%s\n", "→ ", f.Remedy)
		}
	}
	return nil
}
