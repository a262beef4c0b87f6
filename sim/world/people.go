package world

import "slices"

// Caller is who asks: a user with what its token allows. Get one from Authenticate or Root.
type Caller struct {
	User   ID
	Kind   TokenKind
	Scopes []string // V2 words such as "asset.create"; nil = all. V4 ignores them (frameio-v4.md §1.5)
	root   bool
}

// Root is nobody in particular and may do everything; things it makes belong to the account's owner.
func Root() Caller { return Caller{root: true} }

// As is the user id itself, as if signed in with all scopes.
func As(id ID) Caller { return Caller{User: id} }

// Has tells whether the token carries a scope.
func (c Caller) Has(scope string) bool { return c.Scopes == nil || slices.Contains(c.Scopes, scope) }

func (w *World) putAccount(a Account) {
	if w.accounts[a.ID] == nil {
		w.ordered.accounts = append(w.ordered.accounts, a.ID)
	}
	w.accounts[a.ID] = &a
}

func (w *World) putUser(u User) {
	if w.users[u.ID] == nil {
		w.ordered.users = append(w.ordered.users, u.ID)
	}
	w.users[u.ID] = &u
}

func (w *World) putTeam(t Team) {
	if w.teams[t.ID] == nil {
		w.ordered.teams = append(w.ordered.teams, t.ID)
	}
	w.teams[t.ID] = &t
}

func (w *World) putProject(p Project) {
	if w.projects[p.ID] == nil {
		w.ordered.projects = append(w.ordered.projects, p.ID)
		w.usage[p.ID] = &projectUsage{}
	}
	w.projects[p.ID] = &p
}

// AddAccount makes an account. ID and times are filled in.
func (w *World) AddAccount(a Account) (Account, error) {
	err := w.change(func() error {
		a.ID, a.Created = w.newID(), w.stamp()
		a.Updated = a.Created
		w.putAccount(a)
		w.journal.add("account", a)
		return nil
	})
	return a, err
}

// AddUser makes a person in u.AccountID; an account without an owner gets this one.
func (w *World) AddUser(u User) (User, error) {
	err := w.change(func() error {
		acc := w.accounts[u.AccountID]
		if acc == nil {
			return fail(ErrNotFound, "account", "no such account")
		}
		u.ID, u.Created = w.newID(), w.stamp()
		u.Updated = u.Created
		w.putUser(u)
		w.journal.add("user", u)
		if acc.OwnerID == "" {
			a := *acc
			a.OwnerID = u.ID
			w.putAccount(a)
			w.journal.add("account", a)
		}
		return nil
	})
	return u, err
}

// AddTeam makes a team in t.AccountID.
func (w *World) AddTeam(t Team) (Team, error) {
	err := w.change(func() error {
		acc := w.accounts[t.AccountID]
		if acc == nil {
			return fail(ErrNotFound, "account", "no such account")
		}
		t.ID, t.Created = w.newID(), w.stamp()
		t.Updated, t.Members = t.Created, slices.Clone(t.Members)
		if t.CreatorID == "" {
			t.CreatorID = acc.OwnerID
		}
		w.putTeam(t)
		w.journal.add("team", t)
		return nil
	})
	return t, err
}

// AddProject makes a project and its root folder in p.TeamID.
func (w *World) AddProject(p Project) (Project, error) {
	err := w.change(func() error {
		team := w.teams[p.TeamID]
		if team == nil {
			return fail(ErrNotFound, "team", "no such team")
		}
		if err := checkName(p.Name); err != nil {
			return err
		}
		p.ID, p.RootID, p.AccountID, p.Created = w.newID(), w.newID(), team.AccountID, w.stamp()
		p.Updated, p.Collaborators = p.Created, slices.Clone(p.Collaborators)
		if p.OwnerID == "" {
			p.OwnerID = team.CreatorID
		}
		w.putProject(p)
		w.journal.add("project", p)
		w.put(Asset{
			ID: p.RootID, Kind: Folder, Name: "root", ProjectID: p.ID, TeamID: team.ID, AccountID: team.AccountID,
			CreatorID: p.OwnerID, Created: p.Created, Updated: p.Created, Label: "none", Index: -1,
		})
		return nil
	})
	return p, err
}

// ChangeAccount lets f alter an account; so do ChangeUser, ChangeTeam and ChangeProject for theirs. Ids stay.
func (w *World) ChangeAccount(id ID, f func(*Account)) error {
	return w.change(func() error { return alter(w, w.accounts[id], "account", w.putAccount, f) })
}

// ChangeUser lets f alter a user.
func (w *World) ChangeUser(id ID, f func(*User)) error {
	return w.change(func() error { return alter(w, w.users[id], "user", w.putUser, f) })
}

