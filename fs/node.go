package fs

import (
	"runtime"
	"sync"
	"weak"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
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
