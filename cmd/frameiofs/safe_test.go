package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/sim/world"
)

func init() {
	commands["secrets"] = cmdSecrets
	commands["evil"] = cmdEvil
	commands["plain"] = cmdPlain
	commands["within"] = cmdWithin
	commands["gone"] = cmdGone
}

// hasty is the program with less time after SIGTERM.
func hasty() {
	drainAfterTerm = 2 * time.Second
	main()
}

// signature is what makes an address a secret, on the upload host and on the media host.
var signature = regexp.MustCompile(`(?i)signature=[^\[\s"&]{8}`)

// secrets [signed-in] looks into every file below the story's folder: what was printed (cp stdout FILE), logs, and all state. The token is
// in none, nor are a profile's but in its own file, and the signatures of links are in the spool alone. Nobody else may look into the state.
func cmdSecrets(ts *testscript.TestScript, _ bool, args []string) {
	work := ts.Getenv("WORK")
	tokens := map[string]string{simOf(ts).Token("full"): ""} // and the only file that may hold it
	profiles, err := filepath.Glob(filepath.Join(ts.Getenv("HOME"), ".*", "*", "frameiofs", "*", "*.json"))
	ts.Check(err)
	more, err := filepath.Glob(filepath.Join(ts.Getenv("HOME"), ".*", "frameiofs", "*", "*.json"))
	ts.Check(err)
	for _, path := range append(profiles, more...) {
		var kept struct{ Secrets map[string]any }
		if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &kept) == nil {
			for _, secret := range kept.Secrets {
				if text, ok := secret.(string); ok && len(text) > 8 {
					tokens[text] = path
				}
			}
		}
	}
	if slices.Contains(args, "signed-in") && len(tokens) < 3 {
		ts.Fatalf("no profile's tokens were found")
	}
	looked, signed := 0, 0
	ts.Check(filepath.WalkDir(work, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		ts.Check(err)
		if state := strings.Contains(path, "/.local/state/frameiofs") || strings.Contains(path, "/.cache/frameiofs"); state && info.Mode().Perm()&0o077 != 0 &&
			info.Mode()&fs.ModeSymlink == 0 {
			ts.Fatalf("%s has mode %04o: others can look into it", path, info.Mode().Perm())
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		ts.Check(err)
		looked++
		for token, in := range tokens {
			if path != in && bytes.Contains(text, []byte(token)) {
				ts.Fatalf("%s holds a token", path)
			}
			if path == in && info.Mode().Perm() != 0o600 {
				ts.Fatalf("%s holds tokens and has mode %04o", path, info.Mode().Perm())
			}
		}
		if found := signature.FindIndex(text); found != nil {
			if !strings.Contains(path, "/spool/") {
				ts.Fatalf("%s holds the signature of a link: …%s…", path, text[max(0, found[0]-200):min(len(text), found[1]+20)])
			}
			signed++
		}
		return nil
	}))
	if looked < 10 || signed == 0 {
		ts.Fatalf("only %d files were looked into, and %d hold signatures: the spool's should", looked, signed)
	}
	ts.Logf("looked into %d files; %d of the spool's hold signatures", looked, signed)
}

// within DURATION [!] COMMAND ARGS… runs one of the commands here, or exec PROGRAM ARGS…, which must not take longer.
func cmdWithin(ts *testscript.TestScript, _ bool, args []string) {
	most, err := time.ParseDuration(args[0])
	ts.Check(err)
	neg := args[1] == "!"
	if neg {
		args = args[1:]
	}
	begun := time.Now()
	if command := commands[args[1]]; command != nil {
		command(ts, neg, args[2:])
	} else if err := ts.Exec(args[2], args[3:]...); (err != nil) != neg {
		ts.Fatalf("%s: %v", args[2], err)
	}
	if took := time.Since(begun); took > most {
		ts.Fatalf("it took %v, more than %v", took.Round(time.Millisecond), most)
	}
}

// gone DIR waits until the process that mounted DIR can not be asked any more.
func cmdGone(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		mounts, err := control.Registered(filepath.Join(ts.Getenv("HOME"), ".local/state/frameiofs/mounts"))
		ts.Check(err)
		if _, _, known := control.Find(mounts, ts.MkAbs(args[0])); !known {
			return
		}
	}
	ts.Fatalf("the process of %s is still there", args[0])
}

// evilNames are names as Frame.io would take them and nobody wants to see them.
var evilNames = []string{
	"..", ".", "/", "../../../../etc/passwd", "a/b", "nul\x00", "new\nline", "cr\rover", "\x1b[2J\x1b]0;owned\a", "c1 \u009b31m", "\u202ereversed\u2066",
	".frameio", "--now", "-rf", "invalid \xff\xfe", strings.Repeat("long", 16<<10), "tab\there", "\u200b", " ", "level=ERROR msg=forged", "\"quoted\"",
}

