package v4

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/frameiofs/frameiofs/remote"
)

// The JSON of V4, as far as we read it (spec: frameio-v4.md §2, §4). What we do not read may come and go.

type user struct {
	ID    remote.ID `json:"id"`
	Name  string    `json:"name"`
	Email string    `json:"email"`
}

// is reports whether u is me. A creator's id may be an Adobe one while /me answers a UUID, so the address counts as well.
func (u *user) is(me remote.User) bool {
	return u != nil && (u.ID != "" && u.ID == me.ID || u.Email != "" && strings.EqualFold(u.Email, me.Email))
}

type account struct {
	ID      remote.ID     `json:"id"`
	Name    string        `json:"display_name"`
	Limit   remote.Number `json:"storage_limit"`
	Used    remote.Number `json:"storage_usage"`
	Created remote.Stamp  `json:"created_at"`
	Updated remote.Stamp  `json:"updated_at"`
}

func (a account) key() remote.ID { return a.ID }

func (a account) item() remote.Item {
	return remote.Item{
		Ref:  remote.Ref{Kind: remote.Account, ID: a.ID, Account: a.ID},
		Name: a.Name, State: remote.Uploaded, Created: a.Created.Time, Updated: a.Updated.Time,
	}
}

type workspace struct {
	ID      remote.ID    `json:"id"`
	Name    string       `json:"name"`
	Created remote.Stamp `json:"created_at"`
	Updated remote.Stamp `json:"updated_at"`
}

func (w workspace) key() remote.ID { return w.ID }

func (w workspace) item(account remote.ID) remote.Item {
	return remote.Item{
		Ref:    remote.Ref{Kind: remote.Workspace, ID: w.ID, Account: account},
		Parent: account, Name: w.Name, State: remote.Uploaded, Created: w.Created.Time, Updated: w.Updated.Time,
	}
}

type project struct {
	ID        remote.ID    `json:"id"`
	Name      string       `json:"name"`
	Workspace remote.ID    `json:"workspace_id"`
	Root      remote.ID    `json:"root_folder_id"`
	Created   remote.Stamp `json:"created_at"`
	Updated   remote.Stamp `json:"updated_at"`
	URL       string       `json:"view_url"`
}

func (p project) key() remote.ID { return p.ID }

func (p project) item(account remote.ID) remote.Item {
	return remote.Item{
		Ref:    remote.Ref{Kind: remote.Project, ID: p.Root, Account: account},
		Parent: p.Workspace, Project: p.ID, Name: p.Name, State: remote.Uploaded,
		Created: p.Created.Time, Updated: p.Updated.Time, URL: p.URL,
	}
}

// asset is a file, a folder or a version stack.
type asset struct {
	ID        remote.ID     `json:"id"`
	Type      string        `json:"type"`
	Name      string        `json:"name"`
	Project   remote.ID     `json:"project_id"`
	Parent    remote.ID     `json:"parent_id"`
	Created   remote.Stamp  `json:"created_at"`
	Updated   remote.Stamp  `json:"updated_at"`
	URL       string        `json:"view_url"`
	Size      remote.Number `json:"file_size"`
	MediaType string        `json:"media_type"`
	Status    string        `json:"status"`
	Creator   *user         `json:"creator"`
	Head      *asset        `json:"head_version"`
	Links     *struct {
		Original *struct {
			Download string `json:"download_url"`
			Inline   string `json:"inline_url"`
		} `json:"original"`
	} `json:"media_links"`
	Uploads []struct {
		Size remote.Number `json:"size"`
		URL  string        `json:"url"`
	} `json:"upload_urls"`
}

func (a asset) key() remote.ID { return a.ID }

