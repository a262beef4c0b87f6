package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/world"
)

// notRun are the beginnings of commands in the README and docs that no test can run, with the reason. One that stands nowhere any more fails.
var notRun = map[string]string{
	"bin/frameiofs status --watch": "it stays until q: the tests of its screens press keys",
	"./dev demo":                   "it builds, and stays: the demonstration itself runs beside the commands that follow",
	"./dev test":                   "it runs this",
	"./dev build":                  "the tests have built it",
	"export FRAMEIO_TOKEN=…":       "the test is signed in",
	"frameiofs sim --listen":       "it stays, and takes a port that may be in use",
	"FRAMEIO_TOKEN=fio-u-sim-all":  "it needs the one above",
	"frameio:/Acme/Films":          "a line of /etc/fstab: the story helper mounts with it",
	"systemctl --user":             "there is no systemd in a container",
	"loginctl":                     "there is no systemd in a container",
	"time=":                        "a line of a log",
	"curl -s --unix-socket $SOCK 'http://mount/debug/pprof/profile": "it takes ten seconds",
	"frameiofs sim > sim.env":                "it stays",
	". ./sim.env":                            "it needs the one above",
	"frameiofs login --client-id sim-native": "it needs a browser: the story login tells it",
}

// yours is what stands in the documentation for what a reader has, and what it is in the test.
var yours = strings.NewReplacer("~/frameio/…/", "~/frameio/Account/Workspace/Project/", "/media/card/", "$HOME/card/")

// block is lines of a document that belong together.
type block struct {
	file  string
	line  int // of the first, counted from 1
	lines []string
}

// blocks are the indented lines of a document, which are what a reader types.
func blocks(file string) (all []block, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var at *block
	for i, line := range strings.Split(string(text), "\n") {
		cmd, indented := strings.CutPrefix(line, "    ")
		if !indented {
			if at = nil; strings.HasPrefix(line, "```") && len(line) > 3 && line != "```console" { // that is a recording
				return nil, fmt.Errorf("%s:%d: what is to be typed is indented here, not fenced", file, i+1)
			}
			continue
		}
		if at == nil {
			all = append(all, block{file: filepath.Base(file), line: i + 1})
			at = &all[len(all)-1]
		}
		at.lines = append(at.lines, strings.TrimSpace(cmd))
	}
	return all, nil
}

// reader is somebody who types what the documents say.
type reader struct {
	t    *testing.T
	home string
	env  []string
}

