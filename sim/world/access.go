package world

import "slices"

// CanDownload tells whether the caller gets originals of a project it sees.
func (w *World) CanDownload(by Caller, project ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	u, p := w.users[by.User], w.projects[project]
	return by.root || p != nil && w.seesProject(by, p) && u != nil && !u.NoDownload
}

// CanWrite tells whether the caller may change things in a project.
func (w *World) CanWrite(by Caller, project ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mayWrite(by, w.projects[project]) == nil
}

func (w *World) mayWrite(by Caller, p *Project) error {
	if p == nil || !w.seesProject(by, p) {
		return fail(ErrNotFound, "project", "no such project")
	}
	if w.accounts[p.AccountID].Locked {
		return fail(ErrLocked, "", "the account is locked; its owner has to settle the plan")
	}
	if u := w.users[by.User]; !by.root && (u == nil || u.Role == Viewer) {
		return fail(ErrForbidden, "", "your role allows reading only")
	}
	return nil
}

func inTeam(by Caller, t *Team) bool { return by.root || slices.Contains(t.Members, by.User) }

func (w *World) seesProject(by Caller, p *Project) bool {
	switch {
	case !p.Deleted.IsZero():
		return false
	case by.root || slices.Contains(p.Collaborators, by.User) || p.OwnerID == by.User:
		return true
	}
	return !p.Private && inTeam(by, w.teams[p.TeamID])
}

func (w *World) seesAccount(by Caller, id ID) bool {
	if w.accounts[id] == nil {
		return false
	}
	if u := w.users[by.User]; by.root || u != nil && u.AccountID == id {
		return true
	}
	for _, t := range w.teams {
		if t.AccountID == id && inTeam(by, t) {
			return true
		}
	}
	for _, p := range w.projects {
		if p.AccountID == id && w.seesProject(by, p) {
			return true
		}
	}
	return false
}

// projectUsage keeps count of a project, living things and trash apart.
type projectUsage struct{ live, trash Usage }

func (w *World) usageOf(p *Project) (u Usage) {
	pu := w.usage[p.ID]
	if p.Deleted.IsZero() {
		u.add(pu.live, 1)
	}
	if w.behaviour.TrashCounts {
		u.Bytes += pu.trash.Bytes
	}
	return u
}

func (u *Usage) add(v Usage, sign int) {
	u.Bytes += int64(sign) * v.Bytes
	u.Files += sign * v.Files
	u.Folders += sign * v.Folders
}

func (w *World) fillAccount(a *Account) Account {
	c := *a
	for _, p := range w.projects {
		if p.AccountID == a.ID {
			c.Usage.add(w.usageOf(p), 1)
		}
	}
	return c
}

func (w *World) fillTeam(t *Team) Team {
	c := *t
	c.Members = slices.Clone(t.Members)
	for _, p := range w.projects {
		if p.TeamID == t.ID {
			c.Usage.add(w.usageOf(p), 1)
			if p.Deleted.IsZero() {
				c.ProjectCount++
			}
		}
	}
	return c
}

func (w *World) fillProject(p *Project) Project {
	c := *p
	c.Collaborators = slices.Clone(p.Collaborators)
	c.Usage = w.usageOf(p)
	return c
}
