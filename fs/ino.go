package fs

import (
	"fmt"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// go-fuse merges two inodes with equal StableAttr, so all 128 bits of an identity count (spec: fuse.md §5). What is on
// Frame.io has the identity its id gives, or the one it had here before it got an id; what is leaving has its entry's.

// itemAttr is the identity of something on Frame.io.
func (f *FS) itemAttr(it remote.Item) fusefs.StableAttr {
	ino, gen := f.cfg.Index.Inode(it.Ref)
	mode := uint32(syscall.S_IFREG)
	if it.IsDir() {
		mode = syscall.S_IFDIR
	}
	return fusefs.StableAttr{Mode: mode, Ino: ino, Gen: gen}
}

// entryAttr is the identity of something that is leaving.
func entryAttr(k spool.Key) fusefs.StableAttr {
	ino, gen := k.Inode()
	return fusefs.StableAttr{Mode: syscall.S_IFREG, Ino: ino, Gen: gen}
}

// key is the spool's word for an identity, so that an inode keeps its number while a new version of it is leaving.
func key(a fusefs.StableAttr) spool.Key {
	return spool.Key(fmt.Sprintf("%016x%016x", a.Ino, a.Gen))
}
