package cache

import (
	"hash/maphash"

	"go.etcd.io/bbolt"

	"github.com/frameiofs/frameiofs/remote"
)

// shelfSize is how many values a shelf has in memory at least, once it has seen as many.
const shelfSize = 1 << 13

// shelf is the memory in front of a bucket whose keys are IDs. Most IDs have nothing there, and are told from the others without
// a look at the file; of the others the last used are in memory. The rest is on disk: some 100 bytes a value are too much
// for a machine that has uploaded a million files, 10 bytes an ID are not.
type shelf[V any] struct {
	size       int
	seed       maphash.Seed
	kept       map[uint64]struct{} // hashes of all IDs that have a value, and perhaps of some that have none
	young, old map[remote.ID]V     // the last used; what is in both is as young has it
}

// newShelf makes the shelf of a bucket.
func newShelf[V any](bucket *bbolt.Bucket) *shelf[V] {
	s := &shelf[V]{size: shelfSize, seed: maphash.MakeSeed(), kept: map[uint64]struct{}{}, young: map[remote.ID]V{}}
	c := bucket.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		s.kept[maphash.Bytes(s.seed, k[len(idKey("")):])] = struct{}{}
	}
	return s
}

// may reports whether there may be a value for id. If not there is none.
func (s *shelf[V]) may(id remote.ID) bool {
	_, ok := s.kept[maphash.String(s.seed, string(id))]
	return ok
}

// get returns the value of id if it is in memory.
func (s *shelf[V]) get(id remote.ID) (v V, ok bool) {
	if v, ok = s.young[id]; ok {
		return v, true
	}
	if v, ok = s.old[id]; ok {
		s.put(id, v)
	}
	return v, ok
}

// put takes a value into memory: a new one, or one from disk.
func (s *shelf[V]) put(id remote.ID, v V) {
	if len(s.young) >= s.size {
		s.young, s.old = map[remote.ID]V{}, s.young
	}
	s.young[id] = v
	s.kept[maphash.String(s.seed, string(id))] = struct{}{}
}
