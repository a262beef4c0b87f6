package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool/platter"
)

// V2 tells a file's checksum when it has processed it: minutes after its last byte, or never (spec: frameio-v2.md §4.2). So long the file
// is no entry any more: it is on Frame.io, shown as what is there, and may be changed, moved and deleted like anything. What is kept for
// when the checksum comes is
//
//	verifying/<asset id>.json  an awaited
//	verifying/<asset id>       the bytes: another name of the file that Config.Settled was given
//
// The bytes take no room as long as the cache has them, too. If the disk is needed they go, but not before some of what Frame.io has
// was read back.
const verifying = "verifying"

// awaited is a file whose checksum is awaited.
type awaited struct {
	Receipt Receipt    `json:"receipt"`
	Parent  remote.Ref `json:"folder"`
	Attr    Attr       `json:"attr,omitzero"`
	Key     Key        `json:"key"` // the entry's that it was

	// guarded by Spool.mu:
	asks int       // how often it was asked for
	next time.Time // when it is asked for next
	kept time.Time // until then it is not tried again to let it go

	answered bool // prove's own
}

// awaits reports whether Frame.io's checksum of what was placed is to be waited for.
func (s *Spool) awaits(r *Receipt) bool {
	return s.cfg.Sums && s.cfg.Verify != VerifySize && r.Checksum != "" && r.CopyOf == "" && r.Proof != ProvenChecksum && r.Proof != ProvenFull
}

func (s *Spool) awaitedPath(id remote.ID) string {
	return filepath.Join(s.cfg.Dir, verifying, fileName(id))
}

// await keeps what is needed when the checksum comes, before the bytes are given away. It may be called again.
func (s *Spool) await(w *awaited, data string) error {
	path := s.awaitedPath(w.Receipt.ID)
	// Of many small files the fsyncs would take longer than all else. A loss of power costs no more than the check of their checksums.
	large := w.Receipt.Size > smallFile
	if err := writeJSON(filepath.Dir(path), filepath.Base(path)+".json", w, large); err != nil {
		return err
	}
	s.did("await")
	switch err := os.Link(data, path); {
	case err == nil:
		s.did("keep bytes")
		if large {
			return platter.SyncDir(filepath.Dir(path))
		}
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist): // it was called before
	default: // a disk without hard links
		s.log.Warn("the bytes of a file are not kept until its checksum is told", "name", w.Receipt.Name, "err", err)
	}
	return nil
}

// expect begins to ask for the checksum.
func (s *Spool) expect(w *awaited) {
	w.next = time.Now().Add(firstSum)
	s.mu.Lock()
	s.awaited[w.Receipt.ID] = w
	s.mu.Unlock()
	s.wakeProofs()
	s.broadcast()
}

// forgo ends waiting for a checksum: the bytes are let go.
func (s *Spool) forgo(w *awaited) {
	path := s.awaitedPath(w.Receipt.ID)
	if err := errors.Join(removeFile(path), removeFile(path+".json")); err != nil {
		s.log.Error("cannot remove what was verified", "path", path, "err", err)
	}
	s.did("forgo")
	s.mu.Lock()
	delete(s.awaited, w.Receipt.ID)
	s.mu.Unlock()
	s.broadcast()
}

// recoverAwaited takes up what earlier runs wait for.
func (s *Spool) recoverAwaited() error {
	dir := filepath.Join(s.cfg.Dir, verifying)
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, d := range list {
		stem, ok := strings.CutSuffix(d.Name(), ".json")
		if !ok {
			continue
		}
		w := new(awaited)
		if readJSON(filepath.Join(dir, d.Name()), w) != nil || fileName(w.Receipt.ID) != stem || w.Receipt.ID == "" {
			s.log.Warn("a note about a file that is verified cannot be read; its checksum is not waited for any more", "path", filepath.Join(dir, d.Name()))
			continue
		}
		s.awaited[w.Receipt.ID] = w
	}
	for _, d := range list { // a loss of power may leave one without the other, and a note alone is of use
		stem, _ := strings.CutSuffix(d.Name(), ".json")
		if s.awaited[remote.ID(stem)] == nil && !s.awaitsFile(stem) {
			if err := removeFile(filepath.Join(dir, d.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Spool) awaitsFile(name string) bool {
	for id := range s.awaited {
		if fileName(id) == name {
			return true
		}
	}
	return false
}

// Awaited lists the receipts of files on Frame.io whose checksum is waited for.
func (s *Spool) Awaited() []Receipt {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]Receipt, 0, len(s.awaited))
	for _, w := range s.awaited {
		r := w.Receipt
		r.Folder = w.Parent
		all = append(all, r)
	}
	return all
}

// damagedName is what a file is called here whose damaged copy on Frame.io has its name, and something newer above it.
func damagedName(name string, id remote.ID) string {
	ext := filepath.Ext(name)
	return fmt.Sprintf("%s (undamaged %.8s)%s", strings.TrimSuffix(name, ext), id, ext)
}

// WaitVerified returns when no checksum is waited for of files that matter, which any tells of those that are left (nil: all do).
func (s *Spool) WaitVerified(ctx context.Context, any func([]Receipt) bool) error {
	for {
		changed := s.nextChange()
		if left := s.Awaited(); len(left) == 0 || any != nil && !any(left) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
		if err := sleep(ctx, lookAgain); err != nil {
			return err
		}
	}
}
