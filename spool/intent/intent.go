// Package intent is what shall change about names on Frame.io: folders to be made, items to be renamed, moved or deleted.
//
// A change that Frame.io answers within Config.Patience is done or refused when the call returns. Otherwise it is accepted: it is
// in the journal, which survives the end of every process at once and a loss of power within a second, it is laid over every
// listing that Journal.Children gives, and Journal.Run carries it out later. If Frame.io refuses it then, it is parked.
//
// There is one intent for each item. It knows where Frame.io has the item and where it should be; what has to be called is the
// difference, so whatever cancels out costs nothing, and a call may always be repeated. Order matters in these cases only:
//
//   - what goes into a folder that is not made yet waits for it;
//   - moves of folders keep their order, because each is sure to be possible only after those before it;
//   - a deletion of a folder waits for everything that shall leave it, or may be in it without being deleted itself;
//   - what takes a name waits for what leaves that name, if that can go.
//
// A deletion rests for a moment, so that a tree which is deleted from its leaves up becomes one call: the deletions in a folder that is
// deleted itself are folded into that one, after a look at what Frame.io has in it.
package intent

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Remote is what the journal asks of Frame.io; the clients of both wires have it. All calls but CreateFolder may be repeated;
// CreateFolder heeds remote.WithSince.
type Remote interface {
	CreateFolder(ctx context.Context, parent remote.Ref, name string) (remote.Item, error)
	Rename(ctx context.Context, ref remote.Ref, name string) (remote.Item, error)
	Move(ctx context.Context, ref, to remote.Ref) (remote.Item, error)
	// Delete removes an item and all that is in it; one that is not there is no error.
	Delete(ctx context.Context, ref remote.Ref) error
	// Children lists what stands in ref. An error ends the listing, and what came before it does not count.
	Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error]
}

// DefaultPatience is how long programs wait for Frame.io's answers.
const DefaultPatience = time.Second

// ErrClosed: the journal was closed.
var ErrClosed = errors.New("intent: closed")

// Config tells a Journal where it lives and whom it serves.
type Config struct {
	Dir    string // its own folder, for one Journal at a time: whoever opens it holds the lock of the state folder
	Remote Remote

	// Patience is how long Frame.io's answers are waited for (DefaultPatience); negative: never. It is a budget of all waits
	// together that comes back at a tenth of the speed of time: one change gets Frame.io's answer, thousands wait once.
	Patience  time.Duration
	MaxDelete int // deletions beyond so many within a minute wait for a person; 0: none do

	// Made is told that a folder of a pending id has got its own. It is called with no lock held, and again after an error or
	// a crash: it must be idempotent.
	Made func(here remote.Ref, is remote.Item) error
	// Undone is told that a change which was accepted came to nothing, or to something after all: what these folders show must
	// be asked for again. It is called with no lock held, from a goroutine of the journal's.
	Undone func(parents ...remote.Ref)
	// Ours tells what is on Frame.io of uploads that were given up, whole or not: it does not count as being in a folder.
	Ours func(id remote.ID) bool
	// Lost tells of a placeholder whether it may be one of ours of which the id is not known, because the answer to its making was lost. It is
	// waited for until that is found out. nil: there are none.
	Lost func(in remote.ID, name string) bool
	// Stays tells the names of folders that programs make for a moment: while a folder has one it is not made on Frame.io. It is called
	// with the lock held. nil: there are none.
	Stays func(name string) bool
	// Leaving tells the assets of files that have been uploaded and renamed away, and are still to be moved there: they are waited for.
	Leaving func(id remote.ID) bool
	Log     *slog.Logger

	testOnlyBoot string // instead of the machine's run
}

// boot tells one run of the machine from the next.
func (c *Config) boot() string { return cmp.Or(c.testOnlyBoot, bootID(), unknownBoot) }

const unknownBoot = "unknown"

// Journal holds all changes of names that Frame.io has not made yet.
type Journal struct {
	cfg Config
	log *slog.Logger

	wake       chan struct{} // Run
	dirty      chan struct{} // the syncer: there is something to bring to the disk
	urgent     chan struct{} // the syncer: now
	toTell     chan struct{} // the teller
	stop       chan struct{}
	background sync.WaitGroup // syncer and teller

	mu sync.Mutex // guards what follows, and every intent in it. No other lock is taken with it, and no one is called
	state
	disk
	schedule
	budget
	closed  bool
	changed chan struct{} // closed when the next intent is finished or parked; nil if nobody waits
	untold  []remote.Ref  // for Undone
}

// Open reads the journal. Without Run nothing is carried out and nobody waits.
func Open(cfg Config) (*Journal, error) {
	if cfg.Remote == nil || cfg.Dir == "" {
		return nil, errors.New("intent: Config needs Dir and Remote")
	}
	if cfg.Patience == 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	j := &Journal{
		cfg: cfg, log: cfg.Log, state: newState(), budget: budget{full: cfg.Patience, left: cfg.Patience, at: time.Now()},
		wake: make(chan struct{}, 1), dirty: make(chan struct{}, 1), urgent: make(chan struct{}, 1), toTell: make(chan struct{}, 1),
		stop: make(chan struct{}),
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := j.recover(); err != nil {
		return nil, err
	}
	j.background.Go(j.syncer)
	j.background.Go(j.teller)
	return j, nil
}

// Close brings the journal to the disk and ends it; Run must have ended before.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.note(entry{End: true})
	j.closed = true
	j.news()
	j.mu.Unlock()
	close(j.stop)
	j.background.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	return errors.Join(j.syncErr, j.file.Close())
}

// poke sends to a channel that holds one signal.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// undone has Undone called. Of a folder that is pending the pending id is told.
func (j *Journal) undone(parents ...remote.Ref) {
	for _, p := range parents {
		if p.ID != "" {
			j.untold = append(j.untold, p)
		}
	}
	poke(j.toTell)
}

// teller calls Undone until Close.
func (j *Journal) teller() {
	for {
		j.mu.Lock()
		parents := j.untold
		j.untold = nil
		j.mu.Unlock()
		seen := map[remote.ID]bool{}
		some := parents[:0]
		for _, p := range parents {
			if !seen[p.ID] {
				seen[p.ID] = true
				some = append(some, p)
			}
		}
		if len(some) > 0 && j.cfg.Undone != nil {
			j.cfg.Undone(some...)
		}
		select {
		case <-j.stop:
			return
		case <-j.toTell:
		}
	}
}

// news wakes those who wait for an intent to be finished or parked.
func (j *Journal) news() {
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

// next is a channel that is closed with the next news.
func (j *Journal) next() <-chan struct{} {
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	return j.changed
}
