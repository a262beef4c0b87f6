package main

import (
	"context"
	"log/slog"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
)

// places gives folders their paths below the mount. An entry of the spool knows its folder's id only, which keeps it right
// whatever is renamed; people ask by path. What was found out is kept in a file, so that paths are there offline too.
type places struct {
	file string
	tree *cache.Tree
	wire names
	root remote.Ref
	log  *slog.Logger

	mu     sync.Mutex               // guards what follows; not held while Frame.io is asked
	most   int                      // how many places are known at most, about
	known  map[string]place         // by placeKey
	asked  map[string]time.Time     // when a folder was last looked up, with or without success
	asking map[string]chan struct{} // closed when it has been
}

// place is where a folder is.
type place struct {
	Parent remote.Ref `json:"parent"`
	Name   string     `json:"name"` // as shown
}

// placeKey tells an account from its Shared, which has the same id.
func placeKey(ref remote.Ref) string { return ref.Kind.String() + "/" + string(ref.ID) }

// placeAge is how long a place is believed; folders are seldom renamed.
const placeAge = 20 * time.Second

// deepest is more folders than a path has; beyond it there is a circle.
const deepest = 512

func newPlaces(file string, tree *cache.Tree, w names, root remote.Ref, log *slog.Logger) *places {
	p := &places{file: file, tree: tree, wire: w, root: root, log: log, most: mostPlaces, known: map[string]place{}, asked: map[string]time.Time{}, asking: map[string]chan struct{}{}}
	if err := readJSON(file, &p.known); err != nil {
		p.known = map[string]place{} // the paths are looked up again
	}
	return p
}

// path of the folder ref below the mount's root, "" for the root itself. ok is false if not all of it can be found out now.
func (p *places) path(ctx context.Context, ref remote.Ref) (full string, ok bool) {
	for range deepest {
		if p.isRoot(ref) {
			return full, true
		}
		at, ok := p.place(ctx, ref)
		if !ok {
			return path.Join("…", full), false
		}
		full, ref = path.Join(at.Name, full), at.Parent
	}
	return full, false
}

func (p *places) isRoot(ref remote.Ref) bool {
	// A project's root folder may be called a Folder by one who knows its id only.
	return ref.ID == p.root.ID && (ref.Kind == p.root.Kind || ref.IsFolder() && p.root.IsFolder())
}

// place of one folder: what is known if it is fresh, else what Frame.io says, else what is known.
func (p *places) place(ctx context.Context, ref remote.Ref) (place, bool) {
	key := placeKey(ref)
	for {
		p.mu.Lock()
		at, known := p.known[key]
		underWay := p.asking[key]
		if underWay == nil {
			if time.Since(p.asked[key]) < placeAge {
				p.mu.Unlock()
				return at, known
			}
			done := make(chan struct{})
			p.asking[key], p.asked[key] = done, time.Now()
			p.mu.Unlock()
			p.find(ctx, key, ref)
			p.mu.Lock()
			delete(p.asking, key)
			at, known = p.known[key]
			p.mu.Unlock()
			close(done)
			return at, known
		}
		p.mu.Unlock()
		if known {
			return at, true // as it was
		}
		select {
		case <-underWay: // somebody else asks
		case <-ctx.Done():
			return place{}, false
		}
	}
}

// find asks where a folder is, and keeps it.
func (p *places) find(ctx context.Context, key string, ref remote.Ref) {
	if ref.Kind <= remote.Project {
		p.survey(ctx, p.root)
	} else if at, ok := p.lookUp(ctx, ref); ok {
		p.keep(key, at)
	}
}

// survey notes all that stands above folders, from at down.
func (p *places) survey(ctx context.Context, at remote.Ref) {
	if at.Kind >= remote.Project {
		return
	}
	entries, err := p.tree.List(ctx, at)
	if err != nil {
		return
	}
	for _, e := range entries {
		p.keep(placeKey(e.Ref), place{at, e.Name})
		p.survey(ctx, e.Ref)
	}
}

// lookUp asks Frame.io where a folder is.
func (p *places) lookUp(ctx context.Context, ref remote.Ref) (place, bool) {
	it, err := p.wire.Stat(ctx, ref)
	if err != nil || it.Parent == "" {
		return place{}, false
	}
	parent := remote.Ref{Kind: remote.Folder, ID: it.Parent, Account: ref.Account}
	project := remote.Ref{Kind: remote.Project, ID: it.Parent, Account: ref.Account}
	if p.isRoot(parent) {
		parent = p.root
	} else if _, ok := p.place(ctx, project); ok {
		parent = project
	}
	entries, err := p.tree.List(ctx, parent)
	if err != nil {
		return place{}, false
	}
	for _, e := range entries {
		if e.ID == ref.ID && e.Kind == ref.Kind {
			return place{parent, e.Name}, true
		}
	}
	return place{}, false
}

// made notes where a folder is that has come to Frame.io from here, so that nobody need ask. What is known of it is kept with the next
// place that is found out.
func (p *places) made(it remote.Item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	parent := remote.Ref{Kind: remote.Folder, ID: it.Parent, Account: it.Account}
	project := remote.Ref{Kind: remote.Project, ID: it.Parent, Account: it.Account}
	if _, known := p.known[placeKey(project)]; known {
		parent = project
	}
	p.note(placeKey(it.Ref), place{parent, cache.Shown(it.Name)})
}

func (p *places) keep(key string, at place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[key] == at {
		p.asked[key] = time.Now()
		return
	}
	p.note(key, at)
	if err := writeJSON(p.file, p.known); err != nil {
		p.log.Debug("keep names of folders", "err", err)
	}
}

// mostPlaces is how many folders' places are known at most, about: those that nobody has asked for longest are looked up again. Folders come
// and go for as long as a mount is there.
const mostPlaces = 20_000

// note takes a place that was found out now, with mu held.
func (p *places) note(key string, at place) {
	p.known[key], p.asked[key] = at, time.Now()
	if max(len(p.asked), len(p.known)) <= p.most {
		return
	}
	times := slices.SortedFunc(maps.Values(p.asked), time.Time.Compare)
	before := times[len(times)/2].Add(-placeAge) // who asks for a folder asks for those above it, at most so much earlier
	for key, asked := range p.asked {
		if asked.Before(before) {
			delete(p.asked, key)
			delete(p.known, key)
		}
	}
	for key := range p.known { // from an earlier run
		if p.asked[key].IsZero() {
			delete(p.known, key)
		}
	}
	p.most = max(p.most, len(p.asked)*3/2) // all may be of now
}
