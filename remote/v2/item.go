package v2

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// The JSON of V2, as far as we read it (spec: frameio-v2.md §2, §4). What we do not read may come and go.

type plan struct {
	Limit remote.Number `json:"storage_limit"`
}

type account struct {
	ID           remote.ID     `json:"id"`
	Display      string        `json:"display_name"`
	Company      string        `json:"company_name"`
	Storage      remote.Number `json:"storage"`
	Created      remote.Stamp  `json:"inserted_at"`
	Updated      remote.Stamp  `json:"updated_at"`
	Deleted      remote.Stamp  `json:"deleted_at"`
	Plan         *plan         `json:"plan"`
	Subscription *struct {
		Limit remote.Number `json:"total_storage_limit"`
		Plan  *plan         `json:"plan"`
	} `json:"subscription"`
}

func (a account) key() remote.ID { return a.ID }
func (a account) gone() bool     { return a.Deleted.Set }

func (a account) item() remote.Item {
	return remote.Item{
		Ref:  remote.Ref{Kind: remote.Account, ID: a.ID, Account: a.ID},
		Name: firstOf(a.Display, a.Company, string(a.ID)), State: remote.Uploaded,
		Created: a.Created.Time, Updated: a.Updated.Time,
	}
}

type team struct {
	ID      remote.ID    `json:"id"`
	Name    string       `json:"name"`
	Account remote.ID    `json:"account_id"`
	Creator remote.ID    `json:"creator_id"`
	Created remote.Stamp `json:"inserted_at"`
	Updated remote.Stamp `json:"updated_at"`
	Deleted remote.Stamp `json:"deleted_at"`
}

func (t team) key() remote.ID { return t.ID }
func (t team) gone() bool     { return t.Deleted.Set }

func (t team) item() remote.Item {
	return remote.Item{
		Ref:    remote.Ref{Kind: remote.Workspace, ID: t.ID, Account: t.Account},
		Parent: t.Account, Name: t.Name, State: remote.Uploaded, Creator: t.Creator,
		Created: t.Created.Time, Updated: t.Updated.Time,
	}
}

type project struct {
	ID        remote.ID    `json:"id"`
	Name      string       `json:"name"`
	Root      remote.ID    `json:"root_asset_id"`
	TeamID    remote.ID    `json:"team_id"`
	Owner     remote.ID    `json:"owner_id"`
	Created   remote.Stamp `json:"inserted_at"`
	Updated   remote.Stamp `json:"updated_at"`
	Deleted   remote.Stamp `json:"deleted_at"`
	Team      *team        `json:"team"`
	RootAsset *struct {
		Account remote.ID `json:"account_id"`
	} `json:"root_asset"`
}

func (p project) key() remote.ID { return p.ID }
func (p project) gone() bool     { return p.Deleted.Set }

// account answers whose project it is; the project itself does not say, what is embedded in it does.
func (p project) account() remote.ID {
	switch {
	case p.RootAsset != nil && p.RootAsset.Account != "":
		return p.RootAsset.Account
	case p.Team != nil:
		return p.Team.Account
	}
	return ""
}

func (p project) item(account remote.ID) remote.Item {
	return remote.Item{
		Ref:    remote.Ref{Kind: remote.Project, ID: p.Root, Account: account},
		Parent: p.TeamID, Project: p.ID, Name: p.Name, State: remote.Uploaded, Creator: p.Owner,
		Created: p.Created.Time, Updated: p.Updated.Time,
	}
}

// asset is a file, a folder or a version stack.
type asset struct {
	ID         remote.ID       `json:"id"`
	Type       string          `json:"type"`
	OtherType  string          `json:"_type"`
	Name       string          `json:"name"`
	Size       remote.Number   `json:"filesize"`
	MediaType  string          `json:"filetype"`
	Parent     remote.ID       `json:"parent_id"`
	Project    remote.ID       `json:"project_id"`
	Account    remote.ID       `json:"account_id"`
	Creator    remote.ID       `json:"creator_id"`
	Status     string          `json:"status"`
	Label      string          `json:"label"`
	Created    remote.Stamp    `json:"inserted_at"`
	Updated    remote.Stamp    `json:"updated_at"`
	Completed  remote.Stamp    `json:"upload_completed_at"`
	FailedAt   remote.Stamp    `json:"upload_failed_at"`
	Transcoded remote.Stamp    `json:"transcoded_at"`
	Deleted    remote.Stamp    `json:"deleted_at"`
	Properties json.RawMessage `json:"properties"`
	Checksums  *struct {
		XXHash string `json:"xx_hash"`
	} `json:"checksums"`
	CoverID     remote.ID `json:"cover_asset_id"`
	Cover       *asset    `json:"cover_asset"`
	Original    string    `json:"original"`
	Watermarked bool      `json:"is_session_watermarked"`
	UploadURLs  []string  `json:"upload_urls"`
}

func (a asset) key() remote.ID { return a.ID }
func (a asset) gone() bool     { return a.Deleted.Set }
func (a asset) typ() string    { return firstOf(a.Type, a.OtherType) }

// known reports whether the asset is of a type that existed when this was written.
func (a asset) known() bool {
	switch a.typ() {
	case "folder", "file", "version_stack":
		return true
	}
	return false
}

// item answers the asset in our words; false if it is of an unknown type.
func (a asset) item(account remote.ID) (remote.Item, bool) {
	it := remote.Item{
		Ref:    remote.Ref{ID: a.ID, Account: remote.ID(firstOf(string(a.Account), string(account)))},
		Parent: a.Parent, Project: a.Project, Name: a.Name, State: remote.Uploaded, Creator: a.Creator,
		Created: a.Created.Time, Updated: a.Updated.Time,
	}
	switch a.typ() {
	case "folder":
		it.Kind = remote.Folder
	case "file":
		it.Kind, it.Content = remote.File, a.ID
		a.content(&it)
	case "version_stack":
		it.Kind, it.Content, it.State = remote.Stack, a.CoverID, remote.Created
		if a.Cover != nil {
			it.Content = a.Cover.ID
			a.Cover.content(&it)
		}
		it.Label = firstOf(it.Label, a.Label)
	default:
		return remote.Item{}, false
	}
	return it, true
}

