//go:build !linux

package fs

import fusefs "github.com/hanwen/go-fuse/v2/fs"

// system adds what this system alone has.
func (f *FS) system(o *fusefs.Options) {
	if f.cfg.ReadOnly {
		o.Options = append(o.Options, "ro")
	}
}
