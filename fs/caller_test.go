package fs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/spool"
)

// A child has its parent's files until execve closes them, and that close must not wait for what execve holds.
func TestAProgramMayStartAnotherWhileItWrites(t *testing.T) {
	m := newRig(t, "v4").mount(mountWith{})
	f, err := os.Create(filepath.Join(m.project, "a.txt"))
	check(t, "create", err)
	defer f.Close()
	done := make(chan error, 1)
	go func() { done <- exec.Command("true").Run() }()
	select {
	case err := <-done:
		check(t, "start another program", err)
	case <-time.After(10 * time.Second):
		abort(m.dir) // only that lets the kernel go
		t.Fatal("starting a program hangs")
	}
}

func TestAKilledWriterHasNotFinished(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		for _, test := range []struct {
			name   string
			signal syscall.Signal
			script string
			held   bool
		}{
			{"killed.mov", syscall.SIGKILL, "echo film >&3; exec sleep 60", true},
			{"ended.mov", syscall.SIGTERM, "echo film >&3; exec sleep 60", true},
			{"handled.mov", syscall.SIGTERM, "trap 'exit 1' TERM; echo film >&3; while :; do :; done", false},
		} {
			path := filepath.Join(m.project, test.name)
			cmd := exec.Command("sh", "-c", "exec 3>'"+path+"'; "+test.script)
			check(t, "start", cmd.Start())
			for i := 0; i < 500; i++ {
				if fi, err := os.Stat(path); err == nil && fi.Size() == 5 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			check(t, "signal", cmd.Process.Signal(test.signal))
			cmd.Wait()
		}
		m.settle()
		var held []string
		for _, in := range m.spool.All() {
			if in.Stage == spool.Held {
				held = append(held, in.Name)
			}
		}
		if got := strings.Join(held, " "); got != "killed.mov ended.mov" {
			t.Errorf("held: %q", got)
		}
		if _, ok := m.there()["handled.mov"]; !ok {
			t.Error("the file of a writer that handled its signal is not on Frame.io")
		}
	})
}
