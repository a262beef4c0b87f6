package cache

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/frameiofs/frameiofs/remote"
)

// XAttrs are extended attributes that programs have set, by their whole names. One that was given out is never changed.
type XAttrs map[string][]byte

// XAttrs returns what is kept for id; nil if nothing is. Values are not kept in memory: there may be a mebibyte of them.
func (x *Index) XAttrs(id remote.ID) XAttrs {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.xattrsLocked(id)
}

func (x *Index) xattrsLocked(id remote.ID) (a XAttrs) {
	if !x.xattrs.may(id) {
		return nil
	}
	for _, b := range []*batch{x.next, x.writing} {
		if a, ok := b.xattrs[id]; ok {
			return a
		}
	}
	x.get(bucketXAttrs, idKey(id), func(v []byte) {
		if v != nil && json.Unmarshal(v, &a) != nil {
			a = nil // damaged
		}
	})
	return a
}

// ChangeXAttrs keeps what f makes of the attributes of id, which are f's to read and not to change; an error of f's changes
// nothing and is returned. They are as durable as SetAttr's.
func (x *Index) ChangeXAttrs(id remote.ID, f func(XAttrs) (XAttrs, error)) error {
	if len(id) > longestID {
		return fmt.Errorf("keep extended attributes: an id of %d bytes", len(id))
	}
	var refused error
	err := x.change(func(next *batch) {
		var a XAttrs
		if a, refused = f(x.xattrsLocked(id)); refused == nil {
			next.xattrs[id] = a
			x.xattrs.put(id, struct{}{})
		}
	})
	return cmp.Or(refused, err)
}

// SetXAttrs keeps a and nothing else for id.
func (x *Index) SetXAttrs(id remote.ID, a XAttrs) error {
	if len(a) == 0 && len(x.XAttrs(id)) == 0 {
		return nil
	}
	return x.ChangeXAttrs(id, func(XAttrs) (XAttrs, error) { return maps.Clone(a), nil })
}

// encode is the value on disk: JSON; nil if there are none.
func (a XAttrs) encode() []byte {
	if len(a) == 0 {
		return nil
	}
	b, err := json.Marshal(a)
	if err != nil {
		panic("cache: " + err.Error()) // names and bytes can always be written
	}
	return b
}
