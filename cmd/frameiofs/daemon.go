package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// A Go program cannot fork, so a mount in the background is this program started again, with a pipe through which it says
// that the mount can be used, or why not.

// daemonEnv marks the process that is to become the mount; its file descriptor 3 is the pipe.
const daemonEnv = "FRAMEIOFS_DAEMON"

func isDaemonChild() bool { return os.Getenv(daemonEnv) == "1" }

// ready is what the process in the background says once.
type ready struct {
	Point string `json:"point,omitempty"` // mount point
	Log   string `json:"log,omitempty"`
	Page  string `json:"page,omitempty"` // address of the page for the browser
	Note  string `json:"note,omitempty"` // what the person should know though it can be used
	Code  int    `json:"code,omitempty"` // exit code; 0 means that the mount can be used
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// startDaemon starts the process in the background, and returns when its mount can be used or it has failed.
func startDaemon(ctx context.Context, out io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fail("", "start in the background: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fail("", "start in the background: %w", err)
	}
	defer r.Close()
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), daemonEnv+"=1")
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stderr = os.Stderr // until it has its log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		return fail("", "start in the background: %w", err)
	}
	w.Close()
	stop := context.AfterFunc(ctx, func() { cmd.Process.Signal(os.Interrupt) })
	defer stop()
	var said ready
	if err := json.NewDecoder(io.LimitReader(r, 64<<10)).Decode(&said); err != nil {
		state := cmd.Wait()
		return fail("", "the process in the background ended before the mount could be used (%w)", errors.Join(state, err))
	}
	if said.Code != 0 || said.Error != "" {
		cmd.Wait() // it has said all
		return &failure{said.Code, errors.New(said.Error), said.Hint}
	}
	if said.Note != "" {
		fmt.Fprintf(os.Stderr, "frameiofs: %s\n", oneLine(said.Note))
	}
	fmt.Fprintf(out, "mounted at %s by process %d; log %s\n", said.Point, cmd.Process.Pid, said.Log)
	if said.Page != "" {
		fmt.Fprintln(out, pageLine(said.Page))
	}
	return cmd.Process.Release()
}

// runDaemon is the process in the background; serve mounts as cfg says, and stays.
func runDaemon(c *cli.Context, cfg *mountConfig, serve func() error) error {
	os.Unsetenv(daemonEnv)
	unix.CloseOnExec(3)
	pipe := os.NewFile(3, "pipe")
	said := false
	tell := func(r ready) error {
		said = true
		return errors.Join(json.NewEncoder(pipe).Encode(r), pipe.Close())
	}
	cfg.ready = tell
	cfg.inBackground = true
	cfg.console = newConsole(c.App.ErrWriter)
	cfg.log = newLog(c, c.App.ErrWriter, slog.LevelInfo)
	err := serve()
	if err != nil && !said {
		r := ready{Code: exitFailure, Error: err.Error()}
		var f *failure
		if errors.As(err, &f) {
			r.Code, r.Hint = f.code, f.hint
		}
		tell(r)
		os.Exit(r.Code) // the parent says it; twice would be once too often
	}
	return err
}

// openLog sends what a process in the background prints to a file in the state folder.
func (s *session) openLog() error {
	if !s.cfg.inBackground {
		return nil
	}
	s.logFile = filepath.Join(s.state.Dir, "frameiofs.log")
	if fi, err := os.Stat(s.logFile); err == nil && fi.Size() > maxLog {
		os.Rename(s.logFile, s.logFile+".1")
	}
	f, err := os.OpenFile(s.logFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fail("", "open log: %w", err)
	}
	defer f.Close()
	for _, fd := range []int{1, 2} {
		if err := unix.Dup2(int(f.Fd()), fd); err != nil {
			return fail("", "open log: %w", err)
		}
	}
	return nil
}

// maxLog is the size, in bytes, beyond which the log is begun anew at the next mount; the last one is kept.
const maxLog = 16 << 20
