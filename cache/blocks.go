package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/remote"
)

// Defaults of a BlocksConfig.
const (
	DefaultSize     = 20 << 30
	DefaultKeepFree = 1 << 30
	DefaultMemory   = 128 << 20
)

// BlocksConfig says what Blocks work with. Dir and Source are required.
type BlocksConfig struct {
	Dir      string       // a folder of its own, used by one process at a time; made with mode 0700
	Source   Source       // whom to ask for what is not there
	Size     int64        // bytes on disk; what was not read for the longest time gives way
	KeepFree int64        // bytes of the disk that are left to others; the cache shrinks to leave them
	Memory   int64        // bytes of read-ahead asked for and not yet here, all readers together
	Log      *slog.Logger // nil: nothing is logged
}

// Blocks are the bytes that have been read, on disk, by Content.
//
// Locks, in the order they are taken: room, content.saving, Reader.mu, content.disk, content.mu, mu.
type Blocks struct {
	dir      string
	lock     *os.File // locked for as long as we use dir
	source   Source
	size     int64
	keepFree int64
	memory   int64
	log      *slog.Logger
	free     func(dir string) (int64, error) // bytes of the disk that we may use

	testOnlyStep func(step string) // called after each change on disk; may be nil

	ctx     context.Context // of all downloads; ended by Close
	cancel  context.CancelFunc
	wg      sync.WaitGroup // downloads and tidy
	many    chan struct{}  // wakes tidy: many contents are open
	scanned chan struct{}  // closed when all that earlier runs left is in table and pins
	clock   atomic.Int64   // counts reads and writes; what a stretch was last touched at
	fetched atomic.Int64   // bytes that have come

	room sync.Mutex // one at a time makes room

	mu      sync.Mutex // guards what follows, and every kept in it
	table   map[contentKey]*kept
	taken   map[string]bool     // what the scan is to leave alone, by base; nil once it is through
	pins    map[contentKey]bool // what never gives way
	pinned  int64               // bytes of all of pins, here or not
	used    int64               // bytes on disk, and promised to downloads
	byFree  int64               // bytes that the disk lets us have, as of asked
	asked   time.Time
	ahead   int64 // bytes of read-ahead under way
	pieces  int   // downloads of read-ahead under way
	running int   // streams that read ahead
	early   int   // Readers for which something is fetched before the first read
	waiting int   // programs that wait for bytes
	opened  int   // contents that are open
	closed  bool
}

// contentKey tells contents apart. The size is in it so that a size that Frame.io takes back cannot mix bytes up.
type contentKey struct {
	id   string // of the file, as it can stand in a file name
	size int64
}

// kept is one content of which we have, or are about to have, bytes.
type kept struct {
	key   contentKey
	base  string // path of its files without their extension
	bytes int64  // on disk, and promised to downloads
	at    time.Time
	users int      // Readers, what makes ready for them, and downloads
	c     *content // nil while it is not open
}

// OpenBlocks opens the cache in cfg.Dir with what earlier runs left there.
func OpenBlocks(cfg BlocksConfig) (*Blocks, error) {
	b := &Blocks{
		dir: cfg.Dir, source: cfg.Source, size: cfg.Size, keepFree: cfg.KeepFree, memory: cfg.Memory, log: cfg.Log, free: freeOnDisk,
		many: make(chan struct{}, 1), table: map[contentKey]*kept{}, pins: map[contentKey]bool{},
		scanned: make(chan struct{}), taken: map[string]bool{},
	}
	if b.size <= 0 {
		b.size = DefaultSize
	}
	if b.keepFree <= 0 {
		b.keepFree = DefaultKeepFree
	}
	if b.memory <= 0 {
		b.memory = DefaultMemory
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return nil, fmt.Errorf("open cache: %w", err)
	}
	var err error
	if b.lock, err = os.OpenFile(filepath.Join(b.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("open cache: %w", err)
	}
	if err := unix.Flock(int(b.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = b.lock.Close()
		return nil, fmt.Errorf("open cache: %s is in use by another frameiofs: unmount that first, or take another state folder", b.dir)
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.wg.Go(b.scan)
	b.wg.Go(b.tidy)
	return b, nil
}

// Close ends all downloads, writes down what is there, and closes the files. Readers still open fail from now on.
func (b *Blocks) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.wg.Wait()
	var errs []error
	for _, c := range b.open() {
		errs = append(errs, c.save(), c.close())
		c.saveTime()
	}
	errs = append(errs, b.lock.Close())
	return errors.Join(errs...)
}

// open returns the contents that are open.
func (b *Blocks) open() (open []*content) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.table {
		if k.c != nil {
			open = append(open, k.c)
		}
	}
	return open
}

// step is where a test may look at the disk as a crash would leave it.
func (b *Blocks) step(name string) {
	if b.testOnlyStep != nil {
		b.testOnlyStep(name)
	}
}

// contentOf tells which file's bytes an item shows, and how they are told apart from others.
func contentOf(it remote.Item) (id remote.ID, key contentKey) {
	if id = it.Content; id == "" {
		id = it.ID
	}
	return id, contentKey{fileName(id), max(it.Size, 0)}
}

// acquire returns the content of it with one more user.
func (b *Blocks) acquire(it remote.Item) *content {
	id, key := contentOf(it)
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.table[key]
	if k == nil {
		k = b.findLocked(key)
	}
	if k == nil {
		k = &kept{key: key, base: b.newBase(key)}
		b.table[key] = k
	}
	b.takeLocked(k)
	if k.c == nil {
		k.c = newContent(b, k, remote.Ref{Kind: remote.File, ID: id, Account: it.Account})
		b.opened++
	}
	k.users++
	k.at = time.Now()
	return k.c
}

// release takes a user away who has read or written it.
func (b *Blocks) release(k *kept) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k.at = time.Now()
	b.leaveLocked(k)
}

