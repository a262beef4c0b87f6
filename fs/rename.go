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
		if errors.Is(err, spool.ErrGone) && moment(ctx) == nil {
			continue // it got to Frame.io just now: look again
		}
		if err != nil {
			if n := errno(err); n != syscall.ENOENT && n != syscall.EEXIST && n != syscall.ENOTEMPTY {
				d.fs.log.Warn("rename", "name", name, "to", newName, "error", err)
			}
			return errno(err)
		}
		d.touched()
		to.touched()
		return 0
	}
}

// rename looks at both names and does what they need.
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
	switch {
	case src.entry == nil && src.item.IsDir():
		return d.renameFolder(ctx, src, to, newName, over)
	case over != nil && over.entry == nil && over.item.IsDir():
		return syscall.EISDIR
	case src.entry != nil && (over == nil || over.place().IsZero()) && !src.entry.Target().Replaces.IsZero():
		return d.renameChanged(ctx, src.entry, to, newName, over)
	case src.entry != nil && src.entry.Info().Stage == spool.Clean:
		return syscall.EBUSY // it would become a version of the other under the feet of its writer
	case src.entry != nil:
		return d.renameLeaving(ctx, src.entry, to, newName, over)
	case over == nil:
		return d.renameFile(ctx, src.item, to, newName)
	default:
		return d.renameOver(ctx, src.item, to, newName, *over)
	}
}

// place is what Frame.io has under the line's name; zero if nothing yet.
func (l line) place() remote.Ref {
	if l.entry != nil {
		return l.entry.Target().Replaces
	}
	return l.item.Ref
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
	}
	it, err := d.relocate(ctx, src.item, to, newName)
	if err != nil {
		return err
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

// renameLeaving renames what is not on Frame.io yet, which costs no call. Over another file it becomes that one's newest
// version.
func (d *dir) renameLeaving(ctx context.Context, e *spool.Entry, to *dir, newName string, over *line) error {
	target := e.Target()
	target.Parent, target.Name = to.get().Ref, cache.Actual(newName)
	var left remote.Ref // what e was to be a version of before
	if over != nil {
		place := over.place()
		if !place.IsZero() && place != target.Replaces {
			left, target.Replaces = target.Replaces, place
		}
	}
	if !left.IsZero() { // it goes from Frame.io, and with it what e has not fetched of it
		if err := e.Fetch(ctx); err != nil {
			return err
		}
	}
	if over != nil && over.entry == nil {
		e.Over(over.item)
	}
	if err := d.retarget(e, target); err != nil { // this discards the entry that had the name
		return err
	}
	if over != nil && over.entry != nil {
		if late := over.entry.Target().Replaces; !late.IsZero() && late != target.Replaces {
			target.Replaces = late // it got to Frame.io just now
			if err := e.Retarget(target); err != nil {
				return err
			}
		}
	}
	if over != nil {
		to.nameless(newName)
	}
	if left.IsZero() {
		return nil
	}
	if err := d.fs.take(ctx, remote.Item{Ref: left}, d.get().Ref); err != nil {
		return err
	}
	d.fs.cfg.Tree.Drop(d.get().Ref, left.ID)
	return nil
}

// renameChanged renames what is on Frame.io and has a new version leaving, or is only open for writing: Frame.io is told at
// once, so that it can refuse.
func (d *dir) renameChanged(ctx context.Context, e *spool.Entry, to *dir, newName string, over *line) error {
	target := e.Target()
	there, err := d.replaced(ctx, target)
	if err != nil {
		return err
	}
	moved, err := d.relocate(ctx, there, to, newName)
	if err != nil {
		return err
	}
	d.moved(moved, to, moved)
	target.Parent, target.Name = to.get().Ref, moved.Name
	err = d.retarget(e, target) // this discards the entry that had the name
	if err == nil && over != nil {
		to.nameless(newName)
	}
	if !errors.Is(err, spool.ErrGone) {
		return err
	}
	if over != nil && over.entry != nil {
		if err := over.entry.Discard(); err != nil && !errors.Is(err, spool.ErrGone) {
			return err
		}
		to.nameless(newName)
	}
	d.fs.cfg.Tree.Forget(d.get().Ref) // the version got there just now, and all of it has the new name
	d.fs.cfg.Tree.Forget(to.get().Ref)
	return nil
}

// retarget gives an entry of d another target. What Settled put into d while it was at work is taken out again.
func (d *dir) retarget(e *spool.Entry, target spool.Target) error {
	if err := e.Retarget(target); err != nil {
		return err
	}
	if from := d.get().Ref; from.ID != target.Parent.ID {
		if asset := e.Info().Asset; !asset.IsZero() {
			d.fs.cfg.Tree.Drop(from, asset.ID)
		}
	}
	return nil
}

// renameFile moves a file on Frame.io to a free name.
func (d *dir) renameFile(ctx context.Context, it remote.Item, to *dir, newName string) error {
	moved, err := d.relocate(ctx, it, to, newName)
	if err != nil {
		return err
	}
	d.fs.asides.put(it.ID, d, it.Name)
	d.moved(it, to, moved)
	return nil
}

// renameOver puts a file that is on Frame.io in the place of another: it becomes that one's newest version.
func (d *dir) renameOver(ctx context.Context, it remote.Item, to *dir, newName string, over line) error {
	place := over.place()
	if !place.IsZero() && it.Kind != remote.File {
		return syscall.EXDEV // Frame.io has no stack of stacks; mv(1) then copies
	}
	moved, err := d.relocate(ctx, it, to, newName)
	if err != nil {
		return err
	}
	if !place.IsZero() {
		stack, err := d.fs.cfg.Names.AddVersion(ctx, place, moved.Ref)
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
		d.fs.cfg.Tree.Drop(parent, it.ID)
		d.fs.cfg.Tree.Drop(parent, place.ID)
		d.fs.cfg.Tree.Put(parent, stack)
		moved = stack
	}
	if over.entry != nil {
		if err := over.entry.Discard(); err != nil && !errors.Is(err, spool.ErrGone) {
			return err
		}
	}
	to.nameless(newName)
	d.moved(it, to, moved)
	return nil
}

// relocate moves and renames on Frame.io, and in the listings.
func (d *dir) relocate(ctx context.Context, it remote.Item, to *dir, newName string) (remote.Item, error) {
	from, parent := d.get().Ref, to.get().Ref
	moved, err := d.fs.cfg.Names.Relocate(ctx, it, from, parent, cache.Actual(newName))
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

// replaced is what an entry of d replaces, as Frame.io has it.
func (d *dir) replaced(ctx context.Context, t spool.Target) (remote.Item, error) {
	all, err := d.fs.cfg.Tree.List(ctx, d.get().Ref)
	if err != nil {
		return remote.Item{}, err
	}
	for _, there := range all {
		if there.ID == t.Replaces.ID {
			return there.Item, nil
		}
	}
	return remote.Item{Ref: t.Replaces, Parent: t.Parent.ID, Name: t.Name}, nil // an earlier content of this very entry, not told yet
}

// nameless tells the inode that had the name that it has none any more.
func (d *dir) nameless(name string) {
	if child := d.GetChild(name); child != nil {
		if n, ok := child.Operations().(*file); ok {
			n.unlinked()
		}
	}
}
