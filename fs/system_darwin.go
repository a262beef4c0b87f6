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
	kept       = time.Second // macOS cannot be told what has changed (spec: fuse.md §4)
	tells      = false
	keepFolder = 0
	folds      = true // the forms of a name in Unicode are the same name
	marked     = true // the marks of macOS are in the root
)

// maxXAttr is the largest value of an extended attribute, in bytes: a resource fork may be larger than Linux would have it.
const maxXAttr = 512 << 10

// keepsXAttr reports whether programs may set an attribute: all that are not of another system. Names have no order here.
func keepsXAttr(name string) bool {
	for _, prefix := range []string{"security.", "system.", "trusted."} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return name != ""
}

// swallowsXAttr reports whether an attribute counts as set though it cannot be kept. Finder gives up a copy if one of its own is
// refused (spec: fuse.md §6).
func swallowsXAttr(name string) bool { return strings.HasPrefix(name, "com.apple.") }

// canPass is false: passthrough is Linux's.
func canPass(*fuse.Server) bool { return false }

func takes(*fuse.Server, *os.File) error { return syscall.ENOTSUP }

// system adds what macFUSE alone has.
func (f *FS) system(o *fusefs.Options) {
	o.Options = macOptions(o.Options, f.cfg.Root.Name, f.cfg.ReadOnly)
}
