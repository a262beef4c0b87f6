package sim

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

// Item is an asset as the tree shows it.
type Item struct {
	ID        world.ID     `json:"id"`
	Type      world.Kind   `json:"type"`
	Name      string       `json:"name"`
	Path      string       `json:"path"`   // Project/Folder/name
	Parent    string       `json:"parent"` // Project/Folder
	ParentID  world.ID     `json:"parent_id"`
	Size      int64        `json:"size"`
	MediaType string       `json:"media_type,omitempty"`
	Status    world.Status `json:"status,omitempty"`
	Complete  bool         `json:"complete"`
	Failed    bool         `json:"failed,omitempty"`
	Checksum  string       `json:"checksum,omitempty"` // XXH64 in hex, when it is known and due
	Creator   world.ID     `json:"creator"`
	Created   time.Time    `json:"created"`
	Updated   time.Time    `json:"updated"`
	Deleted   *time.Time   `json:"deleted,omitempty"`
	Versions  []Item       `json:"versions,omitempty"` // of a stack, newest first
}

// Tree lists everything in the world, folders before what they hold, siblings by name; with deleted also what is in the
// trash. The versions of a stack are inside its Item and not in the list.
func (s *Server) Tree(deleted bool) ([]Item, error) {
	items := []Item{}
	for _, a := range s.world.Accounts(world.Root()) {
		projects, err := s.world.AccountProjects(world.Root(), a.ID)
		if err != nil {
			return nil, err
		}
		for _, p := range projects {
			if items, err = s.walk(items, p.RootID, p.Name, deleted); err != nil {
				return nil, err
			}
		}
	}
	return items, nil
}

func (s *Server) walk(items []Item, parent world.ID, path string, deleted bool) ([]Item, error) {
	page, err := s.world.List(world.Root(), world.Query{Parent: parent, Deleted: deleted, Order: []world.Order{{Field: world.ByName}}})
	if err != nil {
		return nil, err
	}
	for _, a := range page.Assets {
		it := item(a, path)
		switch a.Kind {
		case world.VersionStack:
			versions, err := s.world.List(world.Root(), world.Query{Parent: a.ID, Deleted: deleted})
			if err != nil {
				return nil, err
			}
			for _, v := range versions.Assets {
				it.Versions = append(it.Versions, item(v, it.Path))
			}
			if len(it.Versions) > 0 {
				head := it.Versions[0]
				it.Size, it.MediaType, it.Status, it.Complete, it.Checksum = head.Size, head.MediaType, head.Status, head.Complete, head.Checksum
			}
			items = append(items, it)
		case world.Folder:
			if items, err = s.walk(append(items, it), a.ID, it.Path, deleted); err != nil {
				return nil, err
			}
		default:
			items = append(items, it)
		}
	}
	return items, nil
}

func item(a world.Asset, parent string) Item {
	it := Item{
		ID: a.ID, Type: a.Kind, Name: a.Name, Path: parent + "/" + a.Name, Parent: parent, ParentID: a.ParentID, Size: a.Size,
		MediaType: a.MediaType, Status: a.Status, Complete: a.Complete(), Failed: !a.UploadFailed.IsZero(), Checksum: a.Checksum,
		Creator: a.CreatorID, Created: a.Created, Updated: a.Updated,
	}
	if !a.Deleted.IsZero() {
		it.Deleted = &a.Deleted
	}
	return it
}

// Find returns the id of a living asset, given its id or a path such as "Project/Folder/name"; a project alone means its
// root folder. Names with a slash in them can only be found by id; of equal names the oldest is found.
func (s *Server) Find(idOrPath string) (world.ID, error) {
	if a, err := s.world.AssetEvenDeleted(world.Root(), world.ID(idOrPath)); err == nil {
		return a.ID, nil
	}
	project, rest, _ := strings.Cut(strings.Trim(idOrPath, "/"), "/")
	at, err := s.projectRoot(project)
	if err != nil {
		return "", err
	}
	for name := range strings.SplitSeq(rest, "/") {
		if name == "" {
			continue
		}
		page, err := s.world.List(world.Root(), world.Query{Parent: at, Order: []world.Order{{Field: world.ByCreated}}})
		if err != nil {
			return "", err
		}
		at = ""
		for _, a := range page.Assets {
			if a.Name == name {
				at = a.ID
				break
			}
		}
		if at == "" {
			return "", fmt.Errorf("find %q: no %q there: %w", idOrPath, name, world.ErrNotFound)
		}
	}
	return at, nil
}

func (s *Server) projectRoot(name string) (world.ID, error) {
	for _, a := range s.world.Accounts(world.Root()) {
		projects, err := s.world.AccountProjects(world.Root(), a.ID)
		if err != nil && !errors.Is(err, world.ErrNotFound) {
			return "", err
		}
		for _, p := range projects {
			if p.Name == name || string(p.ID) == name {
				return p.RootID, nil
			}
		}
	}
	return "", fmt.Errorf("find %q: no such project: %w", name, world.ErrNotFound)
}
