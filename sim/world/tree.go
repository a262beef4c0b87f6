package world

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// node is an asset's place in the tree.
type node struct {
	a     *Asset // never altered, only replaced
	kids  []ID   // living children, in no order
	dead  []ID   // deleted ones
	views atomic.Int64

	sorted map[string][]*Asset // children by order asked for; nil after any change among them
	recent []change            // latest changes among the children, oldest first; only kept with ListLag
}

// change is one alteration of a folder's listing.
type change struct {
	at     time.Time
	id     ID
	before *Asset // nil: was not listed
}

// index builds the tree and the counts from the assets read from disk.
func (w *World) index() {
	for id, n := range w.nodes {
		w.attach(id, n.a)
	}
	for _, p := range w.projects {
		pu := w.usage[p.ID]
		if root := w.nodes[p.RootID]; root != nil {
			pu.live, pu.trash = w.weigh(root)
		}
	}
}

// weigh counts what lies below n and n itself: living things, and those deleted on their own somewhere below.
func (w *World) weigh(n *node) (live, trash Usage) {
	live.add(unit(n.a), 1)
	for _, id := range n.kids {
		l, t := w.weigh(w.nodes[id])
		live.add(l, 1)
		trash.add(t, 1)
	}
	for _, id := range n.dead {
		l, t := w.weigh(w.nodes[id])
		trash.add(l, 1)
		trash.add(t, 1)
	}
	return live, trash
}

// unit is what one asset adds to the counts.
func unit(a *Asset) Usage {
	switch {
	case a.Kind == File:
		return Usage{Bytes: a.Size, Files: 1}
	case a.Kind == Folder && a.ParentID != "":
		return Usage{Folders: 1}
	}
	return Usage{}
}

// put stores a as it is now, moves it to its place in the tree, and journals it.
func (w *World) put(a Asset) {
	n := w.nodes[a.ID]
	if n == nil {
		n = &node{}
		w.nodes[a.ID] = n
	}
	old := n.a
	n.a = &a
	if old == nil || old.ParentID != a.ParentID || old.Deleted.IsZero() != a.Deleted.IsZero() {
		if old != nil {
			w.detach(a.ID, old)
		}
		w.attach(a.ID, &a)
	}
	w.noteChange(old, &a)
	w.journal.add("asset", a)
}

func (w *World) attach(id ID, a *Asset) {
	if p := w.nodes[a.ParentID]; p != nil {
		if a.Deleted.IsZero() {
			p.kids = append(p.kids, id)
		} else {
			p.dead = append(p.dead, id)
		}
		p.sorted = nil
	}
}

func (w *World) detach(id ID, a *Asset) {
	p := w.nodes[a.ParentID]
	if p == nil {
		return
	}
	list := &p.kids
	if !a.Deleted.IsZero() {
		list = &p.dead
	}
	if i := slices.Index(*list, id); i >= 0 {
		(*list)[i] = (*list)[len(*list)-1]
		*list = (*list)[:len(*list)-1]
	}
	p.sorted = nil
}

// noteChange remembers for ListLag how the listings of the folders concerned looked before, and touches the folders if
// that is the behaviour.
func (w *World) noteChange(old, now *Asset) {
	folders := []ID{now.ParentID}
	if old != nil && old.ParentID != now.ParentID {
		folders = append(folders, old.ParentID)
	}
	for _, id := range folders {
		p := w.nodes[id]
		if p == nil {
			continue
		}
		p.sorted = nil
		if lag := time.Duration(w.behaviour.ListLag); lag > 0 {
			c := change{at: w.now(), id: now.ID}
			if old != nil && old.ParentID == id && old.Deleted.IsZero() {
				c.before = old
			}
			p.recent = append(slices.DeleteFunc(p.recent, func(c change) bool { return w.now().Sub(c.at) > lag }), c)
		}
		if w.behaviour.TouchParents && p.a.Kind == Folder {
			touched := *p.a
			touched.Updated = w.stamp()
			p.a = &touched
			w.journal.add("asset", touched)
			if pp := w.nodes[touched.ParentID]; pp != nil {
				pp.sorted = nil
			}
		}
	}
}

