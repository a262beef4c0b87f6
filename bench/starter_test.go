package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// starter begins processes for a test that has files of a mount open. A fork of the test itself would close these before it becomes another
// program, and that waits for a mount which may hang until the very process that is to be begun has seen to it.
type starter struct {
	in    io.Writer
	codes chan string // exit codes
}

// newStarter is to be called before anything is mounted.
func newStarter(t testing.TB) *starter {
	t.Helper()
	shell := exec.Command("sh")
	shell.Dir = "/"
	shell.Stderr = os.Stderr
	in, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := shell.StdoutPipe()
	if err == nil {
		err = shell.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &starter{in, make(chan string)}
	go func() {
		defer close(s.codes)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.codes <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		in.Close()
		go func() { // what it may be waiting for was said in vain
			for range s.codes {
			}
		}()
		_ = shell.Wait()
	})
	return s
}

// run runs a program with an environment, and has what it prints go to a file.
func (s *starter) run(env, args []string, said string) error {
	var words []string
	for _, w := range append(append([]string{"env", "-i"}, env...), args...) {
		words = append(words, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	if _, err := fmt.Fprintf(s.in, "%s </dev/null >'%s' 2>&1; echo $?\n", strings.Join(words, " "), said); err != nil {
		return err
	}
	select {
	case code := <-s.codes:
		if code != "0" {
			return fmt.Errorf("exit status %q", code)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("no end within %v", patience)
	}
}
