package v2

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"iter"
	"net/url"
	"slices"

	"github.com/frameiofs/frameiofs/remote"
)

// Children lists what is directly in ref, page by page as the iterator is asked, each thing once. After an error it ends.
// Folders come oldest first, so that what is added while they are listed comes last; a stack's files come newest first.
func (c *Client) Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return c.conn.Sane(c.children(ctx, ref))
}

func (c *Client) children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	switch ref.Kind {
	case remote.Root:
		return c.accounts(ctx)
	case remote.Account:
		return c.workspaces(ctx, ref)
	case remote.Workspace:
		return c.projects(ctx, ref.Account, ask{op: "list projects", ref: ref, endpoint: "projects.list",
			path: []string{"teams", string(ref.ID), "projects"}})
	case remote.Shared:
		return c.shared(ctx, ref)
	case remote.Project, remote.Folder:
		return c.assets(ctx, ref, "list folder")
	case remote.Stack:
		return c.versions(ctx, ref)
	}
	return func(yield func(remote.Item, error) bool) {
		yield(remote.Item{}, &remote.Error{Op: "list", Ref: ref, Err: fmt.Errorf("%w: it is no folder", remote.ErrRefused)})
	}
}

// accounts lists those in which the user has a role, and those from which only projects are shared: the service lists them
// apart (spec: frameio-v2.md §2.1).
func (c *Client) accounts(ctx context.Context) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		seen := map[remote.ID]bool{}
		for a, err := range list[account](ctx, c, ask{op: "list accounts", endpoint: "accounts.list", path: []string{"accounts"}}) {
			seen[a.ID] = true
			if !yield(a.item(), err) || err != nil {
				return
			}
		}
		for p, err := range c.sharedProjects(ctx, remote.Ref{}) {
			if err != nil {
				yield(remote.Item{}, err)
				return
			}
			id := p.account()
			if id == "" || seen[id] {
				continue
			}
			seen[id] = true
			a, err := c.account(ctx, id)
			if hidden(err) { // a guest may not see the host
				a, err = account{ID: id}, nil
			}
			if !yield(a.item(), err) || err != nil {
				return
			}
		}
	}
}

// hidden reports whether Frame.io keeps something from this user.
func hidden(err error) bool {
	return errors.Is(err, iofs.ErrNotExist) || errors.Is(err, iofs.ErrPermission) && !errors.Is(err, remote.ErrToken)
}

// workspaces lists an account: its teams, and Shared if there is something in it.
func (c *Client) workspaces(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		var denied error
		for t, err := range list[team](ctx, c, ask{op: "list workspaces", ref: ref, endpoint: "teams.list",
			path: []string{"accounts", string(ref.ID), "teams"}}) {
			if hidden(err) {
				denied = err // not an error if projects are shared from there
				break
			}
			it := t.item()
			it.Account, it.Parent = ref.ID, ref.ID
			if !yield(it, err) || err != nil {
				return
			}
		}
		shared := remote.Ref{Kind: remote.Shared, ID: ref.ID, Account: ref.ID}
		for it, err := range c.shared(ctx, shared) {
			if err == nil {
				it = remote.Item{Ref: shared, Parent: ref.ID, Name: "Shared with me", State: remote.Uploaded}
			}
			yield(it, err)
			return
		}
		if denied != nil {
			yield(remote.Item{}, denied)
		}
	}
}

// sharedProjects lists projects whose collaborator the user is without being in their team. Tokens that may not ask have none.
func (c *Client) sharedProjects(ctx context.Context, ref remote.Ref) iter.Seq2[project, error] {
	a := ask{op: "list shared projects", ref: ref, endpoint: "projects.shared", path: []string{"projects", "shared"}}
	if ref.ID != "" {
		a.query = url.Values{"filter[account_id]": {string(ref.ID)}}
	}
	return func(yield func(project, error) bool) {
		for p, err := range list[project](ctx, c, a) {
			if hidden(err) {
				return
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

func (c *Client) shared(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		for p, err := range c.sharedProjects(ctx, ref) {
			if err != nil {
				yield(remote.Item{}, err)
				return
			}
			// The filter is asked for, but it is the project that tells.
			if owner := p.account(); owner != "" && owner != ref.ID || p.Root == "" {
				continue
			}
			if !yield(p.item(ref.ID), nil) {
				return
			}
		}
	}
}

func (c *Client) projects(ctx context.Context, account remote.ID, a ask) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		for p, err := range list[project](ctx, c, a) {
			if err == nil && p.Root == "" {
				c.conn.LogOnce("root "+string(p.ID), "project has no root folder and is left out", "project", p.ID)
				continue
			}
			if !yield(p.item(account), err) {
				return
			}
		}
	}
}

// byAge asks for the oldest first: uploaded_at is set when an asset is made, so new ones do not shift the pages, and the id
// settles ties (spec: frameio-v2.md §3.2, §4.1).
var byAge = url.Values{"sort": {"uploaded_at,id"}}

func (c *Client) assets(ctx context.Context, ref remote.Ref, op string) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		for a, err := range list[asset](ctx, c, ask{op: op, ref: ref, endpoint: "assets.list",
			path: []string{"assets", string(ref.ID), "children"}, query: byAge}) {
			if err != nil {
				yield(remote.Item{}, err)
				return
			}
			if !a.known() {
				c.conn.LogOnce("type "+a.typ(), "assets of an unknown type are left out", "type", a.typ(), "id", a.ID)
				continue
			}
			it, err := c.item(ctx, ref, a)
			switch {
			case errors.Is(err, iofs.ErrNotExist):
				continue // a stack that lost its newest file since it was listed
			case errors.Is(err, remote.ErrImpossible):
				c.conn.LogOnce(err.Error(), "an item is left out", "err", err)
				continue
			}
			if !yield(it, err) || err != nil {
				return
			}
		}
	}
}

// versions lists a stack, newest first. Sources differ about the order of the list, so the cover comes first and the others
// by age (spec: frameio-v2.md §11).
func (c *Client) versions(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		stack, err := c.show(ctx, ref)
		if err != nil {
			yield(remote.Item{}, err)
			return
		}
		cover := stack.CoverID
		if stack.Cover != nil {
			cover = stack.Cover.ID
		}
		var all []remote.Item
		for it, err := range c.assets(ctx, ref, "list version stack") {
			if err != nil {
				yield(remote.Item{}, err)
				return
			}
			all = append(all, it)
		}
		slices.SortStableFunc(all, func(a, b remote.Item) int {
			if (a.ID == cover) != (b.ID == cover) {
				if a.ID == cover {
					return -1
				}
				return 1
			}
			return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
		})
		for _, it := range all {
			if !yield(it, nil) {
				return
			}
		}
	}
}