// item answers the asset in our words; false if it is of a type that did not exist when this was written.
func (a asset) item(account remote.ID) (remote.Item, bool) {
	it := remote.Item{
		Ref:    remote.Ref{ID: a.ID, Account: account},
		Parent: a.Parent, Project: a.Project, Name: a.Name, State: remote.Uploaded,
		Created: a.Created.Time, Updated: a.Updated.Time, URL: a.URL,
	}
	if a.Creator != nil {
		it.Creator = a.Creator.ID
	}
	switch a.Type {
	case "folder":
		it.Kind = remote.Folder
	case "file":
		it.Kind, it.Content = remote.File, a.ID
		it.Size, it.MediaType, it.State = int64(a.Size), a.MediaType, state(a.Status)
	case "version_stack":
		it.Kind, it.State = remote.Stack, remote.Created
		if h := a.Head; h != nil {
			it.Content, it.Size, it.MediaType, it.State = h.ID, int64(h.Size), h.MediaType, state(h.Status)
		}
	default:
		return remote.Item{}, false
	}
	return it, true
}

// state reads a file's status. An unknown one comes after those that are known, and they end with all bytes there.
func state(status string) remote.State {
	switch status {
	case "created":
		return remote.Created
	case "transcoded":
		return remote.Transcoded
	default:
		return remote.Uploaded
	}
}

// Stat asks about one thing. A file that is not complete is asked about twice, because only the status call tells whether
// its upload has failed (spec: frameio-v4.md §5.2).
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
		w, err := do[workspace](ctx, c, ask{op: "stat workspace", ref: ref, endpoint: "workspaces.show",
			method: http.MethodGet, account: ref.Account, path: []string{"workspaces", string(ref.ID)}})
		return w.item(ref.Account), err
	case remote.Project, remote.Folder:
		return c.statFolder(ctx, ref)
	case remote.File, remote.Stack:
		a, err := c.show(ctx, ref, nil)
		if err != nil {
			return remote.Item{}, err
		}
		it, err := c.item(ref, a)
		if err == nil && it.State == remote.Created && it.Content != "" {
			err = c.uploadState(ctx, &it)
		}
		return it, err
	}
	return remote.Item{}, &remote.Error{Op: "stat", Ref: ref, Err: fmt.Errorf("%w: it has no page of its own", remote.ErrRefused)}
}

// statFolder asks about a folder; the root folder of a project is told as the project.
func (c *Client) statFolder(ctx context.Context, ref remote.Ref) (remote.Item, error) {
	a, err := c.show(ctx, ref, nil)
	if err != nil {
		return remote.Item{}, err
	}
	if a.Parent != "" {
		return c.item(ref, a)
	}
	p, err := do[project](ctx, c, ask{op: "stat project", ref: ref, endpoint: "projects.show",
		method: http.MethodGet, account: ref.Account, path: []string{"projects", string(a.Project)}})
	if err == nil && p.Root != ref.ID {
		err = &remote.Error{Op: "stat project", Ref: ref, Err: fmt.Errorf("%w: the project has another root folder", remote.ErrNotFrameio)}
	}
	return p.item(ref.Account), err
}

// uploadState asks how far the upload of it's newest file is.
func (c *Client) uploadState(ctx context.Context, it *remote.Item) error {
	s, err := do[struct {
		Complete bool `json:"upload_complete"`
		Failed   bool `json:"upload_failed"`
	}](ctx, c, ask{op: "ask for upload status", ref: it.Ref, endpoint: "files.show_file_upload_status",
		method: http.MethodGet, account: it.Account, path: []string{"files", string(it.Content), "status"}})
	switch {
	case err != nil:
		return err
	case s.Complete:
		it.State = remote.Uploaded
	case s.Failed:
		it.State, it.Failed = remote.Failed, true
	}
	return nil
}

// routes gives the part of the path that stands for a kind, and the prefix of its operationIds.
func route(k remote.Kind) string {
	switch k {
	case remote.File:
		return "files"
	case remote.Stack:
		return "version_stacks"
	default:
		return "folders"
	}
}

func (c *Client) show(ctx context.Context, ref remote.Ref, query url.Values) (asset, error) {
	r := route(ref.Kind)
	return do[asset](ctx, c, ask{op: "stat " + ref.Kind.String(), ref: ref, endpoint: r + ".show",
		method: http.MethodGet, account: ref.Account, path: []string{r, string(ref.ID)}, query: query})
}

// item checks that an answer about ref is one.
func (c *Client) item(ref remote.Ref, a asset) (remote.Item, error) {
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
