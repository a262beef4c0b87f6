package fs

import (
	"fmt"
	"os"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Kernel is what the kernel's side of a mount can do.
type Kernel struct {
	Major, Minor uint32 // of the FUSE protocol
	Passes       bool   // it can be given files to read and write past us, by this user
}

// Probe mounts an empty tree at dir, looks at it, and takes it down again, as whoever wants to know whether this machine can mount at
// all. It does not touch the mount itself from within, so it cannot hang in it.
func Probe(dir string) (Kernel, error) {
	o := &fusefs.Options{NullPermissions: true}
	o.FsName, o.Name = "frameio-probe", "frameiofs-probe"
	o.DirectMount = os.Geteuid() == 0
	server, err := fusefs.Mount(dir, &fusefs.Inode{}, o)
	if err != nil {
		return Kernel{}, fmt.Errorf("mount: %w", err)
	}
	k := kernelOf(server)
	for range 20 { // a desktop may look at it for a moment
		if err = server.Unmount(); err == nil {
			server.Wait()
			return k, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return k, fmt.Errorf("unmount: %w", err)
}

func kernelOf(s *fuse.Server) Kernel {
	set := s.KernelSettings()
	return Kernel{Major: set.Major, Minor: set.Minor, Passes: canPass(s)}
}
