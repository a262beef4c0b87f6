package fs_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/fs"
)

// started is a helper that has said its first line.
func started(t *testing.T, how, path string) (rest *bufio.Scanner, process *os.Process, end func() error) {
	t.Helper()
	cmd := mapper(how, path)
	in, err := cmd.StdinPipe()
	check(t, "pipe", err)
	out, err := cmd.StdoutPipe()
	check(t, "pipe", err)
	check(t, "start", cmd.Start())
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("%s says nothing: %v", how, cmd.Wait())
	}
	return lines, cmd.Process, func() error {
		in.Close()
		io.Copy(io.Discard, out)
		return cmd.Wait()
	}
}

// A signal that a program handles ends no call of it (spec: fuse.md §3.1).
func TestSignalsEndNoCall(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		made := r.mount(mountWith{})
		check(t, "write", os.WriteFile(filepath.Join(made.project, "a.bin"), noise(1, 1<<20), 0o644))
		made.settle()
		made.stop()
		m := r.mount(mountWith{}) // where nothing of it is yet
		path := filepath.Join(m.project, "a.bin")
		stat(t, path)
		check(t, "slow down", r.sim.Faults().AddText("slow=300ms@media", "slow=60ms@api"))
		lines, _, end := started(t, "storm", path)
		calls := 0
		for ; lines.Scan(); calls++ {
			t.Log(lines.Text())
			if !strings.Contains(lines.Text(), ": <nil> after") {
				t.Errorf("under signals %s", lines.Text())
			}
		}
		check(t, "end", end())
		if calls != 5 {
			t.Errorf("%d calls, want 5", calls)
		}
	})
}

// A killed program is gone at once, whatever it waits for.
func TestAKillFreesWhoWaits(t *testing.T) {
	r := newRig(t, "v4")
	made := r.mount(mountWith{})
	check(t, "write", os.WriteFile(filepath.Join(made.project, "a.bin"), noise(1, 1<<20), 0o644))
	made.settle()
	made.stop()
	m := r.mount(mountWith{})
	path := filepath.Join(m.project, "a.bin")
	stat(t, path)
	check(t, "stall", r.sim.Faults().AddText("stall=20s@media"))
	for _, how := range []string{"wait", "storm"} {
		_, process, end := started(t, how, path)
		time.Sleep(300 * time.Millisecond)
		began := time.Now()
		check(t, "kill", process.Kill())
		end()
		took := time.Since(began)
		t.Logf("%s: gone after %v", how, took)
		if took > 500*time.Millisecond {
			t.Errorf("%s: killed, it goes after %v only", how, took)
		}
	}
}

func TestFatalSignals(t *testing.T) {
	status := func(pending, shared, blocked, ignored, caught uint64) string {
		return fmt.Sprintf("Name:\tcp\nVmSize:\t 8 kB\nSigQ:\t1/2\nSigPnd:\t%016x\nShdPnd:\t%016x\nSigBlk:\t%016x\nSigIgn:\t%016x\nSigCgt:\t%016x\n",
			pending, shared, blocked, ignored, caught)
	}
	bit := func(s syscall.Signal) uint64 { return 1 << (s - 1) }
	kill, alarm, stop, urgent := bit(syscall.SIGKILL), bit(syscall.SIGALRM), bit(syscall.SIGSTOP), bit(syscall.SIGURG)
	for _, c := range []struct {
		name   string
		status string
		want   bool
	}{
		{"nothing is pending", status(0, 0, 0, 0, 0), false},
		{"killed", status(kill, 0, 0, 0, 0), true},
		{"the process is killed", status(0, kill, 0, 0, 0), true},
		{"killed with everything handled", status(kill, 0, 0, 0, ^kill), true},
		{"an alarm that kills", status(0, alarm, 0, 0, 0), true},
		{"an alarm that is handled", status(0, alarm, 0, 0, alarm), false},
		{"an alarm that is ignored", status(0, alarm, 0, alarm, 0), false},
		{"an alarm that is blocked", status(alarm, 0, alarm, 0, 0), false},
		{"an alarm that is handled, and killed", status(kill, alarm, 0, 0, alarm), true},
		{"stopped, as by ^Z or a debugger", status(0, stop|bit(syscall.SIGTSTP)|bit(syscall.SIGTTIN)|bit(syscall.SIGTTOU), 0, 0, 0), false},
		{"what nobody minds", status(urgent, bit(syscall.SIGCHLD)|bit(syscall.SIGCONT)|bit(syscall.SIGWINCH), 0, 0, 0), false},
		{"a real-time signal", status(0, 1<<33, 0, 0, 0), true},
	} {
		if got := fs.FatalIn(c.status); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
