package v4

import (
	"net/http"

	"github.com/frameiofs/frameiofs/sim/world"
)

// account is the schema Account (spec: frameio-v4.md §2).
type account struct {
	ID           world.ID `json:"id"`
	DisplayName  string   `json:"display_name"`
	Roles        []string `json:"roles"`
	StorageLimit *int64   `json:"storage_limit"` // bytes; null = no limit
	StorageUsage int64    `json:"storage_usage"` // bytes
	CreatedAt    string   `json:"created_at"`
	UpdatedAt    string   `json:"updated_at"`
}

type workspace struct {
	ID        world.ID `json:"id"`
	Name      string   `json:"name"`
	AccountID world.ID `json:"account_id"`
	CreatedAt string   `json:"created_at"`
	UpdatedAt string   `json:"updated_at"`
	Creator   *person  `json:"creator,omitempty"`
}

type project struct {
	ID           world.ID `json:"id"`
	Name         string   `json:"name"`
	Status       string   `json:"status"`
	Storage      int64    `json:"storage"` // bytes
	WorkspaceID  world.ID `json:"workspace_id"`
	RootFolderID world.ID `json:"root_folder_id"`
	Description  *string  `json:"description"`
	Restricted   bool     `json:"restricted"`
	CreatedAt    string   `json:"created_at"`
	UpdatedAt    string   `json:"updated_at"`
	ViewURL      string   `json:"view_url"`
	Owner        *person  `json:"owner,omitempty"`
}

func showMe(c *call) (int, any, error) {
	u, err := c.wire.world.User(c.by.User)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, data(map[string]any{"id": u.ID, "name": u.Name, "email": u.Email, "avatar_url": nil}), nil
}

func listAccounts(c *call) (int, any, error) {
	u, err := c.wire.world.User(c.by.User)
	if err != nil {
		return 0, nil, err
	}
	role := "member" // viewers are members of the account whom every project gives less
	if u.Role == world.Owner || u.Role == world.Admin {
		role = string(u.Role)
	}
	var all []entry
	for _, a := range c.wire.world.Accounts(c.by) {
		all = append(all, entry{string(a.ID), a.Name, a.Created, func() (any, error) {
			shown := account{
				ID: a.ID, DisplayName: a.Name, Roles: []string{role}, StorageUsage: a.Usage.Bytes,
				CreatedAt: stamp(a.Created), UpdatedAt: stamp(a.Updated),
			}
			if a.StorageLimit > 0 {
				shown.StorageLimit = &a.StorageLimit
			}
			return shown, nil
		}})
	}
	return c.list(all)
}

func listWorkspaces(c *call) (int, any, error) {
	teams, err := c.wire.world.Teams(c.by, c.pathID("account_id"))
	if err != nil {
		return 0, nil, err
	}
	show := c.view()
	var all []entry
	for _, t := range teams {
		all = append(all, entry{string(t.ID), t.Name, t.Created, func() (any, error) { return show.workspace(t) }})
	}
	return c.list(all)
}

func showWorkspace(c *call) (int, any, error) {
	t, err := c.team()
	if err != nil {
		return 0, nil, err
	}
	shown, err := c.view().workspace(t)
	return http.StatusOK, data(shown), err
}

func (c *call) team() (world.Team, error) {
	t, err := c.wire.world.Team(c.by, c.pathID("workspace_id"))
	if err == nil && t.AccountID != c.pathID("account_id") {
		return t, notFound()
	}
	return t, err
}

func (v *view) workspace(t world.Team) (workspace, error) {
	shown := workspace{ID: t.ID, Name: t.Name, AccountID: t.AccountID, CreatedAt: stamp(t.Created), UpdatedAt: stamp(t.Updated)}
	var err error
	if v.c.include["creator"] {
		shown.Creator, err = v.person(t.CreatorID)
	}
	return shown, err
}

func listProjects(c *call) (int, any, error) {
	t, err := c.team()
	if err != nil {
		return 0, nil, err
	}
	return c.projects(c.wire.world.Projects(c.by, t.ID))
}

func listAccountProjects(c *call) (int, any, error) {
	return c.projects(c.wire.world.AccountProjects(c.by, c.pathID("account_id")))
}

// listInvitedProjects lists the projects the user was invited to without being in their workspace.
func listInvitedProjects(c *call) (int, any, error) {
	return c.projects(c.wire.world.SharedProjects(c.by, c.pathID("account_id")))
}

func (c *call) projects(found []world.Project, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	show := c.view()
	var all []entry
	for _, p := range found {
		all = append(all, entry{string(p.ID), p.Name, p.Created, func() (any, error) { return show.showProject(p, c.include["owner"]) }})
	}
	return c.list(all)
}

func showProject(c *call) (int, any, error) {
	p, err := c.wire.world.Project(c.by, c.pathID("project_id"))
	if err != nil {
		return 0, nil, err
	}
	if p.AccountID != c.pathID("account_id") {
		return 0, nil, notFound()
	}
	shown, err := c.view().showProject(p, c.include["owner"])
	return http.StatusOK, data(shown), err
}

func (v *view) showProject(p world.Project, withOwner bool) (*project, error) {
	shown := &project{
		ID: p.ID, Name: p.Name, Status: "active", Storage: p.Usage.Bytes, WorkspaceID: p.TeamID, RootFolderID: p.RootID,
		Restricted: p.Private, CreatedAt: stamp(p.Created), UpdatedAt: stamp(p.Updated),
		ViewURL: "https://next.frame.io/project/" + string(p.ID),
	}
	if p.Archived {
		shown.Status = "inactive"
	}
	if p.Description != "" {
		shown.Description = &p.Description
	}
	var err error
	if withOwner {
		shown.Owner, err = v.person(p.OwnerID)
	}
	return shown, err
}
