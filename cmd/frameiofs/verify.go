package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// defaultVerify costs nothing: V2 tells checksums by itself, and V4 none.
const defaultVerify = spool.VerifyChecksum

func verifyFlag() cli.Flag {
	return &cli.GenericFlag{Name: "verify", Value: &choiceValue{string(defaultVerify), spool.Levels()}, DefaultText: string(defaultVerify),
		Usage: "prove by `HOW` that Frame.io has what was sent: size (and the checksums of parts), checksum (also Frame.io's own, where it tells one: V2), " +
			"or, where it tells none, sample or full: some or all bytes are read back"}
}

func verifyOf(c *cli.Context) spool.Verify {
	return spool.Verify(c.Generic("verify").(*choiceValue).value)
}

// pathOf is where a file stands, for its receipt; "" if that cannot be found out.
func (s *session) pathOf(folder remote.Ref, name string) string {
	ctx, cancel := context.WithTimeout(remote.WithPriority(context.Background(), remote.Background), placesPatience)
	defer cancel()
	at, ok := s.places.path(ctx, folder)
	if !ok {
		return ""
	}
	return path.Join(at, cache.Shown(name))
}

// appeared has the kernel look again at a name that stands for something else since what Frame.io has under it was found to be damaged.
func (s *session) appeared(in spool.Info) {
	s.fs.Changed(in.Parent, []cache.Change{{Was: cache.Entry{Name: cache.Shown(in.Name)}}})
}

// waitVerified returns when no checksum is awaited of files at or below paths (all, if none).
func (s *session) waitVerified(ctx context.Context, paths []string) error {
	return s.spool.WaitVerified(ctx, func(left []spool.Receipt) bool {
		all := make([]spool.Info, len(left))
		for i, r := range left {
			all[i].Target = spool.Target{Parent: r.Folder, Name: r.Name}
		}
		return len(s.under(all, paths)) > 0
	})
}

// How often Frame.io is asked whether it has made proxies.
const (
	firstLook = time.Second
	lastLook  = 30 * time.Second
)

// waitTranscoded returns when Frame.io has made the proxies of all that can be played at or below paths (all, if none). left is told how
// many are missing.
func (s *session) waitTranscoded(ctx context.Context, paths []string, left *atomic.Int64) error {
	missing, err := s.untranscoded(ctx, paths)
	if err != nil {
		return err
	}
	ctx = remote.WithPriority(ctx, remote.Background)
	for wait := firstLook; len(missing) > 0; wait = min(2*wait, lastLook) {
		n := 0
		for folder, ids := range missing {
			if ids, err = s.lookAgain(ctx, folder, ids); err != nil {
				return err
			}
			if n += len(ids); len(ids) == 0 {
				delete(missing, folder)
			} else {
				missing[folder] = ids
			}
		}
		if left.Store(int64(n)); n == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
	return nil
}

// untranscoded are the files whose proxies are missing as far as is known, by their folders.
func (s *session) untranscoded(ctx context.Context, paths []string) (map[remote.Ref]map[remote.ID]bool, error) {
	if len(paths) == 0 {
		paths = []string{""}
	}
	missing := map[remote.Ref]map[remote.ID]bool{}
	visit := func(folder remote.Ref, entries []cache.Entry, _ int) {
		for _, e := range entries {
			if !playable(e.Item) || e.State == remote.Transcoded {
				continue
			}
			if missing[folder] == nil {
				missing[folder] = map[remote.ID]bool{}
			}
			missing[folder][e.ID] = true
		}
	}
	for _, p := range paths {
		at, err := s.spotOf(ctx, p)
		switch {
		case err != nil:
			return nil, err
		case at.there != nil:
			visit(at.folder, []cache.Entry{*at.there}, 0)
		case at.name == "":
			if err := s.walk(ctx, at.folder, visit); err != nil {
				return nil, err
			}
		}
	}
	return missing, nil
}

// lookAgain asks Frame.io which of the files in a folder have no proxies yet. What is not there any more is not waited for.
func (s *session) lookAgain(ctx context.Context, folder remote.Ref, ids map[remote.ID]bool) (map[remote.ID]bool, error) {
	still := map[remote.ID]bool{}
	for it, err := range s.link.Children(ctx, folder) {
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, iofs.ErrNotExist):
			return nil, nil
		case err != nil && remote.Judge(err) == remote.Final:
			return nil, err
		case err != nil:
			return ids, nil // the link; it is asked again
		case ids[it.ID] && it.State != remote.Transcoded && !it.Failed:
			still[it.ID] = true
		}
	}
	return still, nil
}

