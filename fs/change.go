package fs

import (
	"cmp"
	"context"
	"errors"
	iofs "io/fs"
	"syscall"
	"unicode"
	"unicode/utf8"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// Making and removing names. What is on Frame.io changes there before the call returns; what is leaving changes here.

var (
	_ fusefs.NodeCreater   = (*dir)(nil)
	_ fusefs.NodeMkdirer   = (*dir)(nil)
	_ fusefs.NodeUnlinker  = (*dir)(nil)
	_ fusefs.NodeRmdirer   = (*dir)(nil)
	_ fusefs.NodeSymlinker = (*dir)(nil)
	_ fusefs.NodeLinker    = (*dir)(nil)
	_ fusefs.NodeMknoder   = (*dir)(nil)
)

// reserved is the name that every folder keeps for views of its own.
const reserved = ".frameio"

// mayName reports whether a name can be made in d.
func (d *dir) mayName(name string) error {
	switch {
	case d.fs.cfg.ReadOnly:
		return syscall.EROFS
	case !d.get().IsFolder():
		return syscall.EPERM // accounts, workspaces and projects are made on Frame.io
	case len(name) > nameMax:
		return syscall.ENAMETOOLONG
	case name == reserved:
		return syscall.EPERM
	case !utf8.ValidString(name):
		return syscall.EILSEQ
	}
	for _, r := range name {
		if unicode.IsControl(r) && name != folderIcon {
			return syscall.EINVAL
		}
	}
	return nil
}

// Create implements open(2) with O_CREAT of a name that is not there.
func (d *dir) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	defer d.lock()()
	fail := func(err error) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
		return nil, nil, 0, errno(err)
	}
	if err := d.mayName(name); err != nil {
		return fail(err)
	}
	parent := d.get().Ref
	if err := d.fs.quota.room(parent.Account, 0); err != nil {
		return fail(err)
	}
	if err := d.fs.cfg.Spool.Refused(parent.ID); err != nil {
		d.fs.log.Warn("create in a folder that Frame.io lets nothing into", "name", name, "error", err)
		return fail(err)
	}
	wait, cancel := d.fs.patient(ctx)
	defer cancel()
	if err := d.vacant(wait, name); err != nil {
		return fail(err)
	}
	e, err := d.fs.cfg.Spool.Create(spool.Target{Parent: parent, Name: cache.Actual(name)}, d.newAttr(ctx, mode))
	if err != nil {
		return fail(err)
	}
	sp, err := e.Open(true)
	if err != nil {
		return fail(errors.Join(err, e.Discard()))
	}
	d.heir(ctx, cache.Actual(name), e.Key())
	d.touched()
	inode := d.child(ctx, line{name: name, entry: e}, out)
	n := inode.Operations().(*file)
	h := n.newHandle(true)
	h.entry, h.spooled = e, sp
	fh, how, err := n.passEntry(ctx, h)
	if err != nil {
		h.Release(ctx)
		return fail(errors.Join(err, e.Discard()))
	}
	return inode, fh, how, 0
}

// vacant makes sure that a name that the kernel holds to be free is so, by a listing that is not old. If it is not, ESTALE has the
// kernel look it up again. The files of names that never leave this machine may be made at any time.
func (d *dir) vacant(ctx context.Context, name string) error {
	if spool.LocalName(name) {
		return nil
	}
	if err := d.current(ctx); err != nil {
		return err
	}
	if _, err := d.find(ctx, name); !errors.Is(err, iofs.ErrNotExist) {
		return cmp.Or(err, error(syscall.ESTALE))
	}
	return nil
}

// newAttr is what a new file has from the one who makes it.
func (d *dir) newAttr(ctx context.Context, mode uint32) spool.Attr {
	a := spool.Attr{Mode: syscall.S_IFREG | mode&0o777}
	a.UID, a.GID = d.fs.maker(ctx)
	return a
}

