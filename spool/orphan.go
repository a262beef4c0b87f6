package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/frameiofs/frameiofs/remote"
)

// orphan is what is left on Frame.io of an attempt that was given up, to be deleted when there is time: an asset whose id is
// known, or one that may have been created by a call whose answer was lost.
type orphan struct {
	Key  Key        `json:"key"` // whose it was
	Ref  remote.Ref `json:"ref,omitzero"`
	Lost *intent    `json:"lost,omitempty"`

	busy     bool // the call that may create it is still running
	after    time.Time
	tries    int
	refusals int
}

// orphanOf is the orphan of an attempt that came as far as creating or upload.json; none if it has neither.
func orphanOf(k Key, asset remote.Ref, in *intent) orphan {
	if asset.ID != "" {
		return orphan{Key: k, Ref: asset}
	}
	return orphan{Key: k, Lost: in}
}

// name is the orphan's file. Ids come from the network: only harmless ones become names.
func (o *orphan) name() string {
	if o.Lost != nil {
		return fmt.Sprintf("lost-%s-%d.json", o.Key, o.Lost.Began.UnixNano())
	}
	return fileName(o.Ref.ID) + ".json"
}

// fileName is a file's name that stands for an asset.
func fileName(asset remote.ID) string {
	id := string(asset)
	if len(id) > 64 || strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") != "" {
		id = fmt.Sprintf("x%016x", xxhash.Sum64String(id))
	}
	return id
}

// lostDelay is how long after its call ended a lost placeholder is looked for: Frame.io may still be making it.
const lostDelay = 10 * time.Second

// refusedDelay is how long after a refusal it is tried again: rights change, and tokens. What may not even be there is given up after
// maxRefusals.
const (
	refusedDelay = time.Hour
	maxRefusals  = 24
)

// orphan notes one durably. a is the attempt it is left by: while that waits for CreateFile's answer, the answer may yet tell
// the id.
func (s *Spool) orphan(o orphan, a *attempt) error {
	if o.Ref.ID == "" && o.Lost == nil {
		return nil
	}
	if o.Lost != nil {
		o.after = time.Now().Add(lostDelay)
		if a != nil && a.creating {
			o.busy = true
			a.lost = o.name()
		}
	}
	if err := writeJSON(filepath.Join(s.cfg.Dir, orphans), o.name(), &o, durable); err != nil {
		return err
	}
	s.did("orphan")
	s.mu.Lock()
	s.orphans[o.name()] = &o
	s.doom(o.Ref.ID)
	s.mu.Unlock()
	s.wakeOrphans()
	return nil
}

// hideBuried is how long what was deleted is still hidden: a listing may be from before. The tree keeps its own changes as long.
const hideBuried = 30 * time.Second

// doom has Orphaned tell of an id, with mu held.
func (s *Spool) doom(id remote.ID) {
	if id == "" {
		return
	}
	s.doomed[id] = time.Time{}
	for id, at := range s.doomed {
		if !at.IsZero() && time.Since(at) > hideBuried {
			delete(s.doomed, id)
		}
	}
}

// Orphaned reports whether id was ours, was given up, and is about to be deleted on Frame.io, or was just now.
func (s *Spool) Orphaned(id remote.ID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.orphaned(id)
}

// within hides a file that has become a version just now: a listing may be from before.
func (s *Spool) within(file remote.Ref) {
	if file.Kind == remote.File {
		s.mu.Lock()
		s.doomed[file.ID] = time.Now()
		s.mu.Unlock()
	}
}

func (s *Spool) orphaned(id remote.ID) bool {
	at, ok := s.doomed[id]
	return ok && s.claims[id] == 0 && (at.IsZero() || time.Since(at) <= hideBuried)
}

// Lost reports whether a placeholder of that name may be one of ours that was given up before its id was known.
func (s *Spool) Lost(parent remote.ID, name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, o := range s.orphans {
		if o.Lost != nil && o.Lost.Name == name && s.folder(o.Lost.Parent.ID) == s.folder(parent) {
			return true
		}
	}
	return false
}

// unorphan forgets one.
func (s *Spool) unorphan(name string) {
	s.mu.Lock()
	if o := s.orphans[name]; o != nil && s.claims[o.Ref.ID] > 0 {
		delete(s.doomed, o.Ref.ID) // it was none
	} else if o != nil && o.Ref.ID != "" {
		s.doomed[o.Ref.ID] = time.Now()
	}
	delete(s.orphans, name)
	s.mu.Unlock()
	if err := removeFile(filepath.Join(s.cfg.Dir, orphans, name)); err != nil {
		s.log.Error("cannot remove a note", "file", name, "err", err)
	}
	s.did("unorphan")
}

func (s *Spool) wakeOrphans() {
	select {
	case s.orphanWake <- struct{}{}:
	default:
	}
}

// sweep deletes orphans on Frame.io until ctx ends.
func (s *Spool) sweep(ctx context.Context) {
	for {
		o, wait := s.nextOrphan()
		if o == nil {
			select {
			case <-ctx.Done():
				return
			case <-s.orphanWake:
			case <-time.After(wait):
			}
			continue
		}
		err := remote.Contain(s.log, "delete an unfinished upload", func() error { return s.bury(ctx, o) })
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			s.unorphan(o.name())
		case judge(err) == remote.Final:
			s.log.Warn("cannot delete an unfinished upload on Frame.io; it is tried again later, or delete it there", "id", o.Ref.ID, "err", err)
			s.mu.Lock()
			o.refusals++
			o.after = time.Now().Add(refusedDelay)
			enough := o.Lost != nil && o.refusals >= maxRefusals
			s.mu.Unlock()
			if enough {
				s.unorphan(o.name())
			}
		default:
			s.mu.Lock()
			o.tries++
			o.after = time.Now().Add(backoff(o.tries, err))
			s.mu.Unlock()
		}
	}
}

// nextOrphan gives one whose time has come, or how long to wait for it.
func (s *Spool) nextOrphan() (*orphan, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := time.Hour
	for _, o := range s.orphans {
		if o.busy {
			continue
		}
		left := time.Until(o.after)
		if left <= 0 {
			return o, 0
		}
		wait = min(wait, left)
	}
	return nil, wait
}

// bury deletes one orphan. An asset that an entry stands for is none, whatever the note says.
func (s *Spool) bury(ctx context.Context, o *orphan) error {
	if o.Lost == nil {
		if s.Claimed(o.Ref.ID) {
			return nil
		}
		return notMissing(s.cfg.Remote.Delete(ctx, o.Ref))
	}
	if e := s.Find(o.Lost.Parent.ID, o.Lost.Name); e != nil {
		if st := e.Info().Stage; st == Uploading || st == Confirming || st == Verifying {
			return errInUse // looking for the lost one could take this one's placeholder
		}
	}
	if o.Lost.Origin != nil { // copying it once more finds the one whose answer was lost, or makes another
		it, err := s.cfg.Remote.CopyFile(ctx, o.Lost.newCopy(true))
		if err != nil {
			return notMissing(err)
		}
		return s.orphan(orphan{Key: o.Key, Ref: it.Ref}, nil)
	}
	// Creating it once more, with Since, deletes the one whose answer was lost; then the new one is known and can be deleted.
	up, err := s.cfg.Remote.CreateFile(ctx, o.Lost.newFile(true))
	if err != nil {
		return notMissing(err)
	}
	return s.orphan(orphan{Key: o.Key, Ref: up.File.Ref}, nil)
}

var errInUse = errors.New("a file of the same name is being uploaded")

func notMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
