package sim

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/frameiofs/frameiofs/sim/seed"
	"github.com/frameiofs/frameiofs/sim/world"
)

// defaultSomebody is who touches the world unless the request says.
const defaultSomebody = "jonas@northlight.example"

// touch is something another user does.
type touch struct {
	Do      string `json:"do"`
	At      string `json:"at"`
	In      string `json:"in"`
	Name    string `json:"name"`
	Content string `json:"content"`
	Size    int64  `json:"size"`
	From    string `json:"from"`
	As      string `json:"as"`
}

func (s *Server) postTouch(r *http.Request) (any, error) {
	var t touch
	if err := read(r, &t); err != nil {
		return nil, err
	}
	by, err := s.somebody(t.As)
	if err != nil {
		return nil, err
	}
	a, err := s.touch(by, t)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Do, err)
	}
	return item(a, strings.TrimSuffix(s.world.Path(a.ID), "/"+a.Name)), nil
}

func (s *Server) somebody(email string) (world.Caller, error) {
	if email == "" {
		email = defaultSomebody
	}
	for _, u := range s.world.Users() {
		if u.Email == email {
			return world.As(u.ID), nil
		}
	}
	return world.Caller{}, fmt.Errorf("nobody here has the address %q", email)
}

func (s *Server) touch(by world.Caller, t touch) (a world.Asset, err error) {
	var at, in world.ID
	if t.At != "" {
		if at, err = s.Find(t.At); err != nil {
			return a, err
		}
	}
	if t.In != "" {
		if in, err = s.Find(t.In); err != nil {
			return a, err
		}
	}
	switch t.Do {
	case "folder":
		return s.world.CreateFolder(by, in, t.Name)
	case "file":
		return s.putFile(by, in, t)
	case "rename":
		return s.world.Update(by, at, world.Change{Name: &t.Name})
	case "move":
		return s.world.Move(by, at, in)
	case "delete":
		return s.world.Delete(by, at)
	case "restore":
		return s.world.Restore(by, at)
	case "unversion":
		return s.world.Unversion(by, at)
	case "version":
		return s.addVersion(by, at, t)
	}
	return a, fmt.Errorf("unknown; GET /_sim/ lists what can be done")
}

func (s *Server) putFile(by world.Caller, in world.ID, t touch) (world.Asset, error) {
	if t.From != "" {
		return s.world.LinkFile(by, in, t.Name, t.From)
	}
	body, size := io.Reader(strings.NewReader(t.Content)), int64(len(t.Content))
	if t.Size > 0 {
		body, size = seed.Noise(uint64(t.Size), t.Size), t.Size
	}
	return s.world.PutFile(by, in, world.NewFile{Name: t.Name, Size: size}, body)
}

// addVersion uploads beside the target and puts the new file on top of it. A file inside a stack stands for its stack.
func (s *Server) addVersion(by world.Caller, at world.ID, t touch) (world.Asset, error) {
	target, err := s.world.Asset(by, at)
	if err != nil {
		return target, err
	}
	parent, err := s.world.Asset(by, target.ParentID)
	if err != nil {
		return target, err
	}
	if parent.Kind == world.VersionStack {
		target = parent
	}
	if t.Name == "" {
		t.Name = target.Name
	}
	file, err := s.putFile(by, target.ParentID, t)
	if err != nil {
		return file, err
	}
	return s.world.AddVersion(by, target.ID, file.ID)
}
