package spool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool/platter"
)

// damaged acts upon the news that Frame.io has other bytes of a file than were sent. Nothing is deleted: people may have seen the file
// there, commented on it, or made something of it. What was written becomes an entry again that is parked, and hides what is there; who
// retries it gets a new version above the damaged one.
func (s *Spool) damaged(ctx context.Context, w *awaited, why string) {
	r := w.Receipt
	file := remote.Ref{Kind: remote.File, ID: r.ID, Account: r.Account}
	s.known.forget(file) // or it would be copied instead of being sent again
	t, err := s.whereNow(ctx, w, file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return // the link; it is asked again
	}
	r.Awaited, r.Damaged, r.Verified, r.Proof = false, why, time.Time{}, ""
	e, rerr := (*Entry)(nil), err
	if err == nil {
		e, rerr = s.revive(w, t, why)
	}
	switch {
	case rerr == nil:
		s.log.Warn("file is parked", "key", e.key, "name", t.Name, "reason", e.Info().Reason)
	case errors.Is(err, fs.ErrNotExist):
		r.Note = "it was deleted on Frame.io meanwhile"
	case errors.Is(rerr, fs.ErrNotExist):
		r.Note = "its bytes are not on this machine any more"
	default:
		s.log.Error("a file that is damaged on Frame.io cannot be taken up again; its bytes are kept", "path", s.awaitedPath(r.ID), "err", rerr)
		return // it is asked again
	}
	s.note(r)
	s.forgo(w)
	if e != nil && s.cfg.Appeared != nil {
		s.cfg.Appeared(e.Info())
	}
}

// whereNow is where a file belongs that is to be sent again: above what is there now, if that is the damaged one still.
func (s *Spool) whereNow(ctx context.Context, w *awaited, file remote.Ref) (Target, error) {
	it, err := s.cfg.Remote.Stat(ctx, file)
	if err != nil {
		return Target{}, err
	}
	t := Target{Parent: w.Parent, Name: it.Name, Replaces: it.Ref}
	if it.Parent == w.Parent.ID || it.Parent == "" {
		return s.freeName(t, file.ID), nil
	}
	stack, err := s.cfg.Remote.Stat(ctx, remote.Ref{Kind: remote.Stack, ID: it.Parent, Account: file.Account})
	switch {
	case err == nil && stack.Kind == remote.Stack:
		t.Name, t.Replaces = stack.Name, stack.Ref
		if stack.Parent != w.Parent.ID {
			t.Parent = remote.Ref{Kind: remote.Folder, ID: stack.Parent, Account: file.Account}
		}
		if stack.Content != file.ID { // something newer is above it
			t = Target{Parent: t.Parent, Name: damagedName(t.Name, file.ID)}
		}
	case err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, remote.ErrRefused): // it was moved to another folder
		t.Parent = remote.Ref{Kind: remote.Folder, ID: it.Parent, Account: file.Account}
	default:
		return t, err
	}
	return s.freeName(t, file.ID), nil
}

// freeName gives a target another name if something is leaving under it.
func (s *Spool) freeName(t Target, id remote.ID) Target {
	if s.Find(t.Parent.ID, t.Name) != nil {
		t.Name, t.Replaces = damagedName(t.Name, id), remote.Ref{}
	}
	return t
}

// revive makes the bytes that were kept an entry that is parked.
func (s *Spool) revive(w *awaited, t Target, why string) (*Entry, error) {
	k := revivedKey(w.Receipt.ID)
	s.mu.RLock()
	e := s.byKey[k]
	s.mu.RUnlock()
	if e != nil { // the program died before it had forgotten why
		return e, nil
	}
	rec := record{
		Format: formatWhole, Key: k, Target: t, Attr: w.Attr, Size: w.Receipt.Size, Modified: w.Receipt.Modified, Closed: w.Receipt.Sealed, Synced: true, Shared: true,
		Reason: "what Frame.io has of it is damaged (" + why + "); its bytes are kept here: retry sends them again, as a version above the damaged one",
	}
	if t.Replaces.IsZero() {
		rec.Reason = "an older version of it is damaged on Frame.io (" + why + "); its bytes are kept here, under this name: retry sends them as a file of their own, or remove it"
	}
	if rec.Closed.IsZero() {
		rec.Closed = w.Receipt.Uploaded
	}
	if rec.Attr.Mtime.IsZero() {
		rec.Attr.Mtime = w.Receipt.Modified
	}
	dir := s.path(parked, k)
	tmp := dir + ".new"
	err := os.RemoveAll(tmp)
	if err == nil {
		err = os.Mkdir(tmp, 0o700)
	}
	if err == nil {
		err = os.Link(s.awaitedPath(w.Receipt.ID), filepath.Join(tmp, dataName))
	}
	if err == nil {
		err = rec.store(tmp, durable, false)
	}
	if err == nil {
		err = os.Rename(tmp, dir)
	}
	if err == nil {
		err = platter.SyncDir(filepath.Join(s.cfg.Dir, parked))
	}
	if err != nil {
		os.RemoveAll(tmp)
		return nil, fmt.Errorf("take it up again: %w", err)
	}
	s.did("revive")
	if e, err = s.read(parked, k); err != nil {
		return nil, err
	}
	e.setStage(Parked)
	s.mu.Lock()
	s.byKey[k] = e
	s.lay(e)
	s.mu.Unlock()
	return e, nil
}

// revivedKey is always the same of one asset.
func revivedKey(id remote.ID) Key {
	sum := sha256.Sum256([]byte("revived " + id))
	return Key(hex.EncodeToString(sum[:16]))
}

// shared reports whether a file has another name, so that its bytes are somebody else's too.
func shared(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && sys.Nlink > 1
}
