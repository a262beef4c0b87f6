package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/spool"
)

// Pause stops uploads: those at or below paths, or all.
func (s *session) Pause(_ context.Context, paths []string) (control.Told, error) {
	return s.steer(paths, (*spool.Spool).PauseAll, (*spool.Spool).Pause)
}

// Resume lets them go on.
func (s *session) Resume(_ context.Context, paths []string) (control.Told, error) {
	return s.steer(paths, (*spool.Spool).ResumeAll, (*spool.Spool).Resume)
}

// steer does something with all that is leaving, or with some at or below paths.
func (s *session) steer(paths []string, all func(*spool.Spool) error, some func(*spool.Spool, ...spool.Key) (int, error)) (control.Told, error) {
	if !s.use() {
		return control.Told{}, errEnding
	}
	defer s.parts.RUnlock()
	if len(paths) == 0 {
		return s.leaving(), all(s.spool)
	}
	return files(some(s.spool, s.named(paths)...))
}

// First puts uploads before all others.
func (s *session) First(_ context.Context, paths []string) (control.Told, error) {
	if !s.use() {
		return control.Told{}, errEnding
	}
	defer s.parts.RUnlock()
	return files(s.spool.First(s.named(paths)...))
}

// Cancel keeps files at or below paths here, and gives up parked changes of names there, or everywhere if no path is given.
func (s *session) Cancel(_ context.Context, paths []string) (told control.Told, err error) {
	if !s.use() {
		return told, errEnding
	}
	defer s.parts.RUnlock()
	if len(paths) > 0 {
		if told.Files, err = s.spool.Cancel(s.named(paths)...); err != nil {
			return told, err
		}
	}
	told.Names, err = s.parkedNames(paths, func(keys []string) error { return s.names.Cancel(keys...) })
	return told, err
}

func files(n int, err error) (control.Told, error) { return control.Told{Files: n}, err }

// leaving counts what is on its way.
func (s *session) leaving() (told control.Told) {
	for _, in := range s.spool.All() {
		if onItsWay(in) {
			told.Files++
		}
	}
	return told
}

// named are the entries at or below paths, in the order of these, and below each those that were closed first foremost. One whose place cannot be
// found out is none of them: nothing is done to what was not meant.
func (s *session) named(paths []string) (keys []spool.Key) {
	at, done := s.paths()
	defer done()
	type found struct {
		key spool.Key
		by  int
	}
	var all []found
	for _, in := range s.spool.All() {
		name, ok := at(in.Parent, in.Name)
		if by := slices.IndexFunc(paths, func(p string) bool { return below(name, p) }); ok && by >= 0 {
			all = append(all, found{in.Key, by})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(a.by, b.by) })
	for _, f := range all {
		keys = append(keys, f.key)
	}
	return keys
}
