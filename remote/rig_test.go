package remote_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
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
	CopyFile(context.Context, remote.Copy) (remote.Item, error)
	AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error)
	Rename(context.Context, remote.Ref, string) (remote.Item, error)
	Move(ctx context.Context, ref, to remote.Ref) (remote.Item, error)
	Delete(context.Context, remote.Ref) error
	Prepare(ctx context.Context, file remote.Ref) error
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
	t      testing.TB
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
	cfg := remote.Config{BaseURL: base, Token: remote.StaticToken(token), Patience: 40 * time.Second}
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
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ErrorHandler = func(w http.ResponseWriter, req *http.Request, err error) { // by default it logs who has gone, too
		if req.Context().Err() == nil {
			r.t.Error(err)
		}
		w.WriteHeader(http.StatusBadGateway)
	}
	s := httptest.NewServer(contract.Open(r.t).Handler(r.t, proxy))
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
