package main

import (
	"cmp"
	"context"
	"os"
	"path"
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

// report is Status for one who keeps the parts open.
func (s *session) report(q control.Query) control.Status {
	st := control.Status{
		MountPoint: s.point, State: control.Mounted, PID: os.Getpid(), Version: version(), Since: s.since,
		API: s.conn.API, URL: s.conn.URL, User: person(s.conn.User), Root: s.rootPath, ReadOnly: s.cfg.readOnly,
		StateDir: s.state.Dir, Log: s.logFile, Link: s.link.report(), DiskFree: s.spool.Free(),
	}
	st.Metrics = s.metricsURL
	if s.away() {
		st.State = control.Finishing
	}
	blocks := s.blocks.Stats()
	st.Cache.Used, st.Cache.Limit = blocks.Used, blocks.Limit
	st.Trouble = cmp.Or(s.cfg.account.trouble(), s.confirm.report())
	st.Profile = s.cfg.account.profile()
	st.Paused, st.Limits = s.spool.Paused(), s.limitsNow()
	if text, at := s.trouble.get(); text != "" {
		st.LastError, st.LastErrorTime = text, &at
	}
	all := s.spool.All()
	st.Totals = totals(all, s.isGone())
	st.Totals.Rate, st.Totals.RateDown = s.meter.rate(), s.meter.rateDown()
	changes := s.names.Pending()
	st.Totals.Names, st.Totals.NamesParked = countNames(changes)
	calls := s.names.Totals()
	st.Totals.Folders = calls.Stay
	st.Totals.Verifying = len(s.spool.Awaited())
	st.Totals.TimeLeft, st.Totals.LimitedBy = left(all, changes, calls.Deletions, st.Totals, st.Limits.Up, s.conn.Pace)
	if st.Totals.Paused > 0 && st.Totals.Paused == st.Totals.Files && st.Totals.Names == 0 {
		st.Totals.TimeLeft, st.Totals.LimitedBy = 0, "pause"
	}
	st.Names = s.nameList(changes, q)
	st.Files, st.LeftOut = s.filesUnder(all, q)
	return st
}

// isGone reports whether the kernel has let the mount go.
func (s *session) isGone() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// away reports whether the mount is no longer in the tree of files.
func (s *session) away() bool {
	if s.isGone() {
		return true
	}
	s.mu.Lock()
	detached, ending := s.detached, s.how != ""
	s.mu.Unlock()
	// gone is closed some while after the kernel has taken the mount away.
	return detached || ending && !stillMounted(s.point)
}

// onItsWay tells the entries that nothing but time keeps from Frame.io.
func onItsWay(in spool.Info) bool {
	switch in.Stage {
	case spool.Settling, spool.Waiting, spool.Uploading, spool.Confirming, spool.Verifying, spool.Settled:
		return true
	}
	return false
}

// totals sums up. Of what was closed when the mount went, the end is not told any more: it is on its way all the same.
func totals(all []spool.Info, gone bool) (t control.Totals) {
	for _, in := range all {
		switch {
		case onItsWay(in), gone && in.Stage == spool.Writing && !in.Closed.IsZero():
			t.Files++
			if in.Paused {
				t.Paused++
			}
			t.Bytes += in.Size
			t.Sent += min(in.Sent, in.Size)
			switch {
			case in.Paused:
			case in.Stage == spool.Uploading:
				t.Uploading++
			case in.Stage == spool.Settling:
				t.Settling++
			}
			if !in.Paused && !in.Closed.IsZero() && (t.Oldest == nil || in.Closed.Before(*t.Oldest)) {
				t.Oldest = &in.Closed
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

// urgencies is how many there are.
const urgencies = 7

// urgency sorts what needs a person first.
func urgency(in *spool.Info) int {
	switch in.Stage {
	case spool.Parked:
		return 0
	case spool.Held:
		if in.Quiet {
			return 6
		}
		return 1
	case spool.Uploading, spool.Confirming, spool.Verifying:
		return 2
	}
	switch {
	case in.Paused:
		return 5
	case in.First:
		return 3
	}
	return 4
}

// paths gives a way to find the path below the mount of what has a name in a folder; each folder is looked up once, and until done is called
// for no longer than people wait. ok is false if it cannot be found out.
func (s *session) paths() (at func(folder remote.Ref, name string) (full string, ok bool), done func()) {
	ctx, done := context.WithTimeout(context.Background(), placesPatience)
	type found struct {
		path string
		ok   bool
	}
	folders := map[remote.Ref]found{}
	return func(folder remote.Ref, name string) (string, bool) {
		at, seen := folders[folder]
		if !seen {
			at.path, at.ok = s.places.path(ctx, folder)
			folders[folder] = at
		}
		return path.Join(at.path, cache.Shown(name)), at.ok
	}, done
}

// filesUnder gives the entries at or below a path their paths, the most urgent first, and tells how many are more than limit (0: none). Where a
// folder's path cannot be found out, its files count as being below every path: who waits for them must not be told that all is done.
func (s *session) filesUnder(all []spool.Info, q control.Query) (files []control.File, leftOut int) {
	at, done := s.paths()
	defer done()
	var byUrgency [urgencies][]int
	for i := range all {
		u := urgency(&all[i])
		byUrgency[u] = append(byUrgency[u], i)
	}
	everything := strings.Trim(q.Under, "/") == ""
	files = make([]control.File, 0, min(len(all), control.MaxFiles))
	for _, which := range byUrgency {
		for _, i := range which {
			full := q.Limit > 0 && len(files) >= q.Limit
			if full && everything { // of thousands, only those that are told of need a path
				leftOut++
				continue
			}
			name, ok := at(all[i].Parent, all[i].Name)
			switch {
			case ok && !below(name, q.Under):
			case full:
				leftOut++
			default:
				f := fileOf(all[i], name)
				if all[i].Stage == spool.Uploading {
					f.Rate = s.meter.rateOf(all[i].Key)
				}
				files = append(files, f)
			}
		}
	}
	return files, leftOut
}

// below reports whether name is under, or in the folder under.
func below(name, under string) bool {
	under = strings.Trim(under, "/")
	return under == "" || name == under || strings.HasPrefix(name, under+"/")
}

func fileOf(in spool.Info, name string) control.File {
	if in.CopyOf != "" {
		in.Missing = 0 // and nothing of it is to be fetched
	}
	return control.File{
		Path: name, Size: in.Size, Sent: in.Sent, Missing: in.Missing, CopyOf: in.CopyOf, Parts: in.Parts, PartsDone: in.PartsDone, Stage: string(in.Stage), Reason: in.Reason,
		Local: in.Quiet, Paused: in.Paused, First: in.First, Writers: in.Writers, Attempts: in.Attempts, Error: oneLine(in.Err), NextTry: timeOf(in.NextTry), Closed: timeOf(in.Closed),
		ID: string(in.Asset.ID),
	}
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
