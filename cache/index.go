package cache

import (
	"errors"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Index is the file in which listings, kept attributes and inode aliases outlive the program. There is one per state
// folder. All that it holds can be had again, except attributes and aliases, which are small and worth a disk's care.
type Index struct{}

// Attr is what programs set and Frame.io does not keep: mode, owner, times. Zero fields mean "not set".
type Attr struct {
	Mode         uint32 // permission bits
	UID, GID     *uint32
	Mtime, Atime time.Time
}

// OpenIndex opens the index at path, or makes it with mode 0600. If another process has it open, the error says so after
// one second.
func OpenIndex(path string) (*Index, error) { return nil, errors.ErrUnsupported }

// Close writes what is not yet on disk and releases the file.
func (x *Index) Close() error { return nil }

// Attr returns what was kept for id; the zero Attr if nothing was.
func (x *Index) Attr(id remote.ID) Attr { return Attr{} }

// SetAttr keeps the fields that are set in a, and leaves the others as they were. They are on disk, safe from kill -9 and
// power loss, within a second, and after Close.
func (x *Index) SetAttr(id remote.ID, a Attr) error { return nil }

// Inode gives the 128-bit identity of ref: its alias if one was kept, else one made of its ID. It is the same on every mount
// and machine, ino is never 0, 1 or 2^64-1, and what has one ID but two kinds (an account and its Shared) has two.
func (x *Index) Inode(ref remote.Ref) (ino, gen uint64) { return 0, 0 }

// Alias makes Inode answer ino and gen for id from now on: for what had an identity before Frame.io gave it an ID, and for a
// version stack that took the place of a file.
func (x *Index) Alias(id remote.ID, ino, gen uint64) error { return nil }
