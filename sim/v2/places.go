package v2

import (
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

// object is an answer whose keys are few enough to be written down where it is made.
type object map[string]any

// stamp writes a time with the six digits most captures have (spec: frameio-v2.md §0.3); zero is null.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

func (c *call) me() error {
	u, err := c.world.User(c.by.User)
	if err != nil {
		return err
	}
	return c.answer(userJSON(u))
}

func userJSON(u world.User) object {
	return object{
		"_type": "user", "id": u.ID, "account_id": u.AccountID, "name": u.Name, "email": u.Email,
		"inserted_at": stamp(u.Created), "updated_at": stamp(u.Updated), "deleted_at": nil,
		"first_login_at": stamp(u.Created), "last_seen": nil, "image_32": nil, "image_64": nil, "image_128": nil,
		"image_256": nil, "profile_image": nil, "profile_image_original": nil, "phone": nil, "location": nil, "bio": nil,
		"timezone_value": "UTC", "digest_frequency": "*/5 * * * *", "next_digest_date": nil, "joined_via": "organic",
		"from_google": false, "from_adobe": false, "mfa_enforced_at": nil, "email_confirm_by": nil,
		"email_preferences": object{}, "features_seen": nil, "context": nil, "upload_url": nil,
		"user_default_color": "#4285f4", "user_hash": nil, "roles": nil, "highest_account_role": u.Role,
	}
}

// accounts lists those in which the caller is a member of something; shared projects alone do not count (spec:
// frameio-v2.md §2.1).
func (c *call) accounts() error {
	var as []world.Account
	for _, a := range c.world.Accounts(c.by) {
		if c.isMember(a) {
			as = append(as, a)
		}
	}
	return list(c, as, accountJSON)
}

func (c *call) isMember(a world.Account) bool {
	u, err := c.world.User(c.by.User)
	if err == nil && u.AccountID == a.ID {
		return true
	}
	teams, err := c.world.Teams(c.by, a.ID)
	return err == nil && len(teams) > 0
}

func (c *call) account() error {
	a, err := c.world.Account(c.by, c.id())
	if err != nil {
		return err
	}
	return c.answer(accountJSON(a))
}

// accountJSON: what the numbers mean is in frameio-v2.md §13.
func accountJSON(a world.Account) object {
	var limit any
	if a.StorageLimit > 0 {
		limit = a.StorageLimit
	}
	var locked any
	if a.Locked {
		locked = stamp(a.Updated)
	}
	plan := object{"_type": "plan", "storage_limit": limit, "archived_storage_limit": nil, "file_limit": nil,
		"lifetime_file_limit": nil, "tier": "team", "period": "month"}
	return object{
		"_type": "account", "id": a.ID, "display_name": a.Name, "company_name": a.Name, "owner_id": a.OwnerID,
		"storage": a.Usage.Bytes, "archived_storage": 0, "file_count": a.Usage.Files, "folder_count": a.Usage.Folders,
		"lifetime_file_count": a.Usage.Files, "locked_at": locked, "unpaid_at": nil, "delinquent_at": nil,
		"inserted_at": stamp(a.Created), "updated_at": stamp(a.Updated), "deleted_at": nil, "plan": plan,
		"subscription": object{"_type": "subscription", "total_storage_limit": limit, "storage_limit": 0,
			"archived_storage_limit": nil, "total_archived_storage_limit": nil, "total_lifetime_file_limit": nil,
			"total_project_limit": nil, "plan": plan},
	}
}

func (c *call) membership() error {
	a, err := c.world.Account(c.by, c.id())
	if err != nil {
		return err
	}
	u, err := c.world.User(c.by.User)
	if err != nil {
		return err
	}
	teams, err := c.world.Teams(c.by, a.ID)
	if err != nil {
		return err
	}
	var account, team any
	if u.AccountID == a.ID && (u.Role == world.Owner || u.Role == world.Admin) {
		account = u.Role
	}
	if len(teams) > 0 {
		team = "team_member"
	}
	return c.answer(object{"account": account, "team": team, "reviewer": team == nil && account == nil})
}

func (c *call) teams() error {
	ts, err := c.world.Teams(c.by, "")
	if err != nil {
		return err
	}
	return list(c, ts, c.teamJSON)
}

func (c *call) accountTeams() error {
	ts, err := c.world.Teams(c.by, c.id())
	if err != nil {
		return err
	}
	return list(c, ts, c.teamJSON)
}

func (c *call) team() error {
	t, err := c.world.Team(c.by, c.id())
	if err != nil {
		return err
	}
	return c.answer(c.teamJSON(t))
}

func (c *call) teamJSON(t world.Team) object {
	o := object{
		"_type": "team", "id": t.ID, "name": t.Name, "account_id": t.AccountID, "creator_id": t.CreatorID,
		"access": "private", "storage": t.Usage.Bytes, "storage_limit": nil, "archived_storage": 0,
		"file_count": t.Usage.Files, "folder_count": t.Usage.Folders, "project_count": t.ProjectCount,
		"member_count": len(t.Members), "member_limit": nil, "collaborator_count": 0, "duration": 0, "frames": 0,
		"solo": false, "asset_lifecycle_policy": nil, "link": nil, "bio": nil, "location": nil, "team_image": nil,
		"inserted_at": stamp(t.Created), "updated_at": stamp(t.Updated), "deleted_at": nil,
	}
	if c.includes("user_role") {
		o["user_role"] = "member"
	}
	if c.includes("account") {
		if a, err := c.world.Account(c.by, t.AccountID); err == nil {
			o["account"] = accountJSON(a)
		}
	}
	return o
}

func (c *call) teamProjects() error {
	ps, err := c.world.Projects(c.by, c.id())
	if err != nil {
		return err
	}
	archived := c.r.URL.Query().Get("filter[archived]")
	return list(c, livingProjects(ps, archived == "all", archived == "true"), c.projectJSON)
}

func (c *call) sharedProjects() error {
	q := c.r.URL.Query()
	ps, err := c.world.SharedProjects(c.by, world.ID(q.Get("filter[account_id]")))
	if err != nil {
		return err
	}
	return list(c, livingProjects(ps, false, q.Get("filter[archived]") == "true"), c.projectJSON)
}

// livingProjects leaves archived projects out unless they are asked for (spec: frameio-v2.md §2.1).
func livingProjects(ps []world.Project, all, archived bool) (out []world.Project) {
	for _, p := range ps {
		if all || p.Archived == archived {
			out = append(out, p)
		}
	}
	return out
}

func (c *call) project() error {
	p, err := c.world.Project(c.by, c.id())
	if err != nil {
		return err
	}
	return c.answer(c.projectJSON(p))
}

// projectJSON: spec frameio-v2.md §2.2.
func (c *call) projectJSON(p world.Project) object {
	archive, archivedAt := "standard", any(nil)
	if p.Archived {
		archive, archivedAt = "archived", stamp(p.Updated)
	}
	return object{
		"_type": "project", "id": p.ID, "name": p.Name, "root_asset_id": p.RootID,
		"root_asset": object{"_type": "folder", "type": "folder", "id": p.RootID, "account_id": p.AccountID,
			"team_id": p.TeamID, "project_id": p.ID, "parent_id": nil},
		"team_id": p.TeamID, "owner_id": p.OwnerID, "private": p.Private, "shared": len(p.Collaborators) > 0,
		"read_only": !c.world.CanWrite(c.by, p.ID), "description": p.Description, "storage": p.Usage.Bytes,
		"archived_storage": 0, "file_count": p.Usage.Files, "folder_count": p.Usage.Folders, "archived_file_count": 0,
		"collaborator_count": len(p.Collaborators), "archive_status": archive, "archived_at": archivedAt,
		"ignore_archive": false, "inserted_at": stamp(p.Created), "updated_at": stamp(p.Updated), "deleted_at": stamp(p.Deleted),
		"invite_url": nil, "project_preferences": object{"collaborator_can_download": true, "collaborator_can_invite": true,
			"collaborator_can_share": true},
		"user_preferences": nil, "user_permissions": object{"can_download": c.world.CanDownload(c.by, p.ID)}, "watermark": nil,
	}
}
