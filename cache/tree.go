package cache

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Defaults of a TreeConfig.
const (
	DefaultAge       = 10 * time.Second
	DefaultTreeBytes = 32 << 20
)

// Entry is one name in a folder. Its Name is the one shown, Item.Name the one on Frame.io.
type Entry struct {
	Name string
	remote.Item
}

// TreeConfig says what a Tree works with. Namespace and Index are required.
type TreeConfig struct {
	Namespace Namespace
	Index     *Index
	Age       time.Duration    // how long a listing is shown before Frame.io is asked again; other people's changes are seen within it
	Bytes     int64            // memory for listings; what does not fit is read from the index again
	Log       *slog.Logger     // nil: nothing is logged
	Now       func() time.Time // nil: time.Now
}

// Tree is what stands in the folders: listings of an age, with our own changes laid over them.
type Tree struct{}

// NewTree makes a Tree. Close it before its Index.
func NewTree(cfg TreeConfig) *Tree { return &Tree{} }

// Close ends the listings that are still being fetched.
func (t *Tree) Close() {}

// List returns what stands in ref, sorted from oldest to newest; the slice is the caller's to read, not to change. A listing
// younger than Age is shown as it is, else Frame.io is asked, once however many ask. If there is no link to it (or ctx's deadline
// passes first) an older listing is shown, where there is one. Uploads of others that are not complete are left out.
func (t *Tree) List(ctx context.Context, ref remote.Ref) ([]Entry, error) {
	return nil, errors.ErrUnsupported
}

// Find returns the entry of ref with the shown name: the very same, else one that is equal after Unicode normalization (NFC).
// If there is none the error is io/fs.ErrNotExist. It asks Frame.io when List would.
func (t *Tree) Find(ctx context.Context, ref remote.Ref, name string) (Entry, error) {
	return Entry{}, errors.ErrUnsupported
}

// Put says that by a change of ours it stands in parent now. It takes the place of the item with its ID and, if it is a Stack, of
// the file it.Content. It stays even if a listing of the next 30 s does not have it yet.
func (t *Tree) Put(parent remote.Ref, it remote.Item) {}

// Drop says that by a change of ours id no longer stands in parent. It stays hidden even if a listing of the next 30 s still has it.
func (t *Tree) Drop(parent remote.Ref, id remote.ID) {}

// Forget makes the next List of parent ask Frame.io.
func (t *Tree) Forget(parent remote.Ref) {}
