package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/frameiofs/frameiofs/control"
)

// doOn has a mount do what a key of the live view means, and says in a few words what came of it. A row without a mount means all.
func doOn(ctx context.Context, m control.Uploads, retry func(context.Context, []string) (int, error), d deed, r row) (string, error) {
	var paths []string
	if r.mount != "" {
		paths = []string{r.path}
	}
	var told control.Told
	var err error
	did := ""
	switch d {
	case doPause:
		told, err = m.Pause(ctx, paths)
		did = "paused"
	case doResume:
		told, err = m.Resume(ctx, paths)
		did = "going on"
	case doFirst:
		told, err = m.First(ctx, paths)
		did = "put first"
	case doRetry:
		told.Files, err = retry(ctx, paths)
		did = "trying again"
	case doCancel:
		told, err = m.Cancel(ctx, paths)
		did = "cancelled; kept on this machine"
	}
	n := told.Files + told.Names
	switch {
	case err != nil:
		return "", err
	case r.mount != "" && n > 0:
		return did + ": " + lastName(r.path), nil
	case r.mount == "" && d == doPause:
		return "all uploads are paused", nil
	case r.mount == "" && d == doResume:
		return "all uploads go on", nil
	case n == 0:
		return "there is nothing to " + string(d), nil
	}
	return fmt.Sprintf("%s: %d", did, n), nil
}

// doOnMounts is doOn for the mount of the row, or for all.
func doOnMounts(ctx context.Context, only string, d deed, r row) (text string, err error) {
	mounts, err := control.Registered(registryDir())
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	text = nothingMounted
	for _, m := range mounts {
		if r.mount != "" && m.MountPoint != r.mount || only != "" && m.MountPoint != only {
			continue
		}
		c := control.Dial(m.Socket)
		said, doErr := doOn(ctx, c, c.Retry, d, r)
		if doErr != nil && !errors.Is(doErr, control.ErrGone) {
			err = fmt.Errorf("%s: %w", m.MountPoint, doErr)
		}
		if said != "" {
			text = said
		}
	}
	return text, err
}
