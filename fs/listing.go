package fs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"weak"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// line is one name of a folder: something on Frame.io, or something leaving.
type line struct {
	name  string
	item  remote.Item
	entry *spool.Entry // nil: on Frame.io
	seen  uint64       // FS.events before the look
}

// lines are a folder's names: Frame.io's with what is leaving laid over them. What an entry is about to become, or to
// replace, is shown as the entry alone.
func (d *dir) lines(ctx context.Context) ([]line, error) {
	ref := d.get().Ref
	sp := d.fs.cfg.Spool
	for {
		seen := d.fs.events.Load()
		// An entry that settles goes into the listing before it goes from the spool. So nothing is missed if the spool is asked
		// first, and nothing is seen twice if the same entries are there afterwards.
		var leaving []*spool.Entry
		if ref.IsFolder() {
			leaving = sp.In(ref.ID)
		}
		there, err := d.fs.cfg.Tree.List(ctx, ref)
		if err != nil {
			return nil, err
		}
		all := len(there)
		there = slices.DeleteFunc(slices.Clone(there), func(t cache.Entry) bool { return sp.Hides(t.ID) || sp.Claimed(t.Content) })
		if len(there) < all {
			plain(there)
		}
		if !ref.IsFolder() || sameEntries(leaving, sp.In(ref.ID)) {
			return laidOver(leaving, there, seen), nil
		}
		if err := moment(ctx); err != nil {
			return nil, err
		}
	}
}

// plain gives back the names that were told apart only from those of items that are not shown.
func plain(there []cache.Entry) {
	taken := make(map[string]bool, len(there))
	for _, t := range there {
		taken[t.Name] = true
	}
	for i, t := range there {
		if name := cache.Shown(t.Item.Name); !taken[name] && len(name) <= nameMax {
			taken[name] = true
			there[i].Name = name
		}
	}
}

// laidOver puts entries and items together. Equal names are told apart; the entry's stays.
func laidOver(leaving []*spool.Entry, there []cache.Entry, seen uint64) []line {
	all := make([]line, 0, len(there)+len(leaving))
	taken := make(map[string]bool, len(leaving))
	for _, e := range leaving {
		name := cache.Shown(e.Target().Name)
		if taken[name] {
			name = cache.Distinct(name, remote.ID(e.Key()))
		}
		taken[name] = true
		all = append(all, line{name: name, entry: e, seen: seen})
	}
	for _, t := range there {
		if taken[t.Name] {
			t.Name = cache.Distinct(t.Name, t.ID)
		}
		all = append(all, line{name: t.Name, item: t.Item, seen: seen})
	}
	return all
}

// sameEntries reports whether two pictures of a folder's entries, in any order, are of the same.
func sameEntries(a, b []*spool.Entry) bool {
	if len(a) != len(b) {
		return false
	}
	seen := make(map[*spool.Entry]bool, len(a))
	for _, e := range a {
		seen[e] = true
	}
	for _, e := range b {
		if !seen[e] {
			return false
		}
	}
	return true
}

