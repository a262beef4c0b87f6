package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"weak"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// dir is a folder, or one of the levels above folders.
type dir struct {
	fusefs.Inode
	fs     *FS
	looked atomic.Int64 // when the kernel last asked for something in it, in nanoseconds since 1970
	locked atomic.Int32 // calls under way for which the kernel keeps it locked

	mu      sync.Mutex
	item    remote.Item
	changed time.Time                 // when something in it was last changed through this mount
	gone    bool                      // removed here
	listing weak.Pointer[cache.Entry] // with which it was last opened; not to be kept in memory for that
}

var (
	_ fusefs.NodeLookuper       = (*dir)(nil)
	_ fusefs.NodeOpendirHandler = (*dir)(nil)
	_ fusefs.NodeGetattrer      = (*dir)(nil)
	_ fusefs.NodeSetattrer      = (*dir)(nil)
	_ fusefs.NodeStatfser       = (*dir)(nil)
	_ fusefs.NodeFsyncer        = (*dir)(nil)
)

// nameMax is the longest name in bytes. The kernel itself lets longer ones through (spec: fuse.md §1.1).
const nameMax = 255

// get is what the folder is on Frame.io.
func (d *dir) get() remote.Item {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.item
}

// stirred notes that d shows something else than before.
func (d *dir) stirred() (now time.Time, id remote.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changed = time.Now()
	return d.changed, d.item.ID
}

// touched notes that a name in d was made, changed or removed here. A time that a program has set on the folder is over by that.
func (d *dir) touched() {
	now, id := d.stirred()
	if !d.fs.cfg.Index.Attr(id).Mtime.IsZero() {
		if err := d.fs.cfg.Index.SetAttr(id, cache.Attr{Mtime: now, Ctime: now}); err != nil {
			d.fs.log.Warn("keep a folder's time", "error", err)
		}
	}
}

// Lookup finds one name: what is leaving first, because what I wrote is what I see.
func (d *dir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if len(name) > nameMax {
		return nil, syscall.ENAMETOOLONG
	}
	if n := d.mark(ctx, name, out); n != nil {
		return n, 0
	}
	d.look()
	ctx, cancel := d.fs.patient(ctx)
	defer cancel()
	e, err := d.find(ctx, name)
	if err != nil {
		return nil, errno(err)
	}
	return d.child(ctx, e, out), 0
}

// find is the name's line in the folder, without a look at the whole folder where that can be avoided.
func (d *dir) find(ctx context.Context, name string) (line, error) {
	ref, seen := d.get().Ref, d.fs.events.Load()
	if ref.IsFolder() {
		if e := d.fs.cfg.Spool.Find(ref.ID, cache.Actual(name)); e != nil {
			return line{name: name, entry: e, seen: seen}, nil
		}
	}
	local := spool.LocalName(name)
	got, err := d.ask(ctx, ref, name, local)
	if err == nil && got.Name != name && d.fs.forms.exact(got.ID) {
		err = iofs.ErrNotExist
	}
	if err == nil && !d.fs.cfg.Spool.Hides(got.ID) && !d.fs.cfg.Spool.Claimed(got.Content) {
		return line{name: got.Name, item: got.Item, seen: seen}, nil
	}
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return line{}, err
	}
	if ref.IsFolder() {
		if e := d.form(name); e != nil {
			return line{name: cache.Shown(e.Target().Name), entry: e, seen: seen}, nil
		}
	}
	if err != nil && (local || !ref.IsFolder() || !cache.Told(name)) {
		return line{}, err
	}
	// Something is leaving from here, so a name may be shown differently from what either side calls it, or has changed sides.
	all, err := d.lines(ctx)
	if err != nil {
		return line{}, err
	}
	for _, l := range all {
		if l.name == name {
			return l, nil
		}
	}
	return line{}, iofs.ErrNotExist
}

