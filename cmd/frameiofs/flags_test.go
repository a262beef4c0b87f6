package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	"github.com/urfave/cli/v2"
)

// wrongText has, for each flag that takes any text, a value that is wrong and what must be said of it; or, in story, the story of
// testdata that tells what happens with a wrong one, because that needs a Frame.io; or why none is wrong. A flag of another kind needs
// no row: what is wrong with a number follows from its being one.
var wrongText = map[string]struct {
	value string
	says  []string
	story string
	any   string
	fails bool // with exit code 1, because it was tried
}{
	"ui":         {value: "0.0.0.0:80", says: []string{"an address of this machine"}},
	"api-url":    {value: "frame.io", says: []string{"https://host"}},
	"token-file": {value: "/nonexistent/token", says: []string{"no such file"}, fails: true},
	"root":       {story: "once/badinput.txt"},
	"state-dir":  {story: "once/badinput.txt"},
	"o":          {value: "nonsense", says: []string{"no option", "nosuid, noexec"}},
	"metrics":    {value: "nowhere", says: []string{"a port"}},
	"access-log": {story: "once/observe.txt"},
	"bundle":     {value: "report.zip", says: []string{".tar.gz"}},
	"all":        {value: "/dev/null/x", says: []string{"not a directory"}, fails: true},
	"listen":     {value: "nowhere", says: []string{"nowhere", "address"}, fails: true},
	"dir":        {value: "/dev/null/x", says: []string{"not a directory"}, fails: true},
	"seed":       {value: "nonsense", says: []string{"sample"}},
	"fault":      {value: "nonsense", says: []string{"nonsense"}},
	"behaviour":  {value: "nonsense=1", says: []string{"nonsense"}},

	"profile":      {value: "../x", says: []string{"letters, digits"}},
	"client-id":    {any: "ids are Adobe's and Frame.io's to choose"},
	"secret-file":  {value: "/nonexistent/secret", says: []string{"no such file"}, fails: true},
	"redirect-url": {value: "nowhere", says: []string{"an address such as"}},
	"auth-url":     {value: "frame.io", says: []string{"https://host"}},
}

// verb is a command with the words that call it.
type verb struct {
	words []string
	cmd   *cli.Command
}

func verbs(cmds []*cli.Command, before ...string) (all []verb) {
	for _, cmd := range cmds {
		words := append(slices.Clone(before), cmd.Name)
		all = append(all, verb{words, cmd})
		all = append(all, verbs(cmd.Subcommands, words...)...)
	}
	return all
}

// wrongOf are values that a flag cannot have, with what must be said of each.
func wrongOf(f cli.Flag) map[string][]string {
	low := fmt.Sprint(least[f.Names()[0]] - 1)
	switch f := f.(type) {
	case *cli.BoolFlag:
		return map[string][]string{"maybe": {"true or false"}}
	case *cli.IntFlag:
		return map[string][]string{"many": {"a whole number"}, "1.5": {"a whole number"}, low: {"at least"}}
	case *cli.Float64Flag:
		return map[string][]string{"much": {"a number"}, "-1": {"at least"}}
	case *cli.DurationFlag:
		return map[string][]string{"soon": {"a time such as"}, "7": {"a time such as"}, "-1s": {"at least"}}
	case *cli.GenericFlag:
		if choice, ok := f.Value.(*choiceValue); ok {
			return map[string][]string{"nonsense": choice.choices, "": choice.choices}
		}
		return map[string][]string{"nonsense!": nil}
	}
	return nil
}

// asCommand runs the program in this process, in a home of its own.
func asCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(append([]string{"frameiofs"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

func ownHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "FRAMEIO") {
			t.Setenv(name, "")
		}
	}
	for name, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": "", "XDG_STATE_HOME": "", "XDG_CACHE_HOME": "", "FRAMEIO_TOKEN": "fio-u-x", "FRAMEIO_API_URL": "http://127.0.0.1:1"} {
		t.Setenv(name, value)
	}
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	return home
}

// says checks that what was printed is one line, and perhaps one of what to do, with all that words name.
func says(t *testing.T, what string, code, want int, stderr string, words ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	if code != want || len(lines) > 2 || !strings.HasPrefix(lines[0], "frameiofs: ") {
		t.Errorf("%s: code %d (want %d), %q", what, code, want, stderr)
		return
	}
	for _, w := range words {
		if !strings.Contains(stderr, w) {
			t.Errorf("%s: %q does not say %q", what, stderr, w)
		}
	}
}

