package cache

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/dgraph-io/ristretto/v2"

	"github.com/frameiofs/frameiofs/remote"
)

// Defaults of a TreeConfig.
const (
	DefaultAge       = 10 * time.Second
	DefaultTreeBytes = 32 << 20
)

// patience is how long a program waits for Frame.io to list a folder that was listed before.
const patience = 3 * time.Second

// Entry is one name in a folder. Its Name is the one shown, Item.Name the one on Frame.io.
type Entry struct {
	Name string
	remote.Item
}

// TreeConfig says what a Tree works with. Namespace and Index are required.
type TreeConfig struct {
	Namespace Namespace
	Index     *Index
	Age       time.Duration    // how long a listing is shown before Frame.io is asked again; other people's changes are seen within it
	Bytes     int64            // memory for listings; what does not fit is read from the index again
	Log       *slog.Logger     // nil: nothing is logged
	Now       func() time.Time // nil: time.Now
}

// Tree is what stands in the folders: listings of an age, with our own changes laid over them.
type Tree struct {
	namespace Namespace
	index     *Index
	age       time.Duration
	bytes     int64
	log       *slog.Logger
	now       func() time.Time

	ctx    context.Context // of all fetches; ended by Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // all fetches

	mu       sync.Mutex // guards what follows, and every siblings in it
	listings *ristretto.Cache[string, *siblings]
	recent   [8]listing              // the last used; ristretto may turn away what is new to it
	checked  map[folderKey]time.Time // when Frame.io was last asked, or could not be
	flights  map[folderKey]*flight   // listings being fetched
	changes  map[folderKey]map[remote.ID]change
	swept    time.Time // when checked and changes were last tidied
	silent   time.Time // when Frame.io last did not answer; zero if it has answered since
}

// folderKey names a folder in the index: its kind and its ID.
type folderKey string

// keyOf tells an account from its Shared, which have one ID, and does not tell a project from its root folder.
func keyOf(ref remote.Ref) folderKey {
	kind := ref.Kind
	if kind == remote.Project {
		kind = remote.Folder
	}
	return folderKey(kind.String() + " " + string(ref.ID))
}

type listing struct {
	key folderKey
	s   *siblings
}

// NewTree makes a Tree. Close it before its Index.
func NewTree(cfg TreeConfig) *Tree {
	t := &Tree{
		namespace: cfg.Namespace, index: cfg.Index, age: cfg.Age, bytes: cfg.Bytes, log: cfg.Log, now: cfg.Now,
		checked: map[folderKey]time.Time{}, flights: map[folderKey]*flight{}, changes: map[folderKey]map[remote.ID]change{},
	}
	if t.age <= 0 {
		t.age = DefaultAge
	}
	if t.bytes <= 0 {
		t.bytes = DefaultTreeBytes
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.now == nil {
		t.now = time.Now
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	var err error
	t.listings, err = ristretto.NewCache(&ristretto.Config[string, *siblings]{
		NumCounters: max(1000, t.bytes/1000), // ten for each small listing that fits
		MaxCost:     t.bytes,
		BufferItems: 64,
	})
	if err != nil {
		panic("cache: " + err.Error()) // it complains of zero settings only, and there are none
	}
	return t
}

// Close ends the listings that are still being fetched.
func (t *Tree) Close() {
	t.cancel()
	t.wg.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listings.Close()
}

// List returns what stands in ref, sorted from oldest to newest; the slice is the caller's to read, not to change. A listing
// younger than Age is shown as it is, else Frame.io is asked, once however many ask. If it does not answer (for want of a link, or of
// requests to spend, or within 3 s, or before ctx's deadline) an older listing is shown, where there is one, and what it
// answers later is shown then. Uploads of others that are not complete are left out.
func (t *Tree) List(ctx context.Context, ref remote.Ref) (entries []Entry, err error) {
	err = t.with(ctx, ref, func(s *siblings) { entries = s.list() })
	return entries, err
}

// Find returns the entry of ref with the shown name: the very same, else one that is equal after Unicode normalization (NFC).
// If there is none the error is io/fs.ErrNotExist. It asks Frame.io when List would.
func (t *Tree) Find(ctx context.Context, ref remote.Ref, name string) (entry Entry, err error) {
	var found bool
	err = t.with(ctx, ref, func(s *siblings) { entry, found = s.find(name) })
	if err == nil && !found {
		err = iofs.ErrNotExist
	}
	return entry, err
}

// Forget makes the next List of parent ask Frame.io.
func (t *Tree) Forget(parent remote.Ref) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := keyOf(parent)
	delete(t.checked, k)
	delete(t.flights, k) // what is on its way may be from before; its askers still get it
}

// with calls use, holding t.mu, with what stands in ref.
func (t *Tree) with(ctx context.Context, ref remote.Ref, use func(*siblings)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := keyOf(ref)
	s := t.known(k)
	if s != nil && t.fresh(k) {
		use(s)
		return nil
	}
	fl, err := t.join(ctx, k, ref)
	if err != nil {
		return fmt.Errorf("list %s: %w", ref.Kind, err)
	}
	if s != nil { // something to show: then no one needs to wait for long
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.patience())
		defer cancel()
	}
	t.mu.Unlock()
	listed, err := t.await(ctx, fl)
	t.mu.Lock()
	switch {
	case err == nil:
		s = listed
	case s == nil || !linkless(err):
		return fmt.Errorf("list %s: %w", ref.Kind, err)
	default:
		s = t.known(k)            // with what changed meanwhile
		t.checked[k] = t.now()    // or every look would wait
		t.unanswered(fl.key, err) // the flight goes on, and publishes what it finds
	}
	use(s)
	return nil
}

