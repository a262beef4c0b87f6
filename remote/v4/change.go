package v4

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Rename gives a file, folder or stack another name. Stacks have no such call: the newest file is renamed, and if the
// stack does not follow, the file gets its name back and the error is errors.ErrUnsupported.
func (c *Client) Rename(ctx context.Context, ref remote.Ref, name string) (remote.Item, error) {
	switch ref.Kind {
	case remote.Folder, remote.File:
		r := route(ref.Kind)
		return c.change(ctx, ref, ask{op: "rename " + ref.Kind.String(), endpoint: r + ".update",
			path: []string{r, string(ref.ID)}, data: map[string]any{"name": name}})
	case remote.Stack:
		return c.renameStack(ctx, ref, name)
	}
	return remote.Item{}, &remote.Error{Op: "rename", Ref: ref, Err: errors.ErrUnsupported}
}

func (c *Client) renameStack(ctx context.Context, ref remote.Ref, name string) (remote.Item, error) {
	stack, err := c.show(ctx, ref, nil)
	if err != nil {
		return remote.Item{}, err
	}
	if stack.Name == name {
		return c.item(ref, stack)
	}
	if stack.Head == nil {
		return remote.Item{}, &remote.Error{Op: "rename version stack", Ref: ref, Err: errors.ErrUnsupported}
	}
	head := remote.Ref{Kind: remote.File, ID: stack.Head.ID, Account: ref.Account}
	if _, err := c.Rename(ctx, head, name); err != nil {
		return remote.Item{}, err
	}
	after, err := c.show(ctx, ref, nil)
	if err != nil {
		return remote.Item{}, err
	}
	if after.Name == name {
		return c.item(ref, after)
	}
	unsupported := &remote.Error{Op: "rename version stack", Ref: ref, Err: errors.ErrUnsupported}
	if _, err := c.Rename(ctx, head, stack.Head.Name); err != nil {
		return remote.Item{}, errors.Join(unsupported, fmt.Errorf("give its newest file its name back: %w", err))
	}
	return remote.Item{}, unsupported
}

// Move puts a file, folder or stack into another folder.
func (c *Client) Move(ctx context.Context, ref, to remote.Ref) (remote.Item, error) {
	if !to.IsFolder() {
		return remote.Item{}, noFolder("move", to)
	}
	switch ref.Kind {
	case remote.Folder, remote.File, remote.Stack:
		return c.move(ctx, ref, to, true)
	}
	return remote.Item{}, &remote.Error{Op: "move", Ref: ref, Err: errors.ErrUnsupported}
}

func (c *Client) move(ctx context.Context, ref, to remote.Ref, repeat bool) (remote.Item, error) {
	r := route(ref.Kind)
	a, err := do[asset](ctx, c, ask{op: "move " + ref.Kind.String(), ref: ref, endpoint: r + ".move", method: http.MethodPatch,
		account: ref.Account, path: []string{r, string(ref.ID), "move"}, data: map[string]any{"parent_id": to.ID}, repeat: repeat})
	if err != nil {
		return remote.Item{}, err
	}
	return c.item(ref, a)
}

func (c *Client) change(ctx context.Context, ref remote.Ref, a ask) (remote.Item, error) {
	a.ref, a.account, a.method, a.repeat = ref, ref.Account, http.MethodPatch, true
	got, err := do[asset](ctx, c, a)
	if err != nil {
		return remote.Item{}, err
	}
	return c.item(ref, got)
}

// Delete removes a file, a folder with all in it, or a stack with all its versions; what is not there is deleted already.
// Stacks have no such call: their files are deleted, the newest last, so that what is left after an interruption is what
// people saw.
func (c *Client) Delete(ctx context.Context, ref remote.Ref) error {
	switch ref.Kind {
	case remote.Folder, remote.File:
		r := route(ref.Kind)
		err := c.send(ctx, ask{op: "delete " + ref.Kind.String(), ref: ref, endpoint: r + ".delete", method: http.MethodDelete,
			account: ref.Account, path: []string{r, string(ref.ID)}, repeat: true}, nil)
		if errors.Is(err, iofs.ErrNotExist) {
			return nil
		}
		return err
	case remote.Stack:
		return c.deleteStack(ctx, ref)
	}
	return &remote.Error{Op: "delete", Ref: ref, Err: errors.ErrUnsupported}
}

