package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

var _ fusefs.NodeRenamer = (*dir)(nil)

// noReplace is RENAME_NOREPLACE, which mv(1) sends for a free name (spec: fuse.md §1.1).
const noReplace = 1

// Rename implements rename(2) and renameat2(2) with RENAME_NOREPLACE or RENAME_EXCHANGE. A file that takes the place of another becomes its
// newest version.
func (d *dir) Rename(ctx context.Context, name string, newParent fusefs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	defer d.lock()()
	if to, ok := newParent.(*dir); ok {
		defer to.lock()()
	}
	to, ok := newParent.(*dir)
	if !ok {
		return syscall.EXDEV
	}
	if flags != exchange && flags&^noReplace != 0 {
		return syscall.EINVAL
	}
	if err := to.mayName(newName); err != nil {
		return errno(err)
	}
	if d.fs.cfg.ReadOnly {
		return syscall.EROFS
	}
	ctx, cancel := d.fs.patient(ctx)
	defer cancel()
	for _, in := range []*dir{d, to} {
		if err := in.current(ctx); err != nil {
			return errno(err)
		}
	}
	for {
		var err error
		if flags == exchange {
			err = d.exchange(ctx, name, to, newName)
		} else {
			err = d.rename(ctx, name, to, newName, flags&noReplace != 0)
		}
		if soon(err) && moment(ctx) == nil {
			continue
		}
		if err != nil {
			if n := errno(err); n != syscall.ENOENT && n != syscall.EEXIST && n != syscall.ENOTEMPTY {
				d.fs.log.Warn("rename", "name", name, "to", newName, "error", err)
			}
			return errno(err)
		}
		d.touched()
		to.touched()
		if e := d.fs.cfg.Spool.Find(to.get().ID, cache.Actual(newName)); e != nil {
			to.heir(ctx, cache.Actual(newName), e.Key())
			d.fs.saved(ctx, e)
		}
		return 0
	}
}

// soon reports whether an error of the spool's tells to look again in a moment: something gets to Frame.io just now, or got there.
func soon(err error) bool { return errors.Is(err, spool.ErrGone) || errors.Is(err, spool.ErrBusy) }

// rename looks at both names and does what they need. What is leaving under either is kept steady meanwhile: neither name comes to
// stand for something else by an upload that ends now.
func (d *dir) rename(ctx context.Context, name string, to *dir, newName string, free bool) (err error) {
	src, err := d.find(ctx, name)
	if err != nil {
		return err
	}
	var over *line
	dst, err := to.find(ctx, newName)
	switch {
	case errors.Is(err, iofs.ErrNotExist):
	case err != nil:
		return err
	case dst.entry == src.entry && dst.item.ID == src.item.ID: // the same file in another spelling
	case free:
		return syscall.EEXIST
	default:
		over = &dst
	}
	asked := newName
	if over != nil {
		newName = over.name // it may have been asked for by another form of that, see forms.go
	}
	defer func() {
		if err == nil {
			d.otherForm(name, src.name)
			to.overForm(asked, newName)
		}
	}()
	if src.entry == nil && src.item.IsDir() {
		return d.renameFolder(ctx, src, to, newName, over)
	}
	done, err := d.alone(ctx, src, nil)
	if err != nil {
		return err
	}
	defer done()
	if over != nil {
		done, err := to.alone(ctx, *over, d.fs.asides.of(src))
		if err != nil {
			return err
		}
		defer done()
	}
	if over != nil && over.entry == nil && over.item.IsDir() {
		return syscall.EISDIR
	}
	there, let, err := src.steady()
	if err != nil {
		return err
	}
	defer let()
	if over == nil {
		return d.renameFile(ctx, src, there, to, newName, nil)
	}
	under, let, err := over.steady()
	if err != nil {
		return err
	}
	defer let()
	if under.IsZero() {
		return d.renameFile(ctx, src, there, to, newName, over)
	}
	return d.renameOver(ctx, src, there, to, newName, over, under)
}

// steady tells what Frame.io has under the line's name, and keeps it so.
func (l *line) steady() (there spool.There, let func(), err error) {
	if l.entry != nil {
		return l.entry.Steady()
	}
	return spool.There{Ref: l.item.Ref}, func() {}, nil
}