// patience is how long to wait for Frame.io if there is an older listing to show: not at all if it did not answer a moment ago. It is
// asked all the same, and what it answers is shown next time.
func (t *Tree) patience() time.Duration {
	if t.now().Sub(t.silent) < t.age {
		return 0
	}
	return patience
}

// linkless reports whether an error is the link's, so that what was listed before may still be so.
func linkless(err error) bool {
	return errors.Is(err, remote.ErrOffline) || errors.Is(err, remote.ErrLimited) || errors.Is(err, context.DeadlineExceeded)
}

// unanswered notes, and logs once, that what is shown may be old.
func (t *Tree) unanswered(k folderKey, err error) {
	if t.silent.IsZero() {
		t.log.Warn("showing folders as they were: Frame.io does not answer", "folder", string(k), "err", err)
	}
	t.silent = t.now()
}

// fresh reports whether a listing of k needs no look at Frame.io.
func (t *Tree) fresh(k folderKey) bool {
	at, ok := t.checked[k]
	age := t.now().Sub(at)
	return ok && age >= 0 && age < t.age
}

// known returns the listing of k, of whatever age; nil if there is none.
func (t *Tree) known(k folderKey) *siblings {
	if s := t.held(k); s != nil {
		return s
	}
	return t.reload(k)
}

// held returns the listing of k if it is in memory.
func (t *Tree) held(k folderKey) *siblings {
	for i, l := range t.recent {
		if l.key == k && l.s != nil {
			copy(t.recent[1:i+1], t.recent[:i])
			t.recent[0] = l
			return l.s
		}
	}
	if s, ok := t.listings.Get(string(k)); ok {
		t.use(k, s)
		return s
	}
	return nil
}

// use makes s the most recent listing.
func (t *Tree) use(k folderKey, s *siblings) {
	last := len(t.recent) - 1
	for i, l := range t.recent {
		if l.key == k {
			last = i
			break
		}
	}
	copy(t.recent[1:last+1], t.recent[:last])
	t.recent[0] = listing{k, s}
}

// hold takes a listing into memory.
func (t *Tree) hold(k folderKey, s *siblings) {
	t.use(k, s)
	// A listing that is larger than all memory is let in too: read from the index for every look it would take far longer.
	t.listings.Set(string(k), s, min(s.bytes+1000, t.bytes/2))
	t.listings.Wait()
}

// reload takes the listing of k from the index into memory; nil if there is none. It does so for 10,000 items in some 50 ms, and holds
// t.mu meanwhile: this is rare, and no other way would change a listing in two places at once.
func (t *Tree) reload(k folderKey) *siblings {
	s := t.index.listing(k)
	if s == nil {
		return nil
	}
	t.lay(k, s, t.now())
	t.hold(k, s)
	return s
}
