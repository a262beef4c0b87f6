package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/spool"
)

// Sync waits for what is at or below paths now, and for what is closed there meanwhile, until that has come as far as is wanted.
func (s *session) Sync(ctx context.Context, paths []string, until control.Until, progress func(control.Status)) error {
	for {
		if err := s.sync(ctx, paths, until, progress); !errors.Is(err, errAgain) {
			return err
		}
	}
}

func (s *session) sync(ctx context.Context, paths []string, until control.Until, progress func(control.Status)) error {
	if !s.use() {
		return errEnding
	}
	defer s.parts.RUnlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.stopping, func() { cancel(context.Cause(s.stopping)) })()
	q := control.Query{Limit: progressFiles}
	if len(paths) == 1 {
		q.Under = paths[0]
	}
	var untranscoded atomic.Int64
	stop := tell(ctx, func() {
		st := s.report(q)
		st.Totals.Transcoding = int(untranscoded.Load())
		progress(st)
	})
	defer stop()
	s.spool.Hurry()
	err := s.spool.Wait(ctx, s.picker(paths))
	if err == nil || errors.Is(err, spool.ErrParked) {
		// What is deleted or renamed counts as written, too. It comes last: what is uploaded may have waited for its folder.
		if err = s.waitNames(ctx, paths); errors.Is(err, errNamesParked) {
			return fmt.Errorf("%w: %w", control.ErrParked, err)
		}
	}
	if err == nil && until != control.Uploaded {
		err = s.waitVerified(ctx, paths)
	}
	if err == nil && until == control.Transcoded {
		err = s.waitTranscoded(ctx, paths, &untranscoded)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	}
	if needs := needsText(totals(s.under(s.spool.All(), paths), false)); needs != "" {
		return fmt.Errorf("%w: %s", control.ErrParked, needs)
	}
	return nil
}

// picker chooses the entries at or below paths.
func (s *session) picker(paths []string) func(spool.Info) bool {
	if len(paths) == 0 {
		return nil
	}
	return func(in spool.Info) bool { return len(s.under([]spool.Info{in}, paths)) > 0 }
}

func (s *session) under(all []spool.Info, paths []string) (out []spool.Info) {
	at, done := s.paths()
	defer done()
	for _, in := range all {
		name, ok := at(in.Parent, in.Name)
		if !ok || len(paths) == 0 || slices.ContainsFunc(paths, func(p string) bool { return below(name, p) }) {
			out = append(out, in)
		}
	}
	return out
}

func (s *session) keysOf(paths []string, which func(spool.Info) bool) (keys []spool.Key) {
	for _, in := range s.under(s.spool.All(), paths) {
		if which(in) {
			keys = append(keys, in.Key)
		}
	}
	return keys
}

// Retry sends again what is parked; of what is named, also what was held because its writer was interrupted.
func (s *session) Retry(_ context.Context, paths []string) (int, error) {
	if !s.use() {
		return 0, errEnding
	}
	defer s.parts.RUnlock()
	keys := s.keysOf(paths, func(in spool.Info) bool {
		return in.Stage == spool.Parked || len(paths) > 0 && in.Stage == spool.Held && !in.Quiet
	})
	if len(keys) > 0 {
		s.spool.Retry(keys...)
	}
	n, err := s.retryNames(paths)
	return len(keys) + n, err
}

// Unmount takes the mount away, and waits until the state folder is free.
func (s *session) Unmount(ctx context.Context, how control.How, progress func(control.Status)) (control.Status, error) {
	if err := s.letGo(how); err != nil {
		return control.Status{}, err
	}
	if how == control.Now {
		s.end(control.Now)
	}
	stop := tell(ctx, func() {
		if st, err := s.Status(ctx, control.Query{Limit: progressFiles}); err == nil {
			progress(st)
		}
	})
	defer stop()
	select {
	case <-s.closed:
	case <-ctx.Done():
		return control.Status{}, context.Cause(ctx)
	}
	t := s.last.Totals
	if how == control.Now { // what waits for a person, or for resume, was to wait
		t.Held, t.Paused = 0, 0
	}
	if needs := needsText(t); needs != "" {
		return s.last, fmt.Errorf("%w: %s", control.ErrParked, needs)
	}
	return s.last, nil
}

// progressFiles is how many files a progress report names.
const progressFiles = 20

// tell calls f now and then until stop is called; not any more once stop has returned.
func tell(ctx context.Context, f func()) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				f()
			}
		}
	}()
	return func() { cancel(); <-done }
}
