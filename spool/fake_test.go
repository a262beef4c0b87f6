package spool

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/frameiofs/frameiofs/remote"
)

// fake is a strict Frame.io in memory: it answers the way both wires do, and refuses what they refuse.
type fake struct {
	delay    time.Duration // of every call
	assemble time.Duration // from the last part to complete
	partSize int64
	faults   float64 // probability that a call fails, half of them after it was carried out
	live     time.Duration
	// stubborn transports go on reading and sending after their context has ended.
	stubborn bool
	// sums tells checksums, as V2 does.
	sums bool
	late time.Duration // from complete to the checksum
	// spoil, if not nil, tells whether a part is kept with its first byte wrong.
	spoil func(url string) bool
	// miscopy makes copies of other bytes.
	miscopy bool
	// pieces, if not 0, is how many parts a file has, whatever partSize says.
	pieces int64
	// fate, if not nil, decides in delay's and faults' place.
	fate func(op, name string) fate

	mu sync.Mutex
	// refuse, if not nil, is asked before every call; after when it has been carried out: then its error is a lost answer.
	refuse, after func(op, name string) error

	rng      *rand.Rand
	n        int
	assets   map[remote.ID]*asset
	calls    map[string]int
	inflight int
	most     int
	starts   []string // URLs in the order in which PUTs began
	whole    []string // every content that was ever complete
}

// fate is what becomes of one call: how long it takes, and the error that it, or its answer, ends with.
type fate struct {
	delay       time.Duration
	early, late error
}

type asset struct {
	remote.Item
	parts    map[int][]byte
	want     []remote.Part
	complete time.Time // when all parts were there
	never    bool      // never completes
	versions []remote.ID
	stack    remote.ID
	copyOf   remote.ID
	lost     bool // nobody was told of this copy
}

var (
	folderA = remote.Ref{Kind: remote.Folder, ID: "folder-a", Account: "acc"}
	folderB = remote.Ref{Kind: remote.Folder, ID: "folder-b", Account: "acc"}
)

func newFake() *fake {
	return &fake{
		delay: 30 * time.Millisecond, assemble: 700 * time.Millisecond, partSize: 1000, live: 24 * time.Hour,
		assets: map[remote.ID]*asset{}, calls: map[string]int{}, rng: rand.New(rand.NewPCG(1, 2)),
	}
}

// clone is the same world, without faults.
func (f *fake) clone() *fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := newFake()
	g.delay, g.assemble, g.partSize, g.pieces, g.live, g.sums, g.late, g.n = f.delay, f.assemble, f.partSize, f.pieces, f.live, f.sums, f.late, f.n
	for id, a := range f.assets {
		b := *a
		b.parts, b.versions = maps.Clone(a.parts), slices.Clone(a.versions)
		g.assets[id] = &b
	}
	return g
}

// call is what every call has in common: time passes, the context counts, faults happen. do is carried out under the lock.
func (f *fake) call(ctx context.Context, op, name string, do func() error) error {
	fate := f.foretell(op, name)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(fate.delay):
	}
	f.mu.Lock()
	refuse, after := f.refuse, f.after
	f.mu.Unlock()
	if refuse != nil {
		if err := refuse(op, name); err != nil {
			return err
		}
	}
	f.mu.Lock()
	f.calls[op]++
	f.mu.Unlock()
	if fate.early != nil {
		return fmt.Errorf("%s: %w", op, fate.early)
	}
	f.mu.Lock()
	err := do()
	f.mu.Unlock()
	if err == nil && after != nil {
		err = after(op, name)
	}
	if err == nil && fate.late != nil {
		err = fmt.Errorf("%s, answer lost: %w", op, fate.late)
	}
	return err
}

