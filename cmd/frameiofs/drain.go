package main

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/frameiofs/frameiofs/spool"
)

// startUploads lets the spool send, in the background, until stopUploads.
func (s *session) startUploads() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{s.spool.Run, s.names.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("uploading has stopped; nothing is lost, but nothing leaves either", "err", err)
			}
		})
	}
	s.stopUploads = func() { cancel(); running.Wait() }
}

// drain waits, in the background, until nothing is on its way. The mount is gone.
func (s *session) drain() <-chan struct{} {
	done := make(chan struct{})
	if err := s.releaseAll(); err != nil {
		s.log.Error("what was just closed is sent at the next mount only", "err", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stopDrain = cancel
	s.background.Go(func() {
		defer close(done)
		s.spool.Hurry()
		if err := s.spool.Wait(ctx, nil); err != nil && ctx.Err() == nil && !errors.Is(err, spool.ErrParked) {
			s.log.Error("wait for uploads", "err", err)
		}
		if err := s.waitNames(ctx, nil); err != nil && ctx.Err() == nil && !errors.Is(err, errNamesParked) {
			s.log.Error("wait for changes of names", "err", err)
		}
	})
	return done
}

// releaseAll makes the spool see that nobody writes any more. The kernel tells the end of a file when it has time, some while
// after close(2), and what it has not told when the mount ends it never tells; the spool would wait for it. A spool that is
// opened again knows from its disk what was closed and what was not.
func (s *session) releaseAll() error {
	writing := func(in spool.Info) bool { return in.Writers > 0 }
	if !slices.ContainsFunc(s.spool.All(), writing) {
		return nil
	}
	s.stopUploads()
	s.dismiss(errAgain)
	s.parts.Lock()
	err := errors.Join(s.spool.Close(), s.openSpool())
	s.stopping, s.dismiss = context.WithCancelCause(context.Background())
	s.parts.Unlock()
	s.startUploads()
	return err
}

// What those who wait for uploads are told when they must let go.
var (
	errEnding = errors.New("the mount is ending")
	errAgain  = errors.New("wait again")
)
