package fs

import (
	"fmt"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"github.com/frameiofs/frameiofs/remote"
)

// Made takes over that a folder which was made here, and accepted before Frame.io had answered, is there as it, with
// the name and in the folder that it shall have: inode, attributes and
// what stands in it stay. It may be called again for the same folder after a crash.
func (f *FS) Made(here remote.Ref, it remote.Item) error {
	index, tree := f.cfg.Index, f.cfg.Tree
	ino, gen := index.Inode(here)
	if err := index.Alias(it.ID, ino, gen); err != nil {
		return fmt.Errorf("keep inode number: %w", err)
	}
	if err := index.SetAttr(it.ID, index.Attr(here.ID)); err != nil {
		return fmt.Errorf("keep attributes: %w", err)
	}
	if err := index.SetXAttrs(it.ID, index.XAttrs(here.ID)); err != nil {
		return fmt.Errorf("keep attributes: %w", err)
	}
	f.forms.makes(it.Name, it.ID, here.ID)
	tree.Became(remote.Ref{Kind: remote.Folder, ID: it.Parent, Account: it.Account}, here, it)
	f.cfg.Spool.AdoptFolder(here.ID, it.Ref)
	d := f.dirs.known(fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: ino, Gen: gen})
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.item.ID == here.ID {
		it.Name, it.Parent = d.item.Name, d.item.Parent // it may have been moved since it was told
		d.item = it
	}
	return nil
}
