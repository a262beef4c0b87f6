package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
)

// wantLocked is what is pinned by n: the files, and whether there is such a thing at all. p.mu is held.
func (p *pins) wantLocked(n *pin) (files []cache.Entry, ok bool) {
	f, listed := p.folders[folderID(n.Folder)]
	if n.Name == "" {
		p.below(f, &files, map[string]bool{})
		return files, listed && !f.gone
	}
	// A file that got a second version is a stack with another ID.
	byName := -1
	for i, e := range f.entries {
		switch {
		case e.IsDir():
		case e.ID == n.ID:
			return []cache.Entry{e}, true
		case e.Name == n.Name:
			byName = i
		}
	}
	if byName < 0 {
		return nil, false
	}
	n.ID = f.entries[byName].ID
	return []cache.Entry{f.entries[byName]}, true
}

func (p *pins) below(f pinnedFolder, files *[]cache.Entry, seen map[string]bool) {
	for _, e := range f.entries {
		if !e.IsDir() {
			*files = append(*files, e)
		} else if id := folderID(e.Ref); !seen[id] {
			seen[id] = true
			p.below(p.folders[id], files, seen)
		}
	}
}

// apply has the cache pin what is wanted, and nothing else. What it is told is written down before.
func (p *pins) apply(kept []*pin) error {
	p.mu.Lock()
	wanted := map[remote.ID]remote.Item{}
	for _, n := range kept {
		files, there := p.wantLocked(n)
		n.trouble = ""
		if !there {
			n.trouble = "it is not there any more"
		}
		for _, e := range files {
			wanted[e.Content] = e.Item
		}
	}
	stale := maps.Clone(p.kept.Contents)
	for id := range wanted {
		if stale[id].Size == wanted[id].Size {
			delete(stale, id)
		}
	}
	maps.Copy(p.kept.Contents, wanted)
	err := p.saveLocked()
	p.mu.Unlock()
	if err != nil {
		return err
	}
	for id, it := range stale {
		err = errors.Join(err, p.s.blocks.Unpin(it))
		p.mu.Lock()
		if _, is := wanted[id]; !is {
			delete(p.kept.Contents, id)
		}
		delete(p.failed, id)
		p.mu.Unlock()
	}
	for id, it := range wanted {
		if err := p.s.blocks.Pin(it); err != nil {
			p.fail(id, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(stale) > 0 {
		err = errors.Join(err, p.saveLocked())
	}
	poke(p.kick)
	return err
}

func (p *pins) saveLocked() error {
	small := pinsFile{Pins: p.kept.Pins, Contents: make(map[remote.ID]remote.Item, len(p.kept.Contents))}
	for id, it := range p.kept.Contents {
		small.Contents[id] = remote.Item{Ref: it.Ref, Content: it.Content, Size: it.Size}
	}
	if err := writeJSON(p.file, small); err != nil {
		return fmt.Errorf("keep what is pinned: %w", err)
	}
	return nil
}

// fail notes, and says once, why a content cannot be pinned or fetched.
func (p *pins) fail(id remote.ID, err error) {
	text := oneLine(err.Error())
	p.mu.Lock()
	was := p.failed[id]
	p.failed[id] = text
	p.mu.Unlock()
	if was != text {
		p.s.log.Log(context.Background(), levelOf(err), "what is pinned is not all here", "err", err)
	}
}

// holdings tells how much of each pin is here.
func (p *pins) holdings() []control.Holding {
	p.mu.Lock()
	stocks, errs := make([]stock, 0, len(p.kept.Pins)), []string{}
	for _, n := range p.kept.Pins {
		files, _ := p.wantLocked(n)
		text := n.trouble
		for _, e := range files {
			text = cmp.Or(text, p.failed[e.Content])
		}
		stocks, errs = append(stocks, stock{spot: spot{path: n.Path}, files: files}), append(errs, text)
	}
	p.mu.Unlock()
	out := make([]control.Holding, len(stocks))
	for i, st := range stocks {
		out[i] = p.s.holding(st)
		out[i].Error = errs[i]
	}
	return out
}
