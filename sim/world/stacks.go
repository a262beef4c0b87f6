package world

import "slices"

// NewStack puts files of a folder, oldest first, into a new version stack in their place. It takes two or more
// distinct files (spec: frameio-v4.md §6.3).
func (w *World) NewStack(by Caller, folder ID, files []ID) (Asset, error) {
	return w.each(func() (ID, error) {
		f, err := w.editFolder(by, folder)
		if err != nil {
			return "", err
		}
		if len(files) < 2 {
			return "", fail(ErrInvalid, "files", "a version stack needs at least two files")
		}
		for i, id := range files {
			n, err := w.edit(by, id)
			if err != nil {
				return "", err
			}
			if n.a.Kind != File || n.a.ParentID != folder || slices.Contains(files[:i], id) {
				return "", fail(ErrInvalid, "files", "the versions must be distinct files of that folder")
			}
			if err := sameType(w.nodes[files[0]], n); err != nil {
				return "", err
			}
		}
		return w.makeStack(by, f, files), nil
	})
}

func (w *World) makeStack(by Caller, folder *node, files []ID) ID {
	s := w.newAsset(by, folder, VersionStack, w.nodes[files[len(files)-1]].a.Name)
	w.put(s)
	for _, id := range files {
		a := *w.nodes[id].a
		a.ParentID, a.Updated = s.ID, w.stamp()
		w.put(a)
	}
	s.Versions = slices.Clone(files)
	w.put(s)
	return s.ID
}

// AddVersion makes next the newest version of target, which is a stack or a file that is not in one, and returns the
// stack. Next may come from any folder of the account (spec: frameio-v2.md §11).
func (w *World) AddVersion(by Caller, target, next ID) (Asset, error) {
	return w.each(func() (ID, error) { return w.addVersion(by, target, next) })
}

func (w *World) addVersion(by Caller, target, next ID) (ID, error) {
	t, err := w.edit(by, target)
	if err != nil {
		return "", err
	}
	n, err := w.edit(by, next)
	if err != nil {
		return "", err
	}
	parent := w.nodes[t.a.ParentID]
	switch {
	case target == next:
		return "", fail(ErrInvalid, "next", "an asset cannot be a version of itself")
	case n.a.Kind != File:
		return "", fail(ErrInvalid, "next", "only files can become versions")
	case n.a.AccountID != t.a.AccountID:
		return "", fail(ErrInvalid, "next", "the version is in another account")
	case w.nodes[n.a.ParentID].a.Kind == VersionStack:
		return "", fail(ErrInvalid, "next", "the file is in a version stack already")
	case t.a.Kind == Folder:
		return "", fail(ErrInvalid, "target", "folders have no versions")
	case t.a.Kind == File && parent.a.Kind == VersionStack:
		return "", fail(ErrInvalid, "target", "the file is a version itself; address its stack")
	}
	if err := w.compatible(t, n); err != nil {
		return "", err
	}
	if t.a.Kind == VersionStack {
		w.reparent(n, t)
		return target, nil
	}
	if n.a.ParentID != parent.a.ID {
		w.reparent(n, parent)
	}
	return w.makeStack(by, parent, []ID{target, next}), nil
}

// compatible refuses to mix kinds of media in a stack (spec: frameio-v2.md §11).
func (w *World) compatible(target, next *node) error {
	if target.a.Kind == VersionStack {
		if len(target.a.Versions) == 0 {
			return nil
		}
		target = w.nodes[target.a.Head()]
	}
	return sameType(target, next)
}

func sameType(a, b *node) error {
	if x, y := AssetType(a.a.MediaType), AssetType(b.a.MediaType); x != y && x != "" && y != "" {
		return fail(ErrInvalid, "next", "a version must be of the same kind of media: "+x+" and "+y+" do not mix")
	}
	return nil
}

// Unversion takes a file out of its stack (see Behaviour.UnversionTo) and returns the file.
func (w *World) Unversion(by Caller, file ID) (Asset, error) {
	return w.each(func() (ID, error) {
		n, err := w.edit(by, file)
		if err != nil {
			return "", err
		}
		stack := w.nodes[n.a.ParentID]
		if n.a.Kind != File || stack.a.Kind != VersionStack {
			return "", fail(ErrInvalid, "id", "the asset is not in a version stack")
		}
		to := stack.a.ParentID
		if w.behaviour.UnversionTo == ToRoot {
			to = w.projects[n.a.ProjectID].RootID
		}
		if err := w.nameFree(w.nodes[to], n.a.Name, ""); err != nil {
			return "", err
		}
		w.reparent(n, w.nodes[to])
		return file, nil
	})
}

// push puts id on top of a stack whose child it already is.
func (w *World) push(stack *node, id ID) {
	s := *stack.a
	s.Versions = append(slices.Clone(s.Versions), id)
	s.Updated = w.stamp()
	w.put(s)
	w.syncStackName(stack)
}

// pull takes id off a stack that it has left, and dissolves the stack when its time has come.
func (w *World) pull(stack *node, id ID) {
	s := *stack.a
	s.Versions = slices.DeleteFunc(slices.Clone(s.Versions), func(v ID) bool { return v == id })
	s.Updated = w.stamp()
	w.put(s)
	w.syncStackName(stack)
	if len(s.Versions) > 1 || len(s.Versions) == 1 && w.behaviour.StackAtOne == StackStays {
		return
	}
	w.empty(stack, w.nodes[s.ParentID])
	w.bury(stack)
}

// empty puts a stack's files into a folder.
func (w *World) empty(stack, folder *node) {
	for _, v := range stack.a.Versions {
		a := *w.nodes[v].a
		a.ParentID, a.Updated = folder.a.ID, w.stamp()
		w.put(a)
	}
	s := *stack.a
	s.Versions = nil
	w.put(s)
}

// syncStackName gives a stack its head's name if that is the behaviour.
func (w *World) syncStackName(stack *node) {
	if w.behaviour.StackName != StackNameHead || stack == nil || stack.a.Kind != VersionStack || stack.a.Head() == "" {
		return
	}
	if head := w.nodes[stack.a.Head()].a.Name; head != stack.a.Name {
		s := *stack.a
		s.Name = head
		w.put(s)
	}
}
