package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"sync"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// file is one file: an item of Frame.io's, an entry of the spool's, or both while a new version of an item is leaving.
type file struct {
	fusefs.Inode
	fs *FS

	mu     sync.Mutex
	parent remote.Ref   // the folder item is in
	item   *lean        // what Frame.io has; nil if nothing yet
	entry  *spool.Entry // what is leaving; nil if nothing is
	cached remote.ID    // the Content whose pages the kernel may hold
	gone   bool         // unlinked
	told   uint64       // FS.events when the fields above last changed other than by a look: an older look tells nothing new

	opens   int       // handles that are open, see version.go
	last    []func()  // let go of the bytes that a file without a name has, after the last of them
	passing int       // those of them that the kernel may read past us
	plain   bool      // some handle was not one of those: then what is written goes through us for as long as the inode lives
	backing backing   // the file that it was given for that; ever the same, too
	passed  remote.ID // the Content that it may have been given to read so; ever the same
}

var (
	_ fusefs.NodeGetattrer = (*file)(nil)
	_ fusefs.NodeSetattrer = (*file)(nil)
	_ fusefs.NodeStatfser  = (*file)(nil)
)

// is notes what Frame.io has under this inode.
func (n *file) is(parent remote.Ref, it remote.Item) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.parent, n.item = parent, n.fs.leanOf(it)
	n.changed()
}

// changed notes, with mu held, that the inode stands for something else from now on.
func (n *file) changed() { n.told = n.fs.events.Add(1) }

// found notes what a look has found on Frame.io under this inode. It is false if that is another inode's from now on.
func (n *file) found(parent remote.Ref, l line) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.told > l.seen {
		return true
	}
	if n.keeps(l.item.Content) {
		return false
	}
	if !n.fs.same(n.item.item(), l.item) {
		n.item = n.fs.leanOf(l.item)
	}
	n.parent, n.entry, n.gone = parent, nil, false
	return true
}

// leaves notes that a look has found the bytes of this inode in the spool. It is false if the inode knows better.
func (n *file) leaves(l line) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.told > l.seen {
		return false
	}
	n.entry, n.gone = l.entry, false
	return true
}

// settled notes that what was leaving has become it. While that was being told somebody may have begun to change the entry:
// then its bytes are the inode's still, and settled is called again when they are on Frame.io. It returns what was there before.
func (n *file) settled(parent remote.Ref, it remote.Item) (was remote.Item) {
	n.mu.Lock()
	defer n.mu.Unlock()
	was, n.parent, n.item = n.item.item(), parent, n.fs.leanOf(it)
	if n.entry != nil {
		if in := n.entry.Info(); in.Writers == 0 && (in.Stage == spool.Settled || in.Stage == spool.Gone) {
			n.entry = nil
		}
	}
	n.changed()
	return was
}

// holds notes that e has just been changed, or opened to be changed: if it was about to be gone it is no more.
func (n *file) holds(e *spool.Entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.entry == nil {
		n.entry = e
		n.changed()
	}
}

// stays forgets the entry e, which came to nothing: its file was never modified.
func (n *file) stays(e *spool.Entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.entry == e && !n.gone && n.item != nil {
		n.entry = nil
		n.changed()
	}
}

// get is what the inode is made of now.
func (n *file) get() (remote.Item, *spool.Entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.item.item(), n.entry
}

// fill sets out to the file's attributes.
func (n *file) fill(out *fuse.Attr) {
	it, e := n.get()
	if e != nil {
		e.Look()
		n.fs.fillEntry(e.Info(), out)
	} else {
		n.fs.fillItem(it, out)
	}
	n.mu.Lock()
	if n.gone {
		out.Nlink = 0
	}
	n.mu.Unlock()
}

// Getattr implements stat(2). Size and times are the inode's, whichever handle is asked (spec: fuse.md §1.1).
func (n *file) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.fill(&out.Attr)
	return 0
}

// Setattr implements truncate(2), chmod(2), chown(2) and utimensat(2).
func (n *file) Setattr(ctx context.Context, fh fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if n.fs.cfg.ReadOnly {
		return syscall.EROFS
	}
	ctx, cancel := n.fs.patient(ctx)
	defer cancel()
	if size, ok := in.GetSize(); ok {
		if err := n.resize(ctx, fh, int64(size)); err != nil {
			return errno(err)
		}
	}
	if a, any := asked(in); any {
		if err := n.keep(ctx, a); err != nil {
			return errno(err)
		}
	}
	n.fill(&out.Attr)
	out.Ino = n.StableAttr().Ino
	out.SetTimeout(kept)
	return 0
}

