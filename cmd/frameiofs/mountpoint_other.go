//go:build !linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// mountTable is empty: there is no list here that can be read without touching the mounts.
func mountTable() ([]mounted, error) { return nil, nil }

func disconnected(point string) bool {
	var st syscall.Statfs_t
	err := syscall.Statfs(point, &st)
	return errors.Is(err, syscall.ENOTCONN) || errors.Is(err, syscall.ENXIO)
}

func lazyUnmount(point string) error { return exec.Command("umount", "-f", point).Run() }

func plainUnmount(point string) error { return exec.Command("umount", point).Run() }

func mayMount(dir string) bool { return unix.Access(dir, unix.W_OK) == nil }

func checkFuse() error {
	if _, err := os.Stat("/Library/Filesystems/macfuse.fs"); err != nil {
		return fail("brew install --cask macfuse", "this machine cannot mount: macFUSE is not installed")
	}
	return nil
}

func checkAllowOther() error { return nil }

func usersOf(string) []string { return nil }

func deviceOf(string) string { return "" }

func readAhead(string) {}

func abortFuse(string) error { return errors.New("not known on this system") }

// endKilled is for what happens on Linux.
func endKilled(mounted, int) bool { return false }
