package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

func configVerb() *cli.Command {
	var shownFlags []cli.Flag
	for _, f := range mountFlags() {
		if !unsettable[f.Names()[0]] {
			shownFlags = append(shownFlags, f)
		}
	}
	return &cli.Command{
		Name:  "config",
		Usage: "see and begin the settings file",
		Description: `   frameiofs config init      write ` + settingsPath() + ` with every setting, its meaning and default
   frameiofs config show      what a mount would do, and where each setting is from
   frameiofs config path      where the file is`,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse("frameiofs config --help", "config has no command %q", c.Args().First())
			}
			return cli.ShowSubcommandHelp(c)
		},
		Subcommands: []*cli.Command{{
			Name:        "init",
			Usage:       "write the settings file with every setting as a comment",
			Description: "A file that is there is left alone.\n\n   frameiofs config init",
			Action:      configInit,
		}, {
			Name:  "show",
			Usage: "tell what each setting is, and where from",
			Description: `With mount's flags after it, it tells what these would come to.

   frameiofs config show
   frameiofs config show --json | jq '.[] | select(.from != "default")'`,
			Flags:  append(shownFlags, &cli.BoolFlag{Name: "json", Usage: "print JSON"}),
			Action: configShow,
		}, {
			Name:        "path",
			Usage:       "tell where the settings file is",
			Description: "It need not be there.\n\n   $EDITOR \"$(frameiofs config path)\"",
			Action: func(c *cli.Context) error {
				fmt.Fprintln(c.App.Writer, settingsPath())
				return nil
			},
		}},
	}
}

func configInit(c *cli.Context) error {
	path := settingsPath()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fail("", "%w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fail("move it away, or edit it", "%s is there already", path)
	}
	if err != nil {
		return fail("", "%w", err)
	}
	_, err = f.WriteString(settingsTemplate())
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
		return fail("", "write settings: %w", err)
	}
	fmt.Fprintf(c.App.Writer, "wrote %s\n", path)
	return nil
}

// settingsTemplate is a settings file in which all that can be set stands as a comment, from the flags themselves.
func settingsTemplate() string {
	var b strings.Builder
	b.WriteString(`# Settings of frameiofs. A flag counts before the environment, and that before what stands here.
# Take away the # in front of a setting to have it. The token itself does not belong here: see token-file.
`)
	for _, f := range mountFlags() {
		name := f.Names()[0]
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok || unsettable[name] {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n#%s = %s\n", comment(usageOf(doc)+environmentOf(doc)), name, tomlValue(f))
	}
	return b.String()
}

// usageOf is a flag's meaning as a sentence, without the marks around the word for its value.
func usageOf(f cli.DocGenerationFlag) string {
	u := strings.ReplaceAll(f.GetUsage(), "`", "")
	r := []rune(u)
	if strings.Contains(strings.Fields(u)[0], "(") { // a call, such as close(2)
		return u + "."
	}
	return strings.ToUpper(string(r[:1])) + string(r[1:]) + "."
}

func environmentOf(f cli.DocGenerationFlag) string {
	if vars := f.GetEnvVars(); len(vars) > 0 {
		return " (environment: " + strings.Join(vars, ", ") + ")"
	}
	return ""
}

// comment folds text into lines of a comment.
func comment(text string) string {
	var lines []string
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 100 {
			lines, line = append(lines, line), "#"
		}
		line += " " + word
	}
	return strings.Join(append(lines, line), "\n")
}

// tomlValue is a flag's default as the settings file wants it.
func tomlValue(f cli.Flag) string {
	switch f := f.(type) {
	case *cli.BoolFlag:
		return strconv.FormatBool(f.Value)
	case *cli.IntFlag:
		return strconv.Itoa(f.Value)
	case *cli.Float64Flag:
		return strconv.FormatFloat(f.Value, 'g', -1, 64)
	case *cli.DurationFlag:
		return strconv.Quote(shortSpan(f.Value.String()))
	case *cli.GenericFlag:
		return strconv.Quote(f.Value.String())
	case *cli.StringFlag:
		return strconv.Quote(f.Value)
	}
	return `""`
}

// shortSpan writes 24h0m0s as 24h.
func shortSpan(s string) string {
	if t, ok := strings.CutSuffix(s, "m0s"); ok {
		s = t + "m"
	}
	if t, ok := strings.CutSuffix(s, "h0m"); ok {
		s = t + "h"
	}
	return s
}

// setting is one line of `config show`, and one object of its --json.
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"` // default, command line, a variable of the environment, or a line of the settings file
}

func configShow(c *cli.Context) error {
	if c.NArg() > 0 {
		return misuse("frameiofs config show --help", "config show wants flags only, not %q", c.Args().First())
	}
	var all []setting
	given := map[string]string{}
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if c.IsSet(name) {
			given[name] = givenBy(c, f)
		}
	}
	if err := applySettings(c); err != nil {
		return err
	}
	text, _ := os.ReadFile(settingsPath())
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if name == "json" || name == "help" {
			continue
		}
		s := setting{Name: name, Value: valueOf(c, f), From: given[name]}
		switch {
		case s.From != "":
		case c.IsSet(name):
			s.From = fmt.Sprintf("%s, line %d", settingsPath(), lineOf(string(text), name))
		default:
			s.From = "default"
		}
		all = append(all, s)
	}
	if os.Getenv("FRAMEIO_TOKEN") != "" {
		all = append(all, setting{"token", "(not shown)", "FRAMEIO_TOKEN"})
	}
	if c.Bool("json") {
		return json.NewEncoder(c.App.Writer).Encode(all)
	}
	for _, s := range all {
		fmt.Fprintf(c.App.Writer, "%-14s %-24s %s\n", s.Name, s.Value, s.From)
	}
	return nil
}

// givenBy tells what has given a flag its value before the settings file was read.
func givenBy(c *cli.Context, f cli.Flag) string {
	if doc, ok := f.(cli.DocGenerationFlag); ok {
		for _, v := range doc.GetEnvVars() {
			if set := os.Getenv(v); set != "" && set == valueOf(c, f) {
				return v
			}
		}
	}
	return "command line"
}

// valueOf is a flag's value for people.
func valueOf(c *cli.Context, f cli.Flag) string {
	name := f.Names()[0]
	switch f.(type) {
	case *cli.DurationFlag:
		return shortSpan(c.Duration(name).String())
	case *cli.StringSliceFlag:
		return strings.Join(c.StringSlice(name), ",")
	case *cli.GenericFlag:
		return fmt.Sprint(c.Generic(name))
	}
	return fmt.Sprint(c.Value(name))
}
