package v2

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net/http"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Rename gives a file, folder or stack another name.
func (c *Client) Rename(ctx context.Context, ref remote.Ref, name string) (remote.Item, error) {
	if ref.Kind < remote.Folder {
		return remote.Item{}, &remote.Error{Op: "rename", Ref: ref, Err: errors.ErrUnsupported}
	}
	var a asset
	if _, err := c.do(ctx, ask{op: "rename " + ref.Kind.String(), ref: ref, endpoint: "assets.update", method: http.MethodPut,
		path: []string{"assets", string(ref.ID)}, body: map[string]string{"name": name}, repeat: true}, &a); err != nil {
		return remote.Item{}, err
	}
	return c.item(ctx, ref, a)
}

// Move puts a file, folder or stack into another folder.
func (c *Client) Move(ctx context.Context, ref, to remote.Ref) (remote.Item, error) {
	if !to.IsFolder() {
		return remote.Item{}, noFolder("move", to)
	}
	if ref.Kind < remote.Folder {
		return remote.Item{}, &remote.Error{Op: "move", Ref: ref, Err: errors.ErrUnsupported}
	}
	var a asset
	if _, err := c.do(ctx, ask{op: "move " + ref.Kind.String(), ref: ref, endpoint: "assets.move", method: http.MethodPost,
		path: []string{"assets", string(to.ID), "move"}, body: map[string]remote.ID{"id": ref.ID}, repeat: true}, &a); err != nil {
		return remote.Item{}, err
	}
	return c.item(ctx, ref, a)
}

// Delete removes a file, a folder with all in it, or a stack with all its versions; what is not there is deleted already.
// Deleting a stack would leave its files (spec: frameio-v2.md §3.5), so they go first, the newest last: what is left after
// an interruption is what people saw.
func (c *Client) Delete(ctx context.Context, ref remote.Ref) error {
	if ref.Kind < remote.Folder {
		return &remote.Error{Op: "delete", Ref: ref, Err: errors.ErrUnsupported}
	}
	if ref.Kind == remote.Stack {
		if err := c.deleteVersions(ctx, ref); err != nil {
			return err
		}
	}
	_, err := c.do(ctx, ask{op: "delete " + ref.Kind.String(), ref: ref, endpoint: "assets.delete", method: http.MethodDelete,
		path: []string{"assets", string(ref.ID)}, repeat: true}, nil)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil
	}
	return err
}

func (c *Client) deleteVersions(ctx context.Context, ref remote.Ref) error {
	var files []remote.Ref
	for it, err := range c.versions(ctx, ref) {
		if errors.Is(err, iofs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if it.Kind == remote.File {
			files = append(files, it.Ref)
		}
	}
	for i := len(files) - 1; i >= 0; i-- {
		if err := c.Delete(ctx, files[i]); err != nil {
			return err
		}
	}
	return nil
}

// AddVersion makes file the newest version of target, a file or a stack, and answers the stack. If it is in that stack
// already, nothing happens. Whether target has been put into a stack meanwhile is found out.
func (c *Client) AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error) {
	if file.Kind != remote.File || target.Kind != remote.File && target.Kind != remote.Stack || file.ID == target.ID {
		return remote.Item{}, &remote.Error{Op: "add version", Ref: target,
			Err: fmt.Errorf("%w: only a file becomes a version, of another file or a stack", remote.ErrRefused)}
	}
	return remote.Once(ctx, c.conn, remote.Make[remote.Item]{
		Key: "version " + string(target.ID), // one at a time: the second finds the stack that the first has made
		// Do begins by looking how things stand, so a repetition is a look.
		Look: func(context.Context, time.Time) (remote.Item, bool, error) { return remote.Item{}, false, nil },
		Do:   func(ctx context.Context) (remote.Item, error) { return c.addVersion(ctx, target, file) },
		ID:   func(it remote.Item) remote.ID { return it.ID },
	})
}