// leaveLocked takes a user away. b.mu is held.
func (b *Blocks) leaveLocked(k *kept) {
	k.users--
	if k.users == 0 && b.opened > manyOpen {
		select {
		case b.many <- struct{}{}:
		default:
		}
	}
}

// Adopt takes the file at path, which holds the whole content of it, instead of downloading it. The file is renamed, never
// copied: where that cannot be (too large for the cache, another file system, a disk that refuses) it is left, the log says why, and
// Adopt answers nil all the same: the bytes can be had from Frame.io. If the file is gone already that is well too. One whose size
// is not it.Size is an error.
func (b *Blocks) Adopt(it remote.Item, path string) error {
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("adopt: %w", err)
	case !fi.Mode().IsRegular() || fi.Size() != it.Size:
		return fmt.Errorf("adopt: %s is no file of %d bytes", path, it.Size)
	case it.Size > b.size || it.Size == 0:
		return nil
	}
	c := b.acquire(it)
	defer b.release(c.k)
	if err := c.open(); errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("adopt: %w", err)
	} else if err != nil {
		return nil // open has logged it
	}
	if c.whole() {
		return os.Remove(path)
	}
	if err = b.makeRoom(c.k, it.Size); err == nil {
		var fresh int64
		fresh, err = c.adopt(path)
		b.refund(c.k, it.Size-fresh)
	}
	switch {
	case errors.Is(err, unix.EXDEV):
		b.log.Info("what was uploaded must be downloaded to be read: the spool and the cache are on two file systems", "cache", b.dir)
	case err != nil:
		b.log.Warn("what was uploaded must be downloaded to be read", "err", err)
	}
	return nil
}

const (
	period   = 5 * time.Second // what arrived in the last one may be fetched again after a crash
	manyOpen = 256             // contents that are kept open for whoever reads them again soon
)

// tidy writes down what has arrived, and closes what no one has read for a while.
func (b *Blocks) tidy() {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		quiet := period
		select {
		case <-b.ctx.Done():
			return
		case <-b.many:
			quiet = 0
		case <-tick.C:
			_ = b.makeRoom(nil, 0) // others may need the disk; if there is nothing to give, there is nothing to do
		}
		for _, c := range b.open() {
			if err := c.save(); err != nil {
				b.log.Warn("cannot write down what is in the cache; it will be fetched again after a restart", "err", err)
			}
			b.rest(c, quiet)
		}
	}
}

// rest closes c if no one has used it for so long, and forgets it if there is nothing of it.
func (b *Blocks) rest(c *content, quiet time.Duration) {
	b.mu.Lock()
	k := c.k
	if k.users > 0 || k.c != c || time.Since(k.at) < quiet {
		b.mu.Unlock()
		return
	}
	k.c = nil
	b.opened--
	empty := k.bytes == 0 && b.table[k.key] == k
	if empty {
		delete(b.table, k.key)
	}
	b.mu.Unlock()
	c.saveTime()
	if empty {
		b.delete(k.base, c)
		return
	}
	_ = c.close() // all that was written is synced
}
