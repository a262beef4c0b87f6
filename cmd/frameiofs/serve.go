package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
)

// drainAfterTerm is how long uploads may go on after SIGTERM. Who sends it, a shutdown or a container's end, kills soon after;
// nothing is lost then, but what can still leave should.
var drainAfterTerm = 60 * time.Second // a test has it shorter

// serve uploads until the mount is gone, one way or the other, and then puts everything down safely.
func (s *session) serve(signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.endWatch = cancel
	s.background.Go(func() { s.watch(ctx) })
	s.background.Go(func() { s.pins.run(ctx) })
	s.startUploads()
	s.show()
	s.log.Info("mounted", "at", s.point, "api", s.conn.API, "user", person(s.conn.User), "root", s.rootPath, "state", s.state.Dir)
	s.untilGone(signals)
	s.super.stopping()
	return s.finish()
}

// untilGone returns when the mount is gone and, if that was asked for, the uploads are finished.
func (s *session) untilGone(signals <-chan os.Signal) {
	var drained <-chan struct{}
	var late <-chan time.Time
	gone := s.gone
	for {
		select {
		case sig := <-signals:
			if sig != os.Interrupt && late == nil {
				late = time.After(drainAfterTerm)
			}
			s.interrupted(sig)
		case <-gone:
			gone = nil
			if s.ending() != control.Drain {
				return
			}
			s.super.stopping()
			drained = s.drain()
		case <-s.now:
			s.cutOff()
			return
		case <-drained:
			return
		case <-late:
			s.end(control.Now)
		}
	}
}

// cutOff ends a mount that programs still use after it was taken out of the tree: what they write from now on fails.
func (s *session) cutOff() {
	select {
	case <-s.gone:
		return
	case <-time.After(time.Second): // a plain unmount is through by then
	}
	if err := abortFuse(s.dev); err != nil {
		s.log.Warn("programs still have files of the mount open", "err", err)
	}
}

// interrupted acts upon a signal: the first one unmounts and lets the uploads finish, a second one keeps them for later.
func (s *session) interrupted(sig os.Signal) {
	if s.ending() == control.Drain {
		s.end(control.Now)
		return
	}
	err := s.letGo(control.Drain)
	switch {
	case err == nil:
		s.cfg.say("unmounted %s; finishing the uploads (Ctrl-C again: keep them for the next mount)", s.point)
	case !errors.Is(err, control.ErrBusy):
		s.cfg.say("%s", err)
	case sig == os.Interrupt && !s.warnedBusy:
		s.warnedBusy = true
		s.cfg.say("%s: %s. Ctrl-C again: leave all the same", s.point, busyHint(s.point))
	default:
		// Programs keep what they have open until they close it; nothing new is opened.
		s.setHow(control.Drain)
		s.cfg.say("%s: %s; it ends when that is closed (Ctrl-C again: at once)", s.point, busyHint(s.point))
		s.detach()
	}
}

// detach takes the mount out of the tree while it is in use.
func (s *session) detach() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := lazyUnmount(s.point); err != nil {
		s.how = ""
		s.cfg.say("unmount %s: %s", s.point, err)
		return
	}
	s.detached = true
}

// letGo unmounts, if nothing is open there, so that it ends as how says.
func (s *session) letGo(how control.How) error {
	was := s.setHow(how)
	if s.away() {
		return nil
	}
	err := s.fs.Unmount()
	if err == nil {
		return nil
	}
	s.setHow(was)
	if errors.Is(err, syscall.EBUSY) || usersOf(s.point) != nil {
		return &failure{exitFailure, busyError{s.point, busyHint(s.point)}, ""}
	}
	return err
}

// busyError says who is in the way.
type busyError struct{ point, hint string }

func (e busyError) Error() string { return e.point + " is in use: " + e.hint }
func (e busyError) Unwrap() error { return control.ErrBusy }

// setHow notes how it will end, and answers what was noted before. Now is never taken back by a Drain.
func (s *session) setHow(how control.How) control.How {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.how
	if was != control.Now || how == "" {
		s.how = how
	}
	return was
}

func (s *session) ending() control.How {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.how
}

// end makes the wait for the uploads end.
func (s *session) end(how control.How) {
	s.setHow(how)
	if how == control.Now {
		s.mu.Lock()
		defer s.mu.Unlock()
		select {
		case <-s.now:
		default:
			close(s.now)
		}
	}
}

