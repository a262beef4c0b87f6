package spool

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Errors that callers tell apart. Disk errors come as the system's own: syscall.ENOSPC when the disk may not be used any
// further, syscall.EIO and others as they are. A taken name answers errors.Is(err, io/fs.ErrExist).
var (
	// ErrGone: the entry has settled or was discarded, so it cannot be changed any more. If Info().Stage is Settled, the asset
	// Info().Asset is what to change now.
	ErrGone = errors.New("spool: the entry is gone: Frame.io has it, or it was discarded")
	// ErrParked: Frame.io refuses something that was waited for; or it is paused; Info.Reason of the entries says what to do.
	ErrParked = errors.New("spool: some files are parked or paused and need a person")
	// ErrLocked: another process owns the state folder.
	ErrLocked = errors.New("the state folder is in use by another mount")
	// ErrClosed: the spool or the handle was closed.
	ErrClosed = errors.New("spool: closed")
)

// Key is the identity of an entry and of its inode: 32 lower-case hex digits, 128 random bits.
type Key string

// NewKey draws a key. No two entries ever have the same one.
func NewKey() Key {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return Key(hex.EncodeToString(b[:]))
}

// Valid reports whether k has the form of a key.
func (k Key) Valid() bool {
	if len(k) != 32 {
		return false
	}
	for _, c := range []byte(k) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Inode gives the two halves of k as inode number and generation. The number is never 0, 1 (the root) or 2^64-1 (go-fuse's
// "choose one"); a key that would give one of these gives another number, always the same.
func (k Key) Inode() (ino, gen uint64) {
	if !k.Valid() {
		return 2, 0
	}
	ino, _ = strconv.ParseUint(string(k[:16]), 16, 64)
	gen, _ = strconv.ParseUint(string(k[16:]), 16, 64)
	if ino <= 1 || ino == math.MaxUint64 {
		ino = 1<<62 | ino&0xff
	}
	return ino, gen
}

// Target is where an entry belongs on Frame.io.
type Target struct {
	Parent   remote.Ref `json:"parent"`            // the folder
	Name     string     `json:"name"`              // as Frame.io shall have it
	Replaces remote.Ref `json:"replaces,omitzero"` // the File or Stack it becomes the newest version of; zero: a new asset
}

// Attr is what a program sets on a file besides its bytes. Zero and nil mean "not set".
type Attr struct {
	Mode  uint32    `json:"mode,omitempty"` // permission bits
	UID   *uint32   `json:"uid,omitempty"`
	GID   *uint32   `json:"gid,omitempty"`
	Mtime time.Time `json:"mtime,omitzero"` // not set: the time of the last modification
	Atime time.Time `json:"atime,omitzero"`
	Ctime time.Time `json:"ctime,omitzero"` // when any of it was set last

	XAttr map[string][]byte `json:"xattr,omitempty"` // extended attributes by name; never changed, only replaced, see ChangeXAttrs
}

// merge lays the set fields of b over a.
func (a Attr) merge(b Attr) Attr {
	if b.Mode != 0 {
		a.Mode = b.Mode
	}
	if b.UID != nil {
		a.UID = b.UID
	}
	if b.GID != nil {
		a.GID = b.GID
	}
	if !b.Mtime.IsZero() {
		a.Mtime = b.Mtime
	}
	if !b.Atime.IsZero() {
		a.Atime = b.Atime
	}
	if !b.Ctime.IsZero() {
		a.Ctime = b.Ctime
	}
	return a
}

// Base is the bytes of an asset that is opened for writing: what is there but for what was modified.
type Base interface {
	// ReadAt is io.ReaderAt with a context.
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)
	// ReadOnce is ReadAt for bytes that are kept here: nobody else needs to keep them.
	ReadOnce(ctx context.Context, p []byte, off int64) (int, error)
	Size() int64
	Close() error
}

// Closing tells who closes a file descriptor.
type Closing struct {
	Signalled bool   `json:"signalled,omitempty"` // the process is dying by a signal: what it wrote may not be all
	PID       uint32 `json:"pid,omitempty"`       // 0: not known
}

// Stage tells how far an entry has come.
type Stage string

// The stages, in the order of a file's life.
const (
	Clean      Stage = "clean"      // opened for writing, not modified: nothing is leaving
	Writing    Stage = "writing"    // a program has it open for writing
	Settling   Stage = "settling"   // closed; the quiet time runs
	Waiting    Stage = "waiting"    // sealed; waits for its turn, or for the next try
	Uploading  Stage = "uploading"  // its bytes are being sent
	Confirming Stage = "confirming" // all bytes are sent; Frame.io puts them together
	Verifying  Stage = "verifying"  // Frame.io has all bytes, and they are read back
	Settled    Stage = "settled"    // Frame.io has it under its name; the rest of the program is being told
	Held       Stage = "held"       // stays on this machine until something changes: see Reason
	Parked     Stage = "parked"     // Frame.io refuses it: see Reason
	Gone       Stage = "gone"       // settled and told, or discarded
)

// Info is all that can be said about an entry at one moment.
type Info struct {
	Key Key `json:"key"`
	Target
	Attr           // Mtime is always set
	Size    int64  `json:"size"` // bytes
	Stage   Stage  `json:"stage"`
	Writers int    `json:"writers,omitempty"` // handles open for writing
	Reason  string `json:"reason,omitempty"`  // why it is held, parked or paused, for people, with what to do
	Quiet   bool   `json:"quiet,omitempty"`   // held as a matter of course (a temporary name, no byte yet): not worth a line in a summary

	Paused bool `json:"paused,omitempty"` // its bytes are not sent until Resume
	First  bool `json:"first,omitempty"`  // it was put before the others

	Asset     remote.Ref  `json:"asset,omitzero"`    // its File on Frame.io (a placeholder at first), or its Stack once it is a version
	CopyOf    string      `json:"copy_of,omitempty"` // what on Frame.io has its bytes, which are not here: Frame.io is to copy it
	Assets    []remote.ID `json:"-"`                 // for Config.Settled: all that Frame.io has had of it or before it, and listings may still show
	Born      remote.Ref  `json:"born,omitzero"`     // the folder that its File was made in, if Frame.io has all bytes: listings may still show it there
	MediaType string      `json:"media_type,omitempty"`
	Sent      int64       `json:"sent"` // bytes PUT so far
	Parts     int         `json:"parts,omitempty"`
	PartsDone int         `json:"parts_done,omitempty"`

	Missing  int64     `json:"missing,omitempty"`  // bytes that must be fetched before it can be sent: those that were not changed
	Attempts int       `json:"attempts,omitempty"` // how often sending was begun
	Err      string    `json:"err,omitempty"`      // what went wrong last, while it is being tried again
	NextTry  time.Time `json:"next_try,omitzero"`
	Closed   time.Time `json:"closed,omitzero"` // when the last writer closed it

	behind bool // what it was before is on its way to its place still
}
