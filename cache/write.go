package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/frameiofs/frameiofs/remote"
)

// ageGrain is how much older than it is a listing may count in the next run, so that one that is fetched again and stays the
// same is not a reason to write each time.
const ageGrain = time.Minute

// batch is what has changed.
type batch struct {
	attrs    map[remote.ID]Attr
	xattrs   map[remote.ID]XAttrs
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
	return &batch{map[remote.ID]Attr{}, map[remote.ID]XAttrs{}, map[remote.ID]alias{}, map[folderKey]unwritten{}, map[folderKey]unwritten{}}
}

// over returns b with newer laid over it.
func (b *batch) over(newer *batch) *batch {
	maps.Copy(b.attrs, newer.attrs)
	maps.Copy(b.xattrs, newer.xattrs)
	maps.Copy(b.aliases, newer.aliases)
	maps.Copy(b.listings, newer.listings)
	maps.Copy(b.ages, newer.ages)
	return b
}

// flush writes what is new in one transaction.
func (x *Index) flush() error {
	x.flushes.Lock()
	defer x.flushes.Unlock()
	x.mu.Lock()
	b := x.next
	x.next, x.writing = newBatch(), b
	x.log.turn()
	x.mu.Unlock()

	err := x.write(b)

	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		x.next = b.over(x.next)
		err = fmt.Errorf("write index: %w", err)
	} else {
		x.log.written()
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
	for id, a := range b.xattrs {
		puts = append(puts, put{bucketXAttrs, idKey(id), a.encode()})
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
