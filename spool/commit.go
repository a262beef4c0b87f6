package spool

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"
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
		if err := e.acquire(); err != nil {
			e.step.Unlock()
			return err
		}
		f, b := e.data, e.blocks
		e.step.Unlock()
		err := syncData(f) // takes as long as the disk does: no lock is held
		if err == nil {
			err = b.sync()
		}
		e.release()
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
		r.Synced = r.Synced || !r.Closed.IsZero() && mods == e.mods.Load()
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
	s.mu.Lock()
	set := s.unsynced
	s.unsynced = make(map[*Entry]struct{})
	s.mu.Unlock()
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
		if err := syncDir(filepath.Join(s.cfg.Dir, folder)); err != nil {
			s.log.Error("cannot bring a folder to the disk", "folder", folder, "err", err)
		}
	}
}
