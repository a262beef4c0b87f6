package world

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Config says where a world lives and how it behaves.
type Config struct {
	Dir       string // empty: a temporary folder, removed by Close
	Behaviour Behaviour
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: silent
}

// World is one Frame.io. Make it with Open.
type World struct {
	now     func() time.Time
	log     *slog.Logger
	dir     string
	tempDir bool
	lock    *os.File
	hasher  *hasher
	work    sync.WaitGroup // assemblies under way

	mu        sync.Mutex // guards all below
	behaviour Behaviour
	journal   *journal
	closed    bool
	seeding   *seeding // non-nil inside Seed
	meta      meta
	accounts  map[ID]*Account
	users     map[ID]*User
	teams     map[ID]*Team
	projects  map[ID]*Project
	ordered   struct{ accounts, users, teams, projects []ID } // in order of making
	nodes     map[ID]*node
	usage     map[ID]*projectUsage // by project
	uploads   map[ID]*upload       // not yet assembled
	sums      map[ID]string        // XXH64 by media id
	tokens    map[string]*Token
	refresh   map[string]*Token
	codes     map[string]Code
	spent     map[string]string // refresh tokens that were traded in, and their family
}

// meta is what a world knows about itself.
type meta struct {
	Secret []byte // signs URLs
	Epoch  int    // of URLs
}

// seeding makes ids and times repeatable.
type seeding struct {
	rng *rand.ChaCha8
	at  time.Time
}

// Open makes a world in cfg.Dir or goes on with the one that is there. It fails if another process has it open.
func Open(cfg Config) (*World, error) {
	if err := cfg.Behaviour.Validate(); err != nil {
		return nil, err
	}
	w := &World{
		now: cfg.Now, log: cfg.Log, dir: cfg.Dir, behaviour: cfg.Behaviour,
		accounts: map[ID]*Account{}, users: map[ID]*User{}, teams: map[ID]*Team{}, projects: map[ID]*Project{},
		nodes: map[ID]*node{}, usage: map[ID]*projectUsage{}, uploads: map[ID]*upload{}, sums: map[ID]string{},
		tokens: map[string]*Token{}, refresh: map[string]*Token{}, codes: map[string]Code{}, spent: map[string]string{},
	}
	if w.now == nil {
		w.now = time.Now
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if err := w.openDir(); err != nil {
		return nil, err
	}
	if err := w.load(); err != nil {
		w.closeDir()
		return nil, err
	}
	w.hasher = startHasher(w)
	if err := w.resume(); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *World) openDir() (err error) {
	if w.dir == "" {
		if w.dir, err = os.MkdirTemp("", "frameio-sim-"); err != nil {
			return fmt.Errorf("make world folder: %w", err)
		}
		w.tempDir = true
	}
	if err := os.MkdirAll(filepath.Join(w.dir, "bodies"), 0o755); err != nil {
		return fmt.Errorf("make world folder: %w", err)
	}
	w.lock, err = lockFile(filepath.Join(w.dir, "lock"))
	return err
}

func (w *World) closeDir() {
	w.lock.Close()
	if w.tempDir {
		os.RemoveAll(w.dir)
	}
}

// resume takes up what a former process left half done: assemblies and checksums.
func (w *World) resume() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.uploads {
		w.assembleIfWhole(u)
	}
	w.queueSums()
	return w.journal.flush()
}

// queueSums has everything hashed that is not.
func (w *World) queueSums() {
	for _, n := range w.nodes {
		if n.a.Kind == File && !n.a.UploadCompleted.IsZero() && w.sums[n.a.MediaID] == "" {
			w.hasher.add(n.a.MediaID)
		}
	}
}

// Close waits for work under way, writes out what is pending, and removes a temporary world. Calls after it fail.
func (w *World) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.mu.Unlock()

	w.work.Wait()
	w.hasher.stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.journal.close()
	w.closeDir()
	return err
}

// Now is the world's clock.
func (w *World) Now() time.Time { return w.now().UTC() }

// stamp is the time written onto things: the clock with the microseconds the service keeps.
func (w *World) stamp() time.Time {
	t := w.now()
	if w.seeding != nil {
		t = w.seeding.at
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Behaviour returns the switches as they stand.
func (w *World) Behaviour() Behaviour {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.behaviour
}

// SetBehaviour changes switches while the world runs. They are not kept on disk.
func (w *World) SetBehaviour(change func(*Behaviour)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.behaviour
	change(&b)
	if err := b.Validate(); err != nil {
		return err
	}
	if w.behaviour.NoChecksum && !b.NoChecksum {
		defer w.queueSums()
	}
	w.behaviour = b
	for _, n := range w.nodes {
		n.sorted = nil // the default order may be another
	}
	return nil
}

// Secret signs URLs; it is the world's own, so that URLs outlive a restart.
func (w *World) Secret() []byte { return w.meta.Secret } // never changes after Open

// URLEpoch grows by one with each ExpireURLs.
func (w *World) URLEpoch() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.meta.Epoch
}

// ExpireURLs makes every upload and media URL signed so far expired.
func (w *World) ExpireURLs() error {
	return w.change(func() error {
		w.meta.Epoch++
		w.journal.add("meta", w.meta)
		return nil
	})
}

// change runs f under the lock and then writes out what it journalled. f must check before it changes anything.
func (w *World) change(f func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errors.New("the simulated Frame.io is shutting down")
	}
	if err := f(); err != nil {
		return err
	}
	if w.seeding != nil {
		return nil // written out in one go at the end of Seed
	}
	return w.journal.flush()
}

// Seed runs f with repeatable ids (from seed) and the time at, and writes everything to disk at its end. Nothing else
// may use the world meanwhile.
func (w *World) Seed(seed uint64, at time.Time, f func() error) error {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	w.mu.Lock()
	w.seeding = &seeding{rng: rand.NewChaCha8(key), at: at}
	w.mu.Unlock()

	err := f()

	w.mu.Lock()
	defer w.mu.Unlock()
	w.seeding = nil
	return errors.Join(err, w.journal.flush())
}

// SetSeedTime moves the time within Seed, so that things look as if made one after another.
func (w *World) SetSeedTime(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seeding != nil {
		w.seeding.at = at
	}
}

// newID makes an id nobody has.
func (w *World) newID() ID {
	if w.seeding == nil {
		return ID(uuid.NewString())
	}
	for {
		u, err := uuid.NewRandomFromReader(io.Reader(w.seeding.rng))
		if err != nil {
			panic("world: ChaCha8 cannot fail: " + err.Error())
		}
		if id := ID(u.String()); !w.known(id) {
			return id
		}
	}
}

func (w *World) known(id ID) bool {
	return w.nodes[id] != nil || w.users[id] != nil || w.accounts[id] != nil || w.teams[id] != nil || w.projects[id] != nil
}
