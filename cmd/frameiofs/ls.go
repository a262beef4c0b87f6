package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/remote"
)

func lsVerb() *cli.Command {
	return &cli.Command{
		Name:      "ls",
		Usage:     "list a folder, and where each file is safe",
		ArgsUsage: "[PATH]",
		Description: `A path inside a mount is answered by that mount, with what is still on its way. Anything else is a path on
Frame.io, account first, and is answered by Frame.io; no mount is needed.

   frameiofs ls -l ~/frameio/Acme/Films/Trailer
   frameiofs ls Acme/Films
   frameiofs ls --json ~/frameio/Acme/Films/Trailer/film.mov`,
		Flags: append(connectFlags(),
			&cli.BoolFlag{Name: "l", Usage: "size, time, and where it is safe"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"}),
		Action: lsAction,
	}
}

func lsAction(c *cli.Context) error {
	if c.NArg() > 1 {
		return misuse("", "ls wants one path at most")
	}
	list, err := lsList(c)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		if list == nil {
			list = []control.Entry{}
		}
		return json.NewEncoder(c.App.Writer).Encode(list)
	}
	if !c.Bool("l") {
		for _, e := range list {
			fmt.Fprintln(c.App.Writer, shown(e.Name)+slash(e))
		}
		return nil
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 1, 2, ' ', 0)
	for _, e := range list {
		where, bytes := whereSafe(e), size(e.Size)
		if slash(e) != "" {
			where, bytes = e.Kind, "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", bytes, e.Time.Local().Format("2006-01-02 15:04"), where, shown(e.Name)+slash(e))
	}
	return w.Flush()
}

// slash marks what has children.
func slash(e control.Entry) string {
	if e.Kind == remote.File.String() || e.Kind == remote.Stack.String() {
		return ""
	}
	return "/"
}

// whereSafe says in few words where a file's bytes are.
func whereSafe(e control.Entry) string {
	switch {
	case e.Safe == control.SafeUploading:
		return fmt.Sprintf("uploading %d%%", percent(e.Sent, e.Size))
	case e.Detail != "":
		return e.Safe + ": " + oneLine(e.Detail)
	}
	if text := proofText(e.Proof, e.Awaited, e.Damaged); text != "" {
		return e.Safe + ", " + text
	}
	return e.Safe
}

// lsList asks the mount that has the path, else Frame.io.
func lsList(c *cli.Context) ([]control.Entry, error) {
	path := c.Args().First()
	mounts, err := control.Registered(registryDir())
	if err != nil {
		return nil, fail("", "%w", err)
	}
	local := path
	if local == "" {
		local = "."
	}
	r, below, ok := control.Find(mounts, local)
	if !ok {
		return lsRemote(c, path)
	}
	list, err := control.Dial(r.Socket).List(c.Context, below)
	switch {
	case errors.Is(err, control.ErrGone):
		return nil, fail("frameiofs unmount "+r.MountPoint+" cleans up", "%s: %w", r.MountPoint, err)
	case errors.Is(err, control.ErrNotExist):
		return nil, fail("", "%s: there is no such file or folder", path)
	case err != nil:
		return nil, fail("", "%s: %w", local, err)
	}
	return list, nil
}

// lsRemote lists without a mount. The names are those that a mount would show.
func lsRemote(c *cli.Context, path string) ([]control.Entry, error) {
	conn, err := connectFor(c)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	dir, err := os.MkdirTemp("", "frameiofs-ls-*")
	if err != nil {
		return nil, fail("", "%w", err)
	}
	defer os.RemoveAll(dir)
	index, err := cache.OpenIndex(filepath.Join(dir, "index.db"))
	if err != nil {
		return nil, fail("", "%w", err)
	}
	defer index.Close()
	tree := cache.NewTree(cache.TreeConfig{Namespace: conn, Index: index})
	defer tree.Close()
	at, entry, err := walk(c.Context, tree, path)
	if err != nil {
		return nil, err
	}
	if entry != nil {
		return []control.Entry{entryOf(*entry)}, nil
	}
	entries, err := tree.List(c.Context, at)
	if err != nil {
		return nil, fail("", "list %s: %w", path, err)
	}
	list := make([]control.Entry, len(entries))
	for i, e := range entries {
		list[i] = entryOf(e)
	}
	sortEntries(list)
	return list, nil
}

// walk goes down a path of shown names: to a folder, or to the entry of a file.
func walk(ctx context.Context, tree *cache.Tree, path string) (remote.Ref, *cache.Entry, error) {
	var at remote.Ref
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	for i, name := range parts {
		e, err := tree.Find(ctx, at, name)
		if errors.Is(err, iofs.ErrNotExist) || err == nil && !e.IsDir() && i < len(parts)-1 {
			return at, nil, fail("frameiofs ls /"+strings.Join(parts[:i], "/")+" tells what is there", "%s: there is no %q", path, name)
		}
		if err != nil {
			return at, nil, fail("", "look up %s: %w", path, err)
		}
		if !e.IsDir() {
			return at, &e, nil
		}
		at = e.Ref
	}
	return at, nil, nil
}
