package fs

import (
	"os"
	"strings"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

const (
	kept  = 30 * time.Second // how long the kernel keeps names and attributes, also that a name is not there; see kernel.go for why so long
	tells = true             // the kernel can be told what has changed

	keepFolder = fuse.FOPEN_CACHE_DIR | fuse.FOPEN_KEEP_CACHE // a folder's names, until it is told otherwise
)

// maxXAttr is the largest value of an extended attribute, in bytes. The kernel lets no larger one through.
const maxXAttr = 64 << 10

// keepsXAttr reports whether programs may set an attribute: those of users. security.* would be asked for before each exec, and who
// finds system.* and trusted.* not supported does without.
func keepsXAttr(name string) bool {
	return len(name) > len("user.") && strings.HasPrefix(name, "user.")
}

// swallowsXAttr reports whether an attribute counts as set though it cannot be kept.
func swallowsXAttr(string) bool { return false }

// folds: the forms of a name in Unicode are the same name.
const folds = false

// marked: the marks of macOS are in the root.
const marked = false

// canPass reports whether the kernel can be given files to read past us: it lets only root do so (spec: fuse.md §1.2).
func canPass(s *fuse.Server) bool {
	return os.Geteuid() == 0 && s.KernelSettings().Flags64()&fuse.CAP_PASSTHROUGH != 0
}

// takes finds out whether the kernel can be given a file to read and write past us.
func takes(s *fuse.Server, file *os.File) error {
	id, err := s.RegisterBackingFd(&fuse.BackingMap{Fd: int32(file.Fd())})
	if err == 0 {
		err = s.UnregisterBackingFd(id)
	}
	if err != 0 {
		return err
	}
	return nil
}

// system adds what Linux alone has. Without HANDLE_KILLPRIV_V2 the kernel asks for an extended attribute before every write. With
// READDIRPLUS_AUTO it would read the most of a folder without attributes, and look each name of ls -l up by itself.
func (f *FS) system(o *fusefs.Options) {
	o.ExtraCapabilities |= fuse.CAP_HANDLE_KILLPRIV_V2 | fuse.CAP_DIRECT_IO_ALLOW_MMAP
	o.Options = append(o.Options, "default_permissions")
	if f.cfg.ReadOnly {
		o.Options = append(o.Options, "ro")
		o.DirectMountFlags = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_RDONLY
	}
}
