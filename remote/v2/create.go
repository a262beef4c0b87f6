package v2

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"net/http"
	"net/url"
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
			found, err := c.ours(ctx, parent, since, func(a asset) bool { return a.typ() == "folder" && a.Name == name })
			if err != nil || len(found) == 0 {
				return remote.Item{}, false, err
			}
			it, err := c.item(ctx, parent, found[0])
			return it, err == nil, err
		},
		Do: func(ctx context.Context) (remote.Item, error) {
			var a asset
			if _, err := c.do(ctx, ask{op: "create folder", ref: parent, endpoint: "assets.create", method: http.MethodPost,
				path: []string{"assets", string(parent.ID), "children"}, body: map[string]any{"type": "folder", "name": name}}, &a); err != nil {
				return remote.Item{}, err
			}
			return c.item(ctx, parent, a)
		},
		ID: func(it remote.Item) remote.ID { return it.ID },
	})
}

func noFolder(op string, ref remote.Ref) error {
	return &remote.Error{Op: op, Ref: ref, Err: fmt.Errorf("%w: files and folders live in projects and folders only", remote.ErrRefused)}
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
	body := map[string]any{"type": "file", "name": n.Name, "filesize": n.Size}
	if n.MediaType != "" {
		body["filetype"] = n.MediaType
	}
	if !n.Mtime.IsZero() {
		body["properties"] = map[string]string{mtimeKey: n.Mtime.UTC().Format(time.RFC3339Nano)}
	}
	var a asset
	if _, err := c.do(ctx, ask{op: "create file", ref: n.Parent, endpoint: "assets.create", method: http.MethodPost,
		path: []string{"assets", string(n.Parent.ID), "children"}, body: body}, &a); err != nil {
		return remote.Upload{}, err
	}
	it, err := c.item(ctx, n.Parent, a)
	if err != nil {
		return remote.Upload{}, err
	}
	if len(a.UploadURLs) == 0 {
		return remote.Upload{}, &remote.Error{Op: "create file", Ref: it.Ref,
			Err: fmt.Errorf("%w: it names no address for the bytes", remote.ErrNotFrameio)}
	}
	u := remote.Upload{File: it}
	for i, s := range cut(n.Size, len(a.UploadURLs)) {
		u.Parts = append(u.Parts, remote.Part{
			Number: i + 1, URL: a.UploadURLs[i], MediaType: a.MediaType, Off: s.off, Size: s.size,
			Expires: remote.Expires(a.UploadURLs[i]),
		})
	}
	return u, nil
}

type slice struct{ off, size int64 }

// cut cuts size bytes into n consecutive pieces, the way Frame.io's own SDK does: all but the last of ceil(size/n) bytes.
// Where that would leave nothing for the last ones, the pieces are as even as can be; boundaries are not enforced
// (spec: frameio-v2.md §5.3).
func cut(size int64, n int) []slice {
	each := (size + int64(n) - 1) / int64(n)
	out := make([]slice, n)
	if each*int64(n-1) < size {
		for i := range out {
			off := each * int64(i)
			out[i] = slice{off, min(each, size-off)}
		}
		return out
	}
	small, more := size/int64(n), size%int64(n)
	var off int64
	for i := range out {
		out[i] = slice{off, small}
		if int64(i) < more {
			out[i].size++
		}
		off += out[i].size
	}
	return out
}

// clearLeftovers deletes placeholders that attempts at making n since then have left. Whoever else's they may be, they stay.
func (c *Client) clearLeftovers(ctx context.Context, n remote.NewFile, since time.Time) error {
	found, err := c.ours(ctx, n.Parent, since, func(a asset) bool {
		return a.typ() == "file" && a.state() == remote.Created && a.Name == n.Name && int64(a.Size) == n.Size
	})
	if errors.Is(err, iofs.ErrNotExist) {
		return nil // no folder, so nothing in it; the create will tell
	}
	if err != nil {
		return err
	}
	for _, a := range found {
		c.conn.Log().Info("deleting a placeholder whose upload URLs were lost", "id", a.ID, "created", a.Created.Time)
		if err := c.Delete(ctx, remote.Ref{Kind: remote.File, ID: a.ID, Account: n.Parent.Account}); err != nil {
			return err
		}
	}
	return nil
}

// ours looks for assets that this user made in parent since then without hearing of it. It asks for the newest first and
// stops early if they do come in that order.
func (c *Client) ours(ctx context.Context, parent remote.Ref, since time.Time, want func(asset) bool) ([]asset, error) {
	me, err := c.self(ctx)
	if err != nil {
		return nil, err
	}
	var found []asset
	var before time.Time
	ordered, old := true, 0
	for a, err := range list[asset](ctx, c, ask{op: "list folder", ref: parent, endpoint: "assets.list",
		path: []string{"assets", string(parent.ID), "children"}, query: url.Values{"sort": {"-uploaded_at"}}}) {
		if err != nil {
			return nil, err
		}
		ordered = ordered && (before.IsZero() || !a.Created.After(before.Add(time.Second)))
		before = a.Created.Time
		if a.Created.Before(since) {
			if old++; ordered && old > pageSize {
				break
			}
			continue
		}
		if want(a) && a.Creator == me.ID && !c.conn.Mine(a.ID) {
			found = append(found, a)
		}
	}
	return found, nil
}
