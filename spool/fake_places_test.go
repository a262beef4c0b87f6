package spool

import (
	"context"
	"io/fs"
	"iter"
	"slices"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

func (f *fake) CopyFile(ctx context.Context, c remote.Copy) (it remote.Item, err error) {
	err = f.call(ctx, "copy", string(c.File.ID), func() error {
		from, err := f.get(c.File.ID)
		if err != nil {
			return err
		}
		if c.Check() != nil || f.item(from).State != remote.Uploaded || from.Size != c.Size || from.Name != c.Name && from.stack == "" && c.Since.IsZero() {
			return remote.ErrRefused
		}
		if !c.Since.IsZero() {
			for _, a := range f.assets {
				if a.copyOf == from.ID && a.Parent == c.To.ID && !a.Created.Before(c.Since) && a.lost {
					it = f.item(a)
					return nil
				}
			}
		}
		a := &asset{parts: from.parts, want: from.want, complete: time.Now(), copyOf: from.ID, lost: true}
		a.Item = remote.Item{
			Ref: remote.Ref{Kind: remote.File, ID: f.id("copy"), Account: "acc"}, Parent: c.To.ID, Name: from.Name + " [COPY]", Size: from.Size, Created: time.Now(),
		}
		if f.miscopy {
			a.want = slices.Clone(a.want[:1])
			a.want[0].Size--
			a.Size--
		}
		f.assets[a.ID] = a
		it = f.item(a)
		return nil
	})
	if err == nil {
		f.mu.Lock()
		f.assets[it.ID].lost = false
		f.mu.Unlock()
	}
	return it, err
}

func (f *fake) Delete(ctx context.Context, ref remote.Ref) error {
	return f.call(ctx, "delete", string(ref.ID), func() error {
		if a := f.assets[ref.ID]; a != nil && a.stack != "" {
			st := f.assets[a.stack]
			st.versions = slices.DeleteFunc(st.versions, func(id remote.ID) bool { return id == ref.ID })
			if len(st.versions) == 0 {
				delete(f.assets, st.ID)
			}
		}
		f.drop(ref.ID)
		return nil
	})
}

func (f *fake) AddVersion(ctx context.Context, target, file remote.Ref) (it remote.Item, err error) {
	err = f.call(ctx, "version", string(target.ID), func() error {
		a, err := f.get(file.ID)
		if err != nil {
			return err
		}
		to, err := f.get(target.ID)
		if err != nil {
			return err
		}
		switch {
		case a.stack != "" && (a.stack == to.ID || a.stack == to.stack): // again
			it = f.item(f.assets[a.stack])
			return nil
		case target.ID == file.ID || f.item(a).State == remote.Created:
			return remote.ErrRefused
		case to.Kind == remote.File && to.stack != "":
			return remote.ErrRefused // V4 wants the stack then
		}
		if to.Kind == remote.File {
			st := &asset{Item: remote.Item{Ref: remote.Ref{Kind: remote.Stack, ID: f.id("stack"), Account: "acc"}, Parent: to.Parent, Name: to.Name}}
			st.versions = []remote.ID{to.ID}
			to.stack, to.Parent = st.ID, st.ID
			f.assets[st.ID] = st
			to = st
		}
		if a.stack != "" {
			old := f.assets[a.stack]
			old.versions = slices.DeleteFunc(old.versions, func(id remote.ID) bool { return id == a.ID })
		}
		to.versions = append(to.versions, a.ID)
		a.stack, a.Parent = to.ID, to.ID
		it = f.item(to)
		return nil
	})
	return it, err
}

func (f *fake) Rename(ctx context.Context, ref remote.Ref, name string) (it remote.Item, err error) {
	err = f.call(ctx, "rename", name, func() error {
		a, err := f.get(ref.ID)
		if err != nil {
			return err
		}
		a.Name = name
		if a.Kind == remote.Stack {
			f.assets[a.versions[len(a.versions)-1]].Name = name
		}
		it = f.item(a)
		return nil
	})
	return it, err
}

func (f *fake) Move(ctx context.Context, ref, to remote.Ref) (it remote.Item, err error) {
	err = f.call(ctx, "move", string(to.ID), func() error {
		a, err := f.get(ref.ID)
		if err != nil {
			return err
		}
		if f.assets[to.ID] == nil && to != folderA && to != folderB {
			return fs.ErrNotExist
		}
		a.Parent = to.ID
		it = f.item(a)
		return nil
	})
	return it, err
}

// drop removes an asset and all that is in it.
func (f *fake) drop(id remote.ID) {
	if f.assets[id] == nil {
		return
	}
	delete(f.assets, id)
	for other, a := range f.assets {
		if a.Parent == id {
			f.drop(other)
		}
	}
}

func (f *fake) CreateFolder(ctx context.Context, parent remote.Ref, name string) (it remote.Item, err error) {
	err = f.call(ctx, "mkdir", name, func() error {
		if in := f.assets[parent.ID]; parent != folderA && parent != folderB && (in == nil || in.Kind != remote.Folder) {
			return fs.ErrNotExist
		}
		if since := remote.SinceOf(ctx); !since.IsZero() {
			for _, a := range f.assets {
				if a.Kind == remote.Folder && a.Parent == parent.ID && a.Name == name && !a.Created.Before(since.Add(-time.Second)) {
					it = a.Item
					return nil
				}
			}
		}
		a := &asset{}
		a.Item = remote.Item{Ref: remote.Ref{Kind: remote.Folder, ID: f.id("folder"), Account: "acc"}, Parent: parent.ID, Name: name, State: remote.Uploaded, Created: time.Now(), Updated: time.Now()}
		f.assets[a.ID] = a
		it = a.Item
		return nil
	})
	return it, err
}

func (f *fake) Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		var all []remote.Item
		err := f.call(ctx, "list", string(ref.ID), func() error {
			if f.assets[ref.ID] == nil && ref != folderA && ref != folderB {
				return fs.ErrNotExist
			}
			for _, a := range f.assets {
				if a.Parent == ref.ID {
					all = append(all, f.item(a))
				}
			}
			return nil
		})
		if err != nil {
			yield(remote.Item{}, err)
			return
		}
		slices.SortFunc(all, func(a, b remote.Item) int { return a.Created.Compare(b.Created) })
		for _, it := range all {
			if !yield(it, nil) {
				return
			}
		}
	}
}
