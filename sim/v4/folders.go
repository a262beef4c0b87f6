package v4

import (
	"net/http"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

func showFolder(c *call) (int, any, error) {
	f, err := c.folder()
	if err != nil {
		return 0, nil, err
	}
	return c.one(http.StatusOK, f)
}

func createFolder(c *call) (int, any, error) {
	parent, err := c.folder()
	if err != nil {
		return 0, nil, err
	}
	name, err := c.need("name")
	if err != nil {
		return 0, nil, err
	}
	made, err := c.wire.world.CreateFolder(c.by, parent.ID, name)
	if err != nil {
		return 0, nil, err
	}
	return c.one(http.StatusCreated, made)
}

func updateFolder(c *call) (int, any, error) {
	f, err := c.folder()
	if err != nil {
		return 0, nil, err
	}
	return c.rename(f)
}

// rename serves folders and files. A body without a name changes nothing, and is fine by the published schema.
func (c *call) rename(a world.Asset) (int, any, error) {
	var change world.Change
	if name, there := c.text("name"); there {
		change.Name = &name
	}
	renamed, err := c.wire.world.Update(c.by, a.ID, change)
	if err != nil {
		return 0, nil, err
	}
	return c.one(http.StatusOK, renamed)
}

func deleteFolder(c *call) (int, any, error) {
	f, err := c.folder()
	if err != nil {
		return 0, nil, err
	}
	return c.remove(f)
}

// remove serves folders and files. A folder goes with all below it; nothing on this wire brings it back (spec:
// frameio-v4.md §6.4).
func (c *call) remove(a world.Asset) (int, any, error) {
	if _, err := c.wire.world.Delete(c.by, a.ID); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}

func moveFolder(c *call) (int, any, error) {
	f, err := c.folder()
	if err != nil {
		return 0, nil, err
	}
	return c.move(f, world.Folder)
}

// move takes a to the folder, or whatever else kinds allows, that the request names.
func (c *call) move(a world.Asset, kinds ...world.Kind) (int, any, error) {
	if _, err := c.need("parent_id"); err != nil {
		return 0, nil, err
	}
	to, err := c.destination("", kinds...)
	if err != nil {
		return 0, nil, err
	}
	moved, err := c.wire.world.Move(c.by, a.ID, to.ID)
	if err != nil {
		return 0, nil, err
	}
	return c.one(http.StatusOK, moved)
}

// copyFolder copies at once, or answers 202 with an empty object and copies later (spec: frameio-v4.md §6.1, §12.7).
func copyFolder(c *call) (int, any, error) {
	f, err := c.folder()
	if err != nil {
		return 0, nil, err
	}
	if c.wire.world.Behaviour().AsyncFolderCopy {
		return c.copyLater(f)
	}
	return c.copy(f)
}

func (c *call) copyLater(a world.Asset) (int, any, error) {
	after := time.Duration(c.wire.world.Behaviour().CopyAfter)
	to, err := c.copyTarget(a)
	if err != nil {
		return 0, nil, err
	}
	if !c.wire.world.CanWrite(c.by, to.ProjectID) {
		return 0, nil, refuse(http.StatusForbidden, "Forbidden")
	}
	c.wire.copies.Go(func() {
		wait := time.NewTimer(after)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-c.wire.closing.Done():
		}
		// A copy that fails now fails in silence: the API has no way to tell (spec: frameio-v4.md §13.12).
		_, _ = c.wire.world.Copy(c.by, a.ID, to.ID, world.CopyOptions{Suffix: true})
	})
	return http.StatusAccepted, struct{}{}, nil
}

// copy serves files, folders and stacks. The copy gets a free name: "cut (1).mov" (spec: frameio-v4.md §6.2).
func (c *call) copy(a world.Asset) (int, any, error) {
	to, err := c.copyTarget(a)
	if err != nil {
		return 0, nil, err
	}
	made, err := c.wire.world.Copy(c.by, a.ID, to.ID, world.CopyOptions{Suffix: true})
	if err != nil {
		return 0, nil, err
	}
	return c.one(http.StatusOK, made)
}

// copyTarget is the folder named by parent_id, or the one the asset lies in. For a file in a stack that is the stack's
// folder: a copy is not another version.
func (c *call) copyTarget(a world.Asset) (world.Asset, error) {
	home := a.ParentID
	if home == "" {
		return a, invalid("/folder_id", "A project's root folder cannot be copied")
	}
	parent, err := c.asset(home, world.Folder, world.VersionStack)
	if err != nil {
		return a, err
	}
	if parent.Kind == world.VersionStack {
		home = parent.ParentID
	}
	return c.destination(home, world.Folder)
}

func listFolder(c *call, kinds ...world.Kind) (int, any, error) {
	f, err := c.folder()
	if err != nil {
		return 0, nil, err
	}
	return c.listAssets(f, kinds)
}
