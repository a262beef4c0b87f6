package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterr "go.etcd.io/bbolt/errors"

	"github.com/frameiofs/frameiofs/remote"
)

// The index is a bbolt file with one bucket for each thing kept. A bucket's name ends in the version of what is in it: another
// version's bucket is not read, and left alone if what is in it cannot be had again.
//
//	listings2   kind and ID of a folder → its items, see listing.go
//	ages1       kind and ID of a folder → when Frame.io told them: nanoseconds since 1970, 8 bytes, big endian; 0: ask before they are shown
//	attrs1      '=' and ID → an Attr, see attr.go
//	aliases1    '=' and ID → ino and gen, 8 bytes each, big endian
var (
	bucketListings = []byte("listings2")
	bucketAges     = []byte("ages1")
	bucketAttrs    = []byte("attrs1")
	bucketAliases  = []byte("aliases1")
)

// outdated are buckets of earlier versions whose contents can be had again.
var outdated = [][]byte{[]byte("listings1")}

// ageGrain is how much older than it is a listing may count in the next run, so that one that is fetched again and stays the
// same is not a reason to write each time.
const ageGrain = time.Minute

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
	ages     map[folderKey]unwritten // only the age of the listing is new
}

// unwritten is a listing as it is when it comes to be written; it may change until then.
type unwritten struct {
	mu *sync.Mutex // guards s
	s  *siblings   // nil: there is no listing any more
}

func newBatch() *batch {
	return &batch{map[remote.ID]Attr{}, map[remote.ID]alias{}, map[folderKey]unwritten{}, map[folderKey]unwritten{}}
}

// over returns b with newer laid over it.
func (b *batch) over(newer *batch) *batch {
	maps.Copy(b.attrs, newer.attrs)
	maps.Copy(b.aliases, newer.aliases)
	maps.Copy(b.listings, newer.listings)
	maps.Copy(b.ages, newer.ages)
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
		for _, name := range outdated {
			if err := tx.DeleteBucket(name); err != nil && !errors.Is(err, bolterr.ErrBucketNotFound) {
				return err
			}
		}
		for _, name := range [][]byte{bucketListings, bucketAges, bucketAttrs, bucketAliases} {
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
	puts := b.puts()
	// Most listings are fetched again and again and stay the same: then nothing is written, and no disk has to spin for it.
	err := x.db.View(func(tx *bbolt.Tx) error {
		puts = slices.DeleteFunc(puts, func(p put) bool { return p.stands(tx) })
		return nil
	})
	if err != nil || len(puts) == 0 {
		return err
	}
	return x.db.Update(func(tx *bbolt.Tx) error {
		var errs []error
		for _, p := range puts {
			bucket := tx.Bucket(p.bucket)
			if p.value == nil {
				errs = append(errs, bucket.Delete([]byte(p.key)))
			} else {
				errs = append(errs, bucket.Put([]byte(p.key), p.value))
			}
		}
		return errors.Join(errs...)
	})
}

// put is one value to be written; nil takes the key out.
type put struct {
	bucket []byte
	key    string
	value  []byte
}

// stands reports whether there is nothing to be written.
func (p put) stands(tx *bbolt.Tx) bool {
	old := tx.Bucket(p.bucket).Get([]byte(p.key))
	if bytes.Equal(p.bucket, bucketAges) && len(p.value) == 8 && len(old) == 8 {
		then, now := int64(binary.BigEndian.Uint64(old)), int64(binary.BigEndian.Uint64(p.value))
		return now == then || then != 0 && now > then && now-then < int64(ageGrain)
	}
	return (p.value == nil) == (old == nil) && bytes.Equal(p.value, old)
}

// puts is what there is to write.
func (b *batch) puts() (puts []put) {
	for id, a := range b.attrs {
		puts = append(puts, put{bucketAttrs, idKey(id), a.encode()})
	}
	for id, a := range b.aliases {
		puts = append(puts, put{bucketAliases, idKey(id), a.encode()})
	}
	for k, l := range b.listings {
		if l.s == nil {
			puts = append(puts, put{bucketListings, string(k), nil}, put{bucketAges, string(k), nil})
			continue
		}
		l.mu.Lock()
		entries := l.s.list()
		l.mu.Unlock()
		puts = append(puts, put{bucketListings, string(k), encodeListing(entries)}, put{bucketAges, string(k), l.age()})
	}
	for k, l := range b.ages {
		if _, ok := b.listings[k]; !ok {
			puts = append(puts, put{bucketAges, string(k), l.age()})
		}
	}
	return puts
}

// age is when the listing was told, as it is written.
func (l unwritten) age() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	var at int64
	if !l.s.at.IsZero() {
		at = l.s.at.UnixNano()
	}
	return binary.BigEndian.AppendUint64(nil, uint64(at))
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
		s = &siblings{}
		if age := tx.Bucket(bucketAges).Get([]byte(k)); len(age) == 8 && binary.BigEndian.Uint64(age) != 0 {
			s.at = time.Unix(0, int64(binary.BigEndian.Uint64(age)))
		}
		s.name(entries)
		return nil
	})
	return s
}

func (x *Index) unwritten(k folderKey) (l unwritten, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if l, ok = x.next.listings[k]; !ok {
		l, ok = x.writing.listings[k]
	}
	return l, ok
}
