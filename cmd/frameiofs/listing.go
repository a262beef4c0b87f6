package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"slices"
	"strings"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// List describes what path holds: Frame.io's listing with what is leaving laid over it, as the mount shows it.
func (s *session) List(ctx context.Context, name string) ([]control.Entry, error) {
	if !s.use() {
		return nil, errEnding
	}
	defer s.parts.RUnlock()
	at, err := s.spotOf(ctx, name)
	if err != nil {
		return nil, err
	}
	list, err := s.listFolder(ctx, at.folder)
	if at.name == "" || err != nil {
		return list, err
	}
	return slices.DeleteFunc(list, func(e control.Entry) bool { return e.Name != at.name }), nil
}

// spot is what a path below the mount's root names: a folder, or a file in one.
type spot struct {
	path   string
	folder remote.Ref
	name   string       // of the file, as shown; "" for the folder itself
	there  *cache.Entry // the file on Frame.io; nil if it is only leaving
}

// spotOf walks down a path. control.ErrNotExist if there is no such thing.
func (s *session) spotOf(ctx context.Context, name string) (spot, error) {
	at := spot{path: strings.Trim(name, "/"), folder: s.root.Ref}
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
	for i, part := range parts {
		found, err := s.tree.Find(ctx, at.folder, part)
		leaving := s.spool.Find(at.folder.ID, cache.Actual(part))
		if last := i == len(parts)-1; last && leaving != nil || last && err == nil && !found.IsDir() {
			at.name = part
			if err == nil {
				at.there = &found
			}
			return at, nil
		}
		if errors.Is(err, iofs.ErrNotExist) || err == nil && !found.IsDir() {
			return at, fmt.Errorf("%s: %w", name, control.ErrNotExist)
		}
		if err != nil {
			return at, fmt.Errorf("look up %s: %w", name, err)
		}
		at.folder = found.Ref
	}
	return at, nil
}

// listFolder lays what is leaving over Frame.io's listing as the mounted tree does. An entry that settles goes into the listing
// before it goes from the spool: asked in this order nothing is missed, and what would be told twice is claimed.
func (s *session) listFolder(ctx context.Context, at remote.Ref) ([]control.Entry, error) {
	var leaving []*spool.Entry
	if at.IsFolder() {
		leaving = s.spool.In(at.ID)
	}
	entries, err := s.tree.List(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("list folder: %w", err)
	}
	list := make([]control.Entry, 0, len(entries)+len(leaving))
	var content []remote.ID
	taken := map[string]bool{}
	settled := map[remote.ID]bool{}
	for _, e := range leaving {
		out := leavingEntry(e.Info())
		if taken[out.Name] {
			out.Name = cache.Distinct(out.Name, remote.ID(e.Key()))
		}
		taken[out.Name], settled[e.Info().Asset.ID] = true, true
		list, content = append(list, out), append(content, "")
	}
	for _, e := range entries {
		if settled[e.ID] || s.spool.Hides(e.ID) || s.spool.Claimed(e.Content) {
			continue
		}
		out := entryOf(e)
		if taken[out.Name] {
			out.Name = cache.Distinct(out.Name, e.ID)
		}
		list, content = append(list, out), append(content, e.Content)
	}
	s.prove(list, content)
	sortEntries(list)
	return list, nil
}

func sortEntries(list []control.Entry) {
	slices.SortFunc(list, func(a, b control.Entry) int { return strings.Compare(a.Name, b.Name) })
}

// entryOf describes what Frame.io has.
func entryOf(e cache.Entry) control.Entry {
	out := control.Entry{Name: e.Name, Kind: e.Kind.String(), Size: e.Size, Time: e.Updated, Safe: control.SafeRemote, ID: string(e.ID), URL: e.URL,
		MediaType: e.MediaType, Label: e.Label, Checksum: e.Checksum}
	if !e.IsDir() {
		out.State = e.State.String()
	}
	if !e.Mtime.IsZero() {
		out.Time = e.Mtime
	}
	return out
}

// leavingEntry describes what is on its way.
func leavingEntry(in spool.Info) control.Entry {
	out := control.Entry{Name: cache.Shown(in.Name), Kind: remote.File.String(), Size: in.Size, Time: in.Mtime, ID: string(in.Asset.ID), State: string(in.Stage),
		MediaType: in.MediaType, Sent: in.Sent, Safe: control.SafeHere, Detail: string(in.Stage)}
	switch in.Stage {
	case spool.Clean, spool.Settled:
		out.Safe, out.Detail = control.SafeRemote, ""
	case spool.Verifying:
		out.Safe, out.Detail = control.SafeRemote, "it is read back"
	case spool.Uploading, spool.Confirming:
		out.Safe, out.Detail = control.SafeUploading, ""
	case spool.Held, spool.Parked:
		out.Detail = in.Reason
	case spool.Waiting:
		if in.Err != "" {
			out.Detail += ": " + oneLine(in.Err)
		}
	}
	return out
}
