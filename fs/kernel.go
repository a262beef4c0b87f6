package fs

import (
	"context"
	"slices"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
)

// What the kernel keeps. Names, attributes and whole folders stay with it for the time kept, so that a second ls, find or rsync asks
// nobody. That is right because whatever changes by this mount's own calls the kernel knows, and the rest is told to it here.
// A notification waits for calls on the same folder that are under way, so none is ever sent from a handler (spec: fuse.md §4).

// Changed is to be told by the Tree what others have changed in a folder.
func (f *FS) Changed(parent remote.Ref, changes []cache.Change) {
	d := f.folder(parent)
	if d == nil {
		return // the kernel does not know the folder, so it has nothing of it
	}
	var names []string         // that stand for something else now, or for nothing
	var others []*fusefs.Inode // of which something else is told
	for _, c := range changes {
		if c.Was.Name == c.Is.Name && c.Was.ID == c.Is.ID && c.Was.Content == c.Is.Content && c.Was.Size == c.Is.Size {
			if n := f.told(parent, c.Is.Item); n != nil {
				others = append(others, n)
			}
			continue
		}
		for _, name := range []string{c.Was.Name, c.Is.Name} {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	if len(names) > 0 {
		d.stirred() // another time makes the kernel read the folder again, should it be reading it just now
	}
	f.tell(func() {
		for _, n := range others {
			n.NotifyContent(-1, 0)
		}
		if len(names) > 0 {
			d.NotifyContent(0, 0)
		}
		for _, name := range slices.Compact(names) {
			d.unlocked()
			d.NotifyEntry(name) // fails if the kernel does not know the name: then it will ask
		}
	})
}

// told has the node of it, if the kernel knows one, take over what is told of it newly. A folder's name is left with the kernel then,
// and so is all that is below it.
func (f *FS) told(parent remote.Ref, it remote.Item) *fusefs.Inode {
	attr := f.itemAttr(it)
	if it.IsDir() {
		d := f.dirs.known(attr)
		if d == nil {
			return nil
		}
		d.mu.Lock()
		d.item = it
		d.mu.Unlock()
		return d.EmbeddedInode()
	}
	n := f.files.known(attr)
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if was := n.item.item(); n.entry == nil && was.ID == it.ID && was.Content == it.Content && was.Name == it.Name {
		n.parent, n.item = parent, n.fs.leanOf(it)
	}
	return n.EmbeddedInode()
}

// relisted tells the kernel that the file it, which has left from here under a name, may be shown under another one: Frame.io may have
// an older one of that name.
func (f *FS) relisted(parent remote.Ref, name string, it remote.Item) {
	d := f.folder(parent)
	if d == nil {
		return
	}
	shown := cache.Shown(name)
	e, found := f.cfg.Tree.Known(parent, shown)
	f.tell(func() {
		d.NotifyContent(0, 0)
		if !found || e.ID != it.ID {
			d.unlocked()
			d.NotifyEntry(shown)
		}
	})
}

// tell runs a notification apart from whoever found out.
func (f *FS) tell(notify func()) {
	if tells && f.mounted.Load() {
		f.telling.Go(func() {
			_ = remote.Contain(f.log, "tell the kernel of a change", func() error { notify(); return nil }) // it is in the log
		})
	}
}

// lock notes that the kernel keeps d locked until the returned function is called.
func (d *dir) lock() (unlock func()) {
	d.locked.Add(1)
	return func() { d.locked.Add(-1) }
}

// lockedMost is how long a notification lets changes of the same folder go first.
const lockedMost = 10 * time.Second

// unlocked is for who is about to have the kernel forget a name in d. That needs d's lock and cannot be interrupted: were this process
// killed meanwhile, it would wait for a call that waits for its answer, and neither it nor the mount would end (spec: fuse.md §4). So
// it waits until no such call is under way.
func (d *dir) unlocked() {
	for end := time.Now().Add(lockedMost); d.locked.Load() > 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
}

// folder is the node of a folder that the kernel knows, or nil.
func (f *FS) folder(ref remote.Ref) *dir {
	if ref == f.cfg.Root.Ref {
		return f.root
	}
	ino, gen := f.cfg.Index.Inode(ref)
	return f.dirs.known(fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: ino, Gen: gen})
}

// current sees to it that the folder's listing is not old, before something in it is changed.
func (d *dir) current(ctx context.Context) error { return d.fs.current(ctx, d.get().Ref) }

func (f *FS) current(ctx context.Context, ref remote.Ref) error {
	if !ref.IsFolder() {
		return nil
	}
	return f.cfg.Tree.Update(ctx, ref)
}

// recent is how old a listing may be from which much is removed. What others have put into a folder meanwhile is found before that is
// deleted, and what they made a version of keeps the version.
const recent = 5 * time.Minute

// currentEnough is current before something is removed. rm -r comes to hundreds of folders, each of which it has just read; it is not
// to wait for Frame.io to list them again when it has waited its share.
func (f *FS) currentEnough(ctx context.Context, ref remote.Ref) error {
	hurried := f.cfg.Patient != nil && !f.cfg.Patient()
	if ref.IsFolder() && hurried && f.cfg.Tree.Recent(ref, recent) {
		return nil
	}
	return f.current(ctx, ref)
}
