package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool/platter"
)

// Entry is one file that is leaving. Its methods may be called at any stage and from any goroutine.
//
// Lock order: step → gate → Spool.mu → mu (two steps: the smaller key first). None is held over the network or the fsync of
// data, and none while Config.Settled runs.
type Entry struct {
	s   *Spool
	key Key

	// step is held by whoever changes what the disk says about the entry. Small fsyncs happen under it.
	step       sync.Mutex
	attempt    *attempt      // who is sending it now; an attempt that is not this one any more may not change anything
	intent     *intent       // creating
	split      bool          // it has got data of its own, but as yet nothing else happened to it: see undo
	hydrating  *hydration    // who fetches its rest
	given      bool          // data may belong to someone else by now (Config.Settled): before a modification it is copied; written with gate held too
	telling    bool          // Config.Settled is running
	unlinked   bool          // discarded
	frail      bool          // entry.json may not survive a loss of power
	previous   bool          // entry.prev is there, which does
	closedMods int64         // mods when it was closed last
	lazy       bool          // something was written that may not survive a loss of power
	line       uint64        // of the journal, with a young entry's record
	copying    chan struct{} // not nil while someone copies given bytes; closed at the end
	steady     int           // how many keep it as it is on Frame.io (steady.go)
	calm       chan struct{} // not nil while steady; closed at the end
	placing    int           // last steps that are being done

	// gate is shared by those who read and write bytes, and taken alone by who changes which bytes these are.
	gate     sync.RWMutex
	writable bool     // bytes may be changed: they are ours alone, and the disk says that the entry is not closed
	data     *os.File // nil if nobody uses it, or if the bytes are base's
	blocks   *blocks  // which bytes are base's though there is data; nil: none

	size     atomic.Int64 // bytes
	modified atomic.Int64 // unix nanoseconds of the last modification
	mods     atomic.Int64 // counts modifications since the start of the program
	mtimeSet atomic.Bool  // rec.Attr.Mtime is set; a write ends that
	broken   atomic.Bool  // hole is not empty
	lacks    atomic.Int64 // bytes that only base has
	first    atomic.Int64 // rec.First in unix nanoseconds; 0: it was not put first

	past past

	mu       sync.Mutex // guards what follows; a leaf: nothing is called under it
	rec      record     // but for Attr.Mtime changed only with step held too, like the next five
	stage    Stage
	folder   string      // drafts, outbox, …; "" if the disk knows nothing of the entry
	young    bool        // it has no folder of its own there: see journal
	asset    remote.Ref  // upload.json's file
	placed   *placed     // item.json; replaced, never changed
	sending  *attempt    // the same as attempt
	ever     []remote.ID // what it claimed since the start of the program
	base     Base        // bytes that are not here; opened by source
	bases    []Base      // what base was before, for who still reads from it
	uses     int         // of data and base: handles, attempts, fsyncs
	writers  map[*Handle]struct{}
	unseen   int       // those of them that write past us
	last     Closing   // by the last Flush of a writer
	hole     span      // where a write failed and was not made good
	touched  int       // counts changes of name and attributes
	patience time.Time // the quiet time is not prolonged beyond this
	err      string    // Info.Err
	nextTry  time.Time
	tries    int   // in a row without progress
	refusal  error // for which it was parked since the start of the program

	ticket uint64      // guarded by Spool.mu: which turn in the queue is valid
	hidden bool        // guarded by Spool.mu: not visible any more
	place  place       // guarded by Spool.mu: under which it is in the index
	claims []remote.ID // guarded by Spool.mu: which it has in the index
}

// span is a range of bytes.
type span struct{ off, end int64 }

// Key is the identity of the entry; it never changes.
func (e *Entry) Key() Key { return e.key }

// dir is the entry's folder.
func (e *Entry) dir() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.s.path(e.folder, e.key)
}

// in is the folder of the stage the entry is in.
func (e *Entry) in() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.folder
}

// get reads what mu guards in one go.
func (e *Entry) get() (rec record, stage Stage, folder string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rec, e.stage, e.folder
}

// setStage is called with step held.
func (e *Entry) setStage(st Stage) {
	e.mu.Lock()
	was := e.stage
	e.stage = st
	name := e.rec.Target.Name
	if st != Parked {
		e.refusal = nil
	}
	e.mu.Unlock()
	if was != st {
		switch Parked {
		case st:
			e.s.nParked.Add(1)
		case was:
			e.s.nParked.Add(-1)
		}
		e.s.log.Debug("entry changed its stage", "key", e.key, "name", name, "from", was, "to", st)
		e.s.broadcast()
	}
}

