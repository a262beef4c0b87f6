package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/remote"
)

// How checksums are asked for that Frame.io tells late.
const (
	firstSum   = 2 * time.Second
	lastSum    = time.Minute      // between two questions
	sumsFor    = 30 * time.Minute // after which it does not come any more (spec: frameio-v2.md §4.2)
	sumsMany   = 20               // files of one folder from which on that is listed instead
	sumsPages  = 25               // items per file looked for, after which a listing is given up
	sumsAtOnce = 4                // files that are asked for singly
	sumsRoom   = 4 << 30          // bytes that writers may still use, below which files are let go without waiting
	roomTick   = 2 * time.Second  // how often that is looked at
)

func (s *Spool) wakeProofs() {
	select {
	case s.proofWake <- struct{}{}:
	default:
	}
}

// prove asks for checksums until ctx ends.
func (s *Spool) prove(ctx context.Context) {
	for ctx.Err() == nil {
		due, wait := s.dueProofs()
		if len(due) > 0 {
			s.ask(ctx, due)
			continue
		}
		if oldest := s.pressed(); oldest != nil {
			s.letGo(ctx, oldest, "the disk was needed before Frame.io told its checksum")
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.proofWake:
		case <-t.C:
		}
		t.Stop()
	}
}

// dueProofs are those whose time has come, or else how long to wait.
func (s *Spool) dueProofs() (due []*awaited, wait time.Duration) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.awaited) == 0 {
		return nil, time.Hour
	}
	wait = roomTick
	for _, w := range s.awaited {
		if left := time.Until(w.next); left <= 0 {
			due = append(due, w)
		} else {
			wait = min(wait, left)
		}
	}
	slices.SortFunc(due, func(a, b *awaited) int { return a.Receipt.Uploaded.Compare(b.Receipt.Uploaded) })
	return due, wait
}

// pressed is the file that is to give way first, if the disk is needed: the one that waits longest.
func (s *Spool) pressed() (first *awaited) {
	s.mu.RLock()
	none := len(s.awaited) == 0
	s.mu.RUnlock()
	if none {
		return nil
	}
	room, err := s.roomLeft()
	if err != nil || room >= sumsRoom {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, w := range s.awaited {
		if w.tried(time.Now()) {
			continue
		}
		if first == nil || w.Receipt.Uploaded.Before(first.Receipt.Uploaded) {
			first = w
		}
	}
	return first
}

func (s *Spool) roomLeft() (int64, error) {
	if s.cfg.testOnlyRoom != nil {
		return s.cfg.testOnlyRoom(), nil
	}
	return s.space.ask()
}

// tried reports whether it could not be let go just now.
func (w *awaited) tried(now time.Time) bool { return now.Before(w.kept) }

// ask asks Frame.io for the checksums of files, of many in one folder by listing it.
func (s *Spool) ask(ctx context.Context, due []*awaited) {
	ctx = remote.WithPriority(ctx, remote.Background)
	g := new(errgroup.Group) // several at once share the fsyncs of their receipts
	g.SetLimit(sumsAtOnce)
	defer g.Wait()
	byFolder := map[remote.Ref][]*awaited{}
	for _, w := range due {
		byFolder[w.Parent] = append(byFolder[w.Parent], w)
	}
	for folder, set := range byFolder {
		if len(set) < sumsMany || s.cfg.List == nil {
			continue
		}
		byID, seen := map[remote.ID]*awaited{}, 0
		for _, w := range set {
			byID[w.Receipt.ID] = w
		}
		for it, err := range s.cfg.List(ctx, folder) {
			if seen++; err != nil || seen > sumsPages*len(set) {
				break
			}
			if w := byID[it.Content]; w != nil {
				w.answered = true
				g.Go(func() error {
					return remote.Contain(s.log, "verify a file", func() error { s.learnSum(ctx, w, it, nil); return nil })
				})
				if delete(byID, it.Content); len(byID) == 0 {
					break
				}
			}
		}
	}
	for _, w := range due {
		if w.answered {
			w.answered = false
			continue
		}
		g.Go(func() error {
			return remote.Contain(s.log, "verify a file", func() error {
				it, err := s.cfg.Remote.Stat(ctx, remote.Ref{Kind: remote.File, ID: w.Receipt.ID, Account: w.Receipt.Account})
				if ctx.Err() == nil {
					s.learnSum(ctx, w, it, err)
				}
				return nil
			})
		})
	}
}

// learnSum acts upon what Frame.io says of a file.
func (s *Spool) learnSum(ctx context.Context, w *awaited, it remote.Item, err error) {
	s.mu.Lock()
	w.asks++
	w.next = time.Now().Add(min(lastSum, firstSum<<min(w.asks, 6)))
	s.mu.Unlock()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r := w.Receipt
		r.Awaited, r.Note = false, "it was deleted on Frame.io before its checksum was told"
		s.note(r)
		s.forgo(w)
	case err != nil: // asked again
	case it.Checksum == "" && time.Since(w.Receipt.Uploaded) >= sumsFor:
		s.letGo(ctx, w, fmt.Sprintf("Frame.io told no checksum within %v", sumsFor))
	case it.Checksum == "":
	case it.Checksum == w.Receipt.Checksum:
		s.proved(w, ProvenChecksum, "")
	default:
		s.damaged(ctx, w, differs(it.Checksum, w.Receipt.Checksum))
	}
}

// proved ends waiting well.
func (s *Spool) proved(w *awaited, how Proof, note string) {
	r := w.Receipt
	r.Awaited, r.Proof, r.Note, r.Verified = false, how, note, time.Now()
	s.note(r)
	s.forgo(w)
}

// letGo ends waiting without a checksum. Where that can be, some of the bytes are read back before.
func (s *Spool) letGo(ctx context.Context, w *awaited, why string) {
	how := w.Receipt.Proof
	here, err := os.Open(s.awaitedPath(w.Receipt.ID))
	if err == nil && s.cfg.Read != nil {
		defer here.Close()
		var spans []span
		spans, how = backSpans(w.Receipt.Size, nil, VerifySample)
		err = s.readBack(ctx, remote.Ref{Kind: remote.File, ID: w.Receipt.ID, Account: w.Receipt.Account}, here, spans)
	} else if err == nil {
		here.Close()
	}
	var wrong errWrongBytes
	switch {
	case err == nil:
	case errors.As(err, &wrong):
		s.damaged(ctx, w, wrong.Error())
		return
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		how = w.Receipt.Proof
		why += ", and it cannot be read back"
	default: // the link, most likely
		s.mu.Lock()
		w.kept = time.Now().Add(lastSum)
		s.mu.Unlock()
		s.log.Debug("a file is kept until it can be read back", "asset", w.Receipt.ID, "err", err)
		return
	}
	s.proved(w, strongest(how, w.Receipt.Proof), why)
}

// strongest is the better of two proofs.
func strongest(a, b Proof) Proof {
	order := []Proof{ProvenChecksum, ProvenFull, ProvenSample, ProvenParts, ProvenSize}
	return order[min(slices.Index(order, cmp.Or(a, ProvenSize)), slices.Index(order, cmp.Or(b, ProvenSize)))]
}