func (c *Client) addVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error) {
	high, err := c.show(ctx, file)
	if err != nil {
		return remote.Item{}, err
	}
	stack := target
	if target.Kind == remote.File {
		low, err := c.show(ctx, target)
		if err != nil {
			return remote.Item{}, err
		}
		stack = remote.Ref{Kind: remote.Stack, ID: low.Parent, Account: target.Account}
		parent, err := c.show(ctx, stack)
		switch {
		case err == nil && parent.typ() == "version_stack":
			target = stack // a file in a stack cannot be the target, its stack can (spec: frameio-v2.md §11)
		case err != nil && !hidden(err):
			return remote.Item{}, err
		default:
			stack = remote.Ref{}
		}
	}
	if stack.ID != "" && high.Parent == stack.ID {
		return c.stackOf(ctx, stack, file)
	}
	var a asset
	if _, err := c.do(ctx, ask{op: "add version", ref: target, endpoint: "assets.version", method: http.MethodPost,
		path: []string{"assets", string(target.ID), "version"}, body: map[string]remote.ID{"next_asset_id": file.ID}}, &a); err != nil {
		return remote.Item{}, err
	}
	if stack.ID == "" {
		// What the answer is, is not documented: the stack, or a file in it.
		switch {
		case a.typ() == "version_stack":
			stack = remote.Ref{Kind: remote.Stack, ID: a.ID, Account: target.Account}
		default:
			low, err := c.show(ctx, target)
			if err != nil {
				return remote.Item{}, err
			}
			stack = remote.Ref{Kind: remote.Stack, ID: low.Parent, Account: target.Account}
		}
	}
	return c.stackOf(ctx, stack, file)
}

// stackOf reads a stack until it shows its new version, for a moment.
func (c *Client) stackOf(ctx context.Context, stack, file remote.Ref) (remote.Item, error) {
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		a, err := c.show(ctx, stack)
		if err != nil {
			return remote.Item{}, err
		}
		if a.typ() != "version_stack" {
			return remote.Item{}, &remote.Error{Op: "add version", Ref: stack, Err: fmt.Errorf("%w: no version stack came of it", remote.ErrNotFrameio)}
		}
		it, err := c.item(ctx, stack, a)
		if err != nil || it.Content == file.ID || wait > time.Second {
			return it, err
		}
		select {
		case <-ctx.Done():
			return it, nil
		case <-time.After(wait):
		}
	}
}

// PutPart sends one part of a file's bytes; see remote.Conn.PutPart.
func (c *Client) PutPart(ctx context.Context, part remote.Part, body io.ReaderAt) error {
	return c.conn.PutPart(ctx, part, body)
}

// OpenRange reads n bytes of a file from off on; see remote.Conn.OpenRange.
func (c *Client) OpenRange(ctx context.Context, file remote.Ref, off, n int64) (io.ReadCloser, error) {
	return c.conn.OpenRange(ctx, file, off, n, func(ctx context.Context) (remote.Link, error) { return c.link(ctx, file) })
}

// SetBandwidth limits the bytes per second; see remote.Conn.SetBandwidth.
func (c *Client) SetBandwidth(up, down int64) { c.conn.SetBandwidth(up, down) }

// Prepare makes the next OpenRange of a file cost one round trip; see remote.Conn.Prepare.
func (c *Client) Prepare(ctx context.Context, file remote.Ref) error {
	return c.conn.Prepare(ctx, file, func(ctx context.Context) (remote.Link, error) { return c.link(ctx, file) })
}

// link answers the signed address of a file's bytes (spec: frameio-v2.md §6): the one that came with a listing, or a new one.
func (c *Client) link(ctx context.Context, file remote.Ref) (remote.Link, error) {
	if l, ok := c.listed.take(file.ID, time.Now(), c.conn.LinkUntil); ok {
		return l, nil
	}
	a, err := c.show(ctx, file)
	if err != nil {
		return remote.Link{}, err
	}
	l, err := a.link()
	if err != nil {
		return remote.Link{}, &remote.Error{Op: "open file", Ref: file, Err: err}
	}
	return l, nil
}
