package fs

import (
	"context"
	"math/rand/v2"
	"os"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// An inode has one set of pages in the kernel, and one size. So it stands for one content for as long as anybody has it open,
// unless it is changed through this mount: then its readers see the change, as they would on a disk. If somebody else makes a
// new version meanwhile, that gets an inode of its own, with the same number: who has the file open keeps what he opened, and the next
// open finds the new one.
//
// Inodes that the kernel reads past us (passthrough) cannot show a change at all, and the kernel refuses to open one in both ways
// at once. A writer gets an inode of its own then, too.

// closed notes that one of the handles is gone.
func (n *file) closed(passed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.opens--
	if passed {
		n.passing--
	}
	if n.opens == 0 {
		for _, let := range n.last {
			let()
		}
		n.last = nil
	}
}

// linger keeps the bytes of an entry that is about to be discarded for those who have the file open: some of them may not have read
// from the entry yet, but from what it was to replace.
func (f *FS) linger(e *spool.Entry) {
	n := f.files.known(entryAttr(e.Key()))
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens == 0 || n.entry != e {
		return
	}
	if h, err := e.Open(false); err == nil {
		n.last = append(n.last, h.Release)
	}
}

// keeps reports, with mu held, whether the inode has to stay as it is though Frame.io has another content by now.
func (n *file) keeps(content remote.ID) bool {
	was := n.item.item().Content
	return was != "" && was != content && (n.opens > 0 || n.passed != "" && n.passed != content)
}

// another gives what is under ref on Frame.io another identity than n, so that the next look-up makes it another inode. The number
// that programs see stays.
func (n *file) another(ref remote.Ref) (fusefs.StableAttr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	mine := n.StableAttr()
	if ino, gen := n.fs.cfg.Index.Inode(ref); ino != mine.Ino || gen != mine.Gen {
		return fusefs.StableAttr{Mode: mine.Mode, Ino: ino, Gen: gen}, nil // somebody else was quicker
	}
	other := mine
	for other.Gen == mine.Gen {
		other.Gen = rand.Uint64()
	}
	return other, n.fs.cfg.Index.Alias(ref.ID, other.Ino, other.Gen)
}

// writable makes way for a writer, whose handle is counted already. If the kernel reads the inode past us the answer is ESTALE,
// upon which the kernel looks the name up again and finds another inode.
func (n *file) writable(ctx context.Context) error {
	if err := n.current(ctx); err != nil {
		return err
	}
	n.mu.Lock()
	passing, ref, leaving := n.passing, n.item.item().Ref, n.entry != nil
	n.mu.Unlock()
	if passing == 0 || leaving { // what is leaving they read and write together: see passEntry
		return nil
	}
	if err := n.makeWay(ctx, ref); err != errAgain {
		return err
	}
	return nil
}

// makeWay gives the file another inode for whoever opens it from now on, and has the kernel look for it. With errAgain it is leaving again,
// and needs none.
func (n *file) makeWay(ctx context.Context, ref remote.Ref) error {
	for n.settles() { // a look-up would lead here again, and the kernel looks only once more
		if err := moment(ctx); err != nil {
			return err
		}
	}
	n.mu.Lock()
	leaving := n.entry != nil
	n.mu.Unlock()
	if leaving {
		return errAgain
	}
	if _, err := n.another(ref); err != nil {
		return err
	}
	return syscall.ESTALE
}

// settles reports whether a look-up would still lead here by what was leaving, though that has become what n is on Frame.io.
func (n *file) settles() bool {
	e := n.untold()
	return e != nil && e.Info().Stage == spool.Settled
}

// untold is the entry that n was, if it has become what is on Frame.io, but is not gone yet: Settled may be called for it again.
func (n *file) untold() *spool.Entry {
	n.mu.Lock()
	parent, name, leaving := n.parent, n.item.item().Name, n.entry != nil
	n.mu.Unlock()
	if leaving {
		return nil
	}
	if e := n.fs.cfg.Spool.Find(parent.ID, name); e != nil && entryAttr(e.Key()) == n.StableAttr() {
		return e
	}
	return nil
}

// current sees to it that what is about to be changed is the newest version, of a listing that is not old. If it is not, the kernel
// is to look the name up again.
func (n *file) current(ctx context.Context) error {
	n.mu.Lock()
	it, parent, leaving := n.item.item(), n.parent, n.entry != nil
	n.mu.Unlock()
	if leaving || it.Ref.IsZero() {
		return nil
	}
	if err := n.fs.cfg.Tree.Update(ctx, parent); err != nil {
		return err
	}
	there, err := n.fs.cfg.Tree.List(ctx, parent)
	if err != nil {
		return err
	}
	for _, t := range there {
		if t.ID == it.ID && t.Content == it.Content {
			return nil
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := n.item.item(); n.entry != nil || now.ID != it.ID || now.Content != it.Content || n.gone {
		return nil // changed through this mount meanwhile
	}
	return syscall.ESTALE
}

// passed is a handle that the kernel reads past us, from the very file in which the cache has all bytes.
type passed struct {
	*handle
	file *os.File
}

var _ fusefs.FilePassthroughFder = (*passed)(nil)

// PassthroughFd tells go-fuse which file that is. If the kernel refuses, the handle is read like any other.
func (p *passed) PassthroughFd() (int, bool) { return int(p.file.Fd()), true }

// pass makes h a handle that the kernel reads past us; it answers nil if that cannot be. Either all open handles of an inode
// are such ones or none is, or the kernel answers EIO (spec: fuse.md §1.2). And the file that the kernel reads is ever the same for an
// inode, because go-fuse gives it back a moment after the last such handle is gone.
func (n *file) pass(ctx context.Context, h *handle) (*passed, error) {
	if !n.fs.passes.Load() {
		return nil, nil
	}
	n.mu.Lock()
	ref := n.item.item().Ref
	if n.entry == nil && n.opens-1 == n.passing && (n.passed == "" || n.passed == h.content) {
		f, ok := h.reader.File()
		if ok {
			id := backingOf(f)
			ok = n.backing == (backing{}) || n.backing == id
			if ok {
				n.backing = id
			}
		}
		if ok {
			n.passing++
			n.passed, h.passes = h.content, true
			n.mu.Unlock()
			return &passed{h, f}, nil
		}
	}
	passing := n.passing
	n.mu.Unlock()
	if passing > 0 {
		return nil, n.makeWay(ctx, ref)
	}
	return nil, nil
}