func (f *fake) foretell(op, name string) fate {
	f.mu.Lock()
	is := f.fate
	f.mu.Unlock()
	if is != nil {
		return is(op, name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	was := fate{delay: f.delay}
	if f.rng.Float64() < f.faults/2 {
		was.early = remote.ErrOffline
	}
	if f.rng.Float64() < f.faults/2 {
		was.late = remote.ErrOffline
	}
	return was
}

func (f *fake) id(kind string) remote.ID {
	f.n++
	return remote.ID(fmt.Sprintf("%s-%d", kind, f.n))
}

// put makes a complete asset.
func (f *fake) put(parent remote.Ref, name, content string) remote.Ref {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.id("file")
	a := &asset{parts: map[int][]byte{1: []byte(content)}, complete: time.Now().Add(-time.Hour)}
	a.Item = remote.Item{Ref: remote.Ref{Kind: remote.File, ID: id, Account: "acc"}, Parent: parent.ID, Name: name, Size: int64(len(content)), Created: time.Now()}
	a.want = []remote.Part{{Number: 1, Size: int64(len(content))}}
	f.assets[id] = a
	return a.Ref
}

func (f *fake) get(id remote.ID) (*asset, error) {
	a := f.assets[id]
	if a == nil {
		return nil, fmt.Errorf("%s: %w", id, fs.ErrNotExist)
	}
	return a, nil
}

// look is what everybody knows of an asset already: it is no call.
func (f *fake) look(ref remote.Ref) remote.Item {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := f.assets[ref.ID]; a != nil {
		return f.item(a)
	}
	return remote.Item{Ref: ref}
}

// base is what can be read of a file.
func (f *fake) base(id remote.ID) *memBase {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.assets[id]
	if a == nil {
		return &memBase{err: fs.ErrNotExist}
	}
	return &memBase{s: a.bytes()}
}

func (a *asset) bytes() string {
	var b strings.Builder
	for _, p := range a.want {
		b.Write(a.parts[p.Number])
	}
	return b.String()
}

// item is what a caller gets to see.
func (f *fake) item(a *asset) remote.Item {
	it := a.Item
	if it.Kind == remote.Stack {
		newest := f.assets[a.versions[len(a.versions)-1]]
		n := f.item(newest)
		it.Size, it.State, it.Content, it.Name = n.Size, n.State, n.Content, n.Name
		return it
	}
	it.Content = it.ID
	if it.State == remote.Failed {
		return it
	}
	if !a.complete.IsZero() && !a.never && time.Since(a.complete) >= f.assemble {
		it.State = remote.Uploaded
		if f.sums && time.Since(a.complete) >= f.assemble+f.late {
			it.Checksum = fmt.Sprintf("%016x", xxhash.Sum64String(a.bytes()))
		}
	}
	return it
}

func (f *fake) CreateFile(ctx context.Context, nf remote.NewFile) (up remote.Upload, err error) {
	err = f.call(ctx, "create", nf.Name, func() error {
		if nf.Size < 1 || nf.Name == "" || len(nf.Name) > 255 {
			return remote.ErrRefused
		}
		if in := f.assets[nf.Parent.ID]; nf.Parent != folderA && nf.Parent != folderB && (in == nil || in.Kind != remote.Folder) {
			return fmt.Errorf("folder: %w", fs.ErrNotExist)
		}
		if !nf.Since.IsZero() {
			for id, a := range f.assets {
				if a.Parent == nf.Parent.ID && a.Name == nf.Name && a.Size == nf.Size && !a.Created.Before(nf.Since) && f.item(a).State == remote.Created {
					delete(f.assets, id)
				}
			}
		}
		a := &asset{parts: map[int][]byte{}}
		a.Item = remote.Item{
			Ref:    remote.Ref{Kind: remote.File, ID: f.id("file"), Account: "acc"},
			Parent: nf.Parent.ID, Name: nf.Name, Size: nf.Size, Created: time.Now(), MediaType: nf.MediaType,
		}
		size := f.partSize
		if f.pieces > 0 {
			size = (nf.Size + f.pieces - 1) / f.pieces
		}
		for off := int64(0); off < nf.Size; off += size {
			a.want = append(a.want, remote.Part{
				Number: len(a.want) + 1, URL: fmt.Sprintf("%s/%d", a.ID, len(a.want)+1), Off: off,
				Size: min(size, nf.Size-off), Expires: time.Now().Add(f.live),
			})
		}
		f.assets[a.ID] = a
		up = remote.Upload{File: a.Item, Parts: slices.Clone(a.want)}
		return nil
	})
	if err != nil {
		return remote.Upload{}, err
	}
	return up, nil
}

func (f *fake) PutPart(ctx context.Context, part remote.Part, body io.ReaderAt) error {
	f.mu.Lock()
	f.inflight++
	f.most = max(f.most, f.inflight)
	f.starts = append(f.starts, part.URL)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.inflight--
		f.mu.Unlock()
	}()
	var got []byte
	for chunk := range int64(4) { // in small steps, so that time passes between them
		lo, hi := part.Size*chunk/4, part.Size*(chunk+1)/4
		b := make([]byte, hi-lo)
		if n, err := body.ReadAt(b, part.Off+lo); n < len(b) {
			return fmt.Errorf("read body: %w", err)
		}
		got = append(got, b...)
		if f.stubborn {
			ctx = context.WithoutCancel(ctx)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(f.delay / 4):
		}
	}
	if time.Now().After(part.Expires) {
		return fmt.Errorf("put: %w", remote.ErrExpired)
	}
	return f.call(ctx, "put", part.URL, func() error {
		id, _, _ := strings.Cut(part.URL, "/")
		a := f.assets[remote.ID(id)]
		if a == nil {
			return nil // S3 knows nothing of assets
		}
		if !a.complete.IsZero() {
			return &remote.Error{Op: "put part", Status: 404, Code: "NoSuchUpload"} // its parts were put together
		}
		if f.spoil != nil && f.spoil(part.URL) {
			got[0] ^= 1
		}
		a.parts[part.Number] = got
		if len(a.parts) == len(a.want) && a.complete.IsZero() {
			a.complete = time.Now()
			f.whole = append(f.whole, a.bytes())
		}
		return nil
	})
}

func (f *fake) Stat(ctx context.Context, ref remote.Ref) (it remote.Item, err error) {
	err = f.call(ctx, "stat", string(ref.ID), func() error {
		a, err := f.get(ref.ID)
		if err == nil {
			it = f.item(a)
		}
		return err
	})
	return it, err
}

// tree is what people see: "folder/name = bytes | older | oldest" for every asset outside a stack, sorted. What is not
// complete shows as "(placeholder)".
func (f *fake) tree() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	show := func(a *asset) string {
		if st := f.item(a).State; st != remote.Uploaded {
			return "(placeholder)"
		}
		b := a.bytes()
		if len(b) > 40 {
			return fmt.Sprintf("%d bytes %016x", len(b), xxhash.Sum64String(b))
		}
		return b
	}
	var all []string
	for _, a := range f.assets {
		switch {
		case a.stack != "":
		case a.Kind == remote.Stack:
			line := fmt.Sprintf("%s/%s =", a.Parent, f.item(a).Name)
			for i, id := range slices.Backward(a.versions) {
				if i < len(a.versions)-1 {
					line += " |"
				}
				line += " " + show(f.assets[id])
			}
			all = append(all, line)
		default:
			all = append(all, fmt.Sprintf("%s/%s = %s", a.Parent, a.Name, show(a)))
		}
	}
	slices.Sort(all)
	return all
}

// hook sets refuse and after.
func (f *fake) hook(refuse, after func(op, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse, f.after = refuse, after
}

// fails answers err to every call of that name.
func fails(op string, err error) func(string, string) error {
	return func(o, _ string) error {
		if o == op {
			return err
		}
		return nil
	}
}

func (f *fake) count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}
