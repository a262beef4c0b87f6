package fs_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool/intent"
)

// gate is Frame.io for the journal of names: err, if set, is its answer to every change.
type gate struct {
	intent.Remote
	err atomic.Pointer[error]
}

func (g *gate) set(err error) {
	if err == nil {
		g.err.Store(nil)
		return
	}
	g.err.Store(&err)
}

func (g *gate) refuses() error {
	if err := g.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (g *gate) CreateFolder(ctx context.Context, parent remote.Ref, name string) (remote.Item, error) {
	if err := g.refuses(); err != nil {
		return remote.Item{}, err
	}
	return g.Remote.CreateFolder(ctx, parent, name)
}

func (g *gate) Rename(ctx context.Context, ref remote.Ref, name string) (remote.Item, error) {
	if err := g.refuses(); err != nil {
		return remote.Item{}, err
	}
	return g.Remote.Rename(ctx, ref, name)
}

func (g *gate) Move(ctx context.Context, ref, to remote.Ref) (remote.Item, error) {
	if err := g.refuses(); err != nil {
		return remote.Item{}, err
	}
	return g.Remote.Move(ctx, ref, to)
}

func (g *gate) Delete(ctx context.Context, ref remote.Ref) error {
	if err := g.refuses(); err != nil {
		return err
	}
	return g.Remote.Delete(ctx, ref)
}

// gated is a mount whose changes of names are all taken on for later, and pass g.
func gated(g *gate) mountWith {
	return mountWith{names: func(c *intent.Config) {
		if g.Remote == nil {
			g.Remote = c.Remote
		}
		c.Remote, c.Patience = g, -1
	}}
}

// changes counts the calls that make, rename, move or delete something, since it was last asked.
func (r *rig) changes() map[string]int {
	r.sim.Log().Quiet(5 * time.Second)
	n := map[string]int{}
	for _, e := range r.sim.Log().Entries(r.seen) {
		r.seen = max(r.seen, e.Seq)
		if e.Host == "api" && e.Method != "GET" {
			n[e.Method]++
		}
	}
	return n
}

func (r *rig) paths() []string {
	var all []string
	for p := range r.there() {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	st, err := os.Stat(path)
	check(t, "stat", err)
	return st.Sys().(*syscall.Stat_t).Ino
}

// While Frame.io does not answer, folders are made, filled, renamed and removed as on a disk; when it answers, it gets what is left of
// all that.
func TestATreeIsTakenOnWhileFrameioDoesNotAnswer(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r, g := newRig(t, api), &gate{}
		g.set(remote.ErrOffline)
		m := r.mount(gated(g))
		at := func(name string) string { return filepath.Join(m.project, name) }
		check(t, "mkdir", os.MkdirAll(at("a/b"), 0o750))
		check(t, "mkdir", os.MkdirAll(at("gone/b/c"), 0o755))
		check(t, "write", os.WriteFile(at("a/b/film.mov"), noise(1, 50_000), 0o644))
		check(t, "write", os.WriteFile(at("gone/b/c/never.mov"), noise(2, 50_000), 0o644))
		when := time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC)
		check(t, "utimes", os.Chtimes(at("a/b"), when, when))
		check(t, "rename", os.Rename(at("a"), at("day")))
		check(t, "remove", os.RemoveAll(at("gone")))
		number := inode(t, at("day/b"))
		if _, err := os.Stat(at("a")); !os.IsNotExist(err) {
			t.Errorf("the old name: %v", err)
		}
		if err := syscall.Rmdir(at("day/b")); err != syscall.ENOTEMPTY {
			t.Errorf("rmdir of a full folder: %v", err)
		}
		time.Sleep(500 * time.Millisecond) // long enough for the listings to be asked for again
		if got := run(t, m.project, "find", ".", "-mindepth", "1"); got != "./day\n./day/b\n./day/b/film.mov\n" {
			t.Errorf("meanwhile there is\n%s", got)
		}
		if got := r.paths(); len(got) != 0 {
			t.Errorf("Frame.io has %q already", got)
		}
		r.changes()
		g.set(nil)
		m.settle()
		if got, want := r.paths(), []string{"day", "day/b", "day/b/film.mov"}; !slices.Equal(got, want) {
			t.Errorf("Frame.io has %q, want %q", got, want)
		}
		if n := r.changes(); n["DELETE"] > 1 { // one was tried before the link was seen to be gone, and may have come to something
			t.Errorf("calls for what was never there: %v", n)
		}
		st, err := os.Stat(at("day/b"))
		check(t, "stat", err)
		if inode(t, at("day/b")) != number || !st.ModTime().Equal(when) || st.Mode().Perm() != 0o750 {
			t.Errorf("the folder is inode %d, of %v, %v; it was %d", inode(t, at("day/b")), st.ModTime(), st.Mode(), number)
		}
		check(t, "write after", os.WriteFile(at("day/b/more.mov"), noise(3, 1000), 0o644))
		m.settle()
		second := r.mount(mountWith{})
		same(t, "on another machine", walk(t, second.project), walk(t, m.project))
		if n := len(walk(t, second.project)); n != 4 {
			t.Errorf("%d names on another machine", n)
		}
	})
}

