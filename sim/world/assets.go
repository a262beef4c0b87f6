package world

import (
	"slices"
	"time"
)

// Asset returns a living asset and counts the look (spec: frameio-v2.md §4.6, view_count).
func (w *World) Asset(by Caller, id ID) (Asset, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.see(by, id)
	if err != nil {
		return Asset{}, err
	}
	n.views.Add(1)
	return w.fill(n), nil
}

// AssetEvenDeleted returns an asset whether or not it, or something above it, is deleted.
func (w *World) AssetEvenDeleted(by Caller, id ID) (Asset, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.seeDead(by, id)
	if err != nil {
		return Asset{}, err
	}
	return w.fill(n), nil
}

// each runs a change and returns the asset that f names, as it is afterwards.
func (w *World) each(f func() (ID, error)) (a Asset, err error) {
	err = w.change(func() error {
		id, err := f()
		if err == nil {
			a = w.fill(w.nodes[id])
		}
		return err
	})
	return a, err
}

func (w *World) creator(by Caller, account ID) ID {
	if by.root {
		return w.accounts[account].OwnerID
	}
	return by.User
}

// newAsset makes a child of parent; the caller fills in the rest and puts it.
func (w *World) newAsset(by Caller, parent *node, kind Kind, name string) Asset {
	now := w.stamp()
	return Asset{
		ID: w.newID(), Kind: kind, Name: name, ParentID: parent.a.ID,
		ProjectID: parent.a.ProjectID, TeamID: parent.a.TeamID, AccountID: parent.a.AccountID,
		CreatorID: w.creator(by, parent.a.AccountID), Created: now, Updated: now, UploadStarted: now,
		Label: "none", Index: -1,
	}
}

// count books a change of living things in a project.
func (w *World) count(project ID, u Usage, sign int) { w.usage[project].live.add(u, sign) }

// CreateFolder makes a folder.
func (w *World) CreateFolder(by Caller, parent ID, name string) (Asset, error) {
	return w.each(func() (ID, error) {
		p, err := w.editFolder(by, parent)
		if err != nil {
			return "", err
		}
		if err := checkName(name); err != nil {
			return "", err
		}
		if err := w.nameFree(p, name, ""); err != nil {
			return "", err
		}
		a := w.newAsset(by, p, Folder, name)
		w.put(a)
		w.count(a.ProjectID, unit(&a), 1)
		return a.ID, nil
	})
}

// Update changes what c names. Root folders keep their name.
func (w *World) Update(by Caller, id ID, c Change) (Asset, error) {
	return w.each(func() (ID, error) {
		n, err := w.edit(by, id)
		if err != nil {
			return "", err
		}
		a := *n.a
		if c.Name != nil {
			if err := w.mayRename(n, *c.Name); err != nil {
				return "", err
			}
			a.Name = *c.Name
		}
		if c.Label != nil {
			if !slices.Contains([]string{"none", "in_progress", "needs_review", "approved"}, *c.Label) {
				return "", fail(ErrInvalid, "label", "label is invalid")
			}
			a.Label = *c.Label
		}
		if c.Description != nil {
			a.Description = *c.Description
		}
		if c.Properties != nil {
			a.Properties = *c.Properties
		}
		if c.Private != nil {
			a.Private = *c.Private
		}
		a.Updated = w.stamp()
		w.put(a)
		w.syncStackName(w.nodes[a.ParentID])
		return id, nil
	})
}

func (w *World) mayRename(n *node, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	parent := w.nodes[n.a.ParentID]
	if parent == nil {
		return fail(ErrForbidden, "", "a project's root folder cannot be renamed")
	}
	if parent.a.Kind == VersionStack {
		return nil
	}
	return w.nameFree(parent, name, n.a.ID)
}

// Move puts an asset into another folder of the same account; a file may also go onto a version stack, as its newest
// version. A folder cannot go into itself.
func (w *World) Move(by Caller, id, dest ID) (Asset, error) {
	return w.each(func() (ID, error) {
		n, err := w.edit(by, id)
		if err != nil {
			return "", err
		}
		d, err := w.edit(by, dest)
		if err != nil {
			return "", err
		}
		if err := w.mayMove(n, d); err != nil {
			return "", err
		}
		if n.a.ParentID == dest {
			return id, nil
		}
		w.reparent(n, d)
		return id, nil
	})
}

func (w *World) mayMove(n, d *node) error {
	switch {
	case n.a.ParentID == "":
		return fail(ErrForbidden, "", "a project's root folder cannot be moved")
	case d.a.Kind == File:
		return fail(ErrInvalid, "parent", "the destination is not a folder")
	case d.a.Kind == VersionStack && n.a.Kind != File:
		return fail(ErrInvalid, "parent", "only files can become versions")
	case d.a.AccountID != n.a.AccountID:
		return fail(ErrInvalid, "parent", "the destination is in another account")
	case w.below(d, n.a.ID):
		return fail(ErrInvalid, "parent", "a folder cannot be moved into itself")
	case d.a.Kind == VersionStack:
		return w.compatible(d, n)
	}
	return w.nameFree(d, n.a.Name, n.a.ID)
}

// reparent moves n below d and settles the stacks on both ends.
func (w *World) reparent(n, d *node) {
	from := w.nodes[n.a.ParentID]
	if n.a.ProjectID != d.a.ProjectID {
		live, trash := w.weigh(n)
		from, to := w.usage[n.a.ProjectID], w.usage[d.a.ProjectID]
		from.live.add(live, -1)
		from.trash.add(trash, -1)
		to.live.add(live, 1)
		to.trash.add(trash, 1)
		w.rehome(n, d.a)
	}
	a := *n.a
	a.ParentID, a.Updated = d.a.ID, w.stamp()
	w.put(a)
	if d.a.Kind == VersionStack {
		w.push(d, a.ID)
	}
	if from.a.Kind == VersionStack {
		w.pull(from, a.ID)
	}
}