// finish ends everything, closes the state folder, and says what is left in it.
func (s *session) finish() error {
	if s.stopDrain != nil {
		s.stopDrain()
	}
	s.stopUploads()
	s.dismiss(errEnding) // what runs in the background may wait for one who asks
	s.endWatch()
	s.background.Wait()
	select {
	case <-s.gone:
	case <-time.After(2 * time.Second): // the end of the process is the end of the mount, too
	}
	s.stopObserving() // whoever asks for metrics would wait for what is closed now
	s.closePage()
	s.parts.Lock()
	st := s.report(control.Query{Limit: control.DefaultFiles})
	err := s.closeParts()
	s.last, s.down = st, true
	s.parts.Unlock()
	if unregisterErr := s.unregister(); unregisterErr != nil {
		s.log.Warn("unregister mount", "err", unregisterErr)
	}
	close(s.closed)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.server.Close(ctx); err != nil {
		s.log.Debug("close control socket", "err", err)
	}
	s.cfg.console.Close()
	for _, line := range farewell(st) {
		s.cfg.say("%s", line)
	}
	if err != nil {
		return fail("", "%w", err)
	}
	return nil
}

// watch samples the meter and paints the status until ctx ends.
func (s *session) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.limits.keep(time.Now())
			_ = s.contained("show the status", func() error { // it is in the log
				if !s.use() {
					return nil
				}
				s.meter.sample(time.Now(), s.spool.Moving(), s.blocks.Fetched())
				s.parts.RUnlock()
				toast := s.toasts.due(time.Now())
				if !s.super.wants(time.Now()) && !toast && (!s.cfg.console.live || s.cfg.console.follows()) {
					return nil
				}
				st, err := s.Status(ctx, control.Query{Limit: progressFiles})
				if err != nil {
					return err
				}
				s.super.report(st, time.Now())
				if toast {
					s.toasts.see(st, time.Now())
				}
				s.cfg.console.show(st)
				return nil
			})()
		}
	}
}

// contained is do for a goroutine of its own, which must not end the mount; see remote.Contain.
func (s *session) contained(what string, do func() error) func() error {
	return func() error { return remote.Contain(s.log, what, do) }
}

// farewell tells what stays on this machine.
func farewell(st control.Status) []string {
	var out []string
	t := st.Totals
	if t.Paused > 0 {
		out = append(out, count(t.Paused, "file")+" paused: mounted again, frameiofs uploads resume sends them; kept in "+st.StateDir)
	}
	if n := t.Files - t.Paused; n > 0 {
		out = append(out, count(n, "file")+" ("+size(t.Bytes-t.Sent)+" to send) will go on at the next mount; kept in "+st.StateDir)
	}
	if t.Writing > 0 {
		out = append(out, count(t.Writing, "file")+" still being written when the mount ended; kept in "+st.StateDir)
	}
	if t.Parked > 0 {
		out = append(out, count(t.Parked, "file")+" parked: Frame.io does not take them; kept in "+st.StateDir)
	}
	if t.Held > 0 {
		out = append(out, count(t.Held, "file")+" held on this machine; kept in "+st.StateDir)
	}
	if t.Names > 0 {
		out = append(out, count(t.Names, "change")+" of names will go on at the next mount; kept in "+st.StateDir)
	}
	if t.NamesParked > 0 {
		out = append(out, count(t.NamesParked, "change")+" of names parked: Frame.io refuses them; kept in "+st.StateDir)
	}
	if len(out) == 0 {
		out = append(out, "unmounted; everything is on Frame.io")
	}
	if t.Verifying > 0 {
		out = append(out, count(t.Verifying, "file")+" of it is verified at the next mount, when Frame.io tells its checksums; kept in "+st.StateDir)
	}
	if t.Local > 0 {
		out = append(out, count(t.Local, "file")+" with temporary names or without a byte stay on this machine, in "+st.StateDir)
	}
	if t.Folders > 0 {
		out = append(out, count(t.Folders, "folder")+" with temporary names stay on this machine, in "+st.StateDir)
	}
	return out
}

// signalled is the signals that mean stop.
type signalled struct{ signals chan os.Signal }

func catchSignals() signalled {
	s := signalled{make(chan os.Signal, 4)}
	// SIGHUP comes when the terminal of a mount in the foreground is closed.
	signal.Notify(s.signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return s
}

func (s signalled) release() { signal.Stop(s.signals) }

func pid() int { return os.Getpid() }

// keepNoCore has the system write no image of this process's memory, which holds the token, should it die.
func keepNoCore() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &limit) == nil {
		limit.Cur = 0
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &limit) // where it may not be set it is 0 by default
	}
}

// setMemory keeps the process small: what it moves flows through files. It collects rarely all the same, because the live heap is
// so small that go-fuse's pool of request buffers would be emptied all the time. The limits give way to those of the environment.
func setMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(150 << 20)
	}
}