// save changes the record by f and writes it, with step held. If it cannot be written the change is undone.
func (e *Entry) save(safe bool, f func(*record)) error {
	e.mu.Lock()
	old := e.rec
	f(&e.rec)
	e.rec.Size, e.rec.Modified = e.size.Load(), time.Unix(0, e.modified.Load())
	e.rec.Boot = ""
	if !e.rec.Synced {
		e.rec.Boot = e.s.boot
	}
	rec, folder, isYoung := e.rec, e.folder, e.young
	e.mu.Unlock()
	if folder == "" {
		return nil
	}
	if isYoung {
		return e.saveYoung(&rec, &old, safe)
	}
	dir := e.s.path(folder, e.key)
	keep := !safe && !e.frail && !e.previous
	if err := rec.store(dir, safe, keep); err != nil {
		e.mu.Lock()
		e.rec = old
		e.mu.Unlock()
		return fmt.Errorf("write entry: %w", err)
	}
	e.s.did("save")
	e.frail, e.previous = !safe, e.previous || keep
	if !safe {
		e.lazy = true
		e.s.later(e)
		return nil
	}
	if e.previous {
		if err := removeFile(filepath.Join(dir, previousName)); err != nil {
			return fmt.Errorf("remove the record before: %w", err)
		}
		e.previous = false
	}
	return nil
}

// move brings the entry's folder to another stage's, with step held.
func (e *Entry) move(to string, safe bool) error {
	_, _, from := e.get()
	if from == to {
		return nil
	}
	if e.isYoung() {
		return e.moveYoung(to)
	}
	if err := os.Rename(e.s.path(from, e.key), e.s.path(to, e.key)); err != nil {
		return fmt.Errorf("move entry to %s: %w", to, err)
	}
	e.mu.Lock()
	e.folder = to
	e.mu.Unlock()
	e.s.did("move to " + to)
	if !safe {
		e.lazy = true
		e.s.later(e)
		return nil
	}
	return errors.Join(platter.SyncDir(filepath.Join(e.s.cfg.Dir, to)), platter.SyncDir(filepath.Join(e.s.cfg.Dir, from)))
}

// acquire counts one more user of the bytes and opens them if there are any, with step held.
func (e *Entry) acquire() error {
	e.gate.Lock()
	defer e.gate.Unlock()
	rec, _, folder := e.get()
	if e.data == nil && folder == "" && rec.Base == nil { // who uses it still has no bytes either
		return ErrGone
	}
	if e.data == nil && folder != "" {
		dir := e.s.path(folder, e.key)
		f, err := os.OpenFile(e.dataPath(), os.O_RDWR, 0)
		if errors.Is(err, fs.ErrPermission) && e.given { // the cache has handed them out
			f, err = os.Open(e.dataPath())
		}
		if err != nil {
			return fmt.Errorf("open bytes: %w", err)
		}
		if rec.Format == formatPartial {
			if e.blocks, err = loadBlocks(dir, e.Size(), &e.lacks); err != nil {
				f.Close()
				return fmt.Errorf("open bytes: %w", err)
			}
		}
		e.data = f
	}
	e.mu.Lock()
	e.uses++
	e.mu.Unlock()
	return nil
}

// release ends what acquire began. It takes no step, so that it can be called anywhere.
func (e *Entry) release() {
	e.gate.Lock()
	defer e.gate.Unlock()
	e.mu.Lock()
	e.uses--
	last := e.uses == 0
	base, bases := e.base, e.bases
	if last {
		e.base, e.bases = nil, nil
	}
	e.mu.Unlock()
	if !last {
		return
	}
	if e.data != nil {
		e.data.Close()
		e.data = nil
		e.blocks.close()
		e.blocks = nil
	}
	for _, old := range bases {
		old.Close()
	}
	if base != nil {
		base.Close()
	}
}

// Open gives a handle on the entry; a writer is counted until its Release. It answers ErrGone once the entry has settled.
func (e *Entry) Open(write bool) (*Handle, error) {
	e.step.Lock()
	defer e.step.Unlock()
	_, stage, _ := e.get()
	if stage == Gone && !e.open() {
		return nil, ErrGone
	}
	if stage == Gone && write && !e.unlinked {
		return nil, ErrGone // settled: these bytes are someone else's now
	}
	if err := e.acquire(); err != nil {
		if errors.Is(err, fs.ErrNotExist) && stage == Settled {
			return nil, ErrGone // taken already
		}
		return nil, err
	}
	h := &Handle{e: e, write: write}
	if !write {
		return h, nil
	}
	e.mu.Lock()
	e.writers[h] = struct{}{}
	e.mu.Unlock()
	if stage == Settling {
		e.dehydrate()
		e.s.unschedule(e)
		e.setStage(Writing)
		e.catchUp()
	}
	return h, nil
}

// open reports whether somebody uses the bytes.
func (e *Entry) open() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.uses > 0
}

// Truncate sets the size without a handle. If nobody has the entry open for writing it counts as written and closed.
func (e *Entry) Truncate(ctx context.Context, size int64) error {
	h, err := e.Open(true)
	if err != nil {
		return err
	}
	defer h.Release()
	return h.Truncate(ctx, size)
}

// Sync is fsync: when it returns, bytes, name and attributes survive a loss of power.
func (e *Entry) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.commit(); err != nil {
		return err
	}
	if folder := e.in(); folder != "" && !e.isYoung() {
		return platter.SyncDir(filepath.Join(e.s.cfg.Dir, folder))
	}
	return nil
}