// rehome gives a subtree its new project.
func (w *World) rehome(n *node, home *Asset) {
	a := *n.a
	a.ProjectID, a.TeamID, a.AccountID = home.ProjectID, home.TeamID, home.AccountID
	w.put(a)
	for _, id := range slices.Concat(n.kids, n.dead) {
		w.rehome(w.nodes[id], home)
	}
}

// Copy makes a deep copy of a finished asset in the folder dest. The bytes are shared, not copied (spec: frameio-v2.md
// §3.7).
func (w *World) Copy(by Caller, id, dest ID, o CopyOptions) (Asset, error) {
	return w.each(func() (ID, error) {
		n, err := w.see(by, id)
		if err != nil {
			return "", err
		}
		d, err := w.editFolder(by, dest)
		if err != nil {
			return "", err
		}
		if n.a.ParentID == "" || w.below(d, id) {
			return "", fail(ErrInvalid, "parent", "a folder cannot be copied into itself")
		}
		live, _ := w.weigh(n)
		if err := w.roomFor(d.a.AccountID, live.Bytes); err != nil {
			return "", err
		}
		name := n.a.Name
		suffix := o.Suffix
		if n.a.Kind == File {
			switch w.behaviour.CopyName {
			case CopyNameSame:
				suffix = false
			case CopyNameSuffix:
				suffix = true
			case CopyNameMark:
				name += " [COPY]"
			}
		}
		if suffix {
			name = freeName(name, n.a.Kind == File, func(s string) bool { return w.nameTaken(d, s, "") })
		}
		if err := w.nameFree(d, name, ""); err != nil {
			return "", err
		}
		w.count(d.a.ProjectID, live, 1)
		return w.copyTree(by, n, d, name), nil
	})
}

func (w *World) copyTree(by Caller, n, d *node, name string) ID {
	c := w.newAsset(by, d, n.a.Kind, name)
	c.Description, c.Properties, c.Label, c.Copied = n.a.Description, n.a.Properties, n.a.Label, true
	c.Size, c.MediaType, c.MediaID, c.UploadCompleted = n.a.Size, n.a.MediaType, n.a.MediaID, n.a.UploadCompleted
	if late := time.Duration(w.behaviour.CopyComplete); late > 0 && !c.UploadCompleted.IsZero() {
		c.UploadCompleted = c.Created.Add(late)
	}
	if c.UploadCompleted.IsZero() && c.Kind == File {
		c.UploadFailed = w.stamp() // a copy of a placeholder never gets its bytes
	}
	w.put(c)
	m := w.nodes[c.ID]
	if n.a.Kind == VersionStack {
		for _, v := range n.a.Versions {
			c.Versions = append(c.Versions, w.copyTree(by, w.nodes[v], m, w.nodes[v].a.Name))
		}
		w.put(c)
		return c.ID
	}
	for _, k := range slices.Clone(n.kids) {
		w.copyTree(by, w.nodes[k], m, w.nodes[k].a.Name)
	}
	return c.ID
}

// Delete moves an asset to the trash, with all that is below it; a stack's files see Behaviour.StackDelete.
func (w *World) Delete(by Caller, id ID) (Asset, error) {
	return w.each(func() (ID, error) {
		n, err := w.edit(by, id)
		if err != nil {
			return "", err
		}
		parent := w.nodes[n.a.ParentID]
		if parent == nil {
			return "", fail(ErrForbidden, "", "a project's root folder cannot be deleted")
		}
		if n.a.Kind == VersionStack && w.behaviour.StackDelete == StackFilesStay {
			w.empty(n, parent)
		}
		w.bury(n)
		if parent.a.Kind == VersionStack {
			w.pull(parent, id)
		}
		return id, nil
	})
}

// bury marks n deleted and books it as trash.
func (w *World) bury(n *node) {
	live, _ := w.weigh(n)
	pu := w.usage[n.a.ProjectID]
	pu.live.add(live, -1)
	pu.trash.add(live, 1)
	a := *n.a
	a.Deleted = w.stamp()
	w.put(a)
}

// Restore takes a deleted asset out of the trash: back to where it was, or to the project's root folder if that place
// is gone (spec: frameio-v2.md §3.5, §16.9).
func (w *World) Restore(by Caller, id ID) (Asset, error) {
	return w.each(func() (ID, error) {
		n, err := w.seeDead(by, id)
		if err != nil {
			return "", err
		}
		p := w.projects[n.a.ProjectID]
		if err := w.mayWrite(by, p); err != nil {
			return "", err
		}
		if n.a.Deleted.IsZero() {
			return "", fail(ErrInvalid, "id", "the asset is not deleted")
		}
		a := *n.a
		a.Deleted, a.Updated = time.Time{}, w.stamp()
		home := w.nodes[a.ParentID]
		if home != nil && home.a.Kind == VersionStack && !w.alive(home) {
			home = w.nodes[home.a.ParentID]
		}
		if home == nil || !w.alive(home) {
			home = w.nodes[p.RootID]
		}
		if err := w.nameFree(home, a.Name, id); err != nil {
			return "", err
		}
		live, _ := w.weigh(n)
		pu := w.usage[p.ID]
		pu.trash.add(live, -1)
		pu.live.add(live, 1)
		a.ParentID = home.a.ID
		w.put(a)
		if home.a.Kind == VersionStack {
			w.push(home, id)
		}
		return id, nil
	})
}
