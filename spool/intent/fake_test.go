package intent

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// node is one item of the fake.
type node struct {
	remote.Item
	seq int // in order of their making
}

// fake is a Frame.io in memory that keeps a tree, and refuses what Frame.io refuses.
type fake struct {
	delay time.Duration // of every call

	mu      sync.Mutex
	n       int
	nodes   map[remote.ID]*node
	gone    map[remote.ID]string        // what was deleted, and its path then
	adopted map[remote.ID]bool          // folders whose making was answered
	calls   map[string]int              // by kind
	order   []string                    // "kind what"
	refuse  func(op, what string) error // before a call is carried out
	lose    func(op, what string) bool  // the answer
	offline bool
	limits  map[string]*leak
	rng     *rand.Rand
	faults  float64
}

// leak is a bucket: calls beyond its rate wait, as package remote has them wait.
type leak struct {
	every time.Duration
	burst int
	next  time.Time
}

const account = "acc"

func ref(kind remote.Kind, id string) remote.Ref {
	return remote.Ref{Kind: kind, ID: remote.ID(id), Account: account}
}

var home = ref(remote.Project, "home")

func newFake() *fake {
	f := &fake{
		delay: 30 * time.Millisecond, nodes: map[remote.ID]*node{}, gone: map[remote.ID]string{}, calls: map[string]int{},
		adopted: map[remote.ID]bool{}, limits: map[string]*leak{}, rng: rand.New(rand.NewPCG(1, 2)),
	}
	f.nodes["home"] = &node{Item: remote.Item{Ref: home, Name: "home"}}
	return f
}

// put makes an item without a call.
func (f *fake) put(kind remote.Kind, parent remote.ID, name string) remote.Item {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.make(kind, parent, name)
}

func (f *fake) make(kind remote.Kind, parent remote.ID, name string) remote.Item {
	f.n++
	now := time.Now()
	it := remote.Item{Ref: ref(kind, fmt.Sprintf("%s-%d", strings.ReplaceAll(kind.String(), " ", ""), f.n)), Parent: parent, Name: name,
		State: remote.Uploaded, Created: now, Updated: now}
	f.nodes[it.ID] = &node{it, f.n}
	return it
}

func (f *fake) path(id remote.ID) string {
	n := f.nodes[id]
	if n == nil || n.Parent == "" {
		return ""
	}
	return f.path(n.Parent) + "/" + n.Name
}

// tree is all paths, sorted; folders end in a slash.
func (f *fake) tree() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for id, n := range f.nodes {
		if p := f.path(id); p != "" {
			if n.IsDir() {
				p += "/"
			}
			all = append(all, p)
		}
	}
	slices.Sort(all)
	return all
}

func (f *fake) total() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		n += c
	}
	return n
}

func (f *fake) count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

func (f *fake) set(g func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g()
}

// call is what all calls have in common.
func (f *fake) call(ctx context.Context, op, what string, do func() error) (err error) {
	if ctx.Value(free{}) != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return do()
	}
	f.mu.Lock()
	wait := f.delay
	if l := f.limits[op]; l != nil {
		now := time.Now()
		if l.next.Before(now.Add(-time.Duration(l.burst) * l.every)) {
			l.next = now.Add(-time.Duration(l.burst) * l.every)
		}
		l.next = l.next.Add(l.every)
		wait += max(0, l.next.Sub(now))
	}
	f.mu.Unlock()
	if end, ok := ctx.Deadline(); ok && time.Until(end) < wait && wait > f.delay {
		return &remote.Error{Op: op, Status: 429, Err: context.DeadlineExceeded}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.offline || f.rng.Float64() < f.faults/2 {
		return &remote.Error{Op: op, Err: remote.ErrOffline}
	}
	f.calls[op]++
	f.order = append(f.order, op+" "+what)
	defer func() { f.order[len(f.order)-1] += fmt.Sprint(" ", err) }()
	if f.refuse != nil {
		if err := f.refuse(op, what); err != nil {
			return err
		}
	}
	err = do()
	if err == nil && (f.lose != nil && f.lose(op, what) || f.rng.Float64() < f.faults/2) {
		return &remote.Error{Op: op, Err: remote.ErrOffline, Unknown: true}
	}
	return err
}

func notFound(op string) error { return &remote.Error{Op: op, Status: 404} }
func refused(op string) error  { return &remote.Error{Op: op, Status: 422} }
func denied(op string) error   { return &remote.Error{Op: op, Status: 403} }

func (f *fake) CreateFolder(ctx context.Context, parent remote.Ref, name string) (it remote.Item, err error) {
	if parent.ID.Pending() {
		panic("a pending id was sent")
	}
	made := remote.ID("")
	err = f.call(ctx, "create", name, func() error {
		p := f.nodes[parent.ID]
		if p == nil || !p.IsFolder() {
			return notFound("create")
		}
		if since := remote.SinceOf(ctx); !since.IsZero() {
			var found []*node
			for _, n := range f.nodes {
				if n.Kind == remote.Folder && n.Parent == parent.ID && n.Name == name && !n.Created.Before(since.Add(-2*time.Second)) && !f.adopted[n.ID] {
					found = append(found, n)
				}
			}
			if len(found) > 0 {
				it = slices.MinFunc(found, func(a, b *node) int { return cmp.Compare(a.seq, b.seq) }).Item
				made = it.ID
				return nil
			}
		}
		it = f.make(remote.Folder, parent.ID, name)
		made = it.ID
		return nil
	})
	if err == nil {
		f.set(func() { f.adopted[made] = true })
	}
	return it, err
}

