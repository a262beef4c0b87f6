package fs

import (
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// system adds what Linux alone has. Without HANDLE_KILLPRIV_V2 the kernel asks for an extended attribute before every write.
func (f *FS) system(o *fusefs.Options) {
	o.DisabledCapabilities = fuse.CAP_PASSTHROUGH
	o.ExtraCapabilities |= fuse.CAP_HANDLE_KILLPRIV_V2 | fuse.CAP_DIRECT_IO_ALLOW_MMAP | fuse.CAP_READDIRPLUS_AUTO
	o.Options = append(o.Options, "default_permissions")
	if f.cfg.ReadOnly {
		o.Options = append(o.Options, "ro")
		o.DirectMountFlags = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_RDONLY
	}
}
