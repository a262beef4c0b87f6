package main

import (
	"context"
	"errors"
	iofs "io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
)

// pins is what a person wants to have here always. The cache pins contents; these are the files and folders that it was asked for,
// kept in a file, so that new versions and new files are pinned too.
type pins struct {
	s    *session
	file string
	wake chan struct{} // something is to be looked at
	kick chan struct{} // something is to be fetched

	work sync.Mutex // one at a time looks and pins; taken before mu. Frame.io is asked holding it

	mu      sync.Mutex // guards what follows
	kept    pinsFile
	folders map[string]pinnedFolder // all folders that are pinned, by folderID
	changed map[string]remote.Ref   // folders to be looked at again, by folderID
	looked  time.Time               // when all was looked at last, with success
	tried   time.Time               // when something was looked at last
	failed  map[remote.ID]string    // why a content cannot be fetched
}

// pinsFile is what is kept.
type pinsFile struct {
	Pins []*pin `json:"pins"`
	// Contents is what the cache may have been told to pin.
	Contents map[remote.ID]remote.Item `json:"contents"`
}

// pin is one path that was pinned: a folder, or, if it has a Name, a file in one.
type pin struct {
	Path   string     `json:"path"` // as it was then
	Folder remote.Ref `json:"folder"`
	Name   string     `json:"name,omitempty"` // as shown
	ID     remote.ID  `json:"id,omitempty"`   // of the file or stack, as it was last seen

	trouble string // guarded by pins.mu
}

// pinnedFolder is what was in a folder when it was looked at.
type pinnedFolder struct {
	entries []cache.Entry
	gone    bool // from Frame.io
}

// How often all that is pinned is looked at, how soon if there is reason to, and how soon what could not be fetched is tried again.
const (
	pinsEvery  = 5 * time.Minute
	pinsSoon   = 30 * time.Second
	pinsGather = 500 * time.Millisecond
)

// folderID does not tell a project from its root folder.
func folderID(ref remote.Ref) string {
	if ref.Kind == remote.Project {
		ref.Kind = remote.Folder
	}
	return placeKey(ref)
}

func newPins(s *session, file string) *pins {
	p := &pins{s: s, file: file, wake: make(chan struct{}, 1), kick: make(chan struct{}, 1), folders: map[string]pinnedFolder{},
		changed: map[string]remote.Ref{}, failed: map[remote.ID]string{}}
	if err := readJSON(file, &p.kept); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		s.log.Error("what was pinned is not known any more; pin it again", "err", err)
	}
	if p.kept.Contents == nil {
		p.kept.Contents = map[remote.ID]remote.Item{}
	}
	return p
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// note tells that something in a folder has changed. It answers false if nothing that is known to be pinned is there.
func (p *pins) note(folder remote.Ref) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := folderID(folder)
	if !p.watchedLocked(id) {
		return len(p.kept.Pins) == 0
	}
	p.changed[id] = folder
	poke(p.wake)
	return true
}

// settled tells that a file has come into a folder by our own hand, perhaps a folder that is new: then the one that it is in is looked
// at.
func (p *pins) settled(folder remote.Ref) {
	ctx, cancel := context.WithTimeout(context.Background(), placesPatience)
	defer cancel()
	for range deepest {
		if p.note(folder) || p.s.places.isRoot(folder) {
			return
		}
		at, ok := p.s.places.place(ctx, folder)
		if !ok { // it may be below any of them
			p.noteAll()
			return
		}
		folder = at.Parent
	}
}

// noteAll has everything looked at that is pinned.
func (p *pins) noteAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.kept.Pins {
		p.changed[folderID(n.Folder)] = n.Folder
	}
	poke(p.wake)
}

func (p *pins) watchedLocked(id string) bool {
	_, is := p.folders[id]
	return is || slices.ContainsFunc(p.kept.Pins, func(n *pin) bool { return folderID(n.Folder) == id })
}