// ask finds what Frame.io has under a name. Finder, editors and file managers look for names by the dozen that never leave a machine:
// for those, the local ones, it is not asked.
func (d *dir) ask(ctx context.Context, ref remote.Ref, name string, local bool) (cache.Entry, error) {
	if !local {
		return d.fs.cfg.Tree.Find(ctx, ref, name)
	}
	got, found := d.fs.cfg.Tree.Known(ref, name)
	if !found {
		return got, iofs.ErrNotExist
	}
	return got, nil
}

// child is the inode of a line, the one that the kernel already has if it has one.
func (d *dir) child(ctx context.Context, l line, out *fuse.EntryOut) *fusefs.Inode {
	attr := d.fs.lineAttr(l)
	if l.entry == nil && l.item.IsDir() {
		n := d.fs.dirs.get(attr, func() *dir {
			n := &dir{fs: d.fs}
			d.NewInode(ctx, n, attr)
			return n
		})
		n.mu.Lock()
		n.item = l.item
		n.item.Ref = d.fs.cfg.Tree.Now(l.item.Ref) // Made may have been told before there was an inode
		n.gone = false
		n.mu.Unlock()
		d.fs.fillFolder(l.item, n.lastChange(), &out.Attr)
		return n.EmbeddedInode()
	}
	n := d.fileNode(ctx, attr)
	if l.entry == nil {
		if !n.found(d.get().Ref, l) {
			return d.newer(ctx, n, l, out)
		}
	} else if n.leaves(l) && l.entry.Info().Stage == spool.Gone {
		// Settled between the look and the note: without this the inode would never be told.
		if err := n.outlived(ctx, l.entry); err != nil {
			d.fs.log.Warn("look up", "name", l.name, "error", err)
		}
	}
	n.fill(&out.Attr)
	return n.EmbeddedInode()
}

// fileNode is the node of a file in d with an identity, the one that the kernel already has if it has one.
func (d *dir) fileNode(ctx context.Context, attr fusefs.StableAttr) *file {
	return d.fs.files.get(attr, func() *file {
		n := &file{fs: d.fs}
		d.NewInode(ctx, n, attr)
		return n
	})
}

// newer is the inode of a line whose bytes are others than those of the file n, which somebody has open.
func (d *dir) newer(ctx context.Context, n *file, l line, out *fuse.EntryOut) *fusefs.Inode {
	attr, err := n.another(l.item.Ref)
	if err != nil {
		d.fs.log.Warn("a new version will be a new inode again after the next start", "name", l.name, "error", err)
	}
	newer := d.fileNode(ctx, attr)
	newer.found(d.get().Ref, l)
	newer.fill(&out.Attr)
	return newer.EmbeddedInode()
}

// lastChange is when something in d was last changed through this mount; zero if never.
func (d *dir) lastChange() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// Getattr implements stat(2).
func (d *dir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.fs.fillFolder(d.get(), d.lastChange(), &out.Attr)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		out.Nlink = 0
	}
	return 0
}

// Setattr keeps what programs set on a folder in the index.
func (d *dir) Setattr(_ context.Context, _ fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if d.fs.cfg.ReadOnly {
		return syscall.EROFS
	}
	it := d.get()
	if a, any := asked(in); any && it.ID != "" {
		if err := d.fs.cfg.Index.SetAttr(it.ID, merged(d.fs.cfg.Index.Attr(it.ID), a)); err != nil {
			return errno(err)
		}
	}
	d.fs.fillFolder(it, d.lastChange(), &out.Attr)
	out.Ino = d.StableAttr().Ino
	out.SetTimeout(kept)
	return 0
}

// Fsync of a folder makes the names that are leaving from it survive power loss.
func (d *dir) Fsync(ctx context.Context, _ fusefs.FileHandle, _ uint32) syscall.Errno {
	for _, e := range d.fs.cfg.Spool.In(d.get().ID) {
		if err := e.Sync(ctx); err != nil && !errors.Is(err, spool.ErrGone) {
			return errno(err)
		}
	}
	if d.fs.cfg.SyncNames != nil {
		return errno(d.fs.cfg.SyncNames(ctx))
	}
	return 0
}
