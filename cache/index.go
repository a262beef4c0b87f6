package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterr "go.etcd.io/bbolt/errors"
)

// The index is a bbolt file with one bucket for each thing kept. A bucket's name ends in the version of what is in it: another
// version's bucket is not read, and left alone if what is in it cannot be had again.
//
//	listings2   kind and ID of a folder → its items, see listing.go
//	ages1       kind and ID of a folder → when Frame.io told them: nanoseconds since 1970, 8 bytes, big endian; 0: ask before they are shown
//	attrs1      '=' and ID → an Attr, see attr.go
//	xattrs1     '=' and ID → XAttrs, see xattr.go
//	aliases1    '=' and ID → ino and gen, 8 bytes each, big endian
var (
	bucketListings = []byte("listings2")
	bucketAges     = []byte("ages1")
	bucketAttrs    = []byte("attrs1")
	bucketXAttrs   = []byte("xattrs1")
	bucketAliases  = []byte("aliases1")
)

// outdated are buckets of earlier versions whose contents can be had again.
var outdated = [][]byte{[]byte("listings1")}

// gather is how long changes are gathered before they are written with one fsync. Twice that is what a kill -9 may cost, but not of
// our own changes of listings: see own.go.
const gather = 200 * time.Millisecond

// Index is the file in which listings, kept attributes and inode aliases outlive the program. There is one per state
// folder. Listings can be had again from Frame.io; attributes and aliases cannot, but no byte of a film hangs on them.
type Index struct {
	db   *bbolt.DB
	kick chan struct{} // something is new
	stop chan struct{} // closed by Close
	done chan struct{} // closed when run has ended

	flushes sync.Mutex // held while a batch is written; taken before mu

	mu      sync.Mutex       // guards what follows
	attrs   *shelf[Attr]     // in front of the bucket, and never behind it
	aliases *shelf[alias]    // likewise
	xattrs  *shelf[struct{}] // tells only which there are
	next    *batch           // new since the last write
	writing *batch           // being written; empty at other times
	err     error            // of the last write
	closed  bool
	log     ownLog
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
	x := &Index{db: db, kick: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		next: newBatch(), writing: newBatch()}
	var left []owned
	if x.log, left, err = openOwn(path); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open index: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range outdated {
			if err := tx.DeleteBucket(name); err != nil && !errors.Is(err, bolterr.ErrBucketNotFound) {
				return err
			}
		}
		for _, name := range [][]byte{bucketListings, bucketAges, bucketAttrs, bucketXAttrs, bucketAliases} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		x.attrs, x.aliases = newShelf[Attr](tx.Bucket(bucketAttrs)), newShelf[alias](tx.Bucket(bucketAliases))
		x.xattrs = newShelf[struct{}](tx.Bucket(bucketXAttrs))
		return x.log.again(tx, left)
	})
	if err == nil {
		err = x.log.clear()
	}
	if err != nil {
		_ = errors.Join(x.log.close(), db.Close())
		return nil, fmt.Errorf("open index: %w", err)
	}
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
	if e := x.log.close(); err == nil && e != nil {
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

// get reads the value of k, which f may use while it runs; nil if there is none.
func (x *Index) get(bucket []byte, k string, f func(v []byte)) {
	_ = x.db.View(func(tx *bbolt.Tx) error { // fails only once the index is closed: then nothing is kept
		f(tx.Bucket(bucket).Get([]byte(k)))
		return nil
	})
}
