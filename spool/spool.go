// Package spool is what is leaving: files that are written here and are not yet on Frame.io.
//
// Open takes the state folder and recovers everything in it; Create and Change begin an Entry, Entry.Open gives a Handle to
// write with, and Run carries whatever has been closed to Frame.io. Find, In and Claimed tell the mounted tree what to show
// in place of Frame.io's own listing; Wait, Retry and All are for the people who ask where their film is.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool/platter"
)

// Remote is what the spool asks of Frame.io; the clients of both wires have it.
type Remote interface {
	// CreateFile makes a placeholder and tells where its bytes go.
	CreateFile(ctx context.Context, f remote.NewFile) (remote.Upload, error)
	// CopyFile makes a file of another one of the same account, under whatever name; it may not be complete yet.
	CopyFile(ctx context.Context, c remote.Copy) (remote.Item, error)
	// PutPart sends body's bytes [part.Off, part.Off+part.Size). It must return soon after ctx ends.
	PutPart(ctx context.Context, part remote.Part, body io.ReaderAt) error
	// Stat tells how far the bytes have come.
	Stat(ctx context.Context, ref remote.Ref) (remote.Item, error)
	// Delete removes an asset; one that is not there is no error.
	Delete(ctx context.Context, ref remote.Ref) error
	Places
}

// Places are the calls that bring an uploaded file where it belongs. All of them may be repeated: a second call with the
// same arguments changes nothing.
type Places interface {
	// AddVersion makes file the newest version of target (a File or a Stack) and answers the stack.
	AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error)
	Rename(ctx context.Context, ref remote.Ref, name string) (remote.Item, error)
	Move(ctx context.Context, ref, to remote.Ref) (remote.Item, error)
}

// Names is what is still to happen to names on Frame.io.
type Names interface {
	// Real answers what a folder that was made on this machine is on Frame.io; false while it is not there.
	Real(here remote.Ref) (remote.Ref, bool)
	// Stays reports whether a folder that was made on this machine is not to be there under the name it has, so that what is in it
	// stays here too.
	Stays(here remote.Ref) bool
	// Void reports whether a folder that was made on this machine will never be there.
	Void(here remote.Ref) bool
	// Idle returns when nothing is to happen any more to the name of an asset.
	Idle(ctx context.Context, asset remote.Ref) error
}

// Config tells a Spool where it lives and whom it serves. Zero values mean the defaults named here.
type Config struct {
	Dir    string // the state folder; one spool at a time owns it
	Remote Remote
	Names  Names // nil: nothing ever is to happen to names

	Settle   time.Duration // quiet time after the last close before anything is sent (2 s); shorter catches tools between close and rename
	Uploads  int           // files sent at once (4), and beside them 16 times as many small ones, of at most 2 MiB
	Parts    int           // PUTs at once per file (16); all files together have at most 16, and small ones one each
	KeepFree int64         // bytes of the disk that writers may not use up: beyond them write answers ENOSPC
	Stock    int           // files made ahead, so that thousands can be created in a moment (0)

	// Base gives the bytes of an asset as it was when its change began, by its Content; it returns at once.
	Base func(was remote.Item) Base
	// Local tells the names that never leave this machine (LocalName).
	Local func(name string) bool
	// Verify is how much is done to prove that what was sent is what Frame.io has (VerifySize). Sums tells that Frame.io tells checksums
	// of files, if late (V2); Read reads bytes of a file on Frame.io, and List what is in a folder: without them, what needs them is not done.
	Verify Verify
	Sums   bool
	Read   func(ctx context.Context, file remote.Ref, off, n int64) (io.ReadCloser, error)
	List   func(ctx context.Context, folder remote.Ref) iter.Seq2[remote.Item, error]
	// Receipts is the folder of the receipts ("receipts" in Dir), and Where the path that stands in them; nil: none.
	Receipts string
	Where    func(folder remote.Ref, name string) string
	// Appeared is called when an entry has come to be that nobody has made: what Frame.io has under its name is damaged. Nil: it is not.
	Appeared func(Info)
	// Settled is called without any lock held once Frame.io has confirmed an entry and it has its name and place; the entry
	// stays visible until Settled returns. data is the path of its bytes, which the callee may take by renaming it; "" if they never
	// were here, because Frame.io has copied them. It is
	// called again after a crash in between, after an error (later), and after a change of name or attributes meanwhile, so it
	// must be idempotent and must stand data being gone already.
	Settled func(info Info, item remote.Item, data string) error
	Log     *slog.Logger

	testOnlyStep func(what string) // called after each step on the disk
	testOnlyBoot string            // instead of the machine's run

	testOnlyRoom    func() int64 // instead of what the disk has left
	testOnlyFolders bool         // small files get folders of their own, too
}

// Defaults of Config.
const (
	DefaultSettle  = 2 * time.Second
	DefaultUploads = 4
	DefaultParts   = 16
)

