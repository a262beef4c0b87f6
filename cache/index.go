package cache

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterr "go.etcd.io/bbolt/errors"

	"github.com/frameiofs/frameiofs/remote"
)

// The index is a bbolt file with one bucket for each thing kept. A bucket's name ends in the version of what is in it: another
// version's bucket is left alone and not read.
//
//	listings1   kind and ID of a folder → gob of its []remote.Item
//	attrs1      '=' and ID → an Attr, see attr.go
//	aliases1    '=' and ID → ino and gen, 8 bytes each, big endian
var (
	bucketListings = []byte("listings1")
	bucketAttrs    = []byte("attrs1")
	bucketAliases  = []byte("aliases1")
)

// gather is how long changes are gathered before they are written with one fsync. Twice that is what a kill -9 may cost.
const gather = 200 * time.Millisecond

// Index is the file in which listings, kept attributes and inode aliases outlive the program. There is one per state
// folder. Listings can be had again from Frame.io; attributes and aliases cannot, but no byte of a film hangs on them.
type Index struct {
	db   *bbolt.DB
	kick chan struct{} // something is new
	stop chan struct{} // closed by Close
	done chan struct{} // closed when run has ended

	mu      sync.Mutex
	next    *batch // new since the last write
	writing *batch // being written; empty at other times
	err     error  // of the last write
	closed  bool
}

// batch is what has changed.
type batch struct {
	attrs    map[remote.ID]Attr
	aliases  map[remote.ID]alias
	listings map[folderKey]unwritten
}

// unwritten is a listing as it is when it comes to be written; it may change until then.
type unwritten struct {
	mu *sync.Mutex // guards s
	s  *siblings   // nil: there is no listing any more
}

func newBatch() *batch {
	return &batch{map[remote.ID]Attr{}, map[remote.ID]alias{}, map[folderKey]unwritten{}}
}

// over returns b with newer laid over it.
func (b *batch) over(newer *batch) *batch {
	maps.Copy(b.attrs, newer.attrs)
	maps.Copy(b.aliases, newer.aliases)
	maps.Copy(b.listings, newer.listings)
	return b
}

// OpenIndex opens the index at path, or makes it with mode 0600. If another process has it open, the error says so after
// one second.
func OpenIndex(path string) (*Index, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: time.Second, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
	})
	switch {
	case errors.Is(err, bolterr.ErrTimeout):
		return nil, fmt.Errorf("open index: %s is in use by another frameiofs: unmount that first, or take another state folder", path)
	case errors.Is(err, bolterr.ErrInvalid), errors.Is(err, bolterr.ErrVersionMismatch), errors.Is(err, bolterr.ErrChecksum):
		return nil, fmt.Errorf("open index: %s is damaged (%w): move it away and try again; listings will be fetched anew, modes and times set here are lost", path, err)
	case err != nil:
		return nil, fmt.Errorf("open index: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketListings, bucketAttrs, bucketAliases} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open index: %w", err)
	}
	x := &Index{db: db, kick: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		next: newBatch(), writing: newBatch()}
	go x.run()
	return x, nil
}

// Close writes what is not yet on disk and releases the file.
func (x *Index) Close() error {
	x.mu.Lock()
	if x.closed {
		x.mu.Unlock()
		return nil
	}
	x.closed = true
	close(x.stop)
	x.mu.Unlock()
	<-x.done
	err := x.flush()
	if e := x.db.Close(); err == nil && e != nil {
		err = fmt.Errorf("close index: %w", e)
	}
	return err
}

// run writes what is new, gathered.
func (x *Index) run() {
	defer close(x.done)
	for {
		select {
		case <-x.kick:
		case <-x.stop:
			return
		}
		select {
		case <-time.After(gather):
		case <-x.stop:
			return
		}
		if x.flush() != nil { // keeps the error for whoever changes something next
			x.wake()
		}
	}
}

// wake tells run that something is new.
func (x *Index) wake() {
	select {
	case x.kick <- struct{}{}:
	default:
	}
}

// change notes something new, by f. The error is os.ErrClosed, or why the last write failed: what is new is kept in memory
// then, and tried again.
func (x *Index) change(f func(next *batch)) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return fmt.Errorf("write index: %w", os.ErrClosed)
	}
	f(x.next)
	x.wake()
	return x.err
}

// flush writes what is new in one transaction.
func (x *Index) flush() error {
	x.mu.Lock()
	b := x.next
	x.next, x.writing = newBatch(), b
	x.mu.Unlock()

	err := x.write(b)

	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		x.next = b.over(x.next)
		err = fmt.Errorf("write index: %w", err)
	}
	x.writing, x.err = newBatch(), err
	return err
}

func (x *Index) write(b *batch) error {
	listings := make(map[folderKey][]byte, len(b.listings))
	for k, l := range b.listings {
		listings[k] = nil
		if l.s == nil {
			continue
		}
		l.mu.Lock()
		entries := l.s.list()
		l.mu.Unlock()
		v, err := encodeListing(entries)
		if err != nil {
			return err
		}
		listings[k] = v
	}
	return x.db.Update(func(tx *bbolt.Tx) error {
		var errs []error
		put := func(bucket []byte, k string, v []byte) {
			errs = append(errs, tx.Bucket(bucket).Put([]byte(k), v))
		}
		for id, a := range b.attrs {
			put(bucketAttrs, idKey(id), a.encode())
		}
		for id, a := range b.aliases {
			put(bucketAliases, idKey(id), a.encode())
		}
		for k, v := range listings {
			old := tx.Bucket(bucketListings).Get([]byte(k))
			switch {
			case v == nil:
				errs = append(errs, tx.Bucket(bucketListings).Delete([]byte(k)))
			case !bytes.Equal(v, old): // most listings are fetched again and again and stay the same
				put(bucketListings, string(k), v)
			}
		}
		return errors.Join(errs...)
	})
}

// get reads the value of k, which f may use while it runs; nil if there is none.
func (x *Index) get(bucket []byte, k string, f func(v []byte)) {
	_ = x.db.View(func(tx *bbolt.Tx) error { // fails only once the index is closed: then nothing is kept
		f(tx.Bucket(bucket).Get([]byte(k)))
		return nil
	})
}

// setListing keeps the listing of a folder, as it is when it is written. mu guards s; a nil s forgets the listing.
func (x *Index) setListing(k folderKey, mu *sync.Mutex, s *siblings) {
	_ = x.change(func(next *batch) { next.listings[k] = unwritten{mu, s} }) // a listing can be had again
}

// listing returns the kept listing of a folder, nil if there is none. One that is not written yet is the very one that was set.
func (x *Index) listing(k folderKey) (s *siblings) {
	x.mu.Lock()
	l, ok := x.next.listings[k]
	if !ok {
		l, ok = x.writing.listings[k]
	}
	x.mu.Unlock()
	if ok {
		return l.s
	}
	x.get(bucketListings, string(k), func(v []byte) {
		if items, err := decodeListing(v); v != nil && err == nil {
			s = newSiblings(items)
		}
	})
	return s
}

func encodeListing(entries []Entry) ([]byte, error) {
	items := make([]remote.Item, len(entries))
	for i, e := range entries {
		items[i] = e.Item
	}
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(items)
	return b.Bytes(), err
}

func decodeListing(v []byte) (items []remote.Item, err error) {
	err = gob.NewDecoder(bytes.NewReader(v)).Decode(&items)
	return items, err
}
