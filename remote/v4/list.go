package v4

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/frameiofs/frameiofs/remote"
)

const (
	pageSize      = 100 // most that general lists give (spec: frameio-v4.md §3.1)
	assetPageSize = 500 // most that lists of a folder's contents give
	// maxPages ends a listing that would not: 50 million assets.
	maxPages = 100_000
	// maxCursor is more than a cursor has, in bytes.
	maxCursor = 8 << 10
	// maxIdle is how many pages in a row may bring nothing new. Some may, when what is on them is hidden from us.
	maxIdle = 32
)

// Children lists what is directly in ref, page by page as the iterator is asked, each thing once. After an error it ends.
// The order is Frame.io's, which is none; only a stack's files come newest first.
func (c *Client) Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return c.conn.Sane(c.children(ctx, ref))
}

func (c *Client) children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	switch ref.Kind {
	case remote.Root:
		return items(list[account](ctx, c, accountsAsk()), account.item)
	case remote.Account:
		return c.workspaces(ctx, ref)
	case remote.Workspace:
		return c.projects(ctx, ask{op: "list projects", ref: ref, endpoint: "projects.index", account: ref.Account,
			path: []string{"workspaces", string(ref.ID), "projects"}})
	case remote.Shared:
		return c.projects(ctx, sharedAsk(ref))
	case remote.Project, remote.Folder:
		return c.assets(ref, c.folder(ctx, ref))
	case remote.Stack:
		return c.versions(ctx, ref)
	}
	return func(yield func(remote.Item, error) bool) {
		yield(remote.Item{}, &remote.Error{Op: "list", Ref: ref, Err: fmt.Errorf("%w: it is no folder", remote.ErrRefused)})
	}
}

func accountsAsk() ask {
	return ask{op: "list accounts", endpoint: "accounts.index", path: []string{"accounts"}, query: size(pageSize)}
}

func sharedAsk(ref remote.Ref) ask {
	return ask{op: "list shared projects", ref: ref, endpoint: "invited_projects.index", account: ref.Account,
		path: []string{"invited_projects"}, query: size(pageSize)}
}

func size(n int) url.Values { return url.Values{"page_size": {strconv.Itoa(n)}} }

// workspaces lists an account: its workspaces, and Shared if there is something in it.
func (c *Client) workspaces(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		a := ask{op: "list workspaces", ref: ref, endpoint: "workspaces.index", account: ref.ID,
			path: []string{"workspaces"}, query: size(pageSize)}
		for it, err := range items(list[workspace](ctx, c, a), func(w workspace) remote.Item { return w.item(ref.ID) }) {
			if !yield(it, err) || err != nil {
				return
			}
		}
		shared := remote.Ref{Kind: remote.Shared, ID: ref.ID, Account: ref.ID}
		any, err := c.any(ctx, sharedAsk(shared))
		// The call is from June 2026: an account that lacks it, or may not ask, has nothing shared.
		if err != nil && !errors.Is(err, iofs.ErrNotExist) && !errors.Is(err, iofs.ErrPermission) {
			yield(remote.Item{}, err)
		} else if any {
			yield(remote.Item{Ref: shared, Parent: ref.ID, Name: "Shared with me", State: remote.Uploaded}, nil)
		}
	}
}

func (c *Client) any(ctx context.Context, a ask) (bool, error) {
	a.query = size(1)
	for _, err := range list[project](ctx, c, a) {
		return err == nil, err
	}
	return false, nil
}

func (c *Client) projects(ctx context.Context, a ask) iter.Seq2[remote.Item, error] {
	a.query = size(pageSize)
	return func(yield func(remote.Item, error) bool) {
		for p, err := range list[project](ctx, c, a) {
			if err == nil && p.Root == "" {
				c.conn.LogOnce("root "+string(p.ID), "project has no root folder and is left out", "project", p.ID)
				continue
			}
			if !yield(p.item(a.account), err) {
				return
			}
		}
	}
}

func (c *Client) assets(ref remote.Ref, all iter.Seq2[asset, error]) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		for one, err := range all {
			if err != nil {
				yield(remote.Item{}, err)
				return
			}
			it, ok := one.item(ref.Account)
			if !ok {
				c.conn.LogOnce("type "+one.Type, "assets of an unknown type are left out", "type", one.Type, "id", one.ID)
				continue
			}
			if !yield(it, nil) {
				return
			}
		}
	}
}

