package fs

import (
	"runtime"
	"strings"
	"sync"
	"unique"
	"weak"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"github.com/frameiofs/frameiofs/remote"
)

// live are the nodes that the kernel knows, by identity. go-fuse's NewInode always makes a new inode; only when the answer is
// sent does go-fuse put one that it has with the same identity in its place. Whatever a look-up finds out must be told to that
// one, or it is told to nobody.
//
// The pointers are weak: go-fuse holds a node for as long as the kernel does, and one that was forgotten may be handed out
// again until it is collected.
type live[T any] struct {
	mu    sync.Mutex
	nodes map[fusefs.StableAttr]weak.Pointer[T]
}

// get is the node with an identity; fresh makes it if there is none.
func (l *live[T]) get(attr fusefs.StableAttr, fresh func() *T) *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.nodes[attr].Value(); n != nil {
		return n
	}
	if l.nodes == nil {
		l.nodes = map[fusefs.StableAttr]weak.Pointer[T]{}
	}
	n := fresh()
	l.nodes[attr] = weak.Make(n)
	runtime.AddCleanup(n, l.collected, attr)
	return n
}

// known is the node with an identity, or nil.
func (l *live[T]) known(attr fusefs.StableAttr) *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nodes[attr].Value()
}

// count is how many there are, and were until lately.
func (l *live[T]) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.nodes)
}

// collected strikes a node that is no more.
func (l *live[T]) collected(attr fusefs.StableAttr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nodes[attr].Value() == nil {
		delete(l.nodes, attr)
	}
}

// lean is an item with what a file's node needs of it. There may be a hundred thousand nodes, and what an item says lies in the memory of
// the whole listing that it came with.
func (f *FS) lean(it remote.Item) remote.Item {
	text := string(it.ID) + it.Name + it.Checksum
	id, rest := remote.ID(text[:len(it.ID)]), text[len(it.ID):]
	content := id
	if it.Content != it.ID {
		content = remote.ID(strings.Clone(string(it.Content)))
	}
	it.ID, it.Content, it.Name, it.Checksum = id, content, rest[:len(it.Name)], rest[len(it.Name):]
	it.Account = remote.ID(unique.Make(string(it.Account)).Value())
	it.MediaType, it.Label = unique.Make(it.MediaType).Value(), unique.Make(it.Label).Value()
	it.Parent, it.Project, it.Creator = "", "", ""
	if it.URL = strings.Clone(it.URL); !f.cfg.XAttr {
		it.URL = ""
	}
	return it
}

// sameItem reports whether a node with the item was need not be told of now.
func sameItem(was, now remote.Item) bool {
	return was.Ref == now.Ref && was.Content == now.Content && was.Name == now.Name && was.Size == now.Size && was.State == now.State &&
		was.Created.Equal(now.Created) && was.Updated.Equal(now.Updated) && was.Mtime.Equal(now.Mtime) &&
		was.Checksum == now.Checksum && was.Label == now.Label && was.MediaType == now.MediaType
}
