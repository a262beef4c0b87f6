//go:build !linux

package main

import (
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	framefs "github.com/frameiofs/frameiofs/fs"
)

func thisMachine() machine {
	return machine{root: "/", user: os.Geteuid(), look: exec.LookPath, probe: framefs.Probe}
}

func diskKind(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", err
	}
	return unix.ByteSliceToString(st.Fstypename[:]), nil
}
