package fs

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
)

// With --xattr each file tells where it is safe: user.frameio.{id,url,state,version,label,checksum}. They cannot be set.

var (
	_ fusefs.NodeGetxattrer    = (*file)(nil)
	_ fusefs.NodeListxattrer   = (*file)(nil)
	_ fusefs.NodeSetxattrer    = (*file)(nil)
	_ fusefs.NodeRemovexattrer = (*file)(nil)
)

const xattrPrefix = "user.frameio."

// xattrs are the file's, by name without the prefix; those without a value are left out.
func (n *file) xattrs() map[string]string {
	it, e := n.get()
	all := map[string]string{
		"id": string(it.ID), "version": string(it.Content), "url": it.URL, "label": it.Label, "checksum": it.Checksum,
		"state": it.State.String(),
	}
	if e != nil {
		in := e.Info()
		all["state"] = string(in.Stage)
		if in.Reason != "" {
			all["state"] = fmt.Sprintf("%s: %s", in.Stage, in.Reason)
		}
		all["checksum"] = ""
	}
	for k, v := range all {
		if v == "" {
			delete(all, k)
		}
	}
	return all
}

// Getxattr implements getxattr(2).
func (n *file) Getxattr(_ context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	name, ours := strings.CutPrefix(attr, xattrPrefix)
	value, ok := n.xattrs()[name]
	if !ours || !ok {
		return 0, syscall.ENODATA
	}
	if len(dest) < len(value) {
		return uint32(len(value)), syscall.ERANGE
	}
	return uint32(copy(dest, value)), 0
}

// Listxattr implements listxattr(2).
func (n *file) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	var names []string
	for k := range n.xattrs() {
		names = append(names, xattrPrefix+k+"\x00")
	}
	sort.Strings(names)
	list := strings.Join(names, "")
	if len(dest) < len(list) {
		return uint32(len(list)), syscall.ERANGE
	}
	return uint32(copy(dest, list)), 0
}

// Setxattr is refused.
func (n *file) Setxattr(context.Context, string, []byte, uint32) syscall.Errno {
	return syscall.EOPNOTSUPP
}

// Removexattr is refused.
func (n *file) Removexattr(context.Context, string) syscall.Errno { return syscall.EOPNOTSUPP }
