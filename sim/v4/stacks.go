package v4

import (
	"errors"
	"net/http"

	"github.com/frameiofs/frameiofs/sim/world"
)

func showStack(c *call) (int, any, error) {
	s, err := c.stack()
	if err != nil {
		return 0, nil, err
	}
	return c.one(http.StatusOK, s)
}

func listStack(c *call) (int, any, error) {
	s, err := c.stack()
	if err != nil {
		return 0, nil, err
	}
	return c.listAssets(s, nil)
}

// createStack stacks files of one folder, given oldest first (spec: frameio-v4.md §6.3).
func createStack(c *call) (int, any, error) {
	parent, err := c.folder()
	if err != nil {
		return 0, nil, err
	}
	var ids []world.ID
	for _, v := range c.data["file_ids"].([]any) {
		id := canonical(v.(string))
		f, err := c.asset(id, world.File)
		if err != nil {
			return 0, nil, err
		}
		if f.ParentID != parent.ID {
			return 0, nil, invalid("/data/file_ids", "Every file must lie in the folder of the new version stack")
		}
		ids = append(ids, id)
	}
	made, err := c.wire.world.NewStack(c.by, parent.ID, ids)
	if errors.Is(err, world.ErrInvalid) { // the world names one of the files; here the list is at fault
		return 0, nil, invalid("/data/file_ids", err.Error())
	}
	if err != nil {
		return 0, nil, err
	}
	return c.one(http.StatusCreated, made)
}

func moveStack(c *call) (int, any, error) {
	s, err := c.stack()
	if err != nil {
		return 0, nil, err
	}
	return c.move(s, world.Folder)
}

func copyStack(c *call) (int, any, error) {
	s, err := c.stack()
	if err != nil {
		return 0, nil, err
	}
	return c.copy(s)
}