// Spool owns a state folder and all that is leaving from it.
type Spool struct {
	cfg        Config
	log        *slog.Logger
	boot       string // this run of the machine
	space      space
	line       line
	paused     atomic.Bool // all of it
	hydrations *semaphore.Weighted
	fetches    *semaphore.Weighted
	lock       *os.File

	journal *journal
	stock   stock

	wake       chan struct{} // Run
	syncWake   chan struct{}
	orphanWake chan struct{}
	stopSync   context.CancelFunc
	background sync.WaitGroup // the syncer
	nParked    atomic.Int64
	assembly   assembly
	receipts   *receipts
	readBacks  *semaphore.Weighted
	proofWake  chan struct{}
	clones     atomic.Int64 // that there were, and perhaps are
	known      known

	mu sync.RWMutex // guards what follows. Lock order: see Entry
	index
	closed     bool
	due        queue // entries whose time comes: the quiet time is over, or the wait before the next try
	ready      queue // entries whose time has come, the oldest sealed first
	smallReady queue // the small ones of them
	sending    int   // attempts, but for those of small files and those that are
	confirming int
	sealing    int

	sendingSmall int
	unsynced     map[*Entry]struct{}
	remains      []Key // young entries whose bytes go once what took their names is on the disk
	litter       []Key // young entries whose bytes go with the next commit
	orphans      map[string]*orphan
	awaited      map[remote.ID]*awaited
	doomed       map[remote.ID]time.Time // what orphans name and, with the time of its deletion, what they named until lately
	changed      chan struct{}           // closed at the next change; nil if nobody waits
}

// Open creates the folders, takes the lock, and recovers every entry. Without Run nothing is sent.
func Open(cfg Config) (*Spool, error) {
	if cfg.Remote == nil || cfg.Settled == nil {
		return nil, errors.New("spool: Config needs Remote and Settled")
	}
	if cfg.Settle == 0 {
		cfg.Settle = DefaultSettle
	}
	if cfg.Uploads <= 0 {
		cfg.Uploads = DefaultUploads
	}
	if cfg.Parts <= 0 {
		cfg.Parts = DefaultParts
	}
	if cfg.Verify == "" {
		cfg.Verify = VerifySize
	}
	if cfg.Receipts == "" {
		cfg.Receipts = filepath.Join(cfg.Dir, receiptsName)
	}
	if cfg.Local == nil {
		cfg.Local = LocalName
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Spool{
		cfg: cfg, log: cfg.Log, boot: bootID(), line: line{parts: cfg.Parts}, hydrations: semaphore.NewWeighted(maxHydrating), fetches: semaphore.NewWeighted(maxFetching), index: newIndex(),
		wake: make(chan struct{}, 1), syncWake: make(chan struct{}, 1), orphanWake: make(chan struct{}, 1),
		unsynced: map[*Entry]struct{}{}, orphans: map[string]*orphan{}, awaited: map[remote.ID]*awaited{}, doomed: map[remote.ID]time.Time{},
	}
	s.proofWake, s.readBacks = make(chan struct{}, 1), semaphore.NewWeighted(maxReadBacks)
	if cfg.testOnlyBoot != "" {
		s.boot = cfg.testOnlyBoot
	}
	s.space.dir, s.space.keep = cfg.Dir, cfg.KeepFree
	s.stock.size, s.stock.last, s.stock.wake = cfg.Stock, time.Now(), make(chan struct{}, 1)
	if err := s.prepare(); err != nil {
		return nil, err
	}
	if err := errors.Join(s.loadPause(), s.recover()); err != nil {
		s.lock.Close()
		return nil, err
	}
	s.known.load(cfg.Dir)
	ctx, cancel := context.WithCancel(context.Background())
	s.stopSync = cancel
	s.background.Go(func() { s.syncer(ctx) })
	s.background.Go(func() { s.stocker(ctx) })
	return s, nil
}

// prepare makes the folders and takes the lock.
func (s *Spool) prepare() (err error) {
	if err = os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return hint(err)
	}
	if s.lock, err = lock(s.cfg.Dir); err != nil {
		return hint(err)
	}
	defer func() {
		if err != nil {
			s.lock.Close()
		}
	}()
	switch v, err := os.ReadFile(filepath.Join(s.cfg.Dir, "VERSION")); {
	case errors.Is(err, fs.ErrNotExist):
		if err := writeFile(s.cfg.Dir, "VERSION", []byte(layoutVersion), durable); err != nil {
			return hint(err)
		}
	case err != nil:
		return hint(err)
	case string(v) == olderVersion:
		if err := writeFile(s.cfg.Dir, "VERSION", []byte(layoutVersion), durable); err != nil {
			return hint(err)
		}
	case string(v) != layoutVersion:
		return fmt.Errorf("the state folder %s was written by another version of this program (layout %.16q): use that one to finish its uploads", s.cfg.Dir, v)
	}
	for _, folder := range append([]string{young, verifying}, folders...) {
		if err := os.MkdirAll(filepath.Join(s.cfg.Dir, folder), 0o700); err != nil {
			return hint(err)
		}
	}
	if err := platter.SyncDir(s.cfg.Dir); err != nil {
		return err
	}
	if s.receipts, err = openReceipts(s.cfg.Receipts); err != nil {
		return hint(err)
	}
	damaged := 0
	if s.journal, damaged, err = openJournal(s.cfg.Dir); err != nil {
		return hint(err)
	}
	if damaged > 0 {
		s.log.Warn("the end of the spool's journal did not come to the disk, or it is damaged", "lines", damaged)
	}
	return nil
}

// hint says what to do about a state folder that cannot be used.
func hint(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("the state folder cannot be written: %w; mend its permissions or choose another with --state-dir", err)
	}
	return err
}

// Close brings everything to the disk and gives up the lock. Run must have returned.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.stopSync()
	s.background.Wait()
	s.clearStock()
	return errors.Join(s.receipts.close(), s.journal.close(), s.lock.Close())
}

// OnDisk is a file on the disk that the bytes are on.
func (s *Spool) OnDisk() *os.File { return s.lock }

// path is an entry's folder.
func (s *Spool) path(folder string, k Key) string { return filepath.Join(s.cfg.Dir, folder, string(k)) }

// did marks a step on the disk.
func (s *Spool) did(what string) {
	if s.cfg.testOnlyStep != nil {
		s.cfg.testOnlyStep(what)
	}
}
