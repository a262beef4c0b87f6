package remote_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"math/rand/v2"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	v2 "github.com/frameiofs/frameiofs/remote/v2"
	v4 "github.com/frameiofs/frameiofs/remote/v4"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/contract"
	"github.com/frameiofs/frameiofs/sim/world"
)

// client is what both wires can do.
type client interface {
	Me(context.Context) (remote.User, error)
	Children(context.Context, remote.Ref) iter.Seq2[remote.Item, error]
	Stat(context.Context, remote.Ref) (remote.Item, error)
	Usage(context.Context, remote.ID) (remote.Usage, error)
	CreateFolder(context.Context, remote.Ref, string) (remote.Item, error)
	CreateFile(context.Context, remote.NewFile) (remote.Upload, error)
	AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error)
	Rename(context.Context, remote.Ref, string) (remote.Item, error)
	Move(ctx context.Context, ref, to remote.Ref) (remote.Item, error)
	Delete(context.Context, remote.Ref) error
	OpenRange(ctx context.Context, file remote.Ref, off, n int64) (io.ReadCloser, error)
	PutPart(context.Context, remote.Part, io.ReaderAt) error
	Close()
}

// onBothWires runs a test against each wire of a simulator of its own.
func onBothWires(t *testing.T, cfg sim.Config, test func(t *testing.T, r *rig)) {
	t.Parallel()
	for _, wire := range []string{"v2", "v4"} {
		t.Run(wire, func(t *testing.T) {
			t.Parallel()
			cfg := cfg
			cfg.Dir = t.TempDir()
			srv, err := sim.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			srv.Start()
			t.Cleanup(func() {
				if err := srv.Close(); err != nil {
					t.Error(err)
				}
			})
			r := &rig{t: t, srv: srv, wire: wire}
			r.client = r.as("full")
			test(t, r)
		})
	}
}

// rig is a simulator and a client of it.
type rig struct {
	client
	t      *testing.T
	srv    *sim.Server
	wire   string
	direct bool
}

// as makes a client with a seeded token. Traffic of V4 is checked against the published document on its way, unless the
// simulator misbehaves on order.
func (r *rig) as(token string) client {
	r.t.Helper()
	base := r.srv.URL()
	if r.wire == "v4" && len(r.srv.Faults().List()) == 0 {
		base = r.checked(base)
	}
	return r.dial(base, r.srv.Token(token))
}

func (r *rig) dial(base, token string) client {
	r.t.Helper()
	cfg := remote.Config{BaseURL: base, Token: remote.StaticToken(token), Patience: 10 * time.Second}
	var c client
	var err error
	if r.wire == "v2" {
		c, err = v2.New(cfg)
	} else {
		c, err = v4.New(cfg)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return c
}

func (r *rig) checked(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		r.t.Fatal(err)
	}
	s := httptest.NewServer(contract.Open(r.t).Handler(r.t, httputil.NewSingleHostReverseProxy(u)))
	r.t.Cleanup(s.Close)
	return s.URL
}

// fault has the simulator misbehave in this way only. What it breaks must not be held against the document, so the client
// talks to it directly from the first time on.
func (r *rig) fault(rule string) {
	r.t.Helper()
	r.srv.Faults().Clear(0)
	if err := r.srv.Faults().AddText(rule); err != nil {
		r.t.Fatal(err)
	}
	if !r.direct {
		r.client, r.direct = r.dial(r.srv.URL(), r.srv.Token("full")), true
	}
}

func (r *rig) behave(change func(*world.Behaviour)) {
	r.t.Helper()
	if err := r.srv.World().SetBehaviour(change); err != nil {
		r.t.Fatal(err)
	}
}

// list gives a whole listing.
func (r *rig) list(ref remote.Ref) []remote.Item {
	r.t.Helper()
	var out []remote.Item
	for it, err := range r.Children(r.t.Context(), ref) {
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, it)
	}
	return out
}

// at finds what stands at a path below the root, by Frame.io's names.
func (r *rig) at(p string) remote.Item {
	r.t.Helper()
	var at remote.Item
	for name := range strings.SplitSeq(p, "/") {
		all := r.list(at.Ref)
		i := slices.IndexFunc(all, func(it remote.Item) bool { return it.Name == name })
		if i < 0 {
			r.t.Fatalf("no %q on the way to %q", name, p)
		}
		at = all[i]
	}
	return at
}