// maker is the user and group that ask, nil if these are the mount's.
func (f *FS) maker(ctx context.Context) (uid, gid *uint32) {
	caller, ok := fuse.FromContext(ctx)
	if !ok || caller.Uid == f.cfg.UID && caller.Gid == f.cfg.GID {
		return nil, nil
	}
	u, g := caller.Uid, caller.Gid // the request's memory is used again
	return &u, &g
}

// Mkdir implements mkdir(2).
func (d *dir) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	defer d.lock()()
	if err := d.mayName(name); err != nil {
		return nil, errno(err)
	}
	if systemFolder(name) {
		return nil, syscall.EPERM
	}
	attr := cache.Attr{Mode: syscall.S_IFDIR | mode&0o7777}
	attr.UID, attr.GID = d.fs.maker(ctx)
	ctx, cancel := d.fs.patient(ctx)
	defer cancel()
	parent := d.get().Ref
	if err := d.current(ctx); err != nil {
		return nil, errno(err)
	}
	if _, err := d.find(ctx, name); !errors.Is(err, iofs.ErrNotExist) {
		return nil, errno(cmp.Or(err, error(syscall.EEXIST)))
	}
	it, err := d.fs.cfg.Names.Mkdir(ctx, parent, cache.Actual(name))
	if err != nil {
		d.fs.log.Warn("make folder", "name", name, "error", err)
		return nil, errno(err)
	}
	if attr.UID != nil || mode&0o7777 != 0o777&^d.fs.cfg.Umask {
		if err := d.fs.cfg.Index.SetAttr(it.ID, attr); err != nil {
			return nil, errno(err)
		}
	}
	d.fs.forms.makes(it.Name, it.ID, "")
	d.fs.cfg.Tree.Put(parent, it)
	d.fs.cfg.Tree.Made(it.Ref)
	d.touched()
	return d.child(ctx, line{name: name, item: it}, out), 0
}

// Unlink implements unlink(2).
func (d *dir) Unlink(ctx context.Context, name string) syscall.Errno {
	defer d.lock()()
	if d.fs.cfg.ReadOnly {
		return syscall.EROFS
	}
	ctx, cancel := d.fs.patient(ctx)
	defer cancel()
	if err := d.fs.currentEnough(ctx, d.get().Ref); err != nil {
		return errno(err)
	}
	for {
		l, err := d.find(ctx, name)
		if err != nil {
			return errno(err)
		}
		if l.entry == nil && l.item.IsDir() {
			return syscall.EISDIR
		}
		err = d.remove(ctx, l)
		if soon(err) && moment(ctx) == nil {
			continue // it got to Frame.io just now: remove it there
		}
		if err != nil {
			d.fs.log.Warn("remove", "name", name, "error", err)
			return errno(err)
		}
		if child := d.GetChild(name); child != nil {
			if n, ok := child.Operations().(*file); ok {
				n.unlinked()
			}
		}
		d.otherForm(name, l.name)
		d.touched()
		return 0
	}
}

// unlinked notes that the inode has no name any more.
func (n *file) unlinked() {
	n.mu.Lock()
	n.gone = true
	n.changed()
	n.mu.Unlock()
}

// remove takes a file away, on Frame.io first: if that is refused nothing has happened.
func (d *dir) remove(ctx context.Context, l line) error {
	done, err := d.alone(ctx, l, nil)
	if err != nil {
		return err
	}
	defer done()
	if l.entry == nil && d.kept(ctx, l.item) {
		return nil
	}
	there, let, err := l.steady()
	if err != nil {
		return err
	}
	defer let()
	parent := d.get().Ref
	for _, ref := range []remote.Ref{there.Ref, there.Earlier} {
		if ref.IsZero() {
			continue
		}
		it := l.asset(ref)
		if l.entry != nil && ref.Kind == remote.Stack { // its versions go one by one, and the last may stand alone for a moment
			if it.Content = d.newest(ctx, ref, there.Content); it.Content != "" {
				d.fs.cfg.Tree.Drop(parent, it.Content)
			}
		}
		if err := d.fs.take(ctx, it, parent); err != nil {
			return err
		}
		d.fs.cfg.Tree.Drop(parent, ref.ID)
	}
	if l.entry == nil {
		return nil
	}
	d.fs.linger(l.entry)
	if err := l.entry.Discard(); err != nil {
		return err
	}
	d.fs.forsaken(parent, l.entry)
	return nil
}

