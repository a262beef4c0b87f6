//go:build !linux

package fs

import (
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

const (
	kept       = time.Second // macOS cannot be told what has changed (spec: fuse.md §4)
	tells      = false
	keepFolder = 0
)

// canPass is false: passthrough is Linux's.
func canPass(*fuse.Server) bool { return false }

// system adds what this system alone has.
func (f *FS) system(o *fusefs.Options) {
	if f.cfg.ReadOnly {
		o.Options = append(o.Options, "ro")
	}
}
