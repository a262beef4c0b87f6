package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/fs"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
	"github.com/frameiofs/frameiofs/ui"
)

// session is one mount from its start to the moment when all is safe. This is where the parts meet.
type session struct {
	cfg      *mountConfig
	log      *slog.Logger
	logFile  string
	conn     *connection
	link     *link
	guard    *guard // the link for changes
	known    *known
	confirm  *confirm // nil if Frame.io was asked before the mount
	root     remote.Item
	rootPath string
	point    string // mount point without symbolic links
	dev      string // major:minor that the kernel gave the mount
	since    time.Time

	state   *stateDir
	index   *cache.Index
	tree    *cache.Tree
	blocks  *cache.Blocks
	names   nameJournal
	spool   *spool.Spool
	fs      *fs.FS
	places  *places
	pins    *pins
	meter   meter
	limits  *limits
	toasts  *toasts // nil: the desktop is told nothing
	trouble *trouble
	super   *supervisor

	requests      requests
	stopObserving func() // nil until it was begun
	metricsURL    string // "" for none

	server      *control.Server
	page        *ui.Server // nil if there is none
	unregister  func() error
	background  sync.WaitGroup
	stopUploads func() // returns when nothing is sent any more
	endWatch    context.CancelFunc

	gone   chan struct{} // closed when the kernel has let the mount go
	closed chan struct{} // closed when another process may use the state folder

	parts sync.RWMutex   // read-held while the parts above are used by one who asks, held to close them; guards:
	down  bool           // the parts are closed
	last  control.Status // of the end; valid once down is

	stopping context.Context // guarded by parts, too; ended by dismiss when whoever waits for uploads must let go
	dismiss  context.CancelCauseFunc

	mu  sync.Mutex    // guards what follows
	how control.How   // how it ends; "" while nobody has asked
	now chan struct{} // closed when the end is not to wait for uploads

	detached bool // taken out of the tree, though programs still have files open

	// Of serve's goroutine alone:
	warnedBusy bool
	stopDrain  context.CancelFunc
}

// startSession does everything up to a mount that can be used. What it opened is closed again if it fails.
func startSession(ctx context.Context, cfg *mountConfig) (_ *session, err error) {
	if err := checkFuse(); err != nil {
		return nil, err
	}
	if cfg.allowOther {
		if err := checkAllowOther(); err != nil {
			return nil, err
		}
	}
	s := &session{cfg: cfg, since: time.Now(), trouble: &trouble{}, gone: make(chan struct{}), closed: make(chan struct{}), now: make(chan struct{})}
	s.log = slog.New(lastError{cfg.log.Handler(), s.trouble})
	s.super = newSupervisor(s.log)
	s.stopping, s.dismiss = context.WithCancelCause(context.Background())
	if s.point, err = checkMountPoint(cfg.dir, registryDir(), func(m string) { cfg.log.Warn(m) }); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.closeParts()
		}
	}()
	cfg.account.observe = s.requests.seen
	if err = s.reach(ctx); err != nil {
		return nil, err
	}
	s.limits = newLimits(s.conn, cfg.bandwidth, s.log)
	if cfg.notify && os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		s.toasts = newToasts(s.point, s.log)
	}
	if s.state, err = openState(identityOf(s.conn, s.root), cfg.stateDir, s.point, func(m string) { cfg.log.Warn(m) }); err != nil {
		if errors.Is(err, errForeign) { // perhaps only because what is known is wrong
			err = cmp.Or(s.confirm.first(ctx, guardTimeout), err)
		}
		return nil, err
	}
	if s.confirm == nil {
		s.remember()
	}
	if err = s.openLog(); err != nil {
		return nil, err
	}
	if err = s.openParts(); err != nil {
		return nil, err
	}
	if err = s.confirm.first(ctx, firstPatience); err != nil {
		return nil, err
	}
	if s.stopObserving, err = s.observe(); err != nil {
		return nil, err
	}
	if err = s.mount(); err != nil {
		return nil, err
	}
	return s, nil
}