// newReader has the program, an account whose names are those of the documents, and a card with a film.
func newReader(t *testing.T) *reader {
	t.Helper()
	srv, err := sim.New(sim.Config{Seed: "empty", NoLimits: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Close() })
	if err := nameAll(srv.World()); err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, home: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(r.home, "clone", "bin")
	for _, dir := range []string{bin, filepath.Join(r.home, "card", "DAY_01")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile(self) // a link would still be called as the test is
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "frameiofs"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	r.env = append(os.Environ(), "HOME="+r.home, "PATH="+bin+":"+os.Getenv("PATH"), "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "XDG_RUNTIME_DIR=",
		"DBUS_SESSION_BUS_ADDRESS=")
	for _, line := range srv.Env() {
		if !strings.HasPrefix(line, "FRAMEIO_TOKEN=") {
			r.env = append(r.env, line)
		} else if err := os.WriteFile(filepath.Join(r.home, "token"), []byte(strings.TrimPrefix(line, "FRAMEIO_TOKEN=")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(r.leave)
	r.do("sign in", "frameiofs login")
	return r
}

// nameAll gives the account, the team and the project the names of the documents.
func nameAll(w *world.World) error {
	a := w.Accounts(world.Root())[0]
	teams, err := w.Teams(world.Root(), a.ID)
	if err != nil {
		return err
	}
	projects, err := w.Projects(world.Root(), teams[0].ID)
	return errors.Join(err,
		w.ChangeAccount(a.ID, func(a *world.Account) { a.Name = "Account" }),
		w.ChangeTeam(teams[0].ID, func(t *world.Team) { t.Name = "Workspace" }),
		w.ChangeProject(projects[0].ID, func(p *world.Project) { p.Name = "Project" }))
}

// do runs a script; what a command asks for is a token.
func (r *reader) do(what, script string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", "set -euo pipefail\ncd ~/clone\n"+script)
	token, err := os.Open(filepath.Join(r.home, "token"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer token.Close()
	cmd.Env, cmd.Stdin, cmd.WaitDelay = r.env, token, 5*time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Errorf("%s: %v\n%s\n%s", what, err, script, out)
	}
}

// mounts is what is mounted by now.
func (r *reader) mounts() []control.Registration {
	all, err := control.Registered(filepath.Join(r.home, ".local/state/frameiofs/mounts"))
	if err != nil {
		r.t.Error(err)
	}
	return all
}

// leave ends what is mounted.
func (r *reader) leave() {
	for _, m := range r.mounts() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		if _, err := control.Dial(m.Socket).Unmount(ctx, control.Now, nil); err != nil {
			r.t.Error(err)
			lazyUnmount(m.MountPoint)
		}
		cancel()
	}
}

// ready is what a block takes for granted: a mount, unless it mounts itself, with a film that is on its way and a folder that is there.
func (r *reader) ready(b block) {
	r.t.Helper()
	uses := func(what string) bool {
		return slices.ContainsFunc(b.lines, func(l string) bool { return strings.Contains(l, what) })
	}
	if uses("frameio-demo") {
		r.demo()
		return
	}
	if uses("mount --daemon") || uses("logout") {
		r.leave()
		return
	}
	if _, err := os.Stat(filepath.Join(r.home, ".local/state/frameiofs/signin/default.json")); err != nil { // signed out by the one before
		r.do("sign in", "frameiofs login")
	}
	script := ""
	if len(r.mounts()) == 0 {
		script = "mkdir -p ~/frameio; frameiofs mount --daemon ~/frameio\n"
	}
	leaving := "frameiofs sync ~/frameio"
	if uses("uploads ") {
		leaving = "" // there is something to be steered
	}
	r.do("make ready", script+`
mkdir -p ~/frameio/Account/Workspace/Project/{Dailies,DAY_01,Renders} ~/card/DAY_01 ~/clone/render
head -c 100000 /dev/urandom | tee ~/card/DAY_01/A001.mov > ~/clone/render/frame_0001.exr
cp ~/card/DAY_01/A001.mov ~/frameio/Account/Workspace/Project/Dailies/
cp ~/card/DAY_01/A001.mov ~/frameio/Account/Workspace/Project/cut_12.mov
`+leaving)
}

// demo has the demonstration running, as the other terminal of the README.
func (r *reader) demo() {
	r.t.Helper()
	clone := filepath.Join(r.home, "clone")
	cmd := exec.Command(filepath.Join(clone, "bin", "frameiofs"), "demo")
	cmd.Dir, cmd.Env = clone, r.env
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			r.t.Error("demo: ", err)
		}
	})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if len(r.mounts()) > 0 {
			r.do("write", "echo '# Read me' > README.md")
			return
		}
	}
	r.t.Error("the demonstration is not there")
}

// Every command of the README and of docs/ runs as it is written.
func TestDocumentsRun(t *testing.T) {
	if raced {
		t.Log("run without the race detector: see race_test.go")
		return
	}
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t)
	ran, found := 0, map[string]bool{}
	for _, file := range append([]string{"../../README.md"}, files...) {
		all, err := blocks(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range all {
			script := ""
			for i, line := range b.lines {
				why := leftOut(line, found)
				if line == "" || strings.HasPrefix(line, "#") || why != "" {
					continue
				}
				script += fmt.Sprintf("echo '· %s:%d'\n%s\n", b.file, b.line+i, yours.Replace(line))
				ran++
			}
			if script != "" {
				r.ready(b)
				r.do(fmt.Sprintf("%s:%d", b.file, b.line), script)
			}
		}
	}
	for prefix := range notRun {
		if !found[prefix] {
			t.Errorf("no document has a command %q any more: it need not be left out", prefix)
		}
	}
	t.Logf("%d commands ran as they are written; %d kinds are left out", ran, len(notRun))
	if ran < 30 {
		t.Error("hardly any were found")
	}
}

func leftOut(line string, found map[string]bool) (why string) {
	for prefix, reason := range notRun {
		if strings.HasPrefix(line, prefix) {
			found[prefix], why = true, reason
		}
	}
	return why
}
