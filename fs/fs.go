package fs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// Names are changes of what stands where on Frame.io. A call returns when Frame.io has done it or refused, or when it has been taken
// on for later because there was no answer in time (spool/intent). Nil errors mean the same in both cases: it will be so.
type Names interface {
	// Mkdir makes a folder; its ID is pending if it is not there yet.
	Mkdir(ctx context.Context, parent remote.Ref, name string) (remote.Item, error)
	// Relocate moves and renames; both or nothing.
	Relocate(ctx context.Context, it remote.Item, from, to remote.Ref, name string) (remote.Item, error)
	// Remove deletes a file or stack; one that is not there is no error.
	Remove(ctx context.Context, it remote.Item, parent remote.Ref) error
	// RemoveFolder deletes a folder that nothing is in but what was removed here; syscall.ENOTEMPTY.
	RemoveFolder(ctx context.Context, it remote.Item, parent remote.Ref) error
	// AddVersion makes file the newest version of target. It is never taken on for later.
	AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error)
}

// Rests are changes that rest before they are sent.
type Rests interface {
	// RelocateLater takes on a move and renaming of a file or stack; nobody waits for it.
	RelocateLater(it remote.Item, from, to remote.Ref, name string) (remote.Item, error)
	// RemoveLater takes the deletion of a file or stack on; nobody waits for it.
	RemoveLater(it remote.Item, parent remote.Ref) error
	// Keep takes one back that has not been sent: of what had a name, as Frame.io has it, in parent.
	Keep(parent remote.Ref, name string) (remote.Item, bool)
}

// Config is what a mounted tree is made of.
type Config struct {
	Tree   *cache.Tree
	Index  *cache.Index
	Blocks *cache.Blocks
	Spool  *spool.Spool
	Names  Names
	Rests  Rests
	// Patient reports whether a program may still wait for Frame.io to list what it has known for a while; nil: always.
	Patient func() bool
	// SyncNames returns when what Names has taken on survives a loss of power; nil: it always does.
	SyncNames func(ctx context.Context) error
	// Usage tells an account's storage, for statfs and to refuse in time what would not fit.
	Usage func(ctx context.Context, account remote.ID) (remote.Usage, error)
	Root  remote.Item // what the mount shows; its Kind is Root for everything the token can see

	UID, GID  uint32        // owner of everything that no program gave another
	Umask     uint32        // taken from 0666 and 0777
	ReadOnly  bool          // every change fails with EROFS
	SyncClose bool          // close(2) and fsync(2) return when Frame.io has the bytes
	XAttr     bool          // extended attributes are kept, and user.frameio.* are there; makes ls -l slower
	Timeout   time.Duration // longest wait of one call for Frame.io; default 60 s

	AllowOther bool     // other users may look in
	Options    []string // mount(8) options passed on: nosuid, noexec, …
	Debug      bool     // log every request of the kernel
	Log        *slog.Logger

	testOnlyNoPast bool // what is being written goes through us
}

// FS is one mounted tree.
type FS struct {
	cfg          Config
	log          *slog.Logger
	start        time.Time // time of folders that Frame.io gives none
	quota        quota
	root         *dir
	server       *fuse.Server
	marked       atomic.Bool   // the root has marks of macOS
	passes       atomic.Bool   // the kernel can read files past us,
	copying      copying       // who may be about to copy
	passesWrites atomic.Bool   // and write the spool's
	events       atomic.Uint64 // changes of what an inode stands for, counted; see file.told

	mounted atomic.Bool     // the kernel can be told something
	telling sync.WaitGroup  // what is being told to it
	life    context.Context // ends with stop
	stop    func()          // ends prune, and what is fetched for nobody who waits

	raw      fuse.RawFileSystem // go-fuse's side of the nodes
	watchers watchers

	forms  forms
	asides asides
	files  live[file]
	dirs   live[dir]
}