// evil makes files with such names, a file and a folder of each, in the first project of Frame.io.
func cmdEvil(ts *testscript.TestScript, _ bool, _ []string) {
	w := simOf(ts).World()
	root, err := simOf(ts).Find(filepath.Base(ts.Getenv("PROJECT")))
	ts.Check(err)
	for _, name := range evilNames {
		_, err := w.PutFile(world.Root(), root, world.NewFile{Name: name, Size: 4}, strings.NewReader("evil"))
		if err == nil {
			_, err = w.CreateFolder(world.Root(), root, name+"/")
		}
		if err != nil {
			ts.Logf("Frame.io itself takes no %.40q: %v", name, err)
		}
	}
}

// plain FILE… checks that files have nothing in them that a terminal acts upon.
func cmdPlain(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := ts.ReadFile(name)
		if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }); i >= 0 {
			ts.Fatalf("%s holds %q", name, text[max(0, i-100):min(len(text), i+50)])
		}
		if text == "" {
			ts.Fatalf("%s is empty", name)
		}
	}
}

// Whoever logs what, no line is broken or forged, no terminal told anything, and no secret kept.
func TestLogIsPlainAndKeepsNoSecrets(t *testing.T) {
	const sig = "abcdefghijklmnop"
	type inner struct{ URL string }
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log := logTo(&out, format, slog.LevelDebug)
		for _, name := range evilNames {
			log.Warn("about "+name, "name", name, "err", errors.New(name), "any", []string{name})
		}
		log.Info("links", "url", "https://s3.example/part?X-Amz-Signature="+sig, "err", errors.New(`Put "https://s3.example/part?a=b&Signature=`+sig+`": EOF`),
			"struct", inner{"https://media.example/x?Signature=" + sig}, "list", []string{"Bearer " + sig}, "token", "fio-u-"+sig)
		log.With("url", "https://x.example/?Signature="+sig).WithGroup("g").Info("grouped", "auth", "authorization: bearer "+sig)
		text := out.String()
		if strings.Contains(text, sig) {
			t.Errorf("%s keeps a secret: %s", format, text)
		}
		if i := strings.IndexFunc(text, func(r rune) bool { return odd(r) }); i >= 0 {
			t.Errorf("%s has %q", format, text[max(0, i-50):i+20])
		}
		if got, want := strings.Count(text, "\n"), len(evilNames)+2; got != want {
			t.Errorf("%s has %d lines, want %d", format, got, want)
		}
		if len(text) > 20_000*len(evilNames) {
			t.Errorf("%s took %d bytes", format, len(text))
		}
		if format == "json" {
			for line := range strings.Lines(text) {
				var got map[string]any
				if err := json.Unmarshal([]byte(line), &got); err != nil {
					t.Errorf("%v: %s", err, line)
				}
			}
		}
	}
}

func TestWhatIsShownIsPlain(t *testing.T) {
	for _, name := range evilNames {
		for _, text := range []string{shown(name), oneLine(name)} {
			if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%.60q is shown as %.60q", name, text)
			}
		}
	}
}

func TestStateFolderIsOnesOwn(t *testing.T) {
	top := t.TempDir()
	for _, c := range []struct {
		name    string
		mode    os.FileMode // 0: it is not there
		holds   string
		refused string
		says    string
	}{
		{name: "new"},
		{name: "private", mode: 0o700, holds: "film.mov"},
		{name: "empty", mode: 0o755, says: "closed the state folder"},
		{name: "state", mode: 0o750, holds: "identity.json", says: "closed the state folder"},
		{name: "cache", mode: 0o755, holds: "blocks", says: "closed the state folder"},
		{name: "others", mode: 0o755, holds: "film.mov", refused: "is open to others (mode 0755), and other things are in it"},
		{name: "unwritable", mode: 0o500},
	} {
		dir := filepath.Join(top, c.name)
		if c.mode != 0 {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if c.holds != "" {
				if err := os.WriteFile(filepath.Join(dir, c.holds), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, c.mode); err != nil {
				t.Fatal(err)
			}
		}
		said := ""
		err := makePrivate(dir, func(s string) { said += s })
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.refused)
		}
		if !strings.Contains(said, c.says) || said != "" && c.says == "" {
			t.Errorf("%s: it says %q, want %q", c.name, said, c.says)
		}
		want := os.FileMode(0o700)
		if c.refused != "" {
			want = c.mode
		}
		if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %04o", c.name, fi.Mode(), want)
		}
	}
	if os.Geteuid() != 0 {
		return // only root can give a folder away
	}
	dir := filepath.Join(top, "given")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 12345, 12345)); err != nil {
		t.Fatal(err)
	}
	if err := makePrivate(dir, func(string) {}); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("another's: got %v", err)
	}
}