// alive tells whether neither the asset nor anything above it, its project included, is deleted.
func (w *World) alive(n *node) bool {
	for ; n != nil; n = w.nodes[n.a.ParentID] {
		if !n.a.Deleted.IsZero() {
			return false
		}
		if n.a.ParentID == "" {
			return w.projects[n.a.ProjectID].Deleted.IsZero()
		}
	}
	return false
}

// see returns the node of a living asset the caller sees.
func (w *World) see(by Caller, id ID) (*node, error) {
	n, err := w.seeDead(by, id)
	if err == nil && !w.alive(n) {
		return nil, fail(ErrNotFound, "id", "could not find the requested resource")
	}
	return n, err
}

func (w *World) seeDead(by Caller, id ID) (*node, error) {
	n := w.nodes[id]
	if n == nil || !w.seesProject(by, w.projects[n.a.ProjectID]) {
		return nil, fail(ErrNotFound, "id", "could not find the requested resource")
	}
	return n, nil
}

// edit is see for those who want to change the asset.
func (w *World) edit(by Caller, id ID) (*node, error) {
	n, err := w.see(by, id)
	if err != nil {
		return nil, err
	}
	return n, w.mayWrite(by, w.projects[n.a.ProjectID])
}

// editFolder is edit for a place to put things.
func (w *World) editFolder(by Caller, id ID) (*node, error) {
	n, err := w.edit(by, id)
	if err == nil && n.a.Kind != Folder {
		return nil, fail(ErrInvalid, "parent", "the parent is not a folder")
	}
	return n, err
}

// nameFree enforces NamesConflict: no living sibling but self may have the name.
func (w *World) nameFree(parent *node, name string, self ID) error {
	if w.behaviour.Names == NamesConflict && w.nameTaken(parent, name, self) {
		return fail(ErrConflict, "name", "the name is taken in this folder")
	}
	return nil
}

func (w *World) nameTaken(parent *node, name string, self ID) bool {
	return slices.ContainsFunc(parent.kids, func(id ID) bool { return id != self && w.nodes[id].a.Name == name })
}

// below tells whether n lies in the subtree of top, or is top.
func (w *World) below(n *node, top ID) bool {
	for ; n != nil; n = w.nodes[n.a.ParentID] {
		if n.a.ID == top {
			return true
		}
	}
	return false
}

// Path writes where an asset is, for people: "Project/Folder/name". Deleted things have paths too.
func (w *World) Path(id ID) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var parts []string
	for n := w.nodes[id]; n != nil; n = w.nodes[n.a.ParentID] {
		if n.a.ParentID == "" {
			parts = append(parts, w.projects[n.a.ProjectID].Name)
			break
		}
		parts = append(parts, n.a.Name)
	}
	slices.Reverse(parts)
	return strings.Join(parts, "/")
}

// fill completes an asset with what is not stored: everything that comes with time, and counts.
func (w *World) fill(n *node) Asset {
	a := *n.a
	a.Versions = slices.Clone(a.Versions)
	a.Views = n.views.Load()
	switch a.Kind {
	case Folder:
		a.Items = len(n.kids)
	case VersionStack:
		a.Items = len(a.Versions)
	case File:
		w.fillFile(&a)
	}
	return a
}

func (w *World) fillFile(a *Asset) {
	a.Status = Created
	if a.UploadCompleted.IsZero() {
		return
	}
	now, b := w.now(), w.behaviour
	completed := a.UploadCompleted.Add(time.Duration(b.UploadedAfter))
	if completed.After(now) {
		a.UploadCompleted = time.Time{}
		return
	}
	a.Status, a.UploadCompleted = Uploaded, completed
	a.Updated = later(a.Updated, completed)
	if !b.NoChecksum && !completed.Add(time.Duration(b.ChecksumAfter)).After(now) {
		a.Checksum = w.sums[a.MediaID]
	}
	media := b.Transcode == TranscodeAll || b.Transcode == TranscodeMedia && AssetType(a.MediaType) != ""
	if done := completed.Add(time.Duration(b.TranscodedAfter)); media && !done.After(now) {
		a.Status, a.TranscodedAt = Transcoded, done
		a.Updated = later(a.Updated, done)
	}
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
