package spool

import (
	"context"
	"errors"
)

var errNotYet = errors.New("spool: being built")

// Entry is one file that is leaving. Its methods may be called at any stage and from any goroutine.
type Entry struct{ info Info }

// Key is the identity of the entry; it never changes.
func (e *Entry) Key() Key { return e.info.Key }

// Info tells everything about the entry at this moment.
func (e *Entry) Info() Info { return e.info }

// Target tells where the entry belongs now. Replaces is what it would become a version of, which may be an asset that an
// earlier content of this very entry has become meanwhile.
func (e *Entry) Target() Target { return e.info.Target }

// Size is the file's size in bytes.
func (e *Entry) Size() int64 { return e.info.Size }

// Attr is what was set on the file; Mtime is always set.
func (e *Entry) Attr() Attr { return e.info.Attr }

// Open gives a handle on the entry; a writer is counted until its Release. It answers ErrGone once the entry has settled.
func (e *Entry) Open(write bool) (*Handle, error) { return nil, errNotYet }

// Retarget gives the entry another name, folder, or asset to replace; at any stage, without cancelling an upload, and durable
// on return. Another visible entry of that name is discarded with it, as rename(2) has it. An entry that is held for its name
// becomes ordinary by an ordinary name; a parked one is tried again.
func (e *Entry) Retarget(t Target) error { return errNotYet }

// SetAttr records the fields of a that are set. The quiet time begins anew, but is lengthened by at most 10 s in all.
func (e *Entry) SetAttr(a Attr) error { return errNotYet }

// Truncate sets the size without a handle. If nobody has the entry open for writing it counts as written and closed.
func (e *Entry) Truncate(ctx context.Context, size int64) error { return errNotYet }

// Discard is unlink: the entry is invisible at once and will not be sent; what is on Frame.io of it is deleted later. Open
// handles keep working on its bytes until their Release. What it replaces on Frame.io is not touched.
func (e *Entry) Discard() error { return errNotYet }

// Sync is fsync: when it returns, bytes, name and attributes survive a loss of power.
func (e *Entry) Sync(ctx context.Context) error { return errNotYet }