// resize gives the file another size, through the handle if one is told.
func (n *file) resize(ctx context.Context, fh fusefs.FileHandle, size int64) error {
	if size < 0 || size > largest {
		return syscall.EFBIG
	}
	if h := handleOf(fh); h != nil && h.write {
		return h.truncate(ctx, size)
	}
	hold := n.newHandle(false) // nobody shall read past us from here on
	defer hold.Release(ctx)
	if err := n.writable(ctx); err != nil {
		return err
	}
	for {
		e, err := n.change(ctx, size == 0)
		if err != nil {
			return err
		}
		if size > e.Size() {
			if err := n.room(size - e.Size()); err != nil {
				return err
			}
		}
		err = e.Truncate(ctx, size)
		if err == nil {
			n.holds(e)
		}
		if !errors.Is(err, spool.ErrGone) {
			return err
		}
		if err := n.outlived(ctx, e); err != nil {
			return err
		}
	}
}

// keep records what a program set other than the size.
func (n *file) keep(ctx context.Context, a spool.Attr) error {
	for {
		it, e := n.get()
		if e == nil {
			if e := n.untold(); e != nil { // else Settled would set what was before
				if err := e.SetAttr(a); err != nil && !errors.Is(err, spool.ErrGone) {
					return err
				}
			}
			return n.fs.cfg.Index.SetAttr(it.Content, merged(n.fs.cfg.Index.Attr(it.Content), a))
		}
		err := e.SetAttr(a)
		if err == nil && unmodified(e.Info()) {
			return n.fs.cfg.Index.SetAttr(it.Content, merged(n.fs.cfg.Index.Attr(it.Content), a))
		}
		if !errors.Is(err, spool.ErrGone) {
			return err
		}
		if err := n.outlived(ctx, e); err != nil {
			return err
		}
	}
}

// change is the entry through which the file can be changed; one is begun if there is none. emptied says that none of the
// bytes on Frame.io are wanted.
func (n *file) change(ctx context.Context, emptied bool) (*spool.Entry, error) {
	for {
		e, err := n.begin(emptied)
		if !errors.Is(err, iofs.ErrExist) {
			return e, err
		}
		// The entry before this one has settled, but its last step is not done.
		if err := moment(ctx); err != nil {
			return nil, err
		}
	}
}

// begin is change, once.
func (n *file) begin(emptied bool) (*spool.Entry, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.entry != nil {
		return n.entry, nil
	}
	if n.gone {
		return nil, syscall.ESTALE
	}
	it := n.item.item()
	kept := n.fs.cfg.Index.Attr(it.Content)
	attr := spool.Attr{Mode: kept.Mode, UID: kept.UID, GID: kept.GID, Mtime: itemTime(it, kept), Atime: kept.Atime, Ctime: kept.Ctime,
		XAttr: n.fs.cfg.Index.XAttrs(it.Content)}
	target := spool.Target{Parent: n.parent, Name: it.Name, Replaces: it.Ref}
	if emptied {
		attr.Mtime = time.Time{} // now
	}
	e, err := n.fs.cfg.Spool.Change(target, attr, key(n.StableAttr()), it, emptied)
	if err != nil {
		return nil, err
	}
	n.entry = e
	n.changed()
	return e, nil
}

// outlived is called when e answers that it is gone: it makes the inode what e has become.
func (n *file) outlived(ctx context.Context, e *spool.Entry) error {
	for {
		n.mu.Lock()
		known, unlinked, nothing := n.entry != e, n.gone, n.item == nil
		n.mu.Unlock()
		switch in := e.Info(); {
		case known:
			return nil
		case unlinked, in.Stage == spool.Gone && in.Asset.IsZero() && nothing:
			return syscall.ESTALE
		case in.Stage == spool.Gone && in.Asset.IsZero():
			n.stays(e)
			return nil
		case in.Stage == spool.Gone:
			return n.find(ctx, e, in)
		}
		// Frame.io has it; Settled is about to be told.
		if err := moment(ctx); err != nil {
			return err
		}
	}
}

// find looks up what e has become: Settled was told before the kernel asked for this inode.
func (n *file) find(ctx context.Context, e *spool.Entry, in spool.Info) error {
	all, err := n.fs.cfg.Tree.List(ctx, in.Parent)
	if err != nil {
		return err
	}
	for _, there := range all {
		if there.ID == in.Asset.ID {
			n.is(in.Parent, there.Item)
			n.stays(e)
			return nil
		}
	}
	return syscall.ESTALE
}

// moment waits a little, for something that another goroutine is about to do without the network.
func moment(ctx context.Context) error {
	t := time.NewTimer(2 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Statfs implements statfs(2).
func (n *file) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	return n.fs.statfs(ctx, out)
}
