package fs_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool/intent"
)

// halfway deletes stacks like Frame.io's clients, version by version, and stops before the last one.
type halfway struct {
	intent.Remote
	older   remote.ID     // the one that goes first
	reached chan struct{} // is told when it has gone; nil: it never comes so far
	goOn    chan struct{}
}

func (h *halfway) Delete(ctx context.Context, ref remote.Ref) error {
	if ref.Kind != remote.Stack {
		return h.Remote.Delete(ctx, ref)
	}
	if h.reached == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	if err := h.Remote.Delete(ctx, remote.Ref{Kind: remote.File, ID: h.older, Account: ref.Account}); err != nil {
		return err
	}
	h.reached <- struct{}{}
	select {
	case <-h.goOn:
	case <-ctx.Done():
		return ctx.Err()
	}
	return h.Remote.Delete(ctx, ref)
}

// A file is changed and deleted. What it was a version of goes version by version, and where the last one stands alone for a moment
// it is not shown: not before a restart, nor after, when no listing is known that tells what was in the stack.
func TestADeletedStackIsNotShownAgain(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		path := filepath.Join(m.project, "film.mov")
		for n := range uint64(2) {
			check(t, "write", os.WriteFile(path, noise(n, 5000), 0o644))
			m.settle()
		}
		versions := m.there()["film.mov"].Versions
		if len(versions) != 2 {
			t.Fatalf("there are %d versions", len(versions))
		}
		m.stop()
		with := func(h *halfway) mountWith {
			return mountWith{state: m.state, settle: time.Hour, names: func(c *intent.Config) { h.Remote, c.Remote, c.Patience = c.Remote, h, -1 }}
		}
		m = r.mount(with(&halfway{}))
		path = filepath.Join(m.project, "film.mov")
		check(t, "write", os.WriteFile(path, noise(7, 6000), 0o644))
		check(t, "remove", os.Remove(path))
		same(t, "at first", walk(t, m.project), nil)
		m.stop()

		h := &halfway{older: remote.ID(versions[1].ID), reached: make(chan struct{}), goOn: make(chan struct{})}
		m = r.mount(with(h))
		<-h.reached
		if there := m.there(); len(there) != 1 {
			t.Errorf("half-way Frame.io has %v", there)
		}
		same(t, "half-way, after a restart", walk(t, m.project), nil)
		close(h.goOn)
		m.settle()
		if there := m.there(); len(there) > 0 {
			t.Errorf("Frame.io has %v", there)
		}
	})
}
