package cache

import (
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/frameiofs/frameiofs/remote"
)

// A listing on disk is the number of its items, and they one after another. Numbers are varints. An item is two bytes of marks; kind
// and state, a byte each; the size; created, updated and, only if it is marked, mtime, as seconds since 1970 and nanoseconds each;
// and its texts in the order of textsOf, each as its length and its bytes. A text that the item before has too is only marked, and
// so is a content with the item's own ID: that is most of them.
const (
	markContent = 1 << numTexts // the content has the item's ID
	markMtime   = 1 << (numTexts + 1)
	markFailed  = 1 << (numTexts + 2)
	numTexts    = 11

	leastItem = 9 // bytes
)

// textsOf are the places of an item's texts, in their order on disk.
func textsOf(it *remote.Item) [numTexts]*string {
	return [...]*string{(*string)(&it.ID), &it.Name, &it.URL, &it.Checksum, (*string)(&it.Content), (*string)(&it.Account),
		(*string)(&it.Parent), (*string)(&it.Project), (*string)(&it.Creator), &it.MediaType, &it.Label}
}

const (
	textContent = 4
)

func encodeListing(entries []Entry) []byte {
	b := binary.AppendUvarint(make([]byte, 0, 200*len(entries)+binary.MaxVarintLen64), uint64(len(entries)))
	var last remote.Item
	for i := range entries {
		it := entries[i].Item
		mark := uint16(0)
		texts, before := textsOf(&it), textsOf(&last)
		for j, s := range texts {
			if *s == *before[j] {
				mark |= 1 << j
			}
		}
		if it.Content == it.ID {
			mark |= markContent | 1<<textContent
		}
		if !it.Mtime.IsZero() {
			mark |= markMtime
		}
		if it.Failed {
			mark |= markFailed
		}
		b = binary.BigEndian.AppendUint16(b, mark)
		b = append(b, byte(it.Kind), byte(it.State))
		b = binary.AppendVarint(b, it.Size)
		b = appendTime(appendTime(b, it.Created), it.Updated)
		if mark&markMtime != 0 {
			b = appendTime(b, it.Mtime)
		}
		for j, s := range texts {
			if mark&(1<<j) == 0 {
				b = append(binary.AppendUvarint(b, uint64(len(*s))), *s...)
			}
		}
		last = it
	}
	return b
}

func appendTime(b []byte, t time.Time) []byte {
	return binary.AppendUvarint(binary.AppendVarint(b, t.Unix()), uint64(t.Nanosecond()))
}

var errNoListing = errors.New("damaged listing")

// decodeListing undoes encodeListing, but for the shown names. All texts are parts of one string, so that ten thousand items cost few allocations.
func decodeListing(v []byte) (entries []Entry, err error) {
	c := cursor{v: v, text: string(v)}
	n := c.uvarint()
	if c.bad || n > uint64(len(v)/leastItem) {
		return nil, errNoListing
	}
	entries = make([]Entry, 0, n)
	var last remote.Item
	for len(c.v) > 0 {
		var head [4]byte
		if copy(head[:], c.v) < len(head) {
			return nil, errNoListing
		}
		c.v = c.v[len(head):]
		mark := binary.BigEndian.Uint16(head[:])
		it := last
		it.Kind, it.State, it.Failed = remote.Kind(head[2]), remote.State(head[3]), mark&markFailed != 0
		it.Size = c.varint()
		it.Created, it.Updated, it.Mtime = c.time(), c.time(), time.Time{}
		if mark&markMtime != 0 {
			it.Mtime = c.time()
		}
		for j, s := range textsOf(&it) {
			if mark&(1<<j) == 0 {
				*s = c.string()
			}
		}
		if mark&markContent != 0 {
			it.Content = it.ID
		}
		if c.bad {
			return nil, errNoListing
		}
		entries = append(entries, Entry{Item: it})
		last = it
	}
	if uint64(len(entries)) != n {
		return nil, errNoListing
	}
	return entries, nil
}

// cursor reads a listing. What is not there is read as zero, and makes it bad.
type cursor struct {
	v    []byte // still to be read
	text string // all there is
	bad  bool
}

func (c *cursor) varint() int64 {
	n, size := binary.Varint(c.v)
	c.skip(size)
	return n
}

func (c *cursor) uvarint() uint64 {
	n, size := binary.Uvarint(c.v)
	c.skip(size)
	return n
}

// skip goes on by the size of a number that was read.
func (c *cursor) skip(size int) {
	if size <= 0 {
		c.bad, size = true, len(c.v)
	}
	c.v = c.v[size:]
}

func (c *cursor) string() string {
	n := c.uvarint()
	if n > uint64(len(c.v)) {
		c.bad, n = true, 0
	}
	at := len(c.text) - len(c.v)
	c.v = c.v[n:]
	return c.text[at : at+int(n)]
}

func (c *cursor) time() time.Time {
	sec, nsec := c.varint(), c.uvarint()
	if nsec >= uint64(time.Second) {
		c.bad = true
	}
	return time.Unix(sec, int64(nsec)).UTC()
}

// setListing keeps the listing of a folder, as it is when it is written. mu guards s; a nil s forgets the listing.
func (x *Index) setListing(k folderKey, mu *sync.Mutex, s *siblings) {
	_ = x.change(func(next *batch) { next.listings[k] = unwritten{mu, s} }) // a listing can be had again
}

// setAge keeps that s, which else is as it was set or read, was told again.
func (x *Index) setAge(k folderKey, mu *sync.Mutex, s *siblings) {
	_ = x.change(func(next *batch) { next.ages[k] = unwritten{mu, s} })
}

// listing returns the kept listing of a folder, nil if there is none. One that is not written yet is the very one that was set.
func (x *Index) listing(k folderKey) (s *siblings) {
	if l, ok := x.unwritten(k); ok {
		return l.s
	}
	_ = x.db.View(func(tx *bbolt.Tx) error { // fails only once the index is closed: then nothing is kept
		v := tx.Bucket(bucketListings).Get([]byte(k))
		if v == nil {
			return nil
		}
		entries, err := decodeListing(v)
		if err != nil {
			return err
		}
		s = &siblings{at: readAge(tx.Bucket(bucketAges).Get([]byte(k)))}
		s.name(entries)
		return nil
	})
	return s
}

// told returns when Frame.io told the listing that is kept of a folder; not ok: there is none. What guards the listings that were
// set is held.
func (x *Index) told(k folderKey) (at time.Time, ok bool) {
	if l, ok := x.unwritten(k); ok {
		if l.s == nil {
			return time.Time{}, false
		}
		return l.s.at, true
	}
	x.get(bucketAges, string(k), func(v []byte) { at, ok = readAge(v), v != nil })
	return at, ok
}

// readAge undoes unwritten.age.
func readAge(v []byte) (at time.Time) {
	if len(v) == 8 && binary.BigEndian.Uint64(v) != 0 {
		at = time.Unix(0, int64(binary.BigEndian.Uint64(v)))
	}
	return at
}

func (x *Index) unwritten(k folderKey) (l unwritten, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if l, ok = x.next.listings[k]; !ok {
		l, ok = x.writing.listings[k]
	}
	return l, ok
}