// openParts opens what lies in the state folder and puts the tree together.
func (s *session) openParts() (err error) {
	cfg := s.cfg
	if s.index, err = cache.OpenIndex(filepath.Join(s.state.Dir, "index.db")); err != nil {
		return fail("", "open index: %w", err)
	}
	if err := s.openNames(filepath.Join(s.state.Dir, "names")); err != nil {
		return err
	}
	s.tree = cache.NewTree(cache.TreeConfig{Namespace: s.names, Index: s.index, Age: cfg.listingAge, Log: s.log,
		Changed: s.changed})
	s.layLeft()
	s.blocks, err = cache.OpenBlocks(cache.BlocksConfig{
		Dir: filepath.Join(s.state.Cache, "blocks"), Source: s.link, Size: cfg.cacheSize, KeepFree: cacheKeepFree(cfg.keepFree), Log: s.log})
	if err != nil {
		return fail("choose another with --state-dir", "open cache: %w", err)
	}
	if err := s.openSpool(); err != nil {
		return err
	}
	s.places = newPlaces(filepath.Join(s.state.Dir, "folders.json"), s.tree, placesWire{s.names, s.link}, s.root.Ref, s.log)
	s.pins = newPins(s, filepath.Join(s.state.Dir, "pins.json"))
	s.fs, err = fs.New(fs.Config{
		Tree: s.tree, Index: s.index, Blocks: s.blocks, Spool: s.spool, Names: s.names, Rests: s.names, SyncNames: s.names.Sync, Patient: s.names.Patient, Usage: s.link.Usage,
		Root: s.root, UID: cfg.uid, GID: cfg.gid, Umask: cfg.umask, ReadOnly: cfg.readOnly, SyncClose: cfg.syncClose,
		XAttr: cfg.xattr, AllowOther: cfg.allowOther, Options: cfg.options, Debug: cfg.debug, Log: s.log})
	if err != nil {
		return fail("", "%w", err)
	}
	return nil
}

func (s *session) openSpool() (err error) {
	cfg := s.cfg
	s.spool, err = spool.Open(spool.Config{
		Dir: filepath.Join(s.state.Dir, "spool"), Remote: s.guard, Names: s.names, Settle: cfg.settle, Uploads: cfg.uploads, Parts: cfg.parts,
		KeepFree: cfg.keepFree, Base: func(was remote.Item) spool.Base { return s.blocks.Open(was) }, Settled: s.settled, Stock: spool.DefaultStock,
		Verify: cfg.verify, Sums: s.conn.API == "v2", Read: s.link.OpenRange, List: s.link.Children, Receipts: filepath.Join(s.state.Dir, "receipts"), Where: s.pathOf,
		Appeared: s.appeared, Log: s.log})
	if err != nil {
		return fail("", "open spool: %w", err)
	}
	return nil
}

// cacheKeepFree leaves room between the cache and the limit of writers, so that a cache that has grown to its limit does not
// leave writers none.
func cacheKeepFree(keepFree int64) int64 { return 2*keepFree + 2<<30 }

// mount makes the mount, and makes it findable and askable.
func (s *session) mount() (err error) {
	if err = s.openPage(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.closePage()
		}
	}()
	if err = s.fs.Mount(s.point); err != nil {
		if hint := mountHint(err); hint != "" {
			return fail(hint, "%w", err)
		}
		return fail("", "%w", err)
	}
	go func() { // ends with the mount; finish waits for gone
		s.fs.Wait()
		close(s.gone)
	}()
	s.dev = deviceOf(s.point)
	readAhead(s.dev)
	if err = s.listen(); err != nil {
		s.leaveMount()
	}
	return err
}

func (s *session) listen() (err error) {
	if s.server, err = control.Listen(s.state.Dir, s, s.log); err != nil {
		return fail("", "%w", err)
	}
	s.unregister, err = control.Register(registryDir(), control.Registration{
		MountPoint: s.point, Socket: s.server.Socket(), PID: pid(), Since: s.since})
	if err != nil {
		return fail("", "%w", err)
	}
	return nil
}

// leaveMount takes down a mount that did not get to be used.
func (s *session) leaveMount() {
	if s.fs.Unmount() != nil {
		lazyUnmount(s.point)
	}
	<-s.gone
}

// changed tells those who keep something of a folder what others changed in it.
func (s *session) changed(parent remote.Ref, changes []cache.Change) {
	s.fs.Changed(parent, changes)
	s.pins.note(parent)
}

// settled tells the tree, and counts.
func (s *session) settled(info spool.Info, it remote.Item, data string) error {
	if err := s.fs.Settled(info, it, data); err != nil {
		return err
	}
	s.meter.settled(info)
	s.pins.settled(info.Parent)
	return nil
}

// closeParts closes in the opposite order of opening; what was not opened is skipped. It is called once.
func (s *session) closeParts() error {
	if s.stopObserving != nil {
		s.stopObserving()
	}
	s.confirm.close()
	if s.guard != nil {
		s.guard.close()
	}
	var errs []error
	keep := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", what, err))
		}
	}
	if s.spool != nil {
		keep("spool", s.spool.Close())
	}
	if s.tree != nil {
		s.tree.Close()
	}
	if s.names.Journal != nil {
		keep("journal of names", s.names.Close())
	}
	if s.blocks != nil {
		keep("cache", s.blocks.Close())
	}
	if s.index != nil {
		keep("index", s.index.Close())
	}
	if s.conn != nil {
		s.conn.Close()
	}
	if s.state != nil {
		s.state.Close()
	}
	return errors.Join(errs...)
}

// mountHint says what to do about a mount that the system refuses.
func mountHint(err error) string {
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return "mounting is not permitted here; in a container: run it with --device /dev/fuse --cap-add SYS_ADMIN --security-opt apparmor=unconfined"
	case errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENOENT):
		return "sudo apt-get install -y fuse3; sudo modprobe fuse"
	}
	return ""
}
