package fs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// With --xattr each file tells where it is safe, in user.frameio.{id,url,state,version,label,checksum,receipt}, and keeps what programs
// set, as mode and times are kept: with its bytes, in the entry while it is leaving and in the index then, on this machine only.
// A folder keeps what programs set too. What a file tells is not listed, or cp would want to set it on the copy, and rsync to remove
// it from one.

var (
	_ fusefs.NodeGetxattrer    = (*file)(nil)
	_ fusefs.NodeListxattrer   = (*file)(nil)
	_ fusefs.NodeSetxattrer    = (*file)(nil)
	_ fusefs.NodeRemovexattrer = (*file)(nil)
	_ fusefs.NodeGetxattrer    = (*dir)(nil)
	_ fusefs.NodeListxattrer   = (*dir)(nil)
	_ fusefs.NodeSetxattrer    = (*dir)(nil)
	_ fusefs.NodeRemovexattrer = (*dir)(nil)
)

// xattrPrefix is that of the names that are ours.
const xattrPrefix = "user.frameio."

// tells are a file's own attributes, by their whole names; those without a value are left out, and those that a receipt has unless one
// of them is asked for: it is looked for on the disk.
func (n *file) tells(asked string) map[string][]byte {
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
	} else if asked == xattrPrefix+"receipt" || asked == xattrPrefix+"checksum" && it.Checksum == "" {
		n.receipt(it.Content, all)
	}
	named := map[string][]byte{}
	for k, v := range all {
		if v != "" {
			named[xattrPrefix+k] = []byte(v)
		}
	}
	return named
}

// receipt adds what is known of bytes that were uploaded from here: their receipt, and their checksum where Frame.io tells none.
func (n *file) receipt(content remote.ID, all map[string]string) {
	found, err := n.fs.cfg.Spool.ReceiptsOf(content)
	if err != nil {
		n.fs.log.Debug("look for a receipt", "err", err)
	}
	r, ok := found[content]
	if !ok {
		return
	}
	if b, err := json.Marshal(r); err == nil {
		all["receipt"] = string(b)
	}
	if all["checksum"] == "" && r.Damaged == "" {
		all["checksum"] = r.Checksum
	}
}

// xattrs are those that programs have set on the file.
func (n *file) xattrs() map[string][]byte {
	it, e := n.get()
	if e != nil {
		return e.XAttrs()
	}
	return n.fs.cfg.Index.XAttrs(it.Content)
}

// Getxattr implements getxattr(2).
func (n *file) Getxattr(_ context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	if strings.HasPrefix(name, xattrPrefix) {
		return getXAttr(func() map[string][]byte { return n.tells(name) }, name, dest)
	}
	return getXAttr(n.xattrs, name, dest)
}

// Listxattr implements listxattr(2).
func (n *file) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	return listXAttrs(dest, n.xattrs())
}

// Setxattr implements setxattr(2).
func (n *file) Setxattr(ctx context.Context, name string, value []byte, flags uint32) syscall.Errno {
	return n.fs.setXAttr(name, value, flags, func(change xattrChange) error { return n.changeXAttrs(ctx, change) })
}

// Removexattr implements removexattr(2).
func (n *file) Removexattr(ctx context.Context, name string) syscall.Errno {
	return n.fs.removeXAttr(name, func(change xattrChange) error { return n.changeXAttrs(ctx, change) })
}

// changeXAttrs keeps what change makes of the attributes that programs have set.
func (n *file) changeXAttrs(ctx context.Context, change xattrChange) error {
	ctx, cancel := n.fs.patient(ctx)
	defer cancel()
	for {
		it, e := n.get()
		if e == nil {
			if e := n.untold(); e != nil { // else Settled would set what was before
				if err := e.ChangeXAttrs(change); err != nil && !errors.Is(err, spool.ErrGone) {
					return err
				}
			}
			return n.fs.indexXAttrs(it.Content, change)
		}
		err := e.ChangeXAttrs(change)
		switch {
		case err == nil && unmodified(e.Info()):
			return n.fs.indexXAttrs(it.Content, change)
		case !errors.Is(err, spool.ErrGone):
			return err
		}
		if err := n.outlived(ctx, e); err != nil {
			return err
		}
	}
}

// unmodified reports whether an entry may come to nothing: then what is set on it is to stay with the bytes that are on Frame.io.
func unmodified(in spool.Info) bool {
	return in.Stage == spool.Clean || in.Stage == spool.Gone && in.Asset.IsZero() && !in.Replaces.IsZero()
}

// xattrs are those that programs have set on the folder.
func (d *dir) xattrs() map[string][]byte { return d.fs.cfg.Index.XAttrs(d.get().ID) }

// Getxattr implements getxattr(2).
func (d *dir) Getxattr(_ context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	return getXAttr(d.xattrs, name, dest)
}

// Listxattr implements listxattr(2).
func (d *dir) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	return listXAttrs(dest, d.xattrs())
}

// Setxattr implements setxattr(2).
func (d *dir) Setxattr(_ context.Context, name string, value []byte, flags uint32) syscall.Errno {
	return d.fs.setXAttr(name, value, flags, d.changeXAttrs)
}

// Removexattr implements removexattr(2).
func (d *dir) Removexattr(_ context.Context, name string) syscall.Errno {
	return d.fs.removeXAttr(name, d.changeXAttrs)
}

func (d *dir) changeXAttrs(change xattrChange) error {
	return d.fs.indexXAttrs(d.get().ID, change)
}

// indexXAttrs keeps what change makes of the attributes that are kept for id, and when that was.
func (f *FS) indexXAttrs(id remote.ID, change xattrChange) error {
	if err := f.cfg.Index.ChangeXAttrs(id, change.index); err != nil {
		return err
	}
	return f.cfg.Index.SetAttr(id, cache.Attr{Ctime: time.Now()})
}