// run keeps what is pinned up to date until ctx ends, or the mount has gone.
func (p *pins) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var fetching sync.WaitGroup
	fetching.Go(func() {
		defer cancel()
		select {
		case <-p.s.gone:
		case <-ctx.Done():
		}
	})
	defer fetching.Wait()
	fetching.Go(func() { p.fetch(ctx) })
	for {
		if p.busy() {
			if err := p.s.contained("look at what is pinned", func() error { return p.look(ctx) })(); err != nil && ctx.Err() == nil {
				p.s.log.Log(ctx, levelOf(err), "cannot look whether what is pinned has changed", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(p.untilNext()):
		case <-p.wake:
			select { // what changes together is looked at together
			case <-ctx.Done():
				return
			case <-time.After(pinsGather):
			}
		}
	}
}

// levelOf keeps what a link that is down brings with it out of the log.
func levelOf(err error) slog.Level {
	if linkless(err) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// busy reports whether anything is pinned, or is to be unpinned.
func (p *pins) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.kept.Pins)+len(p.kept.Contents) > 0
}

// untilNext is when all is to be looked at again.
func (p *pins) untilNext() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.looked.Add(pinsEvery)
	if p.looked.IsZero() || len(p.changed) > 0 {
		next = p.tried.Add(pinsSoon)
	}
	return max(time.Until(next), pinsGather)
}

// look looks at all that is pinned, or at what has changed of it, and has the cache pin what is there now.
func (p *pins) look(ctx context.Context) error {
	p.work.Lock()
	defer p.work.Unlock()
	return p.lookNow(ctx)
}

// lookNow is look for one who holds p.work.
func (p *pins) lookNow(ctx context.Context) error {
	ctx = remote.WithPriority(ctx, remote.Background)
	p.mu.Lock()
	began := time.Now()
	p.tried = began
	all := p.looked.IsZero() || time.Since(p.looked) >= pinsEvery
	folders, changed := map[string]pinnedFolder{}, p.changed
	p.changed = map[string]remote.Ref{}
	if all {
		for _, n := range p.kept.Pins {
			changed[folderID(n.Folder)] = n.Folder
		}
	} else {
		folders = maps.Clone(p.folders)
	}
	kept := slices.Clone(p.kept.Pins)
	p.mu.Unlock()
	for id := range changed {
		delete(folders, id)
	}
	for _, ref := range changed {
		deep := p.deep(kept, ref, folders)
		if err := p.list(ctx, ref, deep, folders); err != nil {
			p.again(changed)
			return err
		}
	}
	p.mu.Lock()
	p.folders = folders
	if all {
		p.looked = began
	}
	p.mu.Unlock()
	return p.apply(kept)
}

// again puts back what could not be looked at.
func (p *pins) again(changed map[string]remote.Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.Copy(p.changed, changed)
}

// deep reports whether a folder counts with all that is in it, and not only as where a file is that is pinned.
func (p *pins) deep(kept []*pin, ref remote.Ref, folders map[string]pinnedFolder) bool {
	id := folderID(ref)
	for _, n := range kept {
		if n.Name == "" && folderID(n.Folder) == id {
			return true
		}
	}
	for _, f := range folders {
		if slices.ContainsFunc(f.entries, func(e cache.Entry) bool { return e.IsDir() && folderID(e.Ref) == id }) {
			return true
		}
	}
	return false
}

// list puts into folders what is in ref, and if deep what is in the folders below it that are not known yet. A folder that is
// not there any more is empty.
func (p *pins) list(ctx context.Context, ref remote.Ref, deep bool, folders map[string]pinnedFolder) error {
	entries, err := p.s.tree.List(ctx, ref)
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	folders[folderID(ref)] = pinnedFolder{entries, err != nil}
	if !deep {
		return nil
	}
	for _, e := range entries {
		if _, known := folders[folderID(e.Ref)]; !e.IsDir() || known {
			continue
		}
		if err := p.list(ctx, e.Ref, true, folders); err != nil {
			return err
		}
	}
	return nil
}
