package bench

import (
	"os"
	"path/filepath"

	gofuse "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// passthrough mounts a folder of the bare disk, with what keeps the kernel from asking before each write (spec: fuse.md §1).
func (s *writing) passthrough() string {
	s.t.Helper()
	below, at := filepath.Join(s.dir, "below"), filepath.Join(s.dir, "passthrough")
	for _, dir := range []string{below, at} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	root, err := gofuse.NewLoopbackRoot(below)
	if err != nil {
		s.t.Fatal(err)
	}
	server, err := gofuse.Mount(at, root, &gofuse.Options{MountOptions: fuse.MountOptions{DisableXAttrs: true, ExtraCapabilities: fuse.CAP_HANDLE_KILLPRIV_V2}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			s.t.Error(err)
		}
	})
	return at
}
