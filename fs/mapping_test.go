package fs_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// A process that maps a file of its own mount may stop for ever: it waits for a page while its collector waits for it, and the page is
// to come from the process itself (spec: fuse.md §3.2). So another process maps, which is this program again.

// helpers are what this program does as another process with a file.
var helpers = map[string]func(path string){"read": mapAndTell, "write": mapAndWrite}

// TestMain is such a process if it was started as one.
func TestMain(m *testing.M) {
	how, path := os.Getenv("MAP_HOW"), os.Getenv("MAP_FILE")
	switch do := helpers[how]; {
	case how == "":
		os.Exit(m.Run())
	case do != nil:
		do(path)
	default:
		must(errors.New("there is no helper " + how))
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// mapAndTell tells the sum of what is mapped, once for each line that it reads.
func mapAndTell(path string) {
	f, err := os.Open(path)
	must(err)
	fi, err := f.Stat()
	must(err)
	b, err := unix.Mmap(int(f.Fd()), 0, int(fi.Size()), unix.PROT_READ, unix.MAP_SHARED)
	must(err)
	must(f.Close()) // the mapping lives on
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Printf("%x\n", sha256.Sum256(b))
	}
}

// mapAndWrite writes what it reads through a mapping.
func mapAndWrite(path string) {
	content, err := io.ReadAll(os.Stdin)
	must(err)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	must(err)
	fi, err := f.Stat()
	must(err)
	if fi.Size() != int64(len(content)) {
		must(f.Truncate(int64(len(content))))
	}
	b, err := unix.Mmap(int(f.Fd()), 0, len(content), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(err)
	copy(b, content)
	must(firstOf(unix.Msync(b, unix.MS_SYNC), unix.Munmap(b), f.Close()))
}

func mapper(how, path string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MAP_HOW="+how, "MAP_FILE="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// mapped has a file mapped for reading until the test ends, and answers a function that compares what is mapped then.
func mapped(t *testing.T, path string) (same func(content []byte) bool) {
	t.Helper()
	cmd := mapper("read", path)
	in, err := cmd.StdinPipe()
	check(t, "pipe", err)
	out, err := cmd.StdoutPipe()
	check(t, "pipe", err)
	check(t, "start", cmd.Start())
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("map %s: %v", strconv.Quote(path), err)
		}
	})
	lines := bufio.NewReader(out)
	same = func(content []byte) bool {
		t.Helper()
		fmt.Fprintln(in)
		line, err := lines.ReadString('\n')
		check(t, "read what is mapped", err)
		return line == fmt.Sprintf("%x\n", sha256.Sum256(content))
	}
	return same
}

// writeMapped writes a file through a mapping.
func writeMapped(path string, content []byte) error {
	cmd := mapper("write", path)
	cmd.Stdin = bytes.NewReader(content)
	return cmd.Run()
}
