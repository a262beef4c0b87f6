package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
)

// names is what finding a place by name or id needs of Frame.io.
type names interface {
	cache.Namespace
	Stat(ctx context.Context, ref remote.Ref) (remote.Item, error)
}

var uuid = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// resolveRoot finds what --root names: nothing or "/" (all), a path of names, an id, or the web address of a project or
// folder (next.frame.io/project/…, app.frame.io/projects/…; spec: frameio-v4.md §4.1). path is for people.
func resolveRoot(ctx context.Context, w names, spec string) (it remote.Item, path string, err error) {
	switch {
	case strings.Trim(spec, "/") == "":
		return remote.Item{}, "/", nil
	case uuid.FindString(spec) == spec:
		it, err = findByID(ctx, w, remote.ID(strings.ToLower(spec)))
	case strings.Contains(spec, "://"):
		u, parseErr := url.Parse(spec)
		if parseErr != nil {
			return it, "", misuse("", "--root is not a web address: %w", parseErr)
		}
		ids := uuid.FindAllString(u.Path, -1)
		if len(ids) == 0 {
			return it, "", misuse("open the project or folder in the browser and copy its address", "--root: there is no id in that web address")
		}
		it, err = findByID(ctx, w, remote.ID(strings.ToLower(ids[len(ids)-1])))
	default:
		it, err = findByPath(ctx, w, spec)
	}
	if err != nil {
		return it, "", err
	}
	if !it.IsDir() {
		hint := ""
		if it.Parent != "" {
			hint = "its folder is --root " + string(it.Parent)
		}
		return it, "", misuse(hint, "--root: %q is a %s; a folder or something above it is wanted", it.Name, it.Kind)
	}
	path = "/" + strings.Trim(spec, "/")
	if it.Name != "" && uuid.MatchString(spec) {
		path = "…/" + it.Name
	}
	return it, path, nil
}

// mostNames bounds how many names a message lists.
const mostNames = 12

// findByPath walks down a path of names.
func findByPath(ctx context.Context, w names, spec string) (remote.Item, error) {
	var at remote.Item
	walked := ""
	for _, name := range strings.FieldsFunc(spec, func(r rune) bool { return r == '/' }) {
		var found []remote.Item
		var there []string
		for it, err := range w.Children(ctx, at.Ref) {
			if err != nil {
				return at, fail("", "--root: list %q: %w", "/"+walked, err)
			}
			if !it.IsDir() {
				continue
			}
			there = append(there, it.Name)
			if norm.NFC.String(it.Name) == norm.NFC.String(name) || cache.Shown(it.Name) == name {
				found = append(found, it)
			}
		}
		switch len(found) {
		case 1:
			at, walked = found[0], strings.TrimPrefix(walked+"/"+name, "/")
		case 0:
			return at, fail(whatIsThere(there, walked), "--root: there is no %q in /%s", name, walked)
		default:
			ids := make([]string, len(found))
			for i, it := range found {
				ids[i] = string(it.ID)
			}
			return at, fail("give its id: "+strings.Join(ids, " or "), "--root: there are %d folders %q in /%s", len(found), name, walked)
		}
	}
	return at, nil
}

func whatIsThere(there []string, walked string) string {
	if len(there) == 0 {
		return fmt.Sprintf("there are no folders in /%s", walked)
	}
	slices.Sort(there)
	more := ""
	if len(there) > mostNames {
		there, more = there[:mostNames], fmt.Sprintf(" and %d more", len(there)-mostNames)
	}
	quoted := make([]string, len(there))
	for i, name := range there {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return "there is: " + strings.Join(quoted, ", ") + more
}

// findByID looks among accounts, workspaces and projects, and then asks every account whether it has such a folder: V4 has no
// question that needs no account (spec: frameio-v4.md §2).
func findByID(ctx context.Context, w names, id remote.ID) (remote.Item, error) {
	var accounts []remote.Item
	var walk func(ref remote.Ref) (remote.Item, error)
	walk = func(ref remote.Ref) (remote.Item, error) {
		for it, err := range w.Children(ctx, ref) {
			if err != nil {
				return it, fail("", "--root: look for %s: %w", id, err)
			}
			if it.ID == id || it.Kind == remote.Project && it.Project == id {
				return it, nil
			}
			if it.Kind == remote.Account {
				accounts = append(accounts, it)
			}
			if it.Kind < remote.Project {
				if below, err := walk(it.Ref); err != nil || !below.IsZero() {
					return below, err
				}
			}
		}
		return remote.Item{}, nil
	}
	if it, err := walk(remote.Ref{}); err != nil || !it.IsZero() {
		return it, err
	}
	for _, kind := range []remote.Kind{remote.Folder, remote.File, remote.Stack} {
		for _, a := range accounts {
			it, err := w.Stat(ctx, remote.Ref{Kind: kind, ID: id, Account: a.ID})
			switch {
			case err == nil:
				return it, nil
			case !errors.Is(err, iofs.ErrNotExist) && !errors.Is(err, iofs.ErrPermission):
				return it, fail("", "--root: look for %s: %w", id, err)
			}
		}
	}
	return remote.Item{}, fail("frameiofs ls shows what it can see", "--root: the token can see nothing with the id %s", id)
}
