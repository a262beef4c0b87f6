package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/adrg/xdg"
	"github.com/creack/pty"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/sim"
	simlink "github.com/frameiofs/frameiofs/sim/link"
	"github.com/frameiofs/frameiofs/sim/world"
)

// terminal is a program in a terminal of its own, and what it has painted.
type terminal struct {
	t   *testing.T
	cmd *exec.Cmd
	pty *os.File

	mu   sync.Mutex // guards what follows
	seen bytes.Buffer
}

func inTerminal(t *testing.T, env []string, w, h uint16, args ...string) *terminal {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "frameiofs") // testscript knows by this name that it is to be the program and not its test
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	p := &terminal{t: t, cmd: exec.Command(program, args...)}
	p.cmd.Env = append(slices.Clone(env), "TERM=xterm-256color")
	if p.pty, err = pty.StartWithSize(p.cmd, &pty.Winsize{Cols: w, Rows: h}); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(p, p.pty) // ends when the program has let its terminal go
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		p.pty.Close()
		<-read
	})
	return p
}

func (p *terminal) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.Write(b)
}

// clear forgets what was painted.
func (p *terminal) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen.Reset()
}

func (p *terminal) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.String()
}

// sees waits until all that was painted.
func (p *terminal) sees(words ...string) {
	p.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if text := p.text(); !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			return
		}
	}
	p.t.Fatalf("not painted after 30 s: %q; but\n%q", words, p.text())
}

func (p *terminal) press(keys string) {
	p.t.Helper()
	p.clear()
	if _, err := io.WriteString(p.pty, keys); err != nil {
		p.t.Fatal(err)
	}
}

// ends waits for the program's end.
func (p *terminal) ends() (code int) {
	p.t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case <-done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		p.t.Fatalf("it has not ended after 30 s; it has painted %q", p.text())
		return -1
	}
}

// atHome is a Frame.io and a home, for programs.
func atHome(t *testing.T) (srv *sim.Server, env []string, point, project string) {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Fatalf("these tests mount for real; run: sudo apt-get install -y fuse3   (%v)", err)
	}
	srv, err := sim.New(sim.Config{Seed: "empty", NoLimits: true, Behaviour: world.Behaviour{PartSize: 1 << 20}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Close() })
	home := ownHome(t)
	env = append(slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "FRAMEIO") }), srv.Env()...)
	env = append(env, "FRAMEIO_API=v4", "HOME="+home)
	point = filepath.Join(home, "mnt")
	if err := os.Mkdir(point, 0o755); err != nil {
		t.Fatal(err)
	}
	path, err := projectPath(srv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if stillMounted(point) {
			lazyUnmount(point)
		}
	})
	return srv, env, point, filepath.Join(point, path)
}

// A person mounts in one terminal and watches in another; keys do in both what their help says.
func TestKeysInTerminals(t *testing.T) {
	srv, env, point, project := atHome(t)
	xdg.Reload()
	if err := srv.Link().Set(simlink.Config{UpEach: 20000, ReadAhead: 16 << 10}); err != nil {
		t.Fatal(err)
	}
	mount := inTerminal(t, env, 100, 30, "mount", "--settle", "50ms", point)
	mount.sees("everything is on Frame.io", "Ctrl-C unmount")
	write := exec.Command("sh", "-c", `head -c 3000000 /dev/urandom > "$0/film.mov"`, project)
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatal(string(out), err)
	}
	mount.sees("uploading", "film.mov", "% ")

	watch := inTerminal(t, env, 80, 24, "status", "--watch", point)
	watch.sees("uploading", "film.mov", "p pause all")
	watch.press("p")
	watch.sees("all uploads are paused")
	watch.sees("paused", "p resume all")
	mount.sees("uploads are paused")
	if err := pty.Setsize(watch.pty, &pty.Winsize{Cols: 40, Rows: 10}); err != nil {
		t.Fatal(err)
	}
	watch.clear()
	watch.sees("↑↓ p resume r retry f first c cancel")
	watch.press("\x1b[Bc") // down
	watch.sees("cancel the upload of film.mov?")
	watch.press("y")
	watch.sees("held")
	mount.sees("1 file held on this machine", "cancelled by you")
	mount.press("p")
	mount.sees("all uploads go on")
	watch.press("q")
	if code := watch.ends(); code != 0 {
		t.Errorf("status --watch ends with %d", code)
	}
	if text := watch.text(); !strings.HasSuffix(strings.TrimSpace(text), "\x1b[?1006l") && !strings.Contains(text, "\x1b[?1049l") {
		t.Errorf("the terminal is not given back: %q", text)
	}

	// The file goes again; Ctrl-C unmounts and finishes, another one keeps it.
	mount.press("\x1b[Br")
	mount.sees("trying again: film.mov")
	mount.sees("uploading")
	mount.press("\x03")
	mount.sees("finishing the uploads (Ctrl-C again: keep them for the next mount)")
	for end := time.Now().Add(20 * time.Second); stillMounted(point); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is still mounted")
		}
	}
	mount.press("\x03")
	mount.sees("1 file", "will go on at the next mount")
	if code := mount.ends(); code != 0 {
		t.Errorf("mount ends with %d", code)
	}
}

// A job in the background must not take the terminal from who works in front.
func TestAJobInTheBackgroundPaintsNothing(t *testing.T) {
	_, env, point, _ := atHome(t)
	shell := inTerminal(t, env, 80, 24, "status") // only to have the program's name
	program := shell.cmd.Path
	shell.ends()
	job := &terminal{t: t, cmd: exec.Command("bash", "-ic", fmt.Sprintf("%s mount %s & wait", program, point))}
	job.cmd.Env = append(slices.Clone(env), "TERM=xterm-256color")
	var err error
	if job.pty, err = pty.StartWithSize(job.cmd, &pty.Winsize{Cols: 80, Rows: 24}); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() { defer close(read); io.Copy(job, job.pty) }()
	t.Cleanup(func() { job.cmd.Process.Kill(); job.cmd.Wait(); job.pty.Close(); <-read })
	job.sees("msg=mounted")
	mounts, err := control.Registered(registryDir())
	if err != nil || len(mounts) != 1 {
		t.Fatalf("mounts: %+v, %v", mounts, err)
	}
	if _, err := control.Dial(mounts[0].Socket).Unmount(context.Background(), control.Now, nil); err != nil {
		t.Fatal(err)
	}
	job.ends()
	if text := job.text(); strings.Contains(text, "Ctrl-C unmount") || strings.Contains(text, "\x1b[?25l") {
		t.Errorf("it has painted %q", text)
	}
	if err := syscall.Kill(mounts[0].PID, 0); err == nil {
		t.Error("its process is still there")
	}
}
