package v4

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// CreateFolder makes a folder. If an attempt's answer is lost, the folder is looked for and adopted; see remote.WithSince.
func (c *Client) CreateFolder(ctx context.Context, parent remote.Ref, name string) (remote.Item, error) {
	if !parent.IsFolder() {
		return remote.Item{}, noFolder("create folder", parent)
	}
	return remote.Once(ctx, c.conn, remote.Make[remote.Item]{
		Key: "folder " + string(parent.ID) + " " + name,
		Look: func(ctx context.Context, since time.Time) (remote.Item, bool, error) {
			return c.findFolder(ctx, parent, name, since)
		},
		Do: func(ctx context.Context) (remote.Item, error) {
			a, err := do[asset](ctx, c, ask{op: "create folder", ref: parent, endpoint: "folders.create", method: http.MethodPost,
				account: parent.Account, path: []string{"folders", string(parent.ID), "folders"}, data: map[string]any{"name": name}})
			if err != nil {
				return remote.Item{}, err
			}
			return c.item(parent, a)
		},
		ID: func(it remote.Item) remote.ID { return it.ID },
	})
}

func noFolder(op string, ref remote.Ref) error {
	return &remote.Error{Op: op, Ref: ref, Err: fmt.Errorf("%w: files and folders live in projects and folders only", remote.ErrRefused)}
}

// findFolder looks for a folder of that name that we made since then without hearing of it.
func (c *Client) findFolder(ctx context.Context, parent remote.Ref, name string, since time.Time) (remote.Item, bool, error) {
	me, err := c.self(ctx)
	if err != nil {
		return remote.Item{}, false, err
	}
	query := size(assetPageSize)
	query.Set("include", "creator")
	for a, err := range list[asset](ctx, c, ask{op: "list folders", ref: parent, endpoint: "folders.list",
		account: parent.Account, path: []string{"folders", string(parent.ID), "folders"}, query: query}) {
		if err != nil {
			return remote.Item{}, false, err
		}
		mine := a.Creator == nil || a.Creator.is(me)
		if a.Name == name && mine && !a.Created.Before(since) && !c.conn.Mine(a.ID) {
			it, err := c.item(parent, a)
			return it, err == nil, err
		}
	}
	return remote.Item{}, false, nil
}

// CreateFile makes a placeholder of the file's final name and size and answers where its bytes go. If an attempt's answer
// is lost, or n.Since tells of one, placeholders of ours that it may have left are deleted: their URLs cannot be had again.
func (c *Client) CreateFile(ctx context.Context, n remote.NewFile) (remote.Upload, error) {
	if !n.Parent.IsFolder() {
		return remote.Upload{}, noFolder("create file", n.Parent)
	}
	return remote.Once(ctx, c.conn, remote.Make[remote.Upload]{
		Key:   fmt.Sprintf("file %s %d %s", n.Parent.ID, n.Size, n.Name),
		Since: n.Since,
		Look: func(ctx context.Context, since time.Time) (remote.Upload, bool, error) {
			return remote.Upload{}, false, c.clearLeftovers(ctx, n, since)
		},
		Do:    func(ctx context.Context) (remote.Upload, error) { return c.createFile(ctx, n) },
		ID:    func(u remote.Upload) remote.ID { return u.File.ID },
		Sweep: true,
	})
}

func (c *Client) createFile(ctx context.Context, n remote.NewFile) (remote.Upload, error) {
	a, err := do[asset](ctx, c, ask{op: "create file", ref: n.Parent, endpoint: "files.create_local_upload", method: http.MethodPost,
		account: n.Parent.Account, path: []string{"folders", string(n.Parent.ID), "files", "local_upload"},
		data: map[string]any{"name": n.Name, "file_size": n.Size}})
	if err != nil {
		return remote.Upload{}, err
	}
	it, err := c.item(n.Parent, a)
	if err != nil {
		return remote.Upload{}, err
	}
	u := remote.Upload{File: it}
	var off int64
	whole := true
	for i, p := range a.Uploads {
		u.Parts = append(u.Parts, remote.Part{
			Number: i + 1, URL: p.URL, MediaType: a.MediaType, Off: off, Size: int64(p.Size), Expires: remote.Expires(p.URL),
		})
		off += int64(p.Size)
		whole = whole && p.Size > 0 && off <= n.Size
	}
	if !whole || off != n.Size {
		return remote.Upload{}, &remote.Error{Op: "create file", Ref: it.Ref,
			Err: fmt.Errorf("%w: its %d parts do not make up %d bytes", remote.ErrNotFrameio, len(a.Uploads), n.Size)}
	}
	return u, nil
}

// clearLeftovers deletes placeholders that attempts at making n since then have left. Whoever else's they may be, they stay.
func (c *Client) clearLeftovers(ctx context.Context, n remote.NewFile, since time.Time) error {
	me, err := c.self(ctx)
	if err != nil {
		return err
	}
	var found []remote.Item
	for a, err := range c.newest(ctx, n.Parent) {
		if errors.Is(err, iofs.ErrNotExist) {
			return nil // no folder, so nothing in it; the create will tell
		}
		if err != nil {
			return err
		}
		if a.Created.Before(since) {
			break
		}
		it, ok := a.item(n.Parent.Account)
		if ok && it.State == remote.Created && it.Name == n.Name && it.Size == n.Size && a.Creator.is(me) && !c.conn.Mine(it.ID) {
			found = append(found, it)
		}
	}
	for _, it := range found {
		c.conn.Log().Info("deleting a placeholder whose upload URLs were lost", "id", it.ID, "created", it.Created)
		if err := c.Delete(ctx, it.Ref); err != nil {
			return err
		}
	}
	return nil
}

// newest lists the files of a folder, those first that were created last.
func (c *Client) newest(ctx context.Context, parent remote.Ref) iter.Seq2[asset, error] {
	return list[asset](ctx, c, ask{op: "list files", ref: parent, endpoint: "files.list", account: parent.Account,
		path:  []string{"folders", string(parent.ID), "files"},
		query: url.Values{"page_size": {strconv.Itoa(assetPageSize)}, "sort": {"created_at_desc"}, "include": {"creator"}}})
}
