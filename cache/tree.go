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
	DefaultAge       = 24 * time.Hour
	DefaultFresh     = 10 * time.Second
	DefaultTreeBytes = 8 << 20
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
	Age       time.Duration    // a listing up to this old is shown at once, and looked at again behind; an older one is waited for
	Fresh     time.Duration    // a listing younger than this is not fetched again; DefaultFresh, and never more than Age
	Bytes     int64            // memory for listings; what does not fit is read from the index again
	Log       *slog.Logger     // nil: nothing is logged
	Now       func() time.Time // nil: time.Now

	// Changed is told what a new listing shows differently from the one that was shown before it, unless Put or Drop did that.
	// It is called in order, one call at a time, with no lock held; parent may be called a Project or its root Folder. nil: no one
	// wants to know.
	Changed func(parent remote.Ref, changes []Change)
}

// Tree is what stands in the folders: listings of an age, with our own changes laid over them.
type Tree struct {
	namespace Namespace
	index     *Index
	age       time.Duration
	fresh     time.Duration
	bytes     int64
	log       *slog.Logger
	now       func() time.Time
	started   time.Time
	changed   func(remote.Ref, []Change)

	ctx    context.Context // of all fetches; ended by Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // all fetches
	poked  chan struct{}  // something is new for watch

	mu       sync.Mutex // guards what follows, and every siblings in it
	listings *ristretto.Cache[string, *siblings]
	recent   [8]listing              // the last used; ristretto may turn away what is new to it
	vain     map[folderKey]time.Time // when Frame.io was last asked in vain
	flights  map[folderKey]*flight   // listings being fetched
	changes  map[folderKey]map[remote.ID]change
	made     map[folderKey]bool       // folders that were made here since the start and are not on Frame.io yet
	became   map[remote.ID]remote.Ref // of folders that were made here: what Frame.io calls them
	swept    time.Time                // when vain and changes were last tidied
	silent   time.Time                // when Frame.io last did not answer; zero if it has answered since

	untold  []news // for Changed
	telling bool   // someone tells it

	looks      map[folderKey]*look
	watching   bool // someone sees to them
	refreshing int  // how many of them are being refreshed; a large one counts more

	walks   map[folderKey]*walk // by the folder
	steps   map[folderKey]step  // by the subfolder
	guesses int                 // that are being listed
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
		namespace: cfg.Namespace, index: cfg.Index, age: cfg.Age, fresh: cfg.Fresh, bytes: cfg.Bytes, log: cfg.Log, now: cfg.Now,
		changed: cfg.Changed, poked: make(chan struct{}, 1),
		vain: map[folderKey]time.Time{}, flights: map[folderKey]*flight{}, changes: map[folderKey]map[remote.ID]change{}, became: map[remote.ID]remote.Ref{}, made: map[folderKey]bool{},
		looks: map[folderKey]*look{}, walks: map[folderKey]*walk{}, steps: map[folderKey]step{},
	}
	if t.age <= 0 {
		t.age = DefaultAge
	}
	if t.fresh <= 0 {
		t.fresh = DefaultFresh
	}
	t.fresh = min(t.fresh, t.age)
	if t.bytes <= 0 {
		t.bytes = DefaultTreeBytes
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.now == nil {
		t.now = time.Now
	}
	t.started = t.now()
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
	t.mu.Lock()
	t.cancel() // nothing is begun after that
	t.mu.Unlock()
	t.wg.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listings.Close()
}

// List returns what stands in ref, sorted from oldest to newest; the slice is the caller's to read, not to change. A listing
// up to Age old is shown as it is, and fetched again behind if it is older than Fresh. Else Frame.io is asked, once however many
// ask. If it does not answer (for want of a link, or of requests to spend, or within 3 s, or before ctx's deadline) an older
// listing is shown, where there is one, and what it answers later is shown then. Uploads of others that are not complete are left
// out.
func (t *Tree) List(ctx context.Context, ref remote.Ref) (entries []Entry, err error) {
	err = t.with(ctx, ref, func(k folderKey, s *siblings) {
		entries = s.list()
		t.walked(k, s)
	})
	return entries, err
}

