package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Attr is what programs set and Frame.io does not keep: mode, owner, times. Zero fields mean "not set".
type Attr struct {
	Mode         uint32 // permission bits
	UID, GID     *uint32
	Mtime, Atime time.Time
	Ctime        time.Time // when any of it was set last
}

// merge returns a with what is set in b.
func (a Attr) merge(b Attr) Attr {
	if b.Mode != 0 {
		a.Mode = b.Mode
	}
	if b.UID != nil {
		a.UID = new(*b.UID)
	}
	if b.GID != nil {
		a.GID = new(*b.GID)
	}
	if !b.Mtime.IsZero() {
		a.Mtime = b.Mtime
	}
	if !b.Atime.IsZero() {
		a.Atime = b.Atime
	}
	if !b.Ctime.IsZero() {
		a.Ctime = b.Ctime
	}
	return a
}

// An Attr on disk is a byte that tells which fields are set, and then all of them in order, big endian: mode, uid, gid (4 bytes each),
// mtime, atime (8 bytes of seconds and 4 of nanoseconds each); and, only if it is set, ctime.
const (
	attrMode = 1 << iota
	attrUID
	attrGID
	attrMtime
	attrAtime
	attrCtime

	attrTime  = 12
	attrBytes = 1 + 3*4 + 2*attrTime
)

func (a Attr) encode() []byte {
	var set byte
	be, b := binary.BigEndian, make([]byte, 1, attrBytes+attrTime)
	number := func(bit byte, v *uint32) {
		if v == nil {
			b = be.AppendUint32(b, 0)
			return
		}
		set |= bit
		b = be.AppendUint32(b, *v)
	}
	moment := func(bit byte, t time.Time) {
		if !t.IsZero() {
			set |= bit
		}
		b = be.AppendUint64(b, uint64(t.Unix()))
		b = be.AppendUint32(b, uint32(t.Nanosecond()))
	}
	if a.Mode != 0 {
		number(attrMode, &a.Mode)
	} else {
		number(attrMode, nil)
	}
	number(attrUID, a.UID)
	number(attrGID, a.GID)
	moment(attrMtime, a.Mtime)
	moment(attrAtime, a.Atime)
	if !a.Ctime.IsZero() {
		moment(attrCtime, a.Ctime)
	}
	b[0] = set
	return b
}

// decodeAttr undoes encode. What is not an Attr on disk is read as nothing set.
func decodeAttr(b []byte) (a Attr) {
	want := attrBytes
	if len(b) > 0 && b[0]&attrCtime != 0 {
		want += attrTime
	}
	if len(b) != want {
		return a
	}
	be, set := binary.BigEndian, b[0]
	if set&attrMode != 0 {
		a.Mode = be.Uint32(b[1:])
	}
	if set&attrUID != 0 {
		a.UID = new(be.Uint32(b[5:]))
	}
	if set&attrGID != 0 {
		a.GID = new(be.Uint32(b[9:]))
	}
	moment := func(b []byte) time.Time {
		return time.Unix(int64(be.Uint64(b)), int64(be.Uint32(b[8:])))
	}
	if set&attrMtime != 0 {
		a.Mtime = moment(b[13:])
	}
	if set&attrAtime != 0 {
		a.Atime = moment(b[25:])
	}
	if set&attrCtime != 0 {
		a.Ctime = moment(b[attrBytes:])
	}
	return a
}

// Attr returns what was kept for id; the zero Attr if nothing was.
func (x *Index) Attr(id remote.ID) Attr {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.attrLocked(id)
}

func (x *Index) attrLocked(id remote.ID) (a Attr) {
	if !x.attrs.may(id) {
		return a
	}
	if a, ok := x.attrs.get(id); ok {
		return a
	}
	for _, b := range []*batch{x.next, x.writing} {
		if a, ok := b.attrs[id]; ok {
			return a
		}
	}
	x.get(bucketAttrs, idKey(id), func(v []byte) {
		a = decodeAttr(v)
		x.attrs.put(id, a)
	})
	return a
}

// SetAttr keeps the fields that are set in a, and leaves the others as they were. They are on disk, safe from kill -9 and
// power loss, within a second, and after Close. If the disk refuses, that is the error, now or of a later call; they are kept in
// memory then and tried again.
func (x *Index) SetAttr(id remote.ID, a Attr) error {
	if len(id) > longestID {
		return fmt.Errorf("keep attributes: an id of %d bytes", len(id))
	}
	return x.change(func(next *batch) {
		next.attrs[id] = x.attrLocked(id).merge(a)
		x.attrs.put(id, next.attrs[id])
	})
}

// longestID is more than any ID has, and fits a key of bbolt's.
const longestID = 1 << 10

// idKey is the key of an ID; the root's ID is "", which could not be one.
func idKey(id remote.ID) string { return "=" + string(id) }

// alias is an identity that was kept.
type alias struct{ ino, gen uint64 }

func (a alias) encode() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, a.ino), a.gen)
}

// Inode gives the 128-bit identity of ref: its alias if one was kept, else one made of its ID. It is the same on every mount
// and machine, ino is never 0, 1 or 2^64-1, and what has one ID but two kinds (an account and its Shared) has two.
func (x *Index) Inode(ref remote.Ref) (ino, gen uint64) {
	if ref.Kind != remote.Shared {
		if a, ok := x.alias(ref.ID); ok {
			return a.ino, a.gen
		}
	}
	u, ok := parseUUID(ref.ID)
	if !ok {
		sum := sha256.Sum256([]byte(ref.ID))
		u = [16]byte(sum[:16])
	}
	kind := ref.Kind
	if kind == remote.Project {
		kind = remote.Folder // a project is its root folder
	}
	ino = binary.BigEndian.Uint64(u[:]) ^ uint64(kind)*0x9e3779b97f4a7c15
	gen = binary.BigEndian.Uint64(u[8:])
	if !usableIno(ino) {
		ino ^= 0x5555555555555555
	}
	return ino, gen
}

// usableIno reports whether ino can be an inode's number: 0 is none, 1 is the mount point's, and go-fuse takes 2^64-1 for "make one".
func usableIno(ino uint64) bool { return ino > 1 && ino < math.MaxUint64 }

func (x *Index) alias(id remote.ID) (a alias, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.aliases.may(id) {
		return a, false
	}
	if a, ok = x.aliases.get(id); ok {
		return a, ok
	}
	for _, b := range []*batch{x.next, x.writing} {
		if a, ok := b.aliases[id]; ok {
			return a, true
		}
	}
	x.get(bucketAliases, idKey(id), func(v []byte) {
		if len(v) == 16 {
			a, ok = alias{binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])}, true
			x.aliases.put(id, a)
		}
	})
	return a, ok
}

// Alias makes Inode answer ino and gen for id from now on: for what had an identity before Frame.io gave it an ID, and for a
// version stack that took the place of a file. It is as durable as SetAttr.
func (x *Index) Alias(id remote.ID, ino, gen uint64) error {
	if len(id) > longestID {
		return fmt.Errorf("keep alias: an id of %d bytes", len(id))
	}
	if !usableIno(ino) {
		return fmt.Errorf("keep alias: inode number %d is reserved", ino)
	}
	return x.change(func(next *batch) {
		next.aliases[id] = alias{ino, gen}
		x.aliases.put(id, alias{ino, gen})
	})
}