// ChangeTeam lets f alter a team.
func (w *World) ChangeTeam(id ID, f func(*Team)) error {
	return w.change(func() error { return alter(w, w.teams[id], "team", w.putTeam, f) })
}

// ChangeProject lets f alter a project; setting Deleted deletes it with all it holds.
func (w *World) ChangeProject(id ID, f func(*Project)) error {
	return w.change(func() error { return alter(w, w.projects[id], "project", w.putProject, f) })
}

func alter[T any](w *World, old *T, kind string, put func(T), f func(*T)) error {
	if old == nil {
		return fail(ErrNotFound, kind, "no such "+kind)
	}
	v := *old
	f(&v)
	put(v)
	w.journal.add(kind, v)
	return nil
}

// Users lists everybody, in order of making.
func (w *World) Users() []User {
	w.mu.Lock()
	defer w.mu.Unlock()
	var us []User
	for _, id := range w.ordered.users {
		us = append(us, *w.users[id])
	}
	return us
}

// User returns a person; everybody may know everybody.
func (w *World) User(id ID) (User, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[id]
	if u == nil {
		return User{}, fail(ErrNotFound, "user", "no such user")
	}
	return *u, nil
}

// Accounts lists the accounts in which the caller can see anything, the own one first.
func (w *World) Accounts(by Caller) []Account {
	w.mu.Lock()
	defer w.mu.Unlock()
	var as []Account
	for _, id := range w.ordered.accounts {
		if w.seesAccount(by, id) {
			as = append(as, w.fillAccount(w.accounts[id]))
		}
	}
	own := ID("")
	if u := w.users[by.User]; u != nil {
		own = u.AccountID
	}
	slices.SortStableFunc(as, func(a, b Account) int { return boolCompare(b.ID == own, a.ID == own) })
	return as
}

// Account returns one of them.
func (w *World) Account(by Caller, id ID) (Account, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.accounts[id]; a != nil && w.seesAccount(by, id) {
		return w.fillAccount(a), nil
	}
	return Account{}, fail(ErrNotFound, "account", "no such account")
}

// Teams lists the teams the caller is a member of, in one account or, with "", in all.
func (w *World) Teams(by Caller, account ID) ([]Team, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if account != "" && !w.seesAccount(by, account) {
		return nil, fail(ErrNotFound, "account", "no such account")
	}
	var ts []Team
	for _, id := range w.ordered.teams {
		if t := w.teams[id]; (account == "" || t.AccountID == account) && inTeam(by, t) {
			ts = append(ts, w.fillTeam(t))
		}
	}
	return ts, nil
}

// Team returns one of them.
func (w *World) Team(by Caller, id ID) (Team, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := w.teams[id]; t != nil && inTeam(by, t) {
		return w.fillTeam(t), nil
	}
	return Team{}, fail(ErrNotFound, "team", "no such team")
}

// Projects lists the living projects of a team the caller is in.
func (w *World) Projects(by Caller, team ID) ([]Project, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.teams[team]
	if t == nil || !inTeam(by, t) {
		return nil, fail(ErrNotFound, "team", "no such team")
	}
	return w.selectProjects(by, func(p *Project) bool { return p.TeamID == team }), nil
}

// AccountProjects lists all living projects of an account that the caller sees, be it by team or by invitation.
func (w *World) AccountProjects(by Caller, account ID) ([]Project, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.seesAccount(by, account) {
		return nil, fail(ErrNotFound, "account", "no such account")
	}
	return w.selectProjects(by, func(p *Project) bool { return p.AccountID == account }), nil
}

// SharedProjects lists the projects the caller collaborates in without being in their team, in one account or, with
// "", in all.
func (w *World) SharedProjects(by Caller, account ID) ([]Project, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if account != "" && !w.seesAccount(by, account) {
		return nil, fail(ErrNotFound, "account", "no such account")
	}
	return w.selectProjects(by, func(p *Project) bool {
		return (account == "" || p.AccountID == account) && !by.root && !inTeam(by, w.teams[p.TeamID])
	}), nil
}

// Project returns a living project the caller sees.
func (w *World) Project(by Caller, id ID) (Project, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.projects[id]; p != nil && w.seesProject(by, p) {
		return w.fillProject(p), nil
	}
	return Project{}, fail(ErrNotFound, "project", "no such project")
}

func (w *World) selectProjects(by Caller, want func(*Project) bool) []Project {
	var ps []Project
	for _, id := range w.ordered.projects {
		if p := w.projects[id]; want(p) && w.seesProject(by, p) {
			ps = append(ps, w.fillProject(p))
		}
	}
	return ps
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