// content tells of a file's bytes.
func (a asset) content(it *remote.Item) {
	it.Size, it.MediaType, it.State, it.Label = int64(a.Size), a.MediaType, a.state(), a.Label
	it.Failed = it.State == remote.Failed
	it.Mtime = a.mtime()
	if a.Checksums != nil {
		it.Checksum = checksum(a.Checksums.XXHash)
	}
}

// checksum is an xxHash64 in our form, 16 lower-case hex digits. What cannot be one counts as none: a film must not be taken for damaged
// because of how its checksum is written.
func checksum(text string) string {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%016x", n)
}

// state goes by upload_completed_at: nothing else tells reliably that the bytes are there (spec: frameio-v2.md §4.2).
func (a asset) state() remote.State {
	switch {
	case !a.Completed.Set && a.FailedAt.Set:
		return remote.Failed
	case !a.Completed.Set:
		return remote.Created
	case a.Transcoded.Set || a.Status == "transcoded":
		return remote.Transcoded
	default:
		return remote.Uploaded
	}
}

// mtimeKey is where the writer's modification time is kept among an asset's free properties.
const mtimeKey = "frameiofs_mtime"

// mtime reads the writer's modification time; zero if there is none.
func (a asset) mtime() time.Time {
	if !bytes.Contains(a.Properties, []byte(mtimeKey)) {
		return time.Time{}
	}
	var p map[string]any
	if json.Unmarshal(a.Properties, &p) != nil {
		return time.Time{}
	}
	s, _ := p[mtimeKey].(string)
	return remote.ParseTime(s)
}

// Stat asks about one thing.
func (c *Client) Stat(ctx context.Context, ref remote.Ref) (remote.Item, error) {
	it, err := c.stat(ctx, ref)
	if err == nil {
		it, err = it.About(ref)
	}
	if err != nil {
		return remote.Item{}, err
	}
	return it, nil
}

func (c *Client) stat(ctx context.Context, ref remote.Ref) (remote.Item, error) {
	switch ref.Kind {
	case remote.Account:
		a, err := c.account(ctx, ref.ID)
		return a.item(), err
	case remote.Workspace:
		var t team
		_, err := c.do(ctx, ask{op: "stat workspace", ref: ref, endpoint: "teams.read", method: http.MethodGet,
			path: []string{"teams", string(ref.ID)}}, &t)
		if err == nil && t.ID == "" {
			err = &remote.Error{Op: "stat workspace", Ref: ref, Err: remote.ErrNotFrameio}
		}
		return t.item(), err
	case remote.Project, remote.Folder, remote.File, remote.Stack:
		a, err := c.show(ctx, ref)
		if err != nil {
			return remote.Item{}, err
		}
		if a.typ() == "folder" && a.Parent == "" {
			return c.statProject(ctx, ref, a)
		}
		return c.item(ctx, ref, a)
	}
	return remote.Item{}, &remote.Error{Op: "stat", Ref: ref, Err: fmt.Errorf("%w: it has no page of its own", remote.ErrRefused)}
}

// statProject tells a root folder as its project.
func (c *Client) statProject(ctx context.Context, ref remote.Ref, root asset) (remote.Item, error) {
	var p project
	if _, err := c.do(ctx, ask{op: "stat project", ref: ref, endpoint: "projects.read", method: http.MethodGet,
		path: []string{"projects", string(root.Project)}}, &p); err != nil {
		return remote.Item{}, err
	}
	if p.Root != ref.ID {
		return remote.Item{}, &remote.Error{Op: "stat project", Ref: ref, Err: fmt.Errorf("%w: the project has another root folder", remote.ErrNotFrameio)}
	}
	return p.item(remote.ID(firstOf(string(root.Account), string(ref.Account)))), nil
}

// show GETs an asset. One that lies in the trash is not there.
func (c *Client) show(ctx context.Context, ref remote.Ref) (asset, error) {
	var a asset
	op := "stat " + ref.Kind.String()
	if _, err := c.do(ctx, ask{op: op, ref: ref, endpoint: "assets.read", method: http.MethodGet,
		path: []string{"assets", string(ref.ID)}}, &a); err != nil {
		return asset{}, err
	}
	switch {
	case a.gone():
		return asset{}, &remote.Error{Op: op, Ref: ref, Status: http.StatusNotFound, Detail: "it is in the trash"}
	case a.ID == "":
		return asset{}, &remote.Error{Op: op, Ref: ref, Err: remote.ErrNotFrameio}
	}
	return a, nil
}

// item turns an answer about ref into an item. A stack whose newest file did not come with it costs one more call.
func (c *Client) item(ctx context.Context, ref remote.Ref, a asset) (remote.Item, error) {
	if a.typ() == "version_stack" && a.Cover == nil && a.CoverID != "" {
		cover, err := c.show(ctx, remote.Ref{Kind: remote.File, ID: a.CoverID, Account: ref.Account})
		if err != nil {
			return remote.Item{}, err
		}
		a.Cover = &cover
	}
	it, ok := a.item(ref.Account)
	err := error(remote.ErrNotFrameio)
	if ok && a.ID != "" {
		it, err = it.Sane()
	}
	if err != nil {
		return remote.Item{}, &remote.Error{Op: "read answer about " + ref.Kind.String(), Ref: ref, Err: err}
	}
	return it, nil
}