// Find returns the entry of ref with the shown name: the very same, else one that is equal after Unicode normalization (NFC).
// If there is none the error is io/fs.ErrNotExist. It asks Frame.io when List would.
func (t *Tree) Find(ctx context.Context, ref remote.Ref, name string) (entry Entry, err error) {
	var found bool
	err = t.with(ctx, ref, func(k folderKey, s *siblings) {
		entry, found = s.find(name)
		t.goesOn(k)
	})
	if err == nil && !found {
		err = iofs.ErrNotExist
	}
	return entry, err
}

// Update is for who is about to change something in ref: it returns once there is a listing younger than Fresh, and than this run. If Frame.io does not
// answer an older one will do, because a change that cannot be made is told by the change itself.
func (t *Tree) Update(ctx context.Context, ref remote.Ref) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	ref = t.called(ref)
	k := keyOf(ref)
	// What an earlier run was told may be from before changes that it did not live to hear of.
	if s := t.known(k); s != nil && t.recently(s.at) && !s.at.Before(t.started) {
		t.saw(k, ref, s)
		return nil
	}
	return t.ask(ctx, k, ref, func(folderKey, *siblings) {})
}

// Recent reports whether ref was listed within age, and has it listed again behind, in its turn.
func (t *Tree) Recent(ref remote.Ref, age time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, now := keyOf(ref), t.now()
	s := t.known(k)
	if s == nil || now.Sub(s.at) >= age || now.Before(s.at) {
		return false
	}
	t.look(k, ref, s.at, now).large = len(s.byID) > largeFolder
	return true
}

// Forget makes the next List of parent ask Frame.io.
func (t *Tree) Forget(parent remote.Ref) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := keyOf(t.called(parent))
	delete(t.vain, k)
	delete(t.flights, k) // what is on its way may be from before; its askers still get it
	if s := t.known(k); s != nil {
		s.at = time.Time{}
		t.index.setAge(k, &t.mu, s)
		if l := t.looks[k]; l != nil {
			l.told = time.Time{}
		}
	}
}

// Undone says that changes of ours in parent came to nothing: the next List of it asks Frame.io, and none of them is laid over that.
func (t *Tree) Undone(parent remote.Ref) {
	t.Forget(parent)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.changes, keyOf(t.called(parent)))
}

// with calls use, holding t.mu, with what stands in ref.
func (t *Tree) with(ctx context.Context, ref remote.Ref, use func(folderKey, *siblings)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	ref = t.called(ref)
	k := keyOf(ref)
	s := t.known(k)
	if s == nil || t.now().Sub(s.at) >= t.age && !t.recently(t.vain[k]) {
		return t.ask(ctx, k, ref, use)
	}
	t.saw(k, ref, s)
	use(k, s)
	return nil
}

// recently reports whether a time is less than Fresh ago. One that is to come is not: the clock was set back.
func (t *Tree) recently(at time.Time) bool {
	age := t.now().Sub(at)
	return age >= 0 && age < t.fresh
}

// ask calls use with what Frame.io answers, or if it does not with what is known. t.mu is held, but not all the time.
func (t *Tree) ask(ctx context.Context, k folderKey, ref remote.Ref, use func(folderKey, *siblings)) error {
	fl, err := t.join(ctx, k, ref)
	if err != nil {
		return fmt.Errorf("list %s: %w", ref.Kind, err)
	}
	s := t.known(k)
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
		if s = t.known(k); s == nil { // with what changed meanwhile
			return fmt.Errorf("list %s: %w", ref.Kind, err)
		}
		t.vain[k] = t.now()  // or every look would wait
		t.unanswered(k, err) // the flight goes on, and publishes what it finds
	}
	t.saw(k, ref, s)
	use(k, s)
	return nil
}

// patience is how long to wait for Frame.io if there is an older listing to show: not at all if it did not answer a moment ago. It is
// asked all the same, and what it answers is shown next time.
func (t *Tree) patience() time.Duration {
	if t.recently(t.silent) {
		return 0
	}
	return patience
}

// linkless reports whether an error is the link's, or the token's that has to be renewed, so that what was listed before may still be so.
func linkless(err error) bool {
	return errors.Is(err, remote.ErrOffline) || errors.Is(err, remote.ErrLimited) || errors.Is(err, remote.ErrToken) ||
		errors.Is(err, context.DeadlineExceeded)
}

// unanswered notes, and logs once, that what is shown may be old.
func (t *Tree) unanswered(k folderKey, err error) {
	if t.silent.IsZero() {
		t.log.Warn("showing folders as they were: Frame.io does not answer", "folder", string(k), "err", err)
	}
	t.silent = t.now()
}
