package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"
)

// Exit codes. They are a contract: scripts depend on them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2 // the command line or the settings file is wrong; nothing was done
	exitParked  = 3 // done as far as possible, but some files were given up and need a person
	exitTimeout = 4 // --timeout passed first
)

// failure is an error that knows the exit code it stands for and what a person can do about it.
type failure struct {
	code int
	err  error
	hint string // a second line, "" for none
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// fail makes a failure with exit code 1.
func fail(hint, format string, args ...any) error {
	return &failure{exitFailure, fmt.Errorf(format, args...), hint}
}

// misuse makes a failure with exit code 2.
func misuse(hint, format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...), hint}
}

func main() {
	if calledAsHelper(os.Args) {
		os.Exit(runHelper(os.Args, os.Stderr))
	}
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// run is the program: it answers the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	app := newApp(stdout, stderr)
	if len(args) > 2 && args[1] == completeWord {
		complete(app, args[2], args[3:], stdout)
		return exitOK
	}
	err := app.RunContext(context.Background(), flagsFirst(app, args))
	if err == nil {
		return exitOK
	}
	code, hint := exitFailure, ""
	var f *failure
	if errors.As(err, &f) {
		code, hint = f.code, f.hint
	}
	// A token that was given where a file's name belongs is not repeated.
	fmt.Fprintf(stderr, "frameiofs: %s\n", withoutSecret(oneLine(err.Error())))
	if hint != "" {
		fmt.Fprintf(stderr, "  %s\n", withoutSecret(oneLine(hint)))
	}
	return code
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:                      "frameiofs",
		Usage:                     "Frame.io as a disk",
		Version:                   version(),
		Writer:                    stdout,
		ErrWriter:                 stderr,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true, // commas belong to the values
		Description: `Mount Frame.io and use it with cp, rsync, a file manager, or an editing program's export:

   frameiofs demo                  try it: a simulated Frame.io, no account needed
   frameiofs login                 sign in: a developer token, or Adobe's page with --client-id
   frameiofs mount ~/frameio       mount all that the token can see
   frameiofs status                what is on its way, what is safe

Exit codes: 0 done · 1 failed · 2 wrong use · 3 some files were given up and need you · 4 timed out`,
		Commands: []*cli.Command{
			mountVerb(), unmountVerb(), statusVerb(), syncVerb(), uploadsVerb(), desktopVerb(), cacheVerb(), lsVerb(), receiptsVerb(), loginVerb(), logoutVerb(), whoamiVerb(), doctorVerb(), configVerb(), serviceVerb(), profileVerb(), demoVerb(), simVerb(), completionVerb(), manVerb(),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("frameiofs --help lists them", "there is no command %q", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
		ExitErrHandler: func(*cli.Context, error) {}, // run prints and counts
		OnUsageError:   usageError,
	}
	var each func([]*cli.Command)
	each = func(cmds []*cli.Command) {
		for _, cmd := range cmds {
			cmd.OnUsageError = usageError
			cmd.HideHelpCommand = true
			if cmd.Before == nil {
				cmd.Before = checkLeast
			}
			each(cmd.Subcommands)
		}
	}
	each(app.Commands)
	return app
}

func usageError(c *cli.Context, err error, _ bool) error {
	var f *failure
	if errors.As(err, &f) {
		return err
	}
	if said := plainer(c.Command, err); said != nil {
		return said
	}
	name := "frameiofs"
	if c.Command != nil && c.Command.Name != "" && c.Command.Name != name {
		name += " " + c.Command.Name
	}
	return misuse(name+" --help tells the rest", "%w", err)
}

// flagsFirst moves flags in front of what is not a flag, so that `frameiofs mount ~/frameio --read-only` means what it says.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) < 2 {
		return args
	}
	cmd, at := app.Command(args[1]), 2
	for cmd != nil && len(cmd.Subcommands) > 0 && at < len(args) {
		next := subcommand(cmd, args[at])
		if next == nil {
			break
		}
		cmd, at = next, at+1
	}
	if cmd == nil {
		return args
	}
	flags, words := []string(nil), []string(nil)
	for i := at; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			words = append(words, args[i+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			words = append(words, a)
			continue
		}
		flags = append(flags, a)
		if !strings.Contains(a, "=") && takesValue(cmd, strings.TrimLeft(a, "-")) && i+1 < len(args) {
			i++
			flags = append(flags, args[i])
		}
	}
	out := append([]string(nil), args[:at]...)
	out = append(out, flags...)
	if len(words) > 0 {
		out = append(append(out, "--"), words...)
	}
	return out
}

func subcommand(cmd *cli.Command, name string) *cli.Command {
	for _, sub := range cmd.Subcommands {
		if sub.HasName(name) {
			return sub
		}
	}
	return nil
}

func takesValue(cmd *cli.Command, name string) bool {
	for _, f := range cmd.Flags {
		for _, n := range f.Names() {
			if n == name {
				_, boolean := f.(*cli.BoolFlag)
				return !boolean
			}
		}
	}
	return false
}

// release is the version that a release build is told; "" in others.
var release string

// version is what the build knows about itself.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "devel"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				v += " " + s.Value[:12]
			}
		}
	}
	return v
}