// Every flag of every verb, with a wrong value, is answered in one line that has the flag, the value and what is allowed.
func TestAWrongValueOfAnyFlag(t *testing.T) {
	ownHome(t)
	tried := map[string]bool{}
	for _, v := range verbs(newApp(nil, nil).Commands) {
		if len(v.cmd.Subcommands) > 0 {
			continue
		}
		for _, f := range v.cmd.Flags {
			name := f.Names()[0]
			if name == "help" {
				continue
			}
			what := strings.Join(v.words, " ") + " " + dashed(name)
			wrong := wrongOf(f)
			if wrong == nil {
				row, ok := wrongText[name]
				switch {
				case !ok:
					t.Errorf("%s takes any text: add what is wrong for it to wrongText in flags_test.go", what)
				case row.story != "":
					text, err := os.ReadFile(filepath.Join("testdata", row.story))
					if err != nil || !strings.Contains(string(text), dashed(name)+" ") {
						t.Errorf("%s: testdata/%s does not tell of it (%v)", what, row.story, err)
					}
				case row.any == "":
					if v.cmd.Name == "config" || v.words[0] == "config" {
						continue // it shows any text; what uses it refuses it
					}
					wrong = map[string][]string{row.value: row.says}
				}
			}
			for value, words := range wrong {
				words := words
				if name == "token-file" && v.cmd.Name == "doctor" {
					continue // it tells among all else
				}
				args := append(slices.Clone(v.words), dashed(name)+"="+value)
				if v.cmd.ArgsUsage != "" {
					args = append(args, "somewhere")
				}
				code, _, stderr := asCommand(t, args...)
				want := exitUsage
				if _, isText := f.(*cli.StringFlag); isText && wrongText[name].fails {
					want = exitFailure
				}
				says(t, what+"="+value, code, want, stderr, append(words, value)...)
				if !strings.Contains(stderr, dashed(name)) {
					t.Errorf("%s=%s: %q does not name the flag", what, value, stderr)
				}
			}
			tried[name] = true
		}
	}
	for name := range wrongText {
		if !tried[name] {
			t.Errorf("wrongText has a row for %s, which no verb has", dashed(name))
		}
	}
}

// The same for every key of the settings file, which are mount's flags.
func TestAWrongValueOfAnySetting(t *testing.T) {
	home := ownHome(t)
	path := filepath.Join(home, ".config/frameiofs/config.toml")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range mountFlags() {
		name := f.Names()[0]
		if unsettable[name] {
			continue
		}
		wrong := map[string][]string{`["a"]`: {"neither text"}}
		for value, words := range wrongOf(f) {
			wrong[fmt.Sprintf("%q", value)] = words
		}
		for value, words := range wrong {
			if err := os.WriteFile(path, []byte("# one\n"+name+" = "+value+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := asCommand(t, "mount", "somewhere")
			says(t, name+" = "+value, code, exitUsage, stderr, append(words, path+", line 2: "+name+": ", strings.Trim(value, `[]"`))...)
		}
	}
	// What the environment says is no better.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FRAMEIO_API", "v3")
	code, _, stderr := asCommand(t, "mount", "somewhere")
	says(t, "FRAMEIO_API", code, exitUsage, stderr, `FRAMEIO_API: "v3" is not one of auto, v2, v4`)
}

func TestTheSettingsFile(t *testing.T) {
	home := ownHome(t)
	path := filepath.Join(home, ".config/frameiofs/config.toml")
	if code, out, _ := asCommand(t, "config", "path"); code != 0 || out != path+"\n" {
		t.Errorf("path: %d, %q", code, out)
	}
	if code, out, stderr := asCommand(t, "config", "init"); code != 0 || !strings.Contains(out, path) {
		t.Fatalf("init: %d, %q, %q", code, out, stderr)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Every setting is there, commented, with its default: taken away the marks, it is a valid file that changes nothing.
	bare := ""
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") && !strings.HasSuffix(line, "\"\"\n") {
			line = line[1:]
		}
		bare += line
	}
	for _, f := range mountFlags() {
		if name := f.Names()[0]; !unsettable[name] && !strings.Contains(string(text), "\n#"+name+" = ") {
			t.Errorf("%s is not in the file", name)
		}
	}
	_, before, _ := asCommand(t, "config", "show")
	if err := os.WriteFile(path, []byte(bare), 0o600); err != nil {
		t.Fatal(err)
	}
	code, after, stderr := asCommand(t, "config", "show")
	if code != 0 || !strings.Contains(after, path+", line ") {
		t.Fatalf("show: %d, %q, %q", code, after, stderr)
	}
	values := func(s string) (out []string) {
		for line := range strings.Lines(s) {
			if w := strings.Fields(line); w[len(w)-1] != "default" || len(w) > 2 {
				out = append(out, w[0]+" "+w[1])
			}
		}
		return out
	}
	b, a := values(before), values(after)
	for i := range b {
		if !strings.HasPrefix(b[i], "root") && i < len(a) && b[i] != a[i] && !strings.HasSuffix(b[i], " default") {
			t.Errorf("a default is not what it was: %q, then %q", b[i], a[i])
		}
	}
	if code, _, stderr := asCommand(t, "config", "init"); code != exitFailure || !strings.Contains(stderr, "is there already") {
		t.Errorf("init over a file: %d, %q", code, stderr)
	}
	if now, _ := os.ReadFile(path); string(now) != bare {
		t.Error("init has changed a file that was there")
	}
	t.Setenv("FRAMEIO_API", "v2")
	_, out, _ := asCommand(t, "config", "show", "--json", "--parts", "3")
	for _, want := range []string{`{"name":"api","value":"v2","from":"FRAMEIO_API"}`, `{"name":"parts","value":"3","from":"command line"}`,
		`"value":"(not shown)","from":"FRAMEIO_TOKEN"`, `{"name":"listing-age","value":"24h"`} {
		if !strings.Contains(out, want) {
			t.Errorf("show does not have %s: %s", want, out)
		}
	}
	if strings.Contains(out, "fio-u-x") {
		t.Errorf("show tells the token: %s", out)
	}
	if err := os.WriteFile(path, []byte("chache-size = \"1G\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := asCommand(t, "config", "show"); code != exitUsage || !strings.Contains(stderr, `line 1: there is no setting "chache-size"`) {
		t.Errorf("an unknown key: %d, %q", code, stderr)
	}
}