// What was taken on survives the end of the mount, and the next one shows the same and carries it out.
func TestWhatWasTakenOnSurvivesARemount(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r, g := newRig(t, api), &gate{}
		m := r.mount(gated(g))
		for _, name := range []string{"keep", "drop", "full"} {
			check(t, "mkdir", os.Mkdir(filepath.Join(m.project, name), 0o755))
			check(t, "write", os.WriteFile(filepath.Join(m.project, name, "a.mov"), noise(1, 1000), 0o644))
		}
		m.settle()
		g.set(remote.ErrOffline)
		check(t, "mkdir", os.MkdirAll(filepath.Join(m.project, "new/sub"), 0o755))
		check(t, "write", os.WriteFile(filepath.Join(m.project, "new/sub/b.mov"), noise(2, 1000), 0o644))
		check(t, "rename", os.Rename(filepath.Join(m.project, "keep/a.mov"), filepath.Join(m.project, "new/a.mov")))
		check(t, "rename", os.Rename(filepath.Join(m.project, "keep"), filepath.Join(m.project, "new/kept")))
		check(t, "unlink", os.Remove(filepath.Join(m.project, "full/a.mov")))
		check(t, "remove", os.RemoveAll(filepath.Join(m.project, "drop")))
		want := walk(t, m.project)
		number := inode(t, filepath.Join(m.project, "new/sub"))
		m.stop()
		with := gated(g)
		with.state = m.state
		g.Remote = nil
		m = r.mount(with)
		same(t, "after the remount", walk(t, m.project), want)
		if got := inode(t, filepath.Join(m.project, "new/sub")); got != number {
			t.Errorf("inode %d after the remount, was %d", got, number)
		}
		g.set(nil)
		m.settle()
		same(t, "in the end", walk(t, m.project), want)
		if got, want := r.paths(), []string{"full", "new", "new/a.mov", "new/kept", "new/sub", "new/sub/b.mov"}; !slices.Equal(got, want) {
			t.Errorf("Frame.io has %q, want %q", got, want)
		}
	})
}

// rm -r of what is on Frame.io comes to few calls, whatever it holds; what was moved out before stays.
func TestATreeIsRemovedInFewCalls(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r, g := newRig(t, api), &gate{}
		m := r.mount(gated(g))
		for i := range 4 {
			dir := filepath.Join(m.project, "tree", fmt.Sprint("sub ", i))
			check(t, "mkdir", os.MkdirAll(dir, 0o755))
			for j := range 8 {
				check(t, "write", os.WriteFile(filepath.Join(dir, fmt.Sprint(j, ".mov")), noise(uint64(j), 1000), 0o644))
			}
		}
		m.settle()
		r.changes()
		check(t, "rename", os.Rename(filepath.Join(m.project, "tree/sub 2/3.mov"), filepath.Join(m.project, "saved.mov")))
		run(t, m.project, "rm", "-r", "tree")
		m.settle()
		if got := r.paths(); !slices.Equal(got, []string{"saved.mov"}) {
			t.Errorf("Frame.io has %q", got)
		}
		if n := r.changes(); n["DELETE"] > 3 {
			t.Errorf("%v calls for a tree of 36", n)
		}
	})
}

// What Frame.io refuses later is shown as it is there, and told.
func TestALateRefusalIsParkedAndShown(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r, g := newRig(t, api), &gate{}
		var m *mounted
		with := gated(g)
		set := with.names
		with.names = func(c *intent.Config) {
			set(c)
			c.Undone = func(parents ...remote.Ref) { m.undone(parents...) }
		}
		m = r.mount(with)
		path := filepath.Join(m.project, "a.mov")
		check(t, "write", os.WriteFile(path, noise(1, 1000), 0o644))
		m.settle()
		g.set(fmt.Errorf("not you: %w", os.ErrPermission))
		check(t, "rename", os.Rename(path, filepath.Join(m.project, "b.mov")))
		for i := 0; ; i++ {
			if _, err := os.Stat(path); err == nil {
				break
			}
			if i > 2000 { // the kernel may keep for half a minute what it asked for at the wrong moment
				t.Fatal("the old name does not come back")
			}
			time.Sleep(20 * time.Millisecond)
		}
		for i := 0; ; i++ {
			if _, err := os.Stat(filepath.Join(m.project, "b.mov")); os.IsNotExist(err) {
				break
			}
			if i > 2000 {
				t.Fatal("the new name stays")
			}
			time.Sleep(20 * time.Millisecond)
		}
		all := m.names.Pending()
		if len(all) != 1 || !all[0].Parked || !strings.Contains(all[0].Reason, "not you") {
			t.Errorf("pending: %+v", all)
		}
		check(t, "cancel", m.names.Cancel())
	})
}

// undone is what cmd/frameiofs does, too.
func (m *mounted) undone(parents ...remote.Ref) {
	for _, ref := range parents {
		m.tree.Undone(ref)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_, _ = m.tree.List(ctx, ref)
		}()
	}
}

// Who removes a large tree does not wait for every folder to be listed again, once he has waited his share.
func TestRemovingDoesNotWaitForListings(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r, g := newRig(t, api), &gate{}
		with := gated(g)
		with.age = time.Hour
		m := r.mount(with)
		for i := range 10 {
			dir := filepath.Join(m.project, fmt.Sprint("sub ", i))
			check(t, "mkdir", os.Mkdir(dir, 0o755))
			check(t, "write", os.WriteFile(filepath.Join(dir, "a.mov"), noise(uint64(i), 1000), 0o644))
		}
		m.settle()
		walk(t, m.project)
		time.Sleep(2 * m.fresh)
		r.listings()
		g.set(remote.ErrOffline) // so that nothing is asked for what is deleted
		for i := range 10 {
			check(t, "unlink", os.Remove(filepath.Join(m.project, fmt.Sprint("sub ", i), "a.mov")))
		}
		if n := r.listings(); n > 2 { // behind
			t.Errorf("%d listings for 10 files removed", n)
		}
		g.set(nil)
		m.settle()
	})
}
