package remote

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"
)

// Copy describes a file that Frame.io is to make of one that it has, so that no byte travels.
type Copy struct {
	File  Ref       // the one that is copied, complete
	Name  string    // its name there, by which a copy whose answer was lost is known
	Size  int64     // its bytes
	To    Ref       // the folder; of the same account
	Mtime time.Time // the copy's, kept by Frame.io where it can (V2 properties)
	// Since is not zero if an earlier attempt's outcome is unknown: a copy of ours that it may have left is found, and answered.
	Since time.Time
}

// Check tells what cannot be copied.
func (c Copy) Check() error {
	switch {
	case c.File.Kind != File || c.File.ID == "":
		return &Error{Op: "copy", Ref: c.File, Err: fmt.Errorf("%w: only files are", ErrRefused)}
	case !c.To.IsFolder():
		return &Error{Op: "copy", Ref: c.To, Err: fmt.Errorf("%w: files live in projects and folders only", ErrRefused)}
	case c.To.Account != c.File.Account:
		return &Error{Op: "copy", Ref: c.File, Err: fmt.Errorf("%w: it is in another account", ErrRefused)}
	}
	return nil
}

// CopyOnce makes a copy by do, which look finds if its answer was lost.
func CopyOnce(ctx context.Context, conn *Conn, c Copy, look func(ctx context.Context, since time.Time) (Item, bool, error), do func(context.Context) (Item, error)) (Item, error) {
	if err := c.Check(); err != nil {
		return Item{}, err
	}
	return Once(ctx, conn, Make[Item]{Key: c.Key(), Since: c.Since, Look: look, Do: do, ID: func(it Item) ID { return it.ID }})
}

// Named reports whether a copy may have this name: its source's, or one that Frame.io has put something into to tell it apart
// (spec: frameio-v4.md §6.2, frameio-v2.md §10).
func (c Copy) Named(name string) bool {
	return strings.HasPrefix(name, strings.TrimSuffix(c.Name, path.Ext(c.Name)))
}

// Key is what Once knows it by.
func (c Copy) Key() string { return fmt.Sprintf("copy %s %s", c.File.ID, c.To.ID) }

// Copied looks for a copy that was accepted, but not answered: it is made a while later (spec: frameio-v4.md §6.1). look answers whether
// there is one by now. Without one the outcome stays unknown.
func Copied(ctx context.Context, c Copy, look func(context.Context) (Item, bool, error)) (Item, error) {
	unknown := &Error{Op: "copy", Ref: c.File, Unknown: true, Err: fmt.Errorf("%w: it was accepted, and is not there yet", ErrOffline)}
	for wait := 250 * time.Millisecond; ; wait *= 2 {
		it, ok, err := look(ctx)
		if ok || err != nil {
			return it, err
		}
		if wait > 16*time.Second || sleep(ctx, wait) != nil {
			return Item{}, unknown
		}
	}
}