// OpendirHandle opens the folder. What it shows is found out when it is first read, and is shown then, whatever happens meanwhile:
// as a rule the kernel has it already, and only asks whether it may open.
func (d *dir) OpendirHandle(ctx context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	d.look()
	ref := d.get().Ref
	h := &dirHandle{dir: d, let: d.fs.cfg.Tree.Hold(ref)}
	if d.fs.cfg.Tree.Looked(ref) {
		return h, keepFolder, 0 // what has changed since the kernel read it, it was told
	}
	ctx, cancel := d.fs.patient(ctx)
	defer cancel()
	there, err := d.fs.cfg.Tree.List(ctx, ref)
	if err != nil {
		h.let()
		return nil, 0, errno(err)
	}
	var listing weak.Pointer[cache.Entry]
	if len(there) > 0 {
		listing = weak.Make(&there[0])
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listing != listing {
		d.listing = listing
		return h, 0, 0 // what is different the kernel may not have been told yet
	}
	return h, keepFolder, 0
}

// dirHandle is an open folder. The kernel serializes calls on one handle, but for Lookup, which only reads.
type dirHandle struct {
	dir   *dir
	read  bool // lines are there
	lines []line
	next  int
	let   func() // lets go of the folder, which is kept up to date while it is open

	byName map[string]int // made at the first Lookup
}

// load takes the picture of the folder that is shown.
func (h *dirHandle) load(ctx context.Context) error {
	if h.read {
		return nil
	}
	ctx, cancel := h.dir.fs.patient(ctx)
	defer cancel()
	lines, err := h.dir.lines(ctx)
	h.lines, h.read = lines, err == nil
	return err
}

var (
	_ fusefs.FileReaddirenter = (*dirHandle)(nil)
	_ fusefs.FileSeekdirer    = (*dirHandle)(nil)
	_ fusefs.FileLookuper     = (*dirHandle)(nil)
	_ fusefs.FileFsyncdirer   = (*dirHandle)(nil)
	_ fusefs.FileReleasedirer = (*dirHandle)(nil)
)

// dots are the first names of every folder, which the kernel leaves to us.
var dots = [...]string{".", ".."}

// Readdirent implements getdents(2).
func (h *dirHandle) Readdirent(ctx context.Context) (*fuse.DirEntry, syscall.Errno) {
	if err := h.load(ctx); err != nil {
		return nil, errno(err)
	}
	if h.next < len(dots) {
		inode := h.dir.EmbeddedInode()
		if _, above := inode.Parent(); h.next == 1 && above != nil {
			inode = above
		}
		h.next++
		return &fuse.DirEntry{Name: dots[h.next-1], Mode: syscall.S_IFDIR, Ino: inode.StableAttr().Ino, Off: uint64(h.next)}, 0
	}
	if h.next-len(dots) >= len(h.lines) {
		return nil, 0
	}
	l := h.lines[h.next-len(dots)]
	h.next++
	attr := h.dir.fs.lineAttr(l)
	// go-fuse keeps the name, and with the listing's own text it would keep all of that.
	return &fuse.DirEntry{Name: strings.Clone(l.name), Mode: attr.Mode, Ino: attr.Ino, Off: uint64(h.next)}, 0
}

// Seekdir implements lseek(2) on the folder.
func (h *dirHandle) Seekdir(ctx context.Context, off uint64) syscall.Errno {
	if err := h.load(ctx); err != nil {
		return errno(err)
	}
	if off > uint64(len(dots)+len(h.lines)) {
		return syscall.EINVAL
	}
	h.next = int(off)
	return 0
}

// Lookup answers READDIRPLUS from the picture, without a second look at the folder unless something has changed here since.
func (h *dirHandle) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if !h.read || len(h.lines) > 0 && h.lines[0].seen != h.dir.fs.events.Load() {
		return h.dir.Lookup(ctx, name, out)
	}
	if i := h.next - 1 - len(dots); i >= 0 && i < len(h.lines) && h.lines[i].name == name {
		return h.dir.child(ctx, h.lines[i], out), 0
	}
	if h.byName == nil {
		h.byName = make(map[string]int, len(h.lines))
		for i, l := range h.lines {
			h.byName[l.name] = i
		}
	}
	i, ok := h.byName[name]
	if !ok {
		return nil, syscall.ENOENT
	}
	return h.dir.child(ctx, h.lines[i], out), 0
}

// Fsyncdir implements fsync(2) on the folder.
func (h *dirHandle) Fsyncdir(ctx context.Context, flags uint32) syscall.Errno {
	return h.dir.Fsync(ctx, h, flags)
}

// Releasedir implements closedir(3).
func (h *dirHandle) Releasedir(context.Context, uint32) { h.let() }

// lineAttr is the identity of a line.
func (f *FS) lineAttr(l line) fusefs.StableAttr {
	if l.entry != nil {
		return entryAttr(l.entry.Key())
	}
	return f.itemAttr(l.item)
}

// String tells a line in logs and test failures.
func (l line) String() string {
	if l.entry != nil {
		return fmt.Sprintf("%q leaving as %s", l.name, l.entry.Key())
	}
	return fmt.Sprintf("%q on Frame.io as %s %s", l.name, l.item.Kind, l.item.ID)
}
