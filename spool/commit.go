package spool

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/spool/platter"
)

// commitDelay is how long closes are collected before they are brought to the disk together: with the fsyncs themselves it
// must stay below the second that close(2) promises.
const commitDelay = 250 * time.Millisecond

// commitAtOnce is how many entries are brought to the disk at the same time: the file system's journal takes their fsyncs
// together.
const commitAtOnce = 8

// commit brings the entry's bytes and record to the disk. The folder it lies in is left to the caller.
func (e *Entry) commit() error {
	e.step.Lock()
	rec, _, folder := e.get()
	if folder == "" || rec.Synced && !e.lazy {
		e.step.Unlock()
		return nil
	}
	mods := e.mods.Load()
	if !rec.Synced {
		e.step.Unlock()
		err := e.syncBytes()
		if err == nil && e.isYoung() {
			err = platter.SyncDir(filepath.Join(e.s.cfg.Dir, young))
		}
		if err != nil {
			return fmt.Errorf("sync bytes: %w", err)
		}
		e.step.Lock()
	}
	defer e.step.Unlock()
	if e.in() == "" {
		return nil
	}
	err := e.save(durable, func(r *record) {
		// Whatever was modified since came with a record of its own, which this must not vouch for.
		r.Synced = r.Synced || !r.Closed.IsZero() && !r.Past && mods == e.mods.Load()
	})
	if err == nil {
		e.lazy = false
	}
	return err
}

// later has the entry brought to the disk soon.
func (s *Spool) later(e *Entry) {
	s.mu.Lock()
	s.unsynced[e] = struct{}{}
	s.mu.Unlock()
	s.soon()
}

// soon has the next commit begin.
func (s *Spool) soon() {
	select {
	case s.syncWake <- struct{}{}:
	default:
	}
}

// syncer is the group commit: it brings what was closed to the disk, many at once, until ctx ends.
func (s *Spool) syncer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			s.syncAll()
			return
		case <-s.syncWake:
		}
		select {
		case <-ctx.Done():
		case <-time.After(commitDelay):
		}
		s.syncAll()
	}
}

// syncAll brings everything that waits for it to the disk.
func (s *Spool) syncAll() {
	s.syncYoung()
	s.mu.Lock()
	set := s.unsynced
	s.unsynced = make(map[*Entry]struct{})
	s.mu.Unlock()
	if len(set) == 0 {
		return
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, commitAtOnce)
	for e := range set {
		slots <- struct{}{}
		wg.Go(func() {
			if err := e.commit(); err != nil {
				s.log.Error("cannot bring the file to the disk", "key", e.key, "name", e.Info().Name, "err", err)
			}
			<-slots
		})
	}
	wg.Wait()
	for _, folder := range folders {
		if err := platter.SyncDir(filepath.Join(s.cfg.Dir, folder)); err != nil {
			s.log.Error("cannot bring a folder to the disk", "folder", folder, "err", err)
		}
	}
}

// forgottenAtOnce is of how many files the journal is told together that nothing is left.
const forgottenAtOnce = 64

// oneByOne is how many files' bytes are brought to the disk each for itself. More are with all else that the disk has to write.
const oneByOne = 32

// syncYoung brings what was written of young entries to the disk: first their bytes and names, then the journal, whose last line
// vouches for them all.
func (s *Spool) syncYoung() {
	s.mu.Lock()
	remains := s.remains // before due: what is renamed over from here on stays until the bytes in its place are on the disk, too
	s.remains = nil
	s.mu.Unlock()
	synced := s.syncDue()
	s.mu.Lock()
	gone := s.litter
	s.litter = nil
	if synced {
		gone = append(gone, remains...)
	} else {
		s.remains = append(s.remains, remains...)
	}
	s.mu.Unlock()
	for some := range slices.Chunk(gone, forgottenAtOnce) {
		if err := s.forget(some...); err != nil {
			s.log.Error("cannot remove files that were discarded", "keys", some, "err", err)
		}
	}
	if !synced && len(gone) == 0 {
		return
	}
	if err := s.journal.tidy(); err != nil {
		s.log.Error("cannot write the journal anew", "err", err)
	}
}

// syncDue is syncYoung but for what may go then; false if there was nothing, or it failed.
func (s *Spool) syncDue() bool {
	set, line := s.journal.due()
	if len(set) == 0 {
		return false
	}
	var closed []*Entry
	for e := range set {
		if rec, _, folder := e.get(); folder != "" && e.isYoung() && !rec.Synced && !rec.Closed.IsZero() && !rec.Past {
			closed = append(closed, e)
		}
	}
	failed, err := s.syncBytes(closed)
	for _, e := range failed {
		err = errors.Join(err, e.renote())
	}
	if err == nil {
		err = s.journal.vouch(line)
	}
	if err != nil {
		s.log.Error("cannot bring files to the disk", "files", len(closed), "err", err)
		return false
	}
	for _, e := range closed {
		e.synced(line)
	}
	return true
}

// syncBytes brings the bytes of young entries to the disk, and their names. It returns those of which it failed.
func (s *Spool) syncBytes(set []*Entry) (failed []*Entry, err error) {
	if len(set) == 0 {
		return nil, s.journal.removed(false)
	}
	folder := filepath.Join(s.cfg.Dir, young)
	if len(set) > oneByOne {
		if done, err := platter.SyncAll(folder); done && err == nil {
			return nil, nil
		}
	}
	var mu sync.Mutex
	g := new(errgroup.Group)
	g.SetLimit(commitAtOnce)
	for _, e := range set {
		g.Go(func() error {
			if err := e.syncBytes(); err != nil {
				s.log.Error("cannot bring the file to the disk", "key", e.key, "name", e.Info().Name, "err", err)
				mu.Lock()
				failed = append(failed, e)
				mu.Unlock()
			}
			return nil
		})
	}
	return failed, errors.Join(g.Wait(), s.journal.removed(true))
}

// syncBytes brings the bytes of one to the disk. No lock is held: it takes as long as the disk does.
func (e *Entry) syncBytes() error {
	e.step.Lock()
	if e.in() == "" || e.given {
		e.step.Unlock()
		return nil
	}
	if err := e.acquire(); err != nil {
		e.step.Unlock()
		return err
	}
	f, b := e.data, e.blocks
	e.step.Unlock()
	defer e.release()
	if err := platter.Sync(f); err != nil {
		return err
	}
	return b.sync()
}

// renote writes the record again, so that nothing vouches for it that speaks of lines before.
func (e *Entry) renote() error {
	e.step.Lock()
	defer e.step.Unlock()
	if e.in() == "" || !e.isYoung() {
		return nil
	}
	return e.save(lazily, func(*record) {})
}

// synced notes that the journal vouches for what was written up to a line. Whatever was modified since came with a later one.
func (e *Entry) synced(line uint64) {
	e.step.Lock()
	defer e.step.Unlock()
	if !e.isYoung() || e.line > line {
		return
	}
	e.lazy = false
	e.mu.Lock()
	e.rec.Synced = e.rec.Synced || !e.rec.Closed.IsZero() && !e.rec.Past
	e.mu.Unlock()
}