func (c *Client) deleteStack(ctx context.Context, ref remote.Ref) error {
	var files []remote.Ref
	for it, err := range c.versions(ctx, ref) {
		if errors.Is(err, iofs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		files = append(files, it.Ref)
	}
	for i := len(files) - 1; i >= 0; i-- {
		if err := c.Delete(ctx, files[i]); err != nil {
			return err
		}
	}
	return nil
}

// AddVersion makes file the newest version of target, a file or a stack, and answers the stack. If it is that already,
// nothing happens. Whether target has been put into a stack meanwhile is found out.
func (c *Client) AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error) {
	if file.Kind != remote.File || target.Kind != remote.File && target.Kind != remote.Stack || file.ID == target.ID {
		return remote.Item{}, &remote.Error{Op: "add version", Ref: target,
			Err: fmt.Errorf("%w: only a file becomes a version, of another file or a stack", remote.ErrRefused)}
	}
	add := func(ctx context.Context) (remote.Item, error) {
		if target.Kind == remote.Stack {
			return c.intoStack(ctx, target, file)
		}
		return c.ontoFile(ctx, target, file)
	}
	return remote.Once(ctx, c.conn, remote.Make[remote.Item]{
		Key: "version " + string(target.ID), // one at a time: the second finds the stack that the first has made
		// Both ways begin by looking how things stand, so a repetition is a look.
		Look: func(context.Context, time.Time) (remote.Item, bool, error) { return remote.Item{}, false, nil },
		Do:   add,
		ID:   func(it remote.Item) remote.ID { return it.ID },
	})
}

// intoStack moves a file into a stack, which makes it the newest (spec: frameio-v4.md §6.3).
func (c *Client) intoStack(ctx context.Context, stack, file remote.Ref) (remote.Item, error) {
	a, err := c.show(ctx, stack, nil)
	if err != nil {
		return remote.Item{}, err
	}
	if a.Head != nil && a.Head.ID == file.ID {
		return c.item(stack, a)
	}
	if _, err := c.move(ctx, file, stack, false); err != nil {
		return remote.Item{}, err
	}
	return c.stackOf(ctx, stack, file)
}

// stackOf reads a stack until it shows its new version, for a moment.
func (c *Client) stackOf(ctx context.Context, stack, file remote.Ref) (remote.Item, error) {
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		a, err := c.show(ctx, stack, nil)
		if err != nil {
			return remote.Item{}, err
		}
		if a.Head != nil && a.Head.ID == file.ID || wait > time.Second {
			return c.item(stack, a)
		}
		select {
		case <-ctx.Done():
			return c.item(stack, a)
		case <-time.After(wait):
		}
	}
}

// ontoFile makes a stack of two files, or finds the stack that the lower one is in.
func (c *Client) ontoFile(ctx context.Context, target, file remote.Ref) (remote.Item, error) {
	low, err := c.show(ctx, target, nil)
	if err != nil {
		return remote.Item{}, err
	}
	parent := remote.Ref{Kind: remote.Stack, ID: low.Parent, Account: target.Account}
	switch _, err := c.show(ctx, parent, nil); {
	case err == nil:
		return c.intoStack(ctx, parent, file)
	case !errors.Is(err, iofs.ErrNotExist):
		return remote.Item{}, err
	}
	parent.Kind = remote.Folder
	high, err := c.show(ctx, file, nil)
	if err != nil {
		return remote.Item{}, err
	}
	if high.Parent != low.Parent { // a stack is made of files in one folder
		if _, err := c.move(ctx, file, parent, true); err != nil {
			return remote.Item{}, err
		}
	}
	a, err := do[asset](ctx, c, ask{op: "create version stack", ref: parent, endpoint: "version_stacks.create", method: http.MethodPost,
		account: target.Account, path: []string{"folders", string(parent.ID), "version_stacks"},
		data: map[string]any{"file_ids": []remote.ID{target.ID, file.ID}}})
	if err != nil {
		return remote.Item{}, err
	}
	return c.item(parent, a)
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

// link asks for the signed address of a file's bytes. Whoever may not download gets 403 here, or no link
// (spec: frameio-v4.md §3.2, §4.3).
func (c *Client) link(ctx context.Context, file remote.Ref) (remote.Link, error) {
	a, err := c.show(ctx, file, url.Values{"include": {"media_links.original"}})
	var e *remote.Error
	if errors.As(err, &e) && e.Status == http.StatusForbidden && e.Err == nil {
		e.Err = remote.ErrDownload
	}
	if err != nil {
		return remote.Link{}, err
	}
	if state(a.Status) == remote.Created {
		return remote.Link{}, &remote.Error{Op: "open file", Ref: file, Err: remote.ErrIncomplete}
	}
	if a.Links != nil && a.Links.Original != nil {
		for _, u := range []string{a.Links.Original.Download, a.Links.Original.Inline} {
			if u != "" {
				return remote.Link{URL: u, Size: int64(a.Size)}, nil
			}
		}
	}
	return remote.Link{}, &remote.Error{Op: "open file", Ref: file, Err: fmt.Errorf("%w; it may be watermarked", remote.ErrDownload)}
}
