package main

import (
	"cmp"
	"context"
	"path"
	"slices"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/ui"
)

// Projects tells what of each project is on this disk, most first, by the listings that are known. A root within a project counts as one.
func (s *session) Projects(ctx context.Context) ([]ui.Project, error) {
	ctx, done, err := s.borrow(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	all := []ui.Project{}
	type folder struct {
		ref     remote.Ref
		path    string
		project int // index in all, -1 above them
	}
	for todo := []folder{{s.root.Ref, "", -1}}; len(todo) > 0 && ctx.Err() == nil; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if at.project < 0 && (at.ref.Kind == remote.Project || at.ref.Kind == remote.Folder) {
			all = append(all, ui.Project{Path: path.Join("/", at.path)})
			at.project = len(all) - 1
		}
		for _, e := range s.tree.Seen(at.ref) {
			switch {
			case e.IsDir():
				todo = append(todo, folder{e.Ref, path.Join(at.path, e.Name), at.project})
			case at.project >= 0:
				p := &all[at.project]
				here, pinned := s.blocks.Held(e.Item)
				p.Files, p.Size, p.Here = p.Files+1, p.Size+e.Size, p.Here+here
				if pinned {
					p.Pinned++
				}
			}
		}
	}
	all = slices.DeleteFunc(all, func(p ui.Project) bool { return p.Here == 0 })
	slices.SortFunc(all, func(a, b ui.Project) int { return cmp.Compare(b.Here, a.Here) })
	return all, ctx.Err()
}
