package fs

import (
	"log/slog"
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
func Locks() bool { return (&FS{log: slog.New(slog.DiscardHandler)}).options().EnableLocks }

// NoPast has what is being written go through us, as where the kernel cannot write by itself.
func NoPast(c *Config) { c.testOnlyNoPast = true }

// Passing is how many open handles the kernel serves by itself.
func (f *FS) Passing() (n int) {
	f.files.mu.Lock()
	defer f.files.mu.Unlock()
	for _, p := range f.files.nodes {
		if node := p.Value(); node != nil {
			node.mu.Lock()
			n += node.passing
			node.mu.Unlock()
		}
	}
	return n
}

// NeverPass has the kernel read and write everything through us.
func (f *FS) NeverPass() {
	f.passes.Store(false)
	f.passesWrites.Store(false)
}
