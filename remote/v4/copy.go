package v4

import (
	"context"
	"net/http"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// CopyFile has Frame.io make a file of one that it has, in another folder or the same, without comments and metadata
// (spec: frameio-v4.md §6.1). The copy has the name that Frame.io gives it, and may take a while to be complete. If an attempt's
// answer is lost, the copy is looked for.
func (c *Client) CopyFile(ctx context.Context, cp remote.Copy) (remote.Item, error) {
	look := func(ctx context.Context, since time.Time) (remote.Item, bool, error) {
		return c.findCopy(ctx, cp, since)
	}
	return remote.CopyOnce(ctx, c.conn, cp, look, func(ctx context.Context) (remote.Item, error) { return c.copyFile(ctx, cp) })
}

func (c *Client) copyFile(ctx context.Context, cp remote.Copy) (remote.Item, error) {
	began := c.conn.From(time.Now())
	a, err := do[asset](ctx, c, ask{op: "copy file", ref: cp.File, endpoint: "files.copy", method: http.MethodPost,
		account: cp.File.Account, path: []string{"files", string(cp.File.ID), "copy"}, data: map[string]any{"parent_id": cp.To.ID}})
	if err != nil {
		return remote.Item{}, err
	}
	if a.ID == "" || a.ID == cp.File.ID { // folders' copies may be answered so
		return remote.Copied(ctx, cp, func(ctx context.Context) (remote.Item, bool, error) { return c.findCopy(ctx, cp, began) })
	}
	return c.item(cp.To, a)
}

// findCopy looks for a copy that we made since then without hearing of it.
func (c *Client) findCopy(ctx context.Context, cp remote.Copy, since time.Time) (remote.Item, bool, error) {
	me, err := c.self(ctx)
	if err != nil {
		return remote.Item{}, false, err
	}
	for a, err := range c.newest(ctx, cp.To) {
		if err != nil {
			return remote.Item{}, false, err
		}
		if a.Created.Before(since) {
			break
		}
		it, ok := a.item(cp.To.Account)
		if ok && it.ID != cp.File.ID && it.Kind == remote.File && it.Size == cp.Size && it.State != remote.Failed && cp.Named(it.Name) &&
			a.Creator.is(me) && !c.conn.Mine(it.ID) {
			return it, true, nil
		}
	}
	return remote.Item{}, false, nil
}
