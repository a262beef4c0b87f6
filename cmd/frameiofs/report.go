package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// session answers for its mount.
var _ control.Mount = (*session)(nil)

// How long an answer may take for want of a link, and how often waiting clients hear of progress.
const (
	placesPatience = 1500 * time.Millisecond
	progressEvery  = 300 * time.Millisecond
)

// Status tells what is on its way.
func (s *session) Status(_ context.Context, q control.Query) (control.Status, error) {
	if !s.use() {
		return s.last, nil
	}
	defer s.parts.RUnlock()
	return s.report(q), nil
}

// use keeps the parts open until parts.RUnlock, or answers false if they are closed.
func (s *session) use() bool {
	s.parts.RLock()
	if s.down {
		s.parts.RUnlock()
		return false
	}
	return true
}

// errEnding is the answer to who asks while the process is about to end.
var errEnding = errors.New("the mount is ending")

// report is Status for one who keeps the parts open.
func (s *session) report(q control.Query) control.Status {
	st := control.Status{
		MountPoint: s.point, State: control.Mounted, PID: os.Getpid(), Version: version(), Since: s.since,
		API: s.conn.API, URL: s.conn.URL, User: person(s.conn.User), Root: s.rootPath, ReadOnly: s.cfg.readOnly,
		StateDir: s.state.Dir, Log: s.logFile, Link: s.link.report(), DiskFree: s.spool.Free(),
	}
	if s.isGone() {
		st.State = control.Finishing
	}
	st.Cache.Used, st.Cache.Limit = s.blocks.Usage()
	if text, at := s.trouble.get(); text != "" {
		st.LastError, st.LastErrorTime = text, &at
	}
	all := s.spool.All()
	st.Totals = totals(all)
	st.Totals.Rate = s.meter.rate()
	st.Files = s.filesUnder(all, q.Under)
	slices.SortStableFunc(st.Files, func(a, b control.File) int { return urgency(a) - urgency(b) })
	if q.Limit > 0 && len(st.Files) > q.Limit {
		st.LeftOut = len(st.Files) - q.Limit
		st.Files = st.Files[:q.Limit]
	}
	return st
}

func (s *session) isGone() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// onItsWay tells the entries that nothing but time keeps from Frame.io.
func onItsWay(in spool.Info) bool {
	switch in.Stage {
	case spool.Settling, spool.Waiting, spool.Uploading, spool.Confirming, spool.Settled:
		return true
	}
	return false
}

func totals(all []spool.Info) (t control.Totals) {
	for _, in := range all {
		switch {
		case onItsWay(in):
			t.Files++
			t.Bytes += in.Size
			t.Sent += min(in.Sent, in.Size)
			if in.Stage == spool.Uploading {
				t.Uploading++
			}
		case in.Stage == spool.Writing:
			t.Writing++
		case in.Stage == spool.Parked:
			t.Parked++
		case in.Stage == spool.Held && in.Quiet:
			t.Local++
		case in.Stage == spool.Held:
			t.Held++
		}
	}
	return t
}

// urgency sorts what needs a person first.
func urgency(f control.File) int {
	switch spool.Stage(f.Stage) {
	case spool.Parked:
		return 0
	case spool.Held:
		if f.Local {
			return 4
		}
		return 1
	case spool.Uploading, spool.Confirming:
		return 2
	}
	return 3
}

// filesUnder gives the entries at or below a path their paths. Where a folder's path cannot be found out, its files count as
// being below every path: who waits for them must not be told that all is done.
func (s *session) filesUnder(all []spool.Info, under string) []control.File {
	ctx, cancel := context.WithTimeout(context.Background(), placesPatience)
	defer cancel()
	type found struct {
		path string
		ok   bool
	}
	folders := map[remote.Ref]found{}
	files := make([]control.File, 0, min(len(all), control.MaxFiles))
	for _, in := range all {
		at, seen := folders[in.Parent]
		if !seen {
			at.path, at.ok = s.places.path(ctx, in.Parent)
			folders[in.Parent] = at
		}
		name := path.Join(at.path, cache.Shown(in.Name))
		if at.ok && !below(name, under) {
			continue
		}
		files = append(files, fileOf(in, name))
	}
	return files
}

// below reports whether name is under, or in the folder under.
func below(name, under string) bool {
	under = strings.Trim(under, "/")
	return under == "" || name == under || strings.HasPrefix(name, under+"/")
}

func fileOf(in spool.Info, name string) control.File {
	return control.File{
		Path: name, Size: in.Size, Sent: in.Sent, Parts: in.Parts, PartsDone: in.PartsDone, Stage: string(in.Stage), Reason: in.Reason,
		Local: in.Quiet, Writers: in.Writers, Attempts: in.Attempts, Error: oneLine(in.Err), NextTry: timeOf(in.NextTry), Closed: timeOf(in.Closed),
		ID: string(in.Asset.ID),
	}
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Sync waits for what is at or below paths now, and for what is closed there meanwhile.
func (s *session) Sync(ctx context.Context, paths []string, progress func(control.Status)) error {
	if !s.use() {
		return errEnding
	}
	defer s.parts.RUnlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.stopping, func() { cancel(errEnding) })()
	q := control.Query{Limit: progressFiles}
	if len(paths) == 1 {
		q.Under = paths[0]
	}
	stop := tell(ctx, func() { progress(s.report(q)) })
	defer stop()
	wanted := s.picker(paths)
	s.spool.Hurry()
	err := s.spool.Wait(ctx, wanted)
	if err == nil || errors.Is(err, spool.ErrParked) {
		// The spool says that something is parked; which, is for people.
		if n := len(s.keysOf(paths, func(in spool.Info) bool { return in.Stage == spool.Parked })); n > 0 {
			return fmt.Errorf("%w: %s", control.ErrParked, count(n, "file"))
		}
		return nil
	}
	return context.Cause(ctx)
}

// picker chooses the entries at or below paths.
func (s *session) picker(paths []string) func(spool.Info) bool {
	if len(paths) == 0 {
		return nil
	}
	return func(in spool.Info) bool { return len(s.under([]spool.Info{in}, paths)) > 0 }
}

func (s *session) under(all []spool.Info, paths []string) (out []spool.Info) {
	ctx, cancel := context.WithTimeout(context.Background(), placesPatience)
	defer cancel()
	for _, in := range all {
		folder, ok := s.places.path(ctx, in.Parent)
		name := path.Join(folder, cache.Shown(in.Name))
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
	return len(keys), nil
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
	if s.last.Totals.Parked > 0 {
		return s.last, fmt.Errorf("%w: %s", control.ErrParked, count(s.last.Totals.Parked, "file"))
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