// renameFolder moves a folder on Frame.io. What is leaving into it names it by id and needs no change.
func (d *dir) renameFolder(ctx context.Context, src line, to *dir, newName string, over *line) error {
	if src.item.Kind != remote.Folder {
		return syscall.EPERM
	}
	if over != nil {
		if over.entry != nil || !over.item.IsDir() {
			return syscall.ENOTDIR
		}
		if err := d.fs.removeFolder(ctx, to.get().Ref, over.item); err != nil {
			return err
		}
		to.homeless(over.name)
	}
	it, err := d.relocate(ctx, src.item, to, newName)
	if err != nil {
		return err
	}
	if it.ID.Pending() {
		d.fs.cfg.Spool.FolderRenamed()
	}
	if child := d.GetChild(src.name); child != nil {
		if n, ok := child.Operations().(*dir); ok {
			n.mu.Lock()
			n.item = it
			n.mu.Unlock()
		}
	}
	return nil
}

// renameFile gives a file a name that Frame.io has nothing under, though there may be something leaving, over. What is on Frame.io
// already is renamed there first, so that it can refuse; of the rest a rename costs no call.
func (d *dir) renameFile(ctx context.Context, src line, there spool.There, to *dir, newName string, over *line) error {
	name := cache.Actual(newName)
	it := src.item
	if !there.IsZero() && !there.Own {
		if src.entry != nil {
			var err error
			if it, err = d.replaced(ctx, there.Ref, src.entry.Target()); err != nil {
				return err
			}
		}
		moved, err := d.relocate(ctx, it, to, newName)
		if err != nil {
			return err
		}
		if src.entry == nil {
			d.fs.asides.put(it.ID, place{d, it.Name}, place{to, moved.Name}, process(ctx))
		}
		d.moved(it, to, moved)
		name = moved.Name
	}
	switch {
	case src.entry != nil:
		target := src.entry.Target()
		target.Parent, target.Name = to.get().Ref, name
		old, kept := remote.Item{}, false
		if there.IsZero() && target.Replaces.IsZero() && src.entry.Info().Size > 0 {
			if old, kept = to.keep(name); kept {
				target.Replaces = old.Ref
			}
		}
		if err := d.retarget(src.entry, target, over); err != nil { // this discards what had the name
			if kept {
				err = errors.Join(err, d.fs.cfg.Rests.RemoveLater(old, target.Parent))
			}
			return err
		}
		if kept {
			d.fs.cfg.Tree.Put(target.Parent, old)
		}
	case over != nil: // not Supersede: what Frame.io has confirmed of it meanwhile has nothing above it
		d.fs.linger(over.entry)
		if err := over.entry.Discard(); err != nil && !errors.Is(err, spool.ErrGone) {
			return err
		}
		d.fs.forsaken(to.get().Ref, over.entry)
	}
	if over != nil {
		to.nameless(newName)
	}
	return nil
}

// renameOver puts a file in the place of what Frame.io has as under: it becomes the newest version of that.
func (d *dir) renameOver(ctx context.Context, src line, there spool.There, to *dir, newName string, over *line, under spool.There) error {
	switch {
	case src.entry == nil:
		return d.renameItemOver(ctx, src.item, to, newName, over, under)
	case src.entry.Info().Stage == spool.Clean:
		return syscall.EBUSY // it would become a version of the other under the feet of its writer
	case there.Kind == remote.Stack, !there.Earlier.IsZero():
		return syscall.EXDEV // Frame.io has no stack of stacks; mv(1) then copies
	}
	target := src.entry.Target()
	target.Parent, target.Name, target.Replaces = to.get().Ref, cache.Actual(newName), under.Ref
	if !there.IsZero() && !there.Own { // it goes from Frame.io, and with it what the entry has not fetched of it
		if err := src.entry.Fetch(ctx); err != nil {
			return err
		}
	}
	if over.entry == nil {
		src.entry.Over(over.item)
	}
	if err := d.retarget(src.entry, target, over); err != nil {
		return err
	}
	to.nameless(newName)
	if there.IsZero() || there.Own {
		return nil
	}
	// What it was to be a version of before has lost its name.
	if err := d.fs.take(ctx, remote.Item{Ref: there.Ref}, d.get().Ref); err != nil {
		return err
	}
	d.fs.cfg.Tree.Drop(d.get().Ref, there.ID)
	return nil
}

// retarget gives an entry of d another target, and discards what is leaving there, over. What Settled put into d while it was at
// work is taken out again.
func (d *dir) retarget(e *spool.Entry, target spool.Target, over *line) error {
	var there *spool.Entry
	if over != nil && over.entry != nil {
		there = over.entry
		d.fs.linger(there)
	}
	if err := e.Rename(target, there); err != nil {
		return err
	}
	if from := d.get().Ref; from.ID != target.Parent.ID {
		for _, id := range e.Assets() {
			d.fs.cfg.Tree.Drop(from, id)
		}
	}
	if there != nil {
		d.fs.forsaken(target.Parent, there)
	}
	return nil
}

