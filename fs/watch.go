package fs

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Whoever wants to know what the kernel asks for, and for whom, stands in front of the tree: between go-fuse's server and its nodes. The
// tree itself knows nothing of it, and while nobody watches a request costs one more load of a pointer. What the kernel reads and writes
// past us is seen by nobody.

// Kind is what a request of the kernel is.
type Kind uint8

// The kinds of requests. What is not here (locks, forgetting) is not told of.
const (
	Lookup  Kind = iota // a name is looked up
	GetAttr             // stat(2) of what was looked up
	SetAttr             // chmod, chown, truncate, utimes
	Open
	Create
	Read
	Write
	Flush   // close(2)
	Release // the last close
	Fsync
	List // a part of a folder's names
	Mkdir
	Rmdir
	Unlink
	Rename
	Copy // copy_file_range(2)
	Allocate
	XAttr
	StatFS
	kinds
)

// Kinds are all kinds, for who makes a table of them.
const Kinds = int(kinds)

// String is the kind's name in logs and metrics.
func (k Kind) String() string {
	names := [...]string{"lookup", "getattr", "setattr", "open", "create", "read", "write", "flush", "release", "fsync", "list",
		"mkdir", "rmdir", "unlink", "rename", "copy", "fallocate", "xattr", "statfs"}
	if int(k) < len(names) {
		return names[k]
	}
	return "other"
}

// Op is one request of the kernel that has been answered.
type Op struct {
	Kind    Kind
	PID     uint32 // of the task that waits; 0: the kernel's own
	Name    string // in the folder that it is about; "" if it is about a file or folder itself
	To      string // the new name of what is renamed
	Off     int64  // of Bytes
	Bytes   int64  // read, written or copied
	Missing int64  // of Bytes read: that were not on this machine
	Begun   time.Time
	Took    time.Duration
	Errno   syscall.Errno

	node, toNode uint64
	fs           *FS
}

// Path is what it is about, below the mount point; "" is the root, and ok false if that is not known. It takes a moment: who wants it
// asks within the call that tells of the Op.
func (op Op) Path() (path string, ok bool) {
	if op.Kind == Release { // the kernel may be forgetting it: what is not known already must not be asked for
		op.fs.watchers.mu.Lock()
		_, known := op.fs.watchers.nodes[op.node]
		op.fs.watchers.mu.Unlock()
		if !known {
			return "", false
		}
	}
	return op.fs.watchers.path(op.fs, op.node, op.Name)
}

// ToPath is where it was renamed to.
func (op Op) ToPath() (path string, ok bool) { return op.fs.watchers.path(op.fs, op.toNode, op.To) }

// Watch has tell called after each request, by the goroutine that answers it and so by many at once, until stop is called. What tell
// does the program waits for.
func (f *FS) Watch(tell func(Op)) (stop func()) {
	w := &f.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	one := &tell
	w.set(append(w.list(), one))
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		var left []*func(Op)
		for _, t := range w.list() {
			if t != one {
				left = append(left, t)
			}
		}
		w.set(left)
	}
}

// watchers are those who watch.
type watchers struct {
	now     atomic.Pointer[[]*func(Op)] // nil: nobody
	reading sync.Map                    // of a request's cancel channel: *int64, bytes that were missing

	mu      sync.Mutex // guards what follows, and who may set now
	nodes   map[uint64]fusefs.StableAttr
	known   map[uint64]fusefs.StableAttr // all nodes there were, by inode number
	looked  time.Time                    // when they were
	looking time.Duration                // how long that took
}

func (w *watchers) list() []*func(Op) {
	if l := w.now.Load(); l != nil {
		return *l
	}
	return nil
}

// set is called with mu held.
func (w *watchers) set(l []*func(Op)) {
	if len(l) == 0 {
		w.now.Store(nil)
		w.nodes, w.known = nil, nil
		return
	}
	if w.nodes == nil {
		w.nodes = map[uint64]fusefs.StableAttr{}
	}
	w.now.Store(&l)
}

// missing is where a read that is watched counts what is not here; nil if it is not.
func (f *FS) missing(ctx context.Context) *int64 {
	if f.watchers.now.Load() == nil {
		return nil
	}
	n, ok := f.watchers.reading.Load(ctx.Done())
	if !ok {
		return nil
	}
	return n.(*int64)
}

// maxNodes bounds what is remembered for paths.
const maxNodes = 200_000

// learn notes which file or folder has a number of the kernel's.
func (w *watchers) learn(out *fuse.EntryOut) {
	if out.NodeId == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.nodes == nil {
		return
	}
	if len(w.nodes) >= maxNodes {
		clear(w.nodes) // they are found again, if slowly
	}
	w.nodes[out.NodeId] = fusefs.StableAttr{Mode: out.Attr.Mode & syscall.S_IFMT, Ino: out.Attr.Ino, Gen: out.Generation}
}

// path is the way to a name in the node, or to the node itself.
func (w *watchers) path(f *FS, node uint64, name string) (string, bool) {
	if node == fuse.FUSE_ROOT_ID {
		return name, true
	}
	attr, ok := w.attr(f, node)
	if !ok {
		return name, false
	}
	var in *fusefs.Inode
	if attr.Mode == syscall.S_IFDIR {
		if d := f.dirs.known(attr); d != nil {
			in = d.EmbeddedInode()
		}
	} else if n := f.files.known(attr); n != nil {
		in = n.EmbeddedInode()
	}
	if in == nil {
		return name, false
	}
	path := in.Path(f.root.EmbeddedInode())
	if name != "" {
		path += "/" + name
	}
	return path, true
}

// attr is the identity of a node. The kernel may have heard of it before anybody watched, or in a listing; then the tree is asked for its
// inode number, and for all nodes with theirs.
func (w *watchers) attr(f *FS, node uint64) (fusefs.StableAttr, bool) {
	w.mu.Lock()
	attr, ok := w.nodes[node]
	w.mu.Unlock()
	if ok || f.raw == nil {
		return attr, ok
	}
	in, out := fuse.GetAttrIn{InHeader: fuse.InHeader{NodeId: node}}, fuse.AttrOut{}
	if !f.raw.GetAttr(nil, &in, &out).Ok() {
		return attr, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if attr, ok = w.known[out.Ino]; !ok && time.Since(w.looked) >= 20*w.looking {
		begun := time.Now()
		w.known = map[uint64]fusefs.StableAttr{}
		f.dirs.each(func(id identity) {
			w.known[id.ino] = fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: id.ino, Gen: id.gen}
		})
		f.files.each(func(id identity) {
			w.known[id.ino] = fusefs.StableAttr{Mode: syscall.S_IFREG, Ino: id.ino, Gen: id.gen}
		})
		w.looked, w.looking = time.Now(), time.Since(begun)
		attr, ok = w.known[out.Ino]
	}
	if ok && w.nodes != nil {
		w.nodes[node] = attr
	}
	return attr, ok
}

// serve mounts as fusefs.Mount does, with a watched tree.
func (f *FS) serve(mountPoint string) (*fuse.Server, error) {
	o := f.options()
	f.raw = fusefs.NewNodeFS(f.root, o)
	server, err := fuse.NewServer(&watched{f.raw, f}, mountPoint, &o.MountOptions)
	if err != nil {
		return nil, err
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		return nil, err
	}
	return server, nil
}
