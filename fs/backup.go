package fs

import (
	"context"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// Emacs, vim and others rename the old file to the name of a backup, and write it anew. Taken literally what people said to the asset is
// from then on said to the backup. So the asset keeps its name and gets the new bytes as its next version, and the backup becomes a
// copy of what it was: on this machine if files of its name stay here, else one that Frame.io makes.
//
// A name that files have for a moment, or for a backup, says enough. If it is another one, only a program that does both at once, in one folder,
// is believed to mean that: who renames a file by hand means the asset.

// backupSoon is how long a program may take between renaming a file to an ordinary name and making it anew.
const backupSoon = 2 * time.Second

// eagerly is up to what size the bytes of a backup are fetched at once: beyond, Frame.io's older version is there to be read.
const eagerly = 64 << 20

// heir notes that an entry was made under a name that a file on Frame.io had until a moment ago.
func (d *dir) heir(ctx context.Context, name string, key spool.Key) {
	a := &d.fs.asides
	a.mu.Lock()
	s := a.was[place{d, name}]
	a.mu.Unlock()
	if s == nil || spool.LocalName(name) {
		return
	}
	by := process(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	age := time.Since(s.at)
	if a.byID[s.id] != s || age > asideFor || !spool.LocalName(s.now.name) && (s.now.dir != d || age > backupSoon || by == 0 || by != s.by) {
		return
	}
	delete(a.heirs, s.heir)
	s.heir = key
	a.heirs[key] = s
}

// process is the process that asks; 0 if that is not known.
func process(ctx context.Context) uint32 {
	if p, ok := ctx.(*patientContext); ok {
		return processOf(p.tid)
	}
	if caller, ok := fuse.FromContext(ctx); ok {
		return processOf(caller.Pid)
	}
	return 0
}

// saved is called when nobody writes a file any more. If it was made where another was put aside, it becomes a version of that.
func (f *FS) saved(ctx context.Context, e *spool.Entry) {
	f.asides.mu.Lock()
	s := f.asides.heirs[e.Key()]
	f.asides.mu.Unlock()
	if s == nil {
		return
	}
	if in := e.Info(); in.Writers > 0 || in.Size == 0 || in.Stage == spool.Gone {
		return
	}
	ctx, cancel := f.patient(ctx)
	defer cancel()
	s.turn.Lock()
	defer s.turn.Unlock()
	if f.asides.of(line{entry: e}) != s { // somebody was quicker
		return
	}
	defer f.asides.take(s.id)
	l, err := s.now.dir.find(ctx, cache.Shown(s.now.name))
	if err != nil || l.entry != nil || l.item.ID != s.id || !l.item.Complete() {
		return // it has gone on
	}
	let, ok := f.fresh(ctx, e, s.was)
	if !ok {
		return
	}
	defer let()
	f.backUp(ctx, s, l.item, e)
}

// backUp makes a copy of a file under the name to which it was put aside, and e its next version.
func (f *FS) backUp(ctx context.Context, s *aside, it remote.Item, e *spool.Entry) {
	was := f.itemAttr(it)
	kept := f.cfg.Index.Attr(it.Content)
	attr := spool.Attr{Mode: kept.Mode, UID: kept.UID, GID: kept.GID, Mtime: itemTime(it, kept), Atime: kept.Atime, Ctime: kept.Ctime,
		XAttr: f.cfg.Index.XAttrs(it.Content)}
	backup, err := f.cfg.Spool.Copy(ctx, spool.Target{Parent: s.now.dir.get().Ref, Name: s.now.name}, attr, it)
	if err != nil {
		f.log.Warn("keep what a file was before it was saved; the backup is the asset, and the file a new one", "name", s.now.name, "error", err)
		return
	}
	if !s.now.dir.inherits(ctx, e, it, s.was) {
		if err := backup.Discard(); err != nil {
			f.log.Warn("discard a copy", "name", s.now.name, "error", err)
		}
		return
	}
	ino, gen := e.Key().Inode()
	if err := f.cfg.Index.Alias(it.ID, ino, gen); err != nil {
		f.log.Warn("keep inode number", "name", s.was.name, "error", err)
	}
	if n := f.files.known(was); n != nil {
		n.unlinked() // who has it open keeps it
	}
	name := cache.Shown(s.now.name)
	f.tell(func() { s.now.dir.NotifyEntry(name) })
	if f.mounted.Load() && spool.LocalName(s.now.name) && it.Size <= eagerly {
		f.telling.Go(func() { f.fetchBackup(backup) })
	}
}

// fetchBackup brings a backup's bytes here, so that it is one whatever becomes of the asset.
func (f *FS) fetchBackup(backup *spool.Entry) {
	ctx, cancel := context.WithTimeout(f.life, f.cfg.Timeout)
	defer cancel()
	if err := backup.Fetch(ctx); err != nil && ctx.Err() == nil {
		f.log.Warn("fetch the bytes of a backup; they are read from the older version on Frame.io", "name", backup.Target().Name, "error", err)
	}
}
