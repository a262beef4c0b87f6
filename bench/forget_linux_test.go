package bench

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// populate has the kernel read pages now, and tell if it cannot.
const populate = unix.MADV_POPULATE_READ

// forget lets the kernel drop what it has of a file's bytes in memory.
func forget(t testing.TB, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}
