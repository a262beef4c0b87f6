package fs

import (
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// Where attributes come from: what a program set (kept in the index, or in the entry while it is leaving), else what
// Frame.io tells, else what the mount was told.

// blockSize is what statfs and st_blksize tell programs to read and write by, in bytes. More gains nothing where the kernel writes by
// itself, and where memory is new to a virtual machine it costs: one write of a mebibyte takes pages that the host has to find first.
const blockSize = 128 << 10

// fillFolder sets out to a folder's attributes.
func (f *FS) fillFolder(it remote.Item, changed time.Time, out *fuse.Attr) {
	kept := f.cfg.Index.Attr(it.ID)
	mtime := kept.Mtime
	for _, t := range []time.Time{changed, it.Updated, it.Created, f.start} {
		if mtime.IsZero() {
			mtime = t
		}
	}
	f.fill(out, syscall.S_IFDIR, 0o777, kept, mtime)
	out.Nlink = 2
}

// fillItem sets out to the attributes of a file that is on Frame.io. What programs set goes with the bytes: a version made by
// somebody else starts anew.
func (f *FS) fillItem(it remote.Item, out *fuse.Attr) {
	kept := f.cfg.Index.Attr(it.Content)
	f.fill(out, syscall.S_IFREG, 0o666, kept, itemTime(it, kept))
	f.fillSize(it.Size, out)
}

// itemTime is a file's modification time. A stack's is its last change, because its newest version is not told apart.
func itemTime(it remote.Item, kept cache.Attr) time.Time {
	switch {
	case !kept.Mtime.IsZero():
		return kept.Mtime
	case !it.Mtime.IsZero():
		return it.Mtime
	case it.Kind == remote.Stack && !it.Updated.IsZero():
		return it.Updated
	}
	return it.Created
}

// fillEntry sets out to the attributes of a file that is leaving.
func (f *FS) fillEntry(in spool.Info, out *fuse.Attr) {
	kept := cache.Attr{Mode: in.Mode, UID: in.UID, GID: in.GID, Mtime: in.Mtime, Atime: in.Atime, Ctime: in.Ctime}
	f.fill(out, syscall.S_IFREG, 0o666, kept, in.Mtime)
	f.fillSize(in.Size, out)
}

// fill sets what files and folders have in common.
func (f *FS) fill(out *fuse.Attr, kind, all uint32, kept cache.Attr, mtime time.Time) {
	out.Mode = kind | all&^f.cfg.Umask
	if kept.Mode != 0 {
		out.Mode = kind | kept.Mode&0o7777
	}
	if f.cfg.ReadOnly {
		out.Mode &^= 0o222
	}
	out.Owner = fuse.Owner{Uid: f.cfg.UID, Gid: f.cfg.GID}
	if kept.UID != nil {
		out.Uid = *kept.UID
	}
	if kept.GID != nil {
		out.Gid = *kept.GID
	}
	atime := mtime
	if !kept.Atime.IsZero() {
		atime = kept.Atime
	}
	ctime := mtime
	if !kept.Ctime.IsZero() && (mtime.Before(kept.Ctime) || mtime.After(time.Now())) {
		ctime = kept.Ctime // mtime is none that this machine's clock has told since
	}
	out.SetTimes(&atime, &mtime, &ctime)
	out.Nlink = 1
	out.Blksize = blockSize
}

// fillSize sets the size in bytes and in the 512-byte blocks that du counts.
func (f *FS) fillSize(size int64, out *fuse.Attr) {
	out.Size = uint64(size)
	out.Blocks = uint64(size+511) / 512
}

// asked reads from a SETATTR what it sets other than the size.
func asked(in *fuse.SetAttrIn) (a spool.Attr, any bool) {
	if mode, ok := in.GetMode(); ok {
		// Set-user-id and set-group-id never take effect on a mount of ours and are not kept: see CAP_HANDLE_KILLPRIV_V2.
		a.Mode, any = syscall.S_IFREG|mode&0o1777, true
	}
	if uid, ok := in.GetUID(); ok {
		a.UID, any = &uid, true
	}
	if gid, ok := in.GetGID(); ok {
		a.GID, any = &gid, true
	}
	if t, ok := in.GetMTime(); ok {
		a.Mtime, any = bounded(t), true
	}
	if t, ok := in.GetATime(); ok {
		a.Atime, any = bounded(t), true
	}
	if any {
		a.Ctime = time.Now()
	}
	return a, any
}

// The first and the last time that a file can have: what lies beyond is not to be written down in words, as the spool's records and V2's
// properties have it. A disk has such bounds, too.
var (
	earliest = time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
)

// bounded is a time that a program has set as it is kept.
func bounded(t time.Time) time.Time {
	switch {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t
}

// merged is kept with what a sets laid over it.
func merged(kept cache.Attr, a spool.Attr) cache.Attr {
	if a.Mode != 0 {
		kept.Mode = a.Mode
	}
	if a.UID != nil {
		kept.UID = a.UID
	}
	if a.GID != nil {
		kept.GID = a.GID
	}
	if !a.Mtime.IsZero() {
		kept.Mtime = a.Mtime
	}
	if !a.Atime.IsZero() {
		kept.Atime = a.Atime
	}
	if !a.Ctime.IsZero() {
		kept.Ctime = a.Ctime
	}
	return kept
}