// playable reports whether Frame.io makes proxies of a file (spec: frameio-v2.md §4.2: of others it is not known).
func playable(it remote.Item) bool {
	if it.IsDir() || it.Size == 0 {
		return false
	}
	kind, _, _ := strings.Cut(it.MediaType, "/")
	return kind == "video" || kind == "audio" || kind == "image" || it.MediaType == "application/pdf"
}

// Receipts tells what was uploaded.
func (s *session) Receipts(_ context.Context, q control.ReceiptQuery) (out control.Receipts, err error) {
	if !s.use() {
		return out, errEnding
	}
	defer s.parts.RUnlock()
	mark, err := spool.ParseMark(q.Before)
	if err != nil {
		return out, err
	}
	all, next, more, err := s.spool.Receipts(mark, q.Limit, func(r *spool.Receipt) bool {
		return !r.Uploaded.Before(q.Since) && (len(q.Paths) == 0 || slices.ContainsFunc(q.Paths, func(p string) bool { return r.Path != "" && below(r.Path, p) }))
	})
	if err != nil {
		return out, err
	}
	out.Receipts = make([]control.Receipt, len(all))
	for i := range all {
		out.Receipts[i] = receiptOf(&all[i])
	}
	if more {
		out.Next = next.String()
	}
	return out, nil
}

func receiptOf(r *spool.Receipt) control.Receipt {
	return control.Receipt{
		ID: string(r.ID), Path: r.Path, Name: r.Name, Account: string(r.Account), Parent: string(r.Parent), Stack: string(r.Stack), Size: r.Size, Checksum: r.Checksum,
		Parts: r.Parts, Attempts: r.Attempts, CopyOf: r.CopyOf, Modified: r.Modified, Sealed: r.Sealed, Created: r.Created, Uploaded: r.Uploaded,
		Verified: timeOf(r.Verified), Proof: string(r.Proof), Awaited: r.Awaited, Note: r.Note, Damaged: r.Damaged,
	}
}

// prove adds to files of a listing what is known of those that were uploaded from here.
func (s *session) prove(list []control.Entry, content []remote.ID) {
	found, err := s.spool.ReceiptsOf(content...)
	if err != nil {
		s.log.Debug("look for receipts", "err", err)
	}
	for i := range list {
		r, ok := found[content[i]]
		if !ok {
			continue
		}
		one := receiptOf(&r)
		list[i].Proof, list[i].Awaited, list[i].Verified, list[i].Damaged = one.Proof, one.Awaited, one.Verified, one.Damaged
		if list[i].Checksum == "" && one.Damaged == "" {
			list[i].Checksum = one.Checksum
		}
	}
}

// proofText says in few words what shows that Frame.io has a file's bytes.
func proofText(proof string, awaited bool, damaged string) string {
	switch {
	case damaged != "":
		return "DAMAGED there: " + oneLine(damaged)
	case awaited:
		return "its checksum awaited"
	}
	return map[string]string{
		control.ProofChecksum: "checksum verified", control.ProofFull: "read back whole", control.ProofSample: "read back in part",
		control.ProofParts: "size and parts verified", control.ProofSize: "size verified",
	}[proof]
}

// provingLines tell of files that Frame.io has and that are not done with.
func provingLines(t control.Totals) (lines []string) {
	if t.Verifying > 0 {
		lines = append(lines, fmt.Sprintf("  %s on Frame.io to be verified: its checksums are awaited, and the bytes kept here", count(t.Verifying, "file")))
	}
	if t.Transcoding > 0 {
		lines = append(lines, fmt.Sprintf("  Frame.io makes proxies of %s", count(t.Transcoding, "file")))
	}
	return lines
}
