package fs

import (
	"runtime"
	"time"
)

// ForgetAll is what prune does when nobody has looked anywhere for long.
func (f *FS) ForgetAll() { f.forget(time.Now(), 1<<30) }

// Nodes is how many nodes there are.
func (f *FS) Nodes() int {
	runtime.GC()
	return f.files.count() + f.dirs.count()
}

// Mark has the root have the marks of macOS.
func (f *FS) Mark() { f.marked.Store(true) }

// MacOptions are the mount options that macOS gets.
func MacOptions(given []string, root string, readOnly bool) []string {
	return macOptions(given, root, readOnly)
}

// Locks tells whether the kernel is asked to send locks to us.
func Locks() bool { return (&FS{}).options().EnableLocks }