func (f *fake) Rename(ctx context.Context, r remote.Ref, name string) (it remote.Item, err error) {
	err = f.call(ctx, "rename", name, func() error {
		n := f.nodes[r.ID]
		if n == nil {
			return notFound("rename")
		}
		n.Name = name
		it = n.Item
		return nil
	})
	return it, err
}

func (f *fake) Move(ctx context.Context, r, to remote.Ref) (it remote.Item, err error) {
	if to.ID.Pending() {
		panic("a pending id was sent")
	}
	err = f.call(ctx, "move", string(to.ID), func() error {
		n, p := f.nodes[r.ID], f.nodes[to.ID]
		if n == nil || p == nil {
			return notFound("move")
		}
		for up := p; up != nil; up = f.nodes[up.Parent] {
			if up == n {
				return refused("move into itself")
			}
		}
		n.Parent = to.ID
		it = n.Item
		return nil
	})
	return it, err
}

func (f *fake) Delete(ctx context.Context, r remote.Ref) error {
	if r.ID.Pending() {
		panic("a pending id was sent")
	}
	return f.call(ctx, "delete", string(r.ID), func() error {
		f.drop(r.ID)
		return nil
	})
}

func (f *fake) drop(id remote.ID) {
	if f.nodes[id] == nil {
		return
	}
	f.gone[id] = f.path(id)
	for _, n := range slices.Collect(maps.Values(f.nodes)) {
		if n.Parent == id {
			f.drop(n.ID)
		}
	}
	delete(f.nodes, id)
}

func (f *fake) Children(ctx context.Context, r remote.Ref) iter.Seq2[remote.Item, error] {
	return func(yield func(remote.Item, error) bool) {
		if r.ID.Pending() {
			panic("a pending id was sent")
		}
		var all []*node
		err := f.call(ctx, "list", string(r.ID), func() error {
			if f.nodes[r.ID] == nil {
				return notFound("list")
			}
			for _, n := range f.nodes {
				if n.Parent == r.ID {
					c := *n
					all = append(all, &c)
				}
			}
			return nil
		})
		if err != nil {
			yield(remote.Item{}, err)
			return
		}
		slices.SortFunc(all, func(a, b *node) int { return cmp.Compare(a.seq, b.seq) })
		for _, n := range all {
			if !yield(n.Item, nil) {
				return
			}
		}
	}
}

// rig is a journal on a fake. Tests run in a synctest bubble.
type rig struct {
	*Journal
	t    *testing.T
	f    *fake
	cfg  Config
	stop func()

	mu     sync.Mutex
	made   map[remote.ID]remote.ID // as told by Made
	undone []remote.ID
}

func newRig(t *testing.T, f *fake, tune ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, f: f, made: map[remote.ID]remote.ID{}}
	r.cfg = Config{Dir: t.TempDir(), Remote: f}
	if os.Getenv("INTENT_LOG") != "" {
		r.cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	r.cfg.Made = func(here remote.Ref, is remote.Item) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if old, ok := r.made[here.ID]; ok && old != is.ID {
			t.Errorf("%s was told to be %s and then %s", here.ID, old, is.ID)
		}
		r.made[here.ID] = is.ID
		return nil
	}
	r.cfg.Undone = func(parents ...remote.Ref) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, p := range parents {
			r.undone = append(r.undone, p.ID)
		}
	}
	for _, g := range tune {
		g(&r.cfg)
	}
	r.open()
	t.Cleanup(func() {
		r.halt()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// heard is what Made and Undone were told.
func (r *rig) heard() (map[remote.ID]remote.ID, []remote.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.made), slices.Clone(r.undone)
}

func (r *rig) open() {
	r.t.Helper()
	j, err := Open(r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Journal, r.stop = j, nil
}

// run carries out until halt.
func (r *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	r.stop = func() {
		cancel()
		<-done
	}
	// Run has to have begun, or nobody waits.
	for {
		r.Journal.mu.Lock()
		on := r.running
		r.Journal.mu.Unlock()
		if on {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func (r *rig) halt() {
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) mkdir(parent remote.Ref, name string) remote.Item {
	r.t.Helper()
	it, err := r.Mkdir(r.t.Context(), parent, name)
	r.must(err)
	return it
}

// drain waits until nothing is pending.
func (r *rig) drain() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := r.Wait(ctx); err != nil {
		r.t.Fatalf("%v; pending: %s", err, r.pending())
	}
}

func (r *rig) pending() string {
	var all []string
	for _, i := range r.Pending() {
		all = append(all, fmt.Sprintf("%s %q (%s; %v)", i.What, i.Name, i.Reason, i.Err))
	}
	return strings.Join(all, "\n")
}

// list is what a folder shows, as "name" or "name/".
func (r *rig) list(in remote.Ref) []string {
	r.t.Helper()
	var all []string
	for it, err := range r.Children(r.t.Context(), in) {
		r.must(err)
		name := it.Name
		if it.IsDir() {
			name += "/"
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func (r *rig) want(got []string, want ...string) {
	r.t.Helper()
	if !slices.Equal(got, want) {
		r.t.Errorf("got %q, want %q", got, want)
	}
}
