package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// What is said of a flag's wrong value, be it from the command line, the environment, -o or the settings file: the flag, the value, and
// what is allowed, in one line.

// least are the smallest values of flags that are numbers or times; those that are not here may be 0 and no less.
var least = map[string]int64{"uploads": 1, "parts": 1, "cache-size": 64 << 20}

// allowed is what a flag's value may be.
func allowed(f cli.Flag) string {
	switch f := f.(type) {
	case *cli.BoolFlag:
		return "true or false"
	case *cli.IntFlag:
		return fmt.Sprintf("a whole number from %d on", least[f.Name])
	case *cli.Float64Flag:
		return "a number from 0 on"
	case *cli.DurationFlag:
		return "a time such as 500ms, 2s or 1h30m"
	}
	return ""
}

// badValue is what is wrong with a value of a flag called name; err is why it could not be set.
func badValue(name string, f cli.Flag, value string, err error) error {
	if what := allowed(f); what != "" {
		return misuse("", "%s: %q is not %s", name, value, what)
	}
	text := oneLine(err.Error())
	if !strings.Contains(text, value) {
		text = fmt.Sprintf("%q: %s", value, text)
	}
	return misuse("", "%s: %s", name, text)
}

// How the library says it.
var (
	badFlag = regexp.MustCompile(`^invalid (?:boolean )?value "((?s).*)" for (?:flag )?-([\w-]+): ((?s).*)$`)
	badEnv  = regexp.MustCompile(`^could not parse "((?s).*)" (?:as \w+ value )?from environment variable "(\w+)" (?:as value )?for flag ([\w-]+): ((?s).*)$`)
	noFlag  = regexp.MustCompile(`^flag provided but not defined: -+([\w-]+)`)
	noValue = regexp.MustCompile(`^flag needs an argument: -+([\w-]+)`)
)

// plainer says in our words what the library found wrong with a command line.
func plainer(cmd *cli.Command, err error) error {
	text := err.Error()
	if m := badFlag.FindStringSubmatch(text); m != nil {
		return badValue(dashed(m[2]), flagOf(cmd, m[2]), unquoted(m[1]), fmt.Errorf("%s", m[3]))
	}
	if m := badEnv.FindStringSubmatch(text); m != nil {
		return badValue(m[2], flagOf(cmd, m[3]), unquoted(m[1]), fmt.Errorf("%s", m[4]))
	}
	if m := noValue.FindStringSubmatch(text); m != nil {
		what := allowed(flagOf(cmd, m[1]))
		if what == "" {
			what = "a value"
		}
		return misuse("", "%s wants %s after it", dashed(m[1]), what)
	}
	if m := noFlag.FindStringSubmatch(text); m != nil && cmd != nil {
		return misuse(likely(cmd, m[1]), "%s has no flag %s", cmd.Name, dashed(m[1]))
	}
	return nil
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// unquoted undoes what %q did to a value.
func unquoted(s string) string { return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s) }

// flagOf is the flag of a command with a name, or nil.
func flagOf(cmd *cli.Command, name string) cli.Flag {
	if cmd == nil {
		return nil
	}
	for _, f := range cmd.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// likely names the flags that begin or end as name does.
func likely(cmd *cli.Command, name string) string {
	var near []string
	for _, f := range cmd.Flags {
		n := f.Names()[0]
		if len(name) > 2 && len(n) > 2 && (n[:3] == name[:3] || strings.HasSuffix(n, name[len(name)-3:])) {
			near = append(near, dashed(n))
		}
	}
	if len(near) == 0 {
		return "frameiofs " + cmd.Name + " --help lists them"
	}
	return "there is " + strings.Join(near, ", ")
}

// checkLeast refuses numbers and times that are too small.
func checkLeast(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		if err := tooSmall(c, f, dashed(f.Names()[0])); err != nil {
			return err
		}
	}
	return nil
}

// tooSmall refuses the value that a flag has now, if it is. name is what the flag is called where the value is from.
func tooSmall(c *cli.Context, f cli.Flag, name string) error {
	low, got, want := least[f.Names()[0]], "", ""
	switch f := f.(type) {
	case *cli.IntFlag:
		if v := c.Int(f.Name); int64(v) < low {
			got, want = fmt.Sprint(v), fmt.Sprint(low)
		}
	case *cli.Float64Flag:
		if v := c.Float64(f.Name); v < 0 {
			got, want = fmt.Sprint(v), "0"
		}
	case *cli.DurationFlag:
		if v := c.Duration(f.Name); v < time.Duration(low) {
			got, want = v.String(), time.Duration(low).String()
		}
	case *cli.GenericFlag:
		if b, ok := c.Generic(f.Name).(*bytesValue); ok && int64(*b) < low {
			got, want = b.String(), size(low)
		}
	}
	if got == "" {
		return nil
	}
	return misuse("", "%s: %s is too small; at least %s", name, got, want)
}
