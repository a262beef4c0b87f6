package fs

import (
	"maps"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/cache"
)

// What the calls on extended attributes have in common, for files and folders.

// What a file or folder may keep, in bytes.
const (
	maxXAttrs     = 1 << 20  // all names and values
	maxXAttrNames = 64 << 10 // all names, with an end each: Linux takes no longer list
)

// noXAttr is what an attribute that is not there answers.
const noXAttr = syscall.Errno(fuse.ENOATTR)

// getXAttr answers the value of one of the attributes that from gives.
func getXAttr(from func() map[string][]byte, name string, dest []byte) (uint32, syscall.Errno) {
	if !keepsXAttr(name) {
		return 0, syscall.EOPNOTSUPP
	}
	value, ok := from()[name]
	switch {
	case !ok:
		return 0, noXAttr
	case len(dest) < len(value):
		return uint32(len(value)), syscall.ERANGE
	}
	return uint32(copy(dest, value)), 0
}

// listXAttrs answers all names, sorted, each with a NUL behind it.
func listXAttrs(dest []byte, all map[string][]byte) (uint32, syscall.Errno) {
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list.WriteString(name + "\x00")
	}
	if len(dest) < list.Len() {
		return uint32(list.Len()), syscall.ERANGE
	}
	return uint32(copy(dest, list.String())), 0
}

// xattrChange makes of the attributes there are, which it leaves as they are, those there shall be.
type xattrChange func(now map[string][]byte) (map[string][]byte, error)

// index is the change for the index.
func (c xattrChange) index(now cache.XAttrs) (cache.XAttrs, error) { return c(now) }

// setXAttr sets an attribute by way of apply.
func (f *FS) setXAttr(name string, value []byte, flags uint32, apply func(xattrChange) error) syscall.Errno {
	if no := f.mayXAttr(name); no != 0 {
		return no
	}
	err := apply(func(now map[string][]byte) (map[string][]byte, error) {
		_, there := now[name]
		switch {
		case there && flags&unix.XATTR_CREATE != 0:
			return nil, syscall.EEXIST
		case !there && flags&unix.XATTR_REPLACE != 0:
			return nil, noXAttr
		case len(value) > maxXAttr:
			return nil, syscall.E2BIG
		}
		next := maps.Clone(now)
		if next == nil {
			next = map[string][]byte{}
		}
		next[name] = append([]byte{}, value...) // the request's memory is used again
		names, all := 0, 0
		for k, v := range next {
			names, all = names+len(k)+1, all+len(k)+len(v)
		}
		if all > maxXAttrs || names > maxXAttrNames {
			return nil, syscall.ENOSPC
		}
		return next, nil
	})
	if err != nil && swallowsXAttr(name) {
		f.log.Warn("an attribute of the system's is not kept", "attribute", name, "bytes", len(value), "error", err)
		return 0
	}
	return xattrErrno(err)
}

// removeXAttr removes an attribute by way of apply.
func (f *FS) removeXAttr(name string, apply func(xattrChange) error) syscall.Errno {
	if no := f.mayXAttr(name); no != 0 {
		return no
	}
	return xattrErrno(apply(func(now map[string][]byte) (map[string][]byte, error) {
		if _, there := now[name]; !there {
			return nil, noXAttr
		}
		next := maps.Clone(now)
		delete(next, name)
		return next, nil
	}))
}

// mayXAttr tells why an attribute cannot be set or removed.
func (f *FS) mayXAttr(name string) syscall.Errno {
	switch {
	case f.cfg.ReadOnly:
		return syscall.EROFS
	case strings.HasPrefix(name, xattrPrefix):
		return syscall.EPERM // these tell, they cannot be told
	case !keepsXAttr(name):
		return syscall.EOPNOTSUPP
	case !utf8.ValidString(name):
		return syscall.EINVAL
	}
	return 0
}

// xattrErrno lets through what only these calls answer.
func xattrErrno(err error) syscall.Errno {
	switch err {
	case noXAttr, syscall.E2BIG:
		return err.(syscall.Errno)
	}
	return errno(err)
}
