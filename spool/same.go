package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cespare/xxhash/v2"

	"github.com/frameiofs/frameiofs/remote"
)

// compareMost is how many bytes are compared with the asset's own where Frame.io tells no checksum. They may have to be fetched
// for that, though the first that differ end it; a version too many costs less than a film fetched for nothing.
const compareMost = 64 << 20

// Over tells what stands where Retarget is about to bring the entry, that becomes a version of it: with the same bytes it does not.
func (e *Entry) Over(was remote.Item) {
	e.step.Lock()
	defer e.step.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rec.Over = &was // goes to the disk with the new name
}

// same finds out whether a changed or emptied asset was given the very bytes that it had: then it gets no version, and the entry
// settles as what is there. The rule: the size is the same, and so is Frame.io's checksum, or, where none is told, every byte that was
// written; and nobody has made a version meanwhile.
func (a *attempt) same() error {
	e := a.e
	rec, _, _ := e.get()
	was := rec.was()
	e.mu.Lock()
	begun := e.placed != nil || e.asset.ID != "" // or what is there was placed already
	e.mu.Unlock()
	if begun || a.differs || was == nil || was.Content == "" || was.Size != e.Size() || rec.Own != nil {
		return nil
	}
	if err := a.step(func() error { begun = e.intent != nil; return a.sealed(rec) }); err != nil || begun {
		return err
	}
	equal, err := a.equals(was, was == rec.Base)
	if err != nil || !equal {
		a.differs = err == nil
		return err
	}
	var now remote.Item
	err = a.persist(func() (err error) {
		if names := e.s.cfg.Names; names != nil { // what is still to be moved is not elsewhere because of somebody else
			if err = names.Idle(a.ctx, was.Ref); err != nil {
				return err
			}
		}
		now, err = e.s.cfg.Remote.Stat(a.ctx, was.Ref)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look whether it is what Frame.io has: %w", err)
	}
	return a.step(func() error {
		rec, _, _ := e.get()
		moved := was.Parent != "" && rec.Target.Parent.ID != was.Parent // by us, since
		if now.Content != was.Content || now.Size != was.Size || rec.replaces() != was.Ref || now.Parent != "" && now.Parent != rec.Target.Parent.ID && !moved {
			a.differs = true
			return nil
		}
		p := &placed{
			File: remote.Ref{Kind: remote.File, ID: was.Content, Account: was.Account}, Item: now, Over: was.Ref,
			Parent: rec.Target.Parent.ID, Name: rec.Target.Name, Same: true,
		}
		if now.Name != "" { // it may have been renamed since, or what was taken for it then
			p.Name = now.Name
		}
		if moved && now.Parent != "" {
			p.Parent = now.Parent
		}
		if err := e.put(itemName, p); err != nil {
			return err
		}
		e.s.did("same")
		e.mu.Lock()
		e.placed = p
		e.mu.Unlock()
		e.s.reindex(e)
		e.s.log.Info("file was written as it was: it gets no version", "key", e.key, "name", rec.Target.Name)
		return nil
	})
}

// was is what the entry becomes a version of, as far as that is known.
func (r *record) was() *remote.Item {
	for _, it := range []*remote.Item{r.Over, r.Base} {
		if it != nil && it.Ref == r.replaces() {
			return it
		}
	}
	return nil
}

// equals compares the bytes with those of was, which are as many. marks tells that those of the blocks speak of it.
func (a *attempt) equals(was *remote.Item, marks bool) (bool, error) {
	if was.Checksum == "" {
		return a.equalBlocks(was, marks)
	}
	sum, err := a.sum(was.Size)
	return sum == was.Checksum, err
}

// sum is the bytes' xxHash64, as Frame.io writes it.
func (a *attempt) sum(size int64) (string, error) {
	if a.hash != "" {
		return a.hash, nil
	}
	h := xxhash.New()
	if _, err := io.CopyBuffer(h, io.NewSectionReader(&a.guard, 0, size), make([]byte, 1<<20)); err != nil {
		return "", fmt.Errorf("read bytes to compare: %w", err)
	}
	a.hash = sumText(h)
	return a.hash, nil
}

// equalBlocks compares block by block, but for those that were fetched and not written since.
func (a *attempt) equalBlocks(was *remote.Item, marks bool) (bool, error) {
	skip := make([]bool, blocksOf(was.Size))
	if marks {
		err := a.step(func() (err error) {
			skip, err = fetchedBlocks(a.path(blocksName), was.Size)
			return err
		})
		if err != nil {
			return false, err
		}
	}
	n := int64(0)
	for _, fetched := range skip {
		if !fetched {
			n += blockSize
		}
	}
	if n > compareMost || a.e.s.cfg.Base == nil {
		return false, nil
	}
	base := a.e.s.cfg.Base(*was)
	defer base.Close()
	ctx := remote.WithPriority(a.ctx, remote.Uploads)
	ours, theirs := make([]byte, blockSize), make([]byte, blockSize)
	for i := range int64(len(skip)) {
		if skip[i] {
			continue
		}
		n := min(blockSize, was.Size-i*blockSize)
		if _, err := a.guard.ReadAt(ours[:n], i*blockSize); err != nil {
			return false, fmt.Errorf("read bytes to compare: %w", err)
		}
		if err := readFull(ctx, base.ReadAt, theirs[:n], i*blockSize); err != nil || !bytes.Equal(ours[:n], theirs[:n]) {
			return false, a.ctx.Err() // what cannot be had now is not waited for: a version too many does no harm
		}
	}
	return true, nil
}