// forsaken takes what Frame.io has of a discarded entry, and what nobody took over, out of the listing: that may know of it, or
// Settled told it.
func (f *FS) forsaken(parent remote.Ref, e *spool.Entry) {
	for _, id := range e.Assets() {
		if !f.cfg.Spool.Claimed(id) {
			f.cfg.Tree.Drop(parent, id)
		}
	}
}

// renameItemOver is renameOver of a file that is on Frame.io and not leaving.
func (d *dir) renameItemOver(ctx context.Context, it remote.Item, to *dir, newName string, over *line, under spool.There) error {
	if it.Kind != remote.File {
		return syscall.EXDEV // Frame.io has no stack of stacks; mv(1) then copies
	}
	moved, err := d.relocate(ctx, it, to, newName)
	if err != nil {
		return err
	}
	stack, err := d.fs.cfg.Names.AddVersion(ctx, under.Ref, moved.Ref)
	if err != nil {
		back, name := d, cache.Shown(it.Name)
		if _, undo := to.relocate(ctx, moved, back, name); undo != nil {
			d.fs.log.Warn("put a file back after a refused rename", "name", newName, "error", undo)
		}
		if errors.Is(err, remote.ErrRefused) {
			return syscall.EXDEV // two kinds of media do not stack; mv(1) then copies
		}
		return err
	}
	ino, gen := d.fs.cfg.Index.Inode(it.Ref)
	if err := d.fs.cfg.Index.Alias(stack.ID, ino, gen); err != nil {
		return err
	}
	parent := to.get().Ref
	if over.entry != nil {
		d.fs.linger(over.entry)
		if err := over.entry.Supersede(); err != nil {
			return err
		}
		d.fs.forsaken(parent, over.entry)
	}
	d.fs.cfg.Tree.Drop(parent, it.ID)
	d.fs.cfg.Tree.Drop(parent, under.ID)
	d.fs.cfg.Tree.Put(parent, stack)
	to.nameless(newName)
	d.moved(it, to, stack)
	return nil
}

// relocate moves and renames on Frame.io, and in the listings.
func (d *dir) relocate(ctx context.Context, it remote.Item, to *dir, newName string) (remote.Item, error) {
	from, parent := d.get().Ref, to.get().Ref
	var moved remote.Item
	var err error
	if name := cache.Actual(newName); spool.LocalName(name) && it.Kind == remote.File { // V4 refuses to rename some stacks: that is to be heard
		moved, err = d.fs.cfg.Rests.RelocateLater(it, from, parent, name) // perhaps a save: see backup.go
	} else {
		moved, err = d.fs.cfg.Names.Relocate(ctx, it, from, parent, name)
	}
	if err != nil {
		return it, err
	}
	if from.ID != parent.ID {
		d.fs.cfg.Tree.Drop(from, it.ID)
	}
	if moved.Content == "" && !moved.IsDir() {
		d.fs.cfg.Tree.Forget(parent) // more is not known of it
	} else {
		d.fs.cfg.Tree.Put(parent, moved)
	}
	return moved, nil
}

// moved tells the inode of a file where it is now.
func (d *dir) moved(was remote.Item, to *dir, now remote.Item) {
	for _, child := range d.Children() {
		n, ok := child.Operations().(*file)
		if !ok {
			continue
		}
		if it, _ := n.get(); it.ID == was.ID {
			n.is(to.get().Ref, now)
		}
	}
}

// replaced is what stands for an entry of d, as Frame.io has it.
func (d *dir) replaced(ctx context.Context, is remote.Ref, t spool.Target) (remote.Item, error) {
	all, err := d.fs.cfg.Tree.List(ctx, d.get().Ref)
	if err != nil {
		return remote.Item{}, err
	}
	for _, there := range all {
		if there.ID == is.ID {
			return there.Item, nil
		}
	}
	return remote.Item{Ref: is, Parent: t.Parent.ID, Name: t.Name}, nil // an earlier content of this very entry, not told yet
}

// nameless tells the inode that had the name that it has none any more.
func (d *dir) nameless(name string) {
	if child := d.GetChild(name); child != nil {
		if n, ok := child.Operations().(*file); ok {
			n.unlinked()
		}
	}
}
