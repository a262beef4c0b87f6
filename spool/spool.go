// Package spool is what is leaving: files that are written here and are not yet on Frame.io.
//
// Open takes the state folder and recovers everything in it; Create and Change begin an Entry, Entry.Open gives a Handle to
// write with, and Run carries whatever has been closed to Frame.io. Find, In and Claimed tell the mounted tree what to show
// in place of Frame.io's own listing; Wait, Retry and All are for the people who ask where their film is.
package spool

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Remote is what the spool asks of Frame.io; the clients of both wires have it.
type Remote interface {
	// CreateFile makes a placeholder and tells where its bytes go.
	CreateFile(ctx context.Context, f remote.NewFile) (remote.Upload, error)
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

// Config tells a Spool where it lives and whom it serves. Zero values mean the defaults named here.
type Config struct {
	Dir    string // the state folder; one spool at a time owns it
	Remote Remote

	Settle   time.Duration // quiet time after the last close before anything is sent (2 s); shorter catches tools between close and rename
	Uploads  int           // files sent at once (4)
	Parts    int           // PUTs at once per file (8); all files together have at most 16
	KeepFree int64         // bytes of the disk that writers may not use up: beyond them write answers ENOSPC

	// Local tells the names that never leave this machine (LocalName).
	Local func(name string) bool
	// Settled is called without any lock held once Frame.io has confirmed an entry and it has its name and place; the entry
	// stays visible until Settled returns. data is the path of its bytes, which the callee may take by renaming it. It is
	// called again after a crash in between, after an error (later), and after a change of name or attributes meanwhile, so it
	// must be idempotent and must stand data being gone already.
	Settled func(info Info, item remote.Item, data string) error
	Log     *slog.Logger
}

// Defaults of Config.
const (
	DefaultSettle  = 2 * time.Second
	DefaultUploads = 4
	DefaultParts   = 8
)

// Spool owns a state folder and all that is leaving from it.
type Spool struct{ cfg Config }

// Open creates the folders, takes the lock, and recovers every entry. Without Run nothing is sent.
func Open(cfg Config) (*Spool, error) { return &Spool{cfg: cfg}, nil }

// Run sends what is closed until ctx ends, and returns when all its goroutines have. To be called once.
func (s *Spool) Run(ctx context.Context) error { return errNotYet }

// Close brings everything to the disk and gives up the lock. Run must have returned.
func (s *Spool) Close() error { return nil }

// Create begins a new, empty file. A visible entry of that name: io/fs.ErrExist.
func (s *Spool) Create(t Target, a Attr) (*Entry, error) { return nil, errNotYet }

// Change begins a change of the asset t.Replaces, whose inode has the key k ("": draw one). The entry is clean, and its bytes
// are base's, until the first modification; unmodified it vanishes at the release of its last writer. A nil base means that
// the old bytes do not matter (O_TRUNC): the entry is empty and counts as modified. Open it at once, or Truncate or Discard
// it: base is closed with the last handle. A visible entry of that name or key: io/fs.ErrExist.
func (s *Spool) Change(t Target, a Attr, k Key, base Base) (*Entry, error) { return nil, errNotYet }

// Find gives the visible entry of that name in a folder, or nil.
func (s *Spool) Find(parent remote.ID, name string) *Entry { return nil }

// In lists the visible entries of a folder, in no order.
func (s *Spool) In(parent remote.ID) []*Entry { return nil }

// Claimed reports whether id is the asset of a visible entry, or the File or Stack it replaces: the tree shows the entry in
// its place.
func (s *Spool) Claimed(id remote.ID) bool { return false }

// All tells about every entry except clean ones, the oldest first.
func (s *Spool) All() []Info { return nil }

// Hurry ends the quiet time of what is closed, and the waits before the next try: for unmount and sync.
func (s *Spool) Hurry() {}

// Wait returns when none of the entries that which picks (nil: all) is on its way: settling, waiting, uploading, confirming
// or settled but not yet told. What is being written, held or parked is not on its way; it answers ErrParked if some of
// them are parked.
func (s *Spool) Wait(ctx context.Context, which func(Info) bool) error { return errNotYet }

// Retry sends parked entries again, all if no key is given. Of the keys given, held entries whose writer was interrupted are
// taken as they are and sent too.
func (s *Spool) Retry(keys ...Key) {}

// Free is how many bytes writers may still put on the disk.
func (s *Spool) Free() int64 { return 0 }
