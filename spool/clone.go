package spool

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// A clone is an entry into which the bytes of an asset were copied without moving one (copy_file_range): it is a changed asset
// of which nothing is here, see blocks. If it is the whole asset, and stays so, Frame.io copies it (copy.go); else what is
// missing is fetched, and the entry is sent like any other.

// errUncloned: Frame.io does not copy a clone's source, so its bytes are needed here.
var errUncloned = errors.New("spool: Frame.io does not copy the file; its bytes are fetched")

// Clone makes the n bytes of src from off on the entry's own at the same place, without moving them. It answers syscall.EXDEV if that
// cannot be: for an entry that has any bytes but the beginning of src's, and one of another account.
func (h *Handle) Clone(ctx context.Context, src remote.Item, off, n int64) error {
	if n <= 0 || off+n > src.Size || src.Content == "" || !src.Complete() {
		return syscall.EXDEV
	}
	return h.modify(ctx, span{off, off + n}, math.MaxInt64, func() error {
		e := h.e
		e.step.Lock()
		defer e.step.Unlock()
		e.gate.Lock()
		defer e.gate.Unlock()
		rec, stage, folder := e.get()
		switch {
		case !e.writable:
			return errNotWritable
		case off != e.Size() || stage != Writing || folder == "" || e.data == nil || e.given || e.passed() || src.Account != rec.Target.Parent.Account:
			return syscall.EXDEV
		case off == 0:
			if err := e.hollow(src); err != nil {
				return err
			}
		case !rec.Clone || rec.Base == nil || rec.Base.Content != src.Content || e.blocks == nil || !e.blocks.untouched(off):
			return syscall.EXDEV
		}
		h.flushed.Store(false)
		h.touched.Store(true)
		if err := e.data.Truncate(off + n); err != nil {
			return err
		}
		if err := e.blocks.grow(off + n); err != nil {
			return errors.Join(err, e.data.Truncate(off))
		}
		e.size.Store(off + n)
		e.changed()
		return nil
	})
}

// hollow makes an empty entry one whose bytes may be src's, with step held and the gate held alone.
func (e *Entry) hollow(src remote.Item) error {
	if e.blocks != nil {
		return syscall.EXDEV
	}
	if e.isYoung() {
		if err := e.grow(drafts); err != nil {
			return err
		}
	}
	if err := removeFile(filepath.Join(e.dir(), blocksName)); err != nil {
		return err
	}
	b, err := makeBlocks(e.dir(), src.Size, &e.lacks)
	if err != nil {
		return err
	}
	if err = b.shrink(0); err == nil {
		err = e.save(lazily, func(r *record) { r.Format, r.Base, r.Clone, r.Uncopied = formatPartial, &src, true, false })
	}
	if err != nil {
		b.close()
		return fmt.Errorf("note what is copied: %w", err)
	}
	e.blocks = b
	e.s.clones.Add(1)
	return nil
}

// grow notes that base's first keep bytes matter from now on, with the gate held alone.
func (b *blocks) grow(keep int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.keep
	b.keep = keep
	if err := b.saveKeep(); err != nil {
		b.keep, b.stale = was, true
		return err
	}
	b.count()
	return nil
}

// untouched reports whether data has nothing but base's first keep bytes.
func (b *blocks) untouched(keep int64) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.keep != keep {
		return false
	}
	for _, s := range b.state {
		if s != absent && s != fetched {
			return false
		}
	}
	return true
}

// cloned reports whether the entry is to the last byte what another asset is, so that Frame.io can copy that; with step held.
func (e *Entry) cloned() bool {
	rec, _, _ := e.get()
	if !rec.Clone || rec.Uncopied || rec.Format != formatPartial || rec.Base == nil || rec.Base.Size != e.Size() {
		return false
	}
	var lacks atomic.Int64
	b, err := loadBlocks(e.dir(), e.Size(), &lacks)
	if err != nil {
		return false // whoever needs the bytes will tell
	}
	defer b.close()
	return b.untouched(rec.Base.Size)
}

// uncloned has a clone's bytes fetched, so that it can be sent; with step held.
func (e *Entry) uncloned() error {
	if err := e.save(durable, func(r *record) { r.Uncopied, r.Sealed = true, time.Time{} }); err != nil {
		return err
	}
	if err := e.toDrafts(nil); err != nil {
		return err
	}
	e.settle(0)
	return nil
}

// madeOf is what has the bytes that are not here: of a clone that Frame.io has copied that is its copy, because the source may be deleted now.
func (r *record) madeOf(p *placed) *remote.Item {
	if p == nil || p.Same || !r.Clone || r.Format != formatPartial || r.Base == nil {
		return r.Base
	}
	is := p.Item
	is.Ref, is.Content, is.Size = p.File, p.File.ID, r.Base.Size
	return &is
}

// Spare returns when no clone needs an asset any more that is about to be deleted on Frame.io: it has been copied there, or its
// bytes are here.
func (s *Spool) Spare(ctx context.Context, asset remote.Item) error {
	if s.clones.Load() == 0 {
		return nil
	}
	for _, e := range s.entries() {
		if err := e.spare(ctx, asset); err != nil {
			return fmt.Errorf("%s, a copy of it, is not on Frame.io yet: %w", e.Info().Name, err)
		}
	}
	return nil
}

func (e *Entry) spare(ctx context.Context, asset remote.Item) error {
	for hurried := false; ; {
		e.mu.Lock()
		rec, stage, there := e.rec, e.stage, e.placed != nil
		e.mu.Unlock()
		if !rec.Clone || rec.Format != formatPartial || there || stage == Gone ||
			rec.Base.ID != asset.ID && (asset.Content == "" || rec.Base.Content != asset.Content) {
			return nil
		}
		switch stage {
		case Settling, Waiting:
			if !hurried {
				e.s.schedule(e, time.Now())
			}
			hurried = true
		case Uploading, Confirming, Verifying:
		default:
			return e.Fetch(ctx)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}