// versions lists a stack, newest first. No order is documented: the head comes first, the others by age.
func (c *Client) versions(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		stack, err := c.show(ctx, ref, nil)
		if err != nil {
			yield(remote.Item{}, err)
			return
		}
		var all []remote.Item
		for it, err := range c.assets(ref, list[asset](ctx, c, ask{op: "list version stack", ref: ref, endpoint: "version_stacks.index",
			account: ref.Account, path: []string{"version_stacks", string(ref.ID), "children"}, query: size(pageSize)})) {
			if err != nil {
				yield(remote.Item{}, err)
				return
			}
			all = append(all, it)
		}
		slices.SortStableFunc(all, func(a, b remote.Item) int {
			if h := stack.Head; h != nil && (a.ID == h.ID) != (b.ID == h.ID) {
				if a.ID == h.ID {
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

// keyed is something a list has at most once.
type keyed interface{ key() remote.ID }

// items turns a list into our words.
func items[T any](seq iter.Seq2[T, error], item func(T) remote.Item) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		for one, err := range seq {
			if !yield(item(one), err) || err != nil {
				return
			}
		}
	}
}

// page is one page of a list.
type page[T any] struct {
	Data  []T `json:"data"`
	Links struct {
		Next string `json:"next"`
	} `json:"links"`
	Total *int `json:"total_count"`
}

// tally is what the pages of one walk through a list told of the whole.
type tally struct {
	met    map[remote.ID]bool
	total  int // -1: not told
	steady bool
	pages  int
}

func newTally() tally { return tally{met: map[remote.ID]bool{}, total: -1, steady: true} }

func count[T keyed](t *tally, p page[T]) {
	t.pages++
	if p.Total != nil {
		t.steady = t.steady && (t.total < 0 || t.total == *p.Total)
		t.total = *p.Total
	}
	for _, one := range p.Data {
		if id := one.key(); id != "" {
			t.met[id] = true
		}
	}
}

// whole reports whether the walk, now at its end, met everything, as far as the counts can tell.
func (t *tally) whole() bool {
	return t.pages < 2 || t.steady && (t.total < 0 || t.total == len(t.met))
}

// list walks through a list's pages. Cursors of some lists are offsets (spec: frameio-v4.md §3.1), so a list that changes
// under way can show something twice or not at all: what comes twice is told once, and if the count says that the list
// changed it is walked once more for what was missed.
func list[T keyed](ctx context.Context, c *Client, a ask) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		seen := map[remote.ID]bool{}
		for range 2 {
			met := newTally()
			for p, err := range walk[T](ctx, c, a) {
				if err != nil {
					var none T
					yield(none, err)
					return
				}
				count(&met, p)
				for _, one := range p.Data {
					id := one.key()
					if id == "" || seen[id] {
						continue
					}
					seen[id] = true
					if !yield(one, nil) {
						return
					}
				}
			}
			if met.whole() {
				return
			}
		}
	}
}

// walk yields the pages of a list once through. The last one has no next link.
func walk[T keyed](ctx context.Context, c *Client, a ask) iter.Seq2[page[T], error] {
	return func(yield func(page[T], error) bool) {
		a.method = http.MethodGet
		query, after := a.query, ""
		met, idle := map[remote.ID]bool{}, 0
		for range maxPages {
			var p page[T]
			// The next link carries nothing but the cursor, so everything else is asked again.
			a.query = url.Values{"include_total_count": {"true"}}
			if after != "" {
				a.query.Set("after", after)
			}
			maps.Copy(a.query, query)
			if err := c.send(ctx, a, &p); err != nil {
				yield(p, err)
				return
			}
			if !yield(p, nil) || p.Links.Next == "" {
				return
			}
			known := len(met)
			for _, one := range p.Data {
				met[one.key()] = true
			}
			if idle++; len(met) > known {
				idle = 0
			}
			next, err := url.Parse(p.Links.Next)
			cursor := ""
			if err == nil {
				cursor = next.Query().Get("after")
			}
			if cursor == "" || cursor == after || len(cursor) > maxCursor {
				yield(p, &remote.Error{Op: a.op, Ref: a.ref, Err: fmt.Errorf("%w: a next page without a cursor", remote.ErrNotFrameio)})
				return
			}
			if idle == maxIdle {
				break
			}
			after = cursor
		}
		yield(page[T]{}, &remote.Error{Op: a.op, Ref: a.ref, Err: fmt.Errorf("%w: the list does not end", remote.ErrNotFrameio)})
	}
}
