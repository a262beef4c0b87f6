package fs_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	helpers["lock"], helpers["append"] = lockAndWait, appendLines
	helpers["storm"], helpers["wait"] = callInAStorm, readAndWait
}

// lockAndWait takes both kinds of locks, says so, and keeps them until its input ends.
func lockAndWait(path string) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(err)
	must(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB))
	must(unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: 10, Len: 10}))
	fmt.Println("locked")
	io.Copy(io.Discard, os.Stdin)
}

// appendLines appends a hundred lines, each by one write.
func appendLines(path string) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(err)
	for i := range 100 {
		_, err := fmt.Fprintf(f, "%d %02d %s\n", os.Getpid(), i, strings.Repeat("x", i))
		must(err)
	}
	must(f.Close())
}

// callInAStorm calls what has to wait for Frame.io while signals that it handles come every few milliseconds, and tells which call
// failed. path is a file; its folder is where the others are made.
func callInAStorm(path string) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGALRM) // it is handled, which is all
	runtime.LockOSThread()
	tid := unix.Gettid()
	go func() {
		for {
			time.Sleep(3 * time.Millisecond)
			unix.Tgkill(os.Getpid(), tid, unix.SIGALRM)
		}
	}()
	dir := filepath.Dir(path)
	fmt.Println("calling")
	for _, call := range []struct {
		name string
		do   func() error
	}{
		{"read", func() error { return directRead(path) }},
		{"mkdir", func() error { return unix.Mkdir(filepath.Join(dir, "folder"), 0o755) }},
		{"rename", func() error { return unix.Rename(filepath.Join(dir, "folder"), filepath.Join(dir, "renamed")) }},
		{"rmdir", func() error { return unix.Rmdir(filepath.Join(dir, "renamed")) }},
		{"unlink", func() error { return unix.Unlink(path) }},
	} {
		began := time.Now()
		err := call.do()
		fmt.Printf("%s: %v after %d ms\n", call.name, err, time.Since(began).Milliseconds())
	}
}

// readAndWait says so, and reads.
func readAndWait(path string) {
	fmt.Println("calling")
	fmt.Printf("read: %v\n", directRead(path))
}

// directRead reads past the kernel's pages: such a read can be interrupted.
func directRead(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, make([]byte, 4096))
	if err == nil && n == 0 {
		err = errors.New("nothing was read")
	}
	return err
}
