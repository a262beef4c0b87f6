//go:build !linux

package bench

import (
	"testing"

	"golang.org/x/sys/unix"
)

// populate asks for pages; that one cannot be had is told by a signal here.
const populate = unix.MADV_WILLNEED

// forget fails: what is measured without it would be memory, not the disk.
func forget(t testing.TB, path string) {
	t.Helper()
	t.Fatalf("%s: this system cannot be told to drop a file from memory; measure on Linux", path)
}
