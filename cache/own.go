package cache

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/frameiofs/frameiofs/remote"
)

// Listings are written gathered, so who is killed loses the last moments of them; and a file that has just left the spool would be missing,
// or show what it was before. So own changes of listings are noted in a file first, which costs a write and no fsync, and
// the next run makes them again. After a loss of power it asks Frame.io anyway, within the listing's age.

// owned is one change of ours, a line.
type owned struct {
	N      uint64 // grows
	Folder folderKey
	ID     remote.ID
	Item   *remote.Item `json:",omitempty"` // nil: it no longer stands there
}

// ownLog are the two files: what is noted while one batch is written goes into the other.
type ownLog struct {
	files [2]*os.File
	now   int    // which one is written to
	old   bool   // the other one holds what the batch under way, or one that failed, is to write
	n     uint64 // of the last line
}

// openOwn opens the files beside the index and reads what an earlier run left in them.
func openOwn(path string) (l ownLog, left []owned, err error) {
	for i := range l.files {
		if l.files[i], err = os.OpenFile(fmt.Sprintf("%s.own%d", path, i), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
			return l, nil, errors.Join(err, l.close())
		}
		lines := bufio.NewScanner(l.files[i])
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var o owned
			if json.Unmarshal(lines.Bytes(), &o) == nil && o.Folder != "" { // a line that was torn is the last, and nobody was told of it
				left = append(left, o)
			}
		}
	}
	slices.SortFunc(left, func(a, b owned) int { return int(int64(a.N - b.N)) })
	return l, left, nil
}

func (l *ownLog) close() error {
	var errs []error
	for _, f := range l.files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// again makes changes again in the listings that are kept, and forgets them.
func (l *ownLog) again(tx *bbolt.Tx, left []owned) error {
	byFolder := map[folderKey][]owned{}
	for _, o := range left {
		byFolder[o.Folder] = append(byFolder[o.Folder], o)
	}
	bucket := tx.Bucket(bucketListings)
	for k, changes := range byFolder {
		v := bucket.Get([]byte(k))
		if v == nil {
			continue // it will be asked for
		}
		entries, err := decodeListing(v)
		if err != nil {
			continue // likewise
		}
		s := &siblings{}
		s.name(entries)
		for _, o := range changes {
			if o.Item == nil {
				s.remove(o.ID)
			} else if e := s.ids()[o.ID]; e == nil || !later(e.Item, *o.Item) {
				s.put(*o.Item)
			}
		}
		if err := bucket.Put([]byte(k), encodeListing(s.list())); err != nil {
			return err
		}
	}
	return nil
}

func (l *ownLog) clear() error { return errors.Join(l.files[0].Truncate(0), l.files[1].Truncate(0)) }

// own notes changes of a folder before the listing has them. What cannot be noted may be missing after a crash, until Frame.io is asked.
func (x *Index) own(k folderKey, changes map[remote.ID]change) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return
	}
	var text []byte
	for id, c := range changes {
		x.log.n++
		o := owned{N: x.log.n, Folder: k, ID: id}
		if !c.gone {
			o.Item = &c.item
		}
		line, err := json.Marshal(o)
		if err != nil {
			continue
		}
		text = append(append(text, line...), '\n')
	}
	_, _ = x.log.files[x.log.now].Write(text)
}

// turn begins a batch; mu is held. What is noted from now on is not in it.
func (l *ownLog) turn() {
	if !l.old {
		l.now, l.old = 1-l.now, true
	}
}

// written ends a batch that was written; mu is held.
func (l *ownLog) written() {
	if l.files[1-l.now].Truncate(0) == nil {
		l.old = false
	}
}
