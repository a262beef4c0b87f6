package fs

import (
	"math"
	"runtime"
	"strings"
	"sync"
	"time"
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
	nodes map[identity]weak.Pointer[T]
}

// identity is what of a StableAttr tells nodes of one type apart.
type identity struct{ ino, gen uint64 }

func identityOf(attr fusefs.StableAttr) identity { return identity{attr.Ino, attr.Gen} }

// get is the node with an identity; fresh makes it if there is none.
func (l *live[T]) get(attr fusefs.StableAttr, fresh func() *T) *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := identityOf(attr)
	if n := l.nodes[id].Value(); n != nil {
		return n
	}
	if l.nodes == nil {
		l.nodes = map[identity]weak.Pointer[T]{}
	}
	n := fresh()
	l.nodes[id] = weak.Make(n)
	runtime.AddCleanup(n, l.collected, id)
	return n
}

// known is the node with an identity, or nil.
func (l *live[T]) known(attr fusefs.StableAttr) *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nodes[identityOf(attr)].Value()
}

// each calls do for the identity of each.
func (l *live[T]) each(do func(identity)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.nodes {
		do(id)
	}
}

// count is how many there are, and were until lately.
func (l *live[T]) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.nodes)
}

// collected strikes a node that is no more.
func (l *live[T]) collected(id identity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nodes[id].Value() == nil {
		delete(l.nodes, id)
	}
}

// lean is an item in little memory, with what a file's node needs of it. There may be a hundred thousand nodes, and what an item says
// lies in the memory of the whole listing that it came with. It never changes.
type lean struct {
	text                 string // the ID, and then the name
	account              unique.Handle[remote.ID]
	media                unique.Handle[string]
	size                 int64
	created, mtime, last int64 // nanoseconds since 1970; 0 is none
	more                 *lore // nil if there is none of it
	idLen                uint32
	kind                 remote.Kind
	state                remote.State
}

// lore is what few items have, or few mounts ask for.
type lore struct {
	apart                bool // the content is not the item itself
	content              remote.ID
	checksum, label, url string
}

// leanOf is an item's lean; that of no item is nil.
func (f *FS) leanOf(it remote.Item) *lean {
	if it.Ref.IsZero() {
		return nil
	}
	l := &lean{
		text: string(it.ID) + it.Name, idLen: uint32(len(it.ID)),
		account: unique.Make(it.Account), media: unique.Make(it.MediaType),
		size:    it.Size,
		created: nanoseconds(it.Created), mtime: nanoseconds(it.Mtime), last: nanoseconds(it.Updated),
		kind: it.Kind, state: it.State,
	}
	more := lore{}
	if f.cfg.XAttr {
		more = lore{checksum: strings.Clone(it.Checksum), label: strings.Clone(it.Label), url: strings.Clone(it.URL)}
	}
	if it.Content != it.ID {
		more.apart, more.content = true, remote.ID(strings.Clone(string(it.Content)))
	}
	if more != (lore{}) {
		kept := more // so that memory is taken only here
		l.more = &kept
	}
	return l
}

// item is what l is of, less what no node needs.
func (l *lean) item() remote.Item {
	if l == nil {
		return remote.Item{}
	}
	id := remote.ID(l.text[:l.idLen])
	it := remote.Item{
		Ref: remote.Ref{Kind: l.kind, ID: id, Account: l.account.Value()}, Content: id, Name: l.text[l.idLen:],
		MediaType: l.media.Value(), Size: l.size, State: l.state,
		Created: since1970(l.created), Mtime: since1970(l.mtime), Updated: since1970(l.last),
	}
	if l.more != nil {
		it.Checksum, it.Label, it.URL = l.more.checksum, l.more.label, l.more.url
		if l.more.apart {
			it.Content = l.more.content
		}
	}
	return it
}

func nanoseconds(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Before(since1970(math.MinInt64)): // 1677
		return math.MinInt64
	case t.After(since1970(math.MaxInt64)): // 2262
		return math.MaxInt64
	}
	return t.UnixNano()
}

func since1970(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds)
}

// same reports whether a node with the item was need not be told of now.
func (f *FS) same(was, now remote.Item) bool {
	return was.Ref == now.Ref && was.Content == now.Content && was.Name == now.Name && was.Size == now.Size && was.State == now.State &&
		was.Created.Equal(now.Created) && was.Updated.Equal(now.Updated) && was.Mtime.Equal(now.Mtime) && was.MediaType == now.MediaType &&
		(!f.cfg.XAttr || was.Checksum == now.Checksum && was.Label == now.Label && was.URL == now.URL)
}