// project is the empty world's only project.
func (r *rig) project() remote.Ref {
	r.t.Helper()
	account := r.list(remote.Ref{})[0]
	workspace := r.list(account.Ref)[0]
	return r.list(workspace.Ref)[0].Ref
}

// names are the live things in the world, as the simulator has them.
func (r *rig) names() []string {
	r.t.Helper()
	tree, err := r.srv.Tree(false)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, it := range tree {
		out = append(out, it.Path)
	}
	slices.Sort(out)
	return out
}

// film gives bytes that look like nothing else.
func film(seed byte, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// put uploads a file as a mount does: all parts at once.
func (r *rig) put(parent remote.Ref, name string, data []byte) remote.Item {
	r.t.Helper()
	u, err := r.CreateFile(r.t.Context(), remote.NewFile{Parent: parent, Name: name, Size: int64(len(data)), MediaType: "video/mp4"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.putParts(u, data)
	return r.uploaded(u.File.Ref)
}

func (r *rig) putParts(u remote.Upload, data []byte) {
	r.t.Helper()
	var wg sync.WaitGroup
	for _, p := range u.Parts {
		wg.Go(func() {
			if err := r.PutPart(r.t.Context(), p, bytes.NewReader(data)); err != nil {
				r.t.Error(err)
			}
		})
	}
	wg.Wait()
}

// uploaded waits until Frame.io has all of a file.
func (r *rig) uploaded(ref remote.Ref) remote.Item {
	r.t.Helper()
	for range 100 {
		it, err := r.Stat(r.t.Context(), ref)
		if err != nil {
			r.t.Fatal(err)
		}
		if it.Complete() {
			return it
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.t.Fatalf("%s is not uploaded after 2 s", ref.ID)
	return remote.Item{}
}

// read gives a range of a file.
func (r *rig) read(file remote.Ref, off, n int64) []byte {
	r.t.Helper()
	body, err := r.OpenRange(r.t.Context(), file, off, n)
	if err != nil {
		r.t.Fatal(err)
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

func TestTheSampleWorldIsSeenWhole(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true}, func(t *testing.T, r *rig) {
		me, err := r.Me(t.Context())
		if err != nil || me.Email != "maya@northlight.example" {
			t.Fatalf("me: %+v, %v", me, err)
		}
		var got []string
		var walk func(ref remote.Ref, at string)
		walk = func(ref remote.Ref, at string) {
			for _, it := range r.list(ref) {
				p := it.Name
				if it.Kind >= remote.Folder {
					p = at + "/" + it.Name
					got = append(got, p)
				}
				if it.Created.IsZero() && it.Kind != remote.Shared {
					t.Errorf("%s %q has no time", it.Kind, p)
				}
				if it.Kind == remote.File || it.Kind == remote.Stack {
					if !it.Complete() || it.Size == 0 || it.Content == "" || it.Parent != ref.ID || it.Creator == "" && r.wire == "v2" {
						t.Errorf("%q: %+v", p, it)
					}
				}
				if it.IsDir() {
					walk(it.Ref, p)
				}
				again, err := r.Stat(t.Context(), it.Ref)
				if it.Kind != remote.Shared && (err != nil || again.Ref != it.Ref || again.Name != it.Name || again.Size != it.Size || again.Parent != it.Parent) {
					t.Errorf("stat of %q: %+v, %v; listed as %+v", p, again, err, it)
				}
			}
		}
		walk(remote.Ref{}, "")
		slices.Sort(got)
		if want := r.names(); !slices.Equal(got, want) {
			t.Errorf("saw %d: %q\nwant %d: %q", len(got), got, len(want), want)
		}
		account := r.list(remote.Ref{})[0]
		if u, err := r.Usage(t.Context(), account.ID); err != nil || u.Used < 24<<20 || u.Limit < u.Used {
			t.Errorf("usage: %+v, %v", u, err)
		}
	})
}

func TestAFolderOfManyIsListedOnce(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "many:1234", Behaviour: world.Behaviour{ListOrder: "random"}}, func(t *testing.T, r *rig) {
		root := r.project()
		folder := r.list(root)[0]
		seen := map[remote.ID]bool{}
		for _, it := range r.list(folder.Ref) {
			if seen[it.ID] {
				t.Errorf("%s came twice", it.ID)
			}
			seen[it.ID] = true
		}
		if len(seen) != 1234 {
			t.Errorf("saw %d, want 1234", len(seen))
		}
	})
}

func TestAFileThereAndBack(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty", Behaviour: world.Behaviour{PartSize: 100_000}}, func(t *testing.T, r *rig) {
		root := r.project()
		folder, err := r.CreateFolder(t.Context(), root, "Day 1 – A/B: cam")
		if err != nil || folder.Kind != remote.Folder || folder.Parent != root.ID {
			t.Fatalf("create folder: %+v, %v", folder, err)
		}
		data := film(1, 1_234_567)
		mtime := time.Date(2021, 2, 3, 4, 5, 6, 789, time.UTC)
		u, err := r.CreateFile(t.Context(), remote.NewFile{Parent: folder.Ref, Name: "A001.mp4", Size: int64(len(data)), MediaType: "video/mp4", Mtime: mtime})
		if err != nil || len(u.Parts) != 13 {
			t.Fatalf("create file: %d parts, %v", len(u.Parts), err)
		}
		if it, err := r.Stat(t.Context(), u.File.Ref); err != nil || it.State != remote.Created {
			t.Errorf("before its bytes: %+v, %v", it, err)
		}
		if _, err := r.OpenRange(t.Context(), u.File.Ref, 0, 1); err == nil {
			t.Error("a file without bytes could be opened")
		}
		r.putParts(u, data)
		it := r.uploaded(u.File.Ref)
		if it.Name != "A001.mp4" || it.Size != int64(len(data)) || it.MediaType != "video/mp4" || it.Parent != folder.ID {
			t.Errorf("uploaded: %+v", it)
		}
		if r.wire == "v2" && !it.Mtime.Equal(mtime) {
			t.Errorf("mtime %v, want %v", it.Mtime, mtime)
		}
		if got := r.read(it.Ref, 0, -1); !bytes.Equal(got, data) {
			t.Errorf("read back %d bytes that differ", len(got))
		}
		if got := r.read(it.Ref, 600_000, 1000); !bytes.Equal(got, data[600_000:601_000]) {
			t.Error("a range from the middle differs")
		}
		for _, e := range r.srv.Log().Entries(0) {
			if e.Host != "api" && e.Authorization {
				t.Errorf("%s %s was sent the token", e.Host, e.Path)
			}
			if e.Status >= 400 {
				t.Errorf("%s %s was answered with %d", e.Method, e.Path, e.Status)
			}
		}
	})
}

func TestChanges(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		root := r.project()
		mk := func(parent remote.Ref, name string) remote.Ref {
			t.Helper()
			it, err := r.CreateFolder(t.Context(), parent, name)
			if err != nil {
				t.Fatal(err)
			}
			return it.Ref
		}
		a, b := mk(root, "a"), mk(root, "b")
		inner := mk(a, "inner")
		file := r.put(inner, "x.mp4", film(2, 5000)).Ref
		check := func(want ...string) {
			t.Helper()
			var got []string
			for _, n := range r.names() {
				got = append(got, strings.TrimPrefix(n, "Untitled/"))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		if it, err := r.Rename(t.Context(), file, "y: ünï/code.mp4"); err != nil || it.Name != "y: ünï/code.mp4" || it.Ref != file {
			t.Errorf("rename file: %+v, %v", it, err)
		}
		if it, err := r.Rename(t.Context(), a, "A"); err != nil || it.Name != "A" || it.Ref != a {
			t.Errorf("rename folder: %+v, %v", it, err)
		}
		if it, err := r.Move(t.Context(), inner, b); err != nil || it.Parent != b.ID || it.Ref != inner {
			t.Errorf("move folder: %+v, %v", it, err)
		}
		if it, err := r.Move(t.Context(), file, root); err != nil || it.Parent != root.ID || it.Ref != file {
			t.Errorf("move file to a project: %+v, %v", it, err)
		}
		check("A", "b", "b/inner", "y: ünï/code.mp4")
		if _, err := r.Move(t.Context(), b, inner); !isRefusal(err) {
			t.Errorf("a folder into itself: %v", err)
		}
		for _, ref := range []remote.Ref{file, b, file, inner, a} {
			if err := r.Delete(t.Context(), ref); err != nil {
				t.Errorf("delete %s: %v", path.Base(string(ref.ID)), err)
			}
		}
		check()
		if _, err := r.Stat(t.Context(), file); !isMissing(err) {
			t.Errorf("stat of a deleted file: %v", err)
		}
		for _, err := range r.Children(t.Context(), b) {
			if !isMissing(err) {
				t.Errorf("listing of a deleted folder: %v", err)
			}
		}
	})
}