// newest is the newest file of a stack of d, which is known if the spool has made it so.
func (d *dir) newest(ctx context.Context, stack remote.Ref, known remote.ID) remote.ID {
	if known != "" {
		return known
	}
	it, _ := d.replaced(ctx, stack, spool.Target{}) // what cannot be listed now is not shown either
	return it.Content
}

// asset is what Frame.io has of the line as ref, as far as that is known.
func (l line) asset(ref remote.Ref) remote.Item {
	if l.entry == nil {
		return l.item
	}
	t := l.entry.Target()
	return remote.Item{Ref: ref, Parent: t.Parent.ID, Name: t.Name}
}

// Rmdir implements rmdir(2). Frame.io deletes a folder with all that is in it, so Names asks it first what that is.
func (d *dir) Rmdir(ctx context.Context, name string) syscall.Errno {
	defer d.lock()()
	if d.fs.cfg.ReadOnly {
		return syscall.EROFS
	}
	ctx, cancel := d.fs.patient(ctx)
	defer cancel()
	if err := d.fs.currentEnough(ctx, d.get().Ref); err != nil {
		return errno(err)
	}
	l, err := d.find(ctx, name)
	switch {
	case err != nil:
		return errno(err)
	case l.entry != nil || !l.item.IsDir():
		return syscall.ENOTDIR
	case l.item.Kind != remote.Folder:
		return syscall.EPERM
	}
	if err := d.fs.removeFolder(ctx, d.get().Ref, l.item); err != nil {
		if !errors.Is(err, syscall.ENOTEMPTY) {
			d.fs.log.Warn("remove folder", "name", name, "error", err)
		}
		return errno(err)
	}
	d.homeless(l.name)
	d.touched()
	return 0
}

// homeless tells the folder that had a name that it was removed: whoever has it open is to see that.
func (d *dir) homeless(name string) {
	if child := d.GetChild(name); child != nil {
		if n, ok := child.Operations().(*dir); ok {
			n.mu.Lock()
			n.gone = true
			n.mu.Unlock()
		}
	}
}

// removeFolder deletes a folder that has nothing in it.
func (f *FS) removeFolder(ctx context.Context, parent remote.Ref, it remote.Item) error {
	if len(f.cfg.Spool.In(it.ID)) > 0 {
		return syscall.ENOTEMPTY
	}
	if err := f.currentEnough(ctx, it.Ref); err != nil {
		return err
	}
	there, err := f.cfg.Tree.List(ctx, it.Ref)
	if err != nil {
		return err
	}
	for _, t := range there {
		if !f.cfg.Spool.Orphaned(t.ID) {
			return syscall.ENOTEMPTY
		}
	}
	if err := f.cfg.Names.RemoveFolder(ctx, it, parent); err != nil {
		if errors.Is(err, syscall.ENOTEMPTY) {
			f.cfg.Tree.Forget(it.Ref) // there is more in it than was known
		}
		return err
	}
	f.cfg.Tree.Drop(parent, it.ID)
	return nil
}

// Symlink is refused: Frame.io has none.
func (d *dir) Symlink(context.Context, string, string, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

// Link is refused: on Frame.io a file has one place.
func (d *dir) Link(context.Context, fusefs.InodeEmbedder, string, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

// Mknod makes an empty file, which is how NFS servers create. Devices, sockets and fifos are refused: Frame.io has files and folders only.
func (d *dir) Mknod(ctx context.Context, name string, mode, _ uint32, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	defer d.lock()()
	if kind := mode & syscall.S_IFMT; kind != syscall.S_IFREG && kind != 0 {
		return nil, syscall.EPERM
	}
	inode, fh, _, errno := d.Create(ctx, name, 0, mode, out)
	if errno != 0 {
		return nil, errno
	}
	h := handleOf(fh)
	defer h.Release(ctx)
	return inode, h.Flush(ctx)
}
