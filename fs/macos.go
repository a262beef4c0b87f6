package fs

import (
	"context"
	"slices"
	"strings"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// What macOS wants otherwise. It stands here, and not with what is compiled for macOS only, so that it is tested.

// macOptions are macFUSE's mount options, those given first. go-fuse adds fsname, subtype, iosize (our largest write) and daemon_timeout=0
// (a call may take as long as we let it, which is Config.Timeout).
//
// Left out on purpose: local, which has Finder look into every film for a thumbnail and put a Trash there; noappledouble, with which
// folders that hold a .DS_Store cannot be copied; auto_xattr, which makes ._ files of what we keep (spec: fuse.md §6).
func macOptions(given []string, root string, readOnly bool) []string {
	all := slices.Clone(given)
	named := slices.ContainsFunc(all, func(o string) bool { return strings.HasPrefix(o, "volname=") })
	if !named {
		all = append(all, "volname="+volumeName(root))
	}
	all = append(all, "default_permissions")
	if readOnly {
		all = append(all, "ro")
	}
	return all
}

// volumeName is a root's name as a volume may have it.
func volumeName(root string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r == '/' || r == ':':
			return '-'
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, root)
	if name = strings.TrimSpace(name); name == "" {
		return "Frame.io"
	}
	return name
}

// marks are names in the root, empty files that are not listed, by which Spotlight and QuickLook know that they are to keep out:
// they would read every film there is.
var marks = map[string]bool{".metadata_never_index": true, ".ql_disablethumbnails": true}

// mark is one of them.
type mark struct{ fusefs.Inode }

var (
	_ fusefs.NodeGetattrer = (*mark)(nil)
	_ fusefs.NodeOpener    = (*mark)(nil)
)

// Getattr implements stat(2).
func (*mark) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Nlink = syscall.S_IFREG|0o444, 1
	return 0
}

// Open implements open(2): there is nothing in it.
func (*mark) Open(_ context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EACCES
	}
	return nil, 0, 0
}

// mark is the inode of a mark in d; nil if the name is none.
func (d *dir) mark(ctx context.Context, name string, out *fuse.EntryOut) *fusefs.Inode {
	if !d.fs.marked.Load() || d != d.fs.root || !marks[name] {
		return nil
	}
	out.Mode, out.Nlink = syscall.S_IFREG|0o444, 1
	return d.NewInode(ctx, &mark{}, fusefs.StableAttr{Mode: syscall.S_IFREG})
}

// folderIcon is where Finder keeps the picture of a folder. It stays on this machine, and is the only name with a control character.
const folderIcon = "Icon\r"

// systemFolders are folders that desktops make in the root of a volume, in lower case: a waste-basket, an index, a journal. On Frame.io they
// would be in everybody's way; where they cannot be made the desktops do without.
var systemFolders = []string{
	".trashes", ".spotlight-v100", ".fseventsd", ".documentrevisions-v100", ".temporaryitems", ".trash", "$recycle.bin", "system volume information",
}

// systemFolder reports whether a folder of that name has nothing to do on Frame.io.
func systemFolder(name string) bool {
	low := strings.ToLower(name)
	return slices.Contains(systemFolders, low) || strings.HasPrefix(low, ".trash-")
}
