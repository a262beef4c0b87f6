package v2

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// CopyFile has Frame.io make a file of one that it has, in another folder or the same (spec: frameio-v2.md §3.7). The copy has the
// name that Frame.io gives it, and may take a while to be complete. If an attempt's answer is lost, the copy is looked for.
func (c *Client) CopyFile(ctx context.Context, cp remote.Copy) (remote.Item, error) {
	look := func(ctx context.Context, since time.Time) (remote.Item, bool, error) {
		return c.findCopy(ctx, cp, since)
	}
	return remote.CopyOnce(ctx, c.conn, cp, look, func(ctx context.Context) (remote.Item, error) { return c.copyFile(ctx, cp) })
}

// findCopy looks for a copy that we made since then without hearing of it.
func (c *Client) findCopy(ctx context.Context, cp remote.Copy, since time.Time) (remote.Item, bool, error) {
	found, err := c.ours(ctx, cp.To, since, func(a asset) bool {
		return a.typ() == "file" && a.ID != cp.File.ID && int64(a.Size) == cp.Size && cp.Named(a.Name) && a.state() != remote.Failed
	})
	if err != nil || len(found) == 0 {
		return remote.Item{}, false, err
	}
	it, err := c.dated(ctx, cp, found[0])
	return it, err == nil, err
}

func (c *Client) copyFile(ctx context.Context, cp remote.Copy) (remote.Item, error) {
	began := c.conn.From(time.Now())
	var a asset
	if _, err := c.do(ctx, ask{op: "copy file", ref: cp.File, endpoint: "assets.create", method: http.MethodPost,
		path: []string{"assets", string(cp.To.ID), "copy"}, body: map[string]remote.ID{"id": cp.File.ID}}, &a); err != nil {
		return remote.Item{}, err
	}
	if a.ID == "" || a.ID == cp.File.ID { // what is answered is documented by an example only
		return remote.Copied(ctx, cp, func(ctx context.Context) (remote.Item, bool, error) { return c.findCopy(ctx, cp, began) })
	}
	return c.dated(ctx, cp, a)
}

// dated gives a copy its own modification time: it has its source's properties.
func (c *Client) dated(ctx context.Context, cp remote.Copy, a asset) (remote.Item, error) {
	if !a.mtime().Equal(cp.Mtime) {
		properties := map[string]any{}
		if json.Unmarshal(a.Properties, &properties) != nil || properties == nil {
			properties = map[string]any{}
		}
		properties[mtimeKey] = cp.Mtime.UTC().Format(time.RFC3339Nano)
		if cp.Mtime.IsZero() {
			delete(properties, mtimeKey)
		}
		var dated asset
		if _, err := c.do(ctx, ask{op: "date the copy", ref: remote.Ref{Kind: remote.File, ID: a.ID, Account: cp.To.Account},
			endpoint: "assets.update", method: http.MethodPut, path: []string{"assets", string(a.ID)},
			body: map[string]any{"properties": properties}, repeat: true}, &dated); err != nil {
			c.conn.Log().Warn("a copy keeps its source's modification time on Frame.io", "id", a.ID, "err", err)
		} else {
			a = dated
		}
	}
	return c.item(ctx, cp.To, a)
}
