package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/adrg/xdg"
	"github.com/urfave/cli/v2"
)

// unsettable are mount's flags that make no sense for every mount.
var unsettable = map[string]bool{"daemon": true, "o": true, "help": true}

// settingsPath is the settings file. It need not be there.
func settingsPath() string { return filepath.Join(xdg.ConfigHome, "frameiofs", "config.toml") }

// applySettings gives c's flags the values of the settings file, where neither the command line nor the environment has
// given one. Keys are the names of mount's flags without dashes in front.
func applySettings(c *cli.Context) error {
	path := settingsPath()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return misuse("", "read settings: %w", err)
	}
	return applySettingsText(c, path, text)
}

// applySettingsText is applySettings of a file's text.
func applySettingsText(c *cli.Context, path string, text []byte) error {
	values := map[string]any{}
	if _, err := toml.Decode(string(text), &values); err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return misuse("", "%s, line %d: %s", path, parse.Position.Line, parse.Message)
		}
		return misuse("", "%s: %w", path, err)
	}
	known := map[string]bool{}
	for _, f := range mountFlags() {
		known[f.Names()[0]] = !unsettable[f.Names()[0]]
	}
	for _, key := range loginSettings {
		known[key] = true
	}
	if values["token-file"] != nil && values["profile"] != nil {
		return misuse("", "%s, line %d: token-file and profile both say whose token to use; have one of them", path, lineOf(string(text), "profile"))
	}
	for key, value := range values {
		if !known[key] {
			return misuse("the keys are the names of mount's flags: frameiofs mount --help",
				"%s, line %d: there is no setting %q", path, lineOf(string(text), key), key)
		}
		name := fmt.Sprintf("%s, line %d: %s", path, lineOf(string(text), key), key)
		switch value.(type) {
		case string, int64, bool:
		default:
			return misuse("", "%s: %s is neither text, nor a whole number, nor true or false", name, oneLine(fmt.Sprint(value)))
		}
		if !hasFlag(c, key) || alreadySaid(c, key) {
			continue
		}
		if err := setFrom(c, key, fmt.Sprint(value), name); err != nil {
			return err
		}
	}
	return nil
}

// setFrom gives a flag a value of the settings file; name is what the setting is called in messages.
func setFrom(c *cli.Context, key, text, name string) error {
	f := flagOf(c.Command, key)
	if err := c.Set(key, text); err != nil {
		return badValue(name, f, text, err)
	}
	return tooSmall(c, f, name)
}

// loginSettings are login's flags that the settings file may hold.
var loginSettings = []string{"client-id", "redirect-url", "store"}

// alreadySaid reports whether what a setting tells has been said by somebody who counts before the file. Whose token to use can be said in three
// ways, and a variable that is empty says nothing.
func alreadySaid(c *cli.Context, key string) bool {
	file, profile := c.String("token-file") != "", c.String("profile") != ""
	switch {
	case key == "token-file", key == "profile" && hasFlag(c, "token-file"):
		return os.Getenv("FRAMEIO_TOKEN") != "" || file || profile
	case key == "profile":
		return profile
	}
	return c.IsSet(key)
}

func hasFlag(c *cli.Context, name string) bool {
	for _, f := range c.Command.Flags {
		if f.Names()[0] == name {
			return true
		}
	}
	return false
}

// lineOf finds the line that sets key; the decoder does not tell.
func lineOf(text, key string) int {
	set := regexp.MustCompile(`^\s*(\[?\s*)?"?` + regexp.QuoteMeta(key) + `"?\s*[=.\]]`)
	for i, line := range strings.Split(text, "\n") {
		if set.MatchString(line) {
			return i + 1
		}
	}
	return 1
}