// New makes a tree that is not mounted yet.
func New(cfg Config) (*FS, error) {
	if cfg.Tree == nil || cfg.Index == nil || cfg.Blocks == nil || cfg.Spool == nil || cfg.Names == nil || cfg.Rests == nil {
		return nil, errors.New("fs: incomplete configuration")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	f := &FS{cfg: cfg, log: cfg.Log, start: time.Now()}
	f.marked.Store(marked)
	f.forms.folds = folds
	f.quota.fs = f
	return f, nil
}

// Mount mounts the tree at mountPoint and returns when it can be used.
func (f *FS) Mount(mountPoint string) error {
	f.root = &dir{fs: f, item: f.cfg.Root}
	server, err := f.serve(mountPoint)
	if err != nil {
		return fmt.Errorf("mount %s: %w", mountPoint, err)
	}
	f.server = server
	f.passes.Store(canPass(server))
	f.passesWrites.Store(f.canPassWrites())
	f.mounted.Store(true)
	ctx, cancel := context.WithCancel(context.Background())
	f.life, f.stop = ctx, cancel
	if tells {
		f.telling.Go(func() { f.prune(ctx) })
	}
	return nil
}

// options are the mount's as measured best: spec/fuse.md §0 and §9.8.
func (f *FS) options() *fusefs.Options {
	keep := kept
	o := &fusefs.Options{
		EntryTimeout:    &keep,
		AttrTimeout:     &keep,
		NegativeTimeout: &keep,
		UID:             f.cfg.UID,
		GID:             f.cfg.GID,
		NullPermissions: true,
		RootStableAttr:  &fusefs.StableAttr{Ino: 1, Mode: syscall.S_IFDIR},
	}
	o.MaxWrite = 1 << 20
	o.MaxBackground = 64
	o.FsName = "frameio"
	o.Name = "frameiofs"
	o.AllowOther = f.cfg.AllowOther
	o.DirectMount = os.Geteuid() == 0
	o.DisableSplice = true
	o.DisableXAttrs = !f.cfg.XAttr
	o.Debug = f.cfg.Debug
	o.MountOptions.Logger = slog.NewLogLogger(f.log.Handler(), slog.LevelDebug) // which keeps names from breaking lines, and secrets out
	o.ExtraCapabilities = fuse.CAP_ATOMIC_O_TRUNC
	o.PanicHandler = f.panicked
	o.Options = append(o.Options, f.cfg.Options...)
	f.system(o)
	return o
}

// panicked keeps the mount alive when one request fails in a way nobody foresaw: that request gets EIO.
func (f *FS) panicked(v any) fuse.Status {
	stack := make([]byte, 16<<10)
	stack = stack[:runtime.Stack(stack, false)]
	f.log.Error("a request failed inside frameiofs; please report this", "cause", fmt.Sprint(v), "stack", string(stack))
	return fuse.EIO
}

// Wait returns when the tree has been unmounted, by whomever, and nothing of it is running any more.
func (f *FS) Wait() {
	f.server.Wait()
	f.mounted.Store(false)
	f.stop()
	f.telling.Wait()
	f.quota.asking.Wait()
}

// Unmount unmounts the tree. It fails with an error for which errors.Is(err, syscall.EBUSY) holds while files are open in it.
func (f *FS) Unmount() error {
	if f.server == nil {
		return nil
	}
	err := f.server.Unmount()
	if err != nil && !errors.Is(err, syscall.EBUSY) && strings.Contains(err.Error(), "busy") {
		err = fmt.Errorf("%w: %w", syscall.EBUSY, err) // fusermount's words
	}
	return err
}

// Settled takes over from the spool what Frame.io has confirmed: the name goes into the listing, the bytes into the cache, and
// the inode turns from entry to item. It may be called again for the same entry after a crash.
func (f *FS) Settled(in spool.Info, it remote.Item, data string) error {
	ino, gen := in.Key.Inode()
	if err := f.cfg.Index.Alias(it.ID, ino, gen); err != nil {
		return fmt.Errorf("keep inode number: %w", err)
	}
	attr := cache.Attr{Mode: in.Mode, UID: in.UID, GID: in.GID, Mtime: in.Mtime, Atime: in.Atime, Ctime: in.Ctime}
	if err := f.cfg.Index.SetAttr(it.Content, attr); err != nil {
		return fmt.Errorf("keep attributes: %w", err)
	}
	if err := f.cfg.Index.SetXAttrs(it.Content, in.XAttr); err != nil {
		return fmt.Errorf("keep attributes: %w", err)
	}
	f.forms.makes(in.Name, it.ID, in.Replaces.ID)
	if err := f.cfg.Blocks.Adopt(it, data); err != nil {
		// The bytes are safe on Frame.io; without the adopted copy they are downloaded when somebody reads them.
		f.log.Warn("uploaded file could not be kept in the cache", "name", in.Name, "error", err)
	}
	for _, id := range in.Assets {
		if id != it.ID {
			f.cfg.Tree.Drop(in.Parent, id)
		}
	}
	if !in.Born.IsZero() && in.Born.ID != in.Parent.ID {
		f.cfg.Tree.Drop(in.Born, it.Content) // renamed on its way, perhaps before this program was started
	}
	f.cfg.Tree.Put(in.Parent, it)
	if e := f.cfg.Spool.Find(in.Parent.ID, in.Name); e == nil || e.Key() != in.Key {
		f.cfg.Tree.Drop(in.Parent, it.ID) // unlinked or renamed meanwhile; what did that may have changed the listing before us
	}

	if n := f.files.known(entryAttr(in.Key)); n != nil {
		if was := n.settled(in.Parent, it); was.ID != "" && was.ID != it.ID {
			f.cfg.Tree.Drop(in.Parent, was.ID) // a version in it by now, of which in.Replaces may not tell
		}
	}
	f.relisted(in.Parent, in.Name, it)
	return nil
}
