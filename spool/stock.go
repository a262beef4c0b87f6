package spool

import (
	"context"
	"os"
	"sync"
	"syscall"
	"time"
)

// To make a file is most of what a small one costs: a file system that had thousands removed a moment ago passes over their inodes one
// by one. So files for the bytes of young entries are made ahead, while nobody makes any. They have their keys, are empty, and no line of
// the journal tells of them; what is left of them is removed at the next start like any empty bytes without a line.

// DefaultStock is how many files are made ahead: the frames of a minute or so.
const DefaultStock = 2048

// stockQuiet is how long nobody has made or removed a file before more are made ahead.
const stockQuiet = 2 * time.Second

// stock is the files that were made ahead.
type stock struct {
	size int // how many there should be

	mu   sync.Mutex
	keys []Key
	last time.Time     // when somebody made or removed a file
	wake chan struct{} // one was taken
}

// take gives the key of a file that is there; "" if there is none.
func (st *stock) take() Key {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.last = time.Now(); len(st.keys) == 0 {
		return ""
	}
	select {
	case st.wake <- struct{}{}:
	default:
	}
	k := st.keys[len(st.keys)-1]
	st.keys = st.keys[:len(st.keys)-1]
	return k
}

// busy notes that files come and go.
func (st *stock) busy() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.last = time.Now()
}

// due is how long to wait before the next file is made; -1: none is wanted.
func (st *stock) due(now time.Time) time.Duration {
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.keys) >= st.size {
		return -1
	}
	return max(0, stockQuiet-now.Sub(st.last))
}

// stocker makes files ahead until ctx ends.
func (s *Spool) stocker(ctx context.Context) {
	st := &s.stock
	for ctx.Err() == nil {
		wait := st.due(time.Now())
		if wait == 0 {
			if !s.occupied() && s.stockSome() == nil {
				continue
			}
			wait = stockQuiet
		}
		if wait > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			continue
		}
		select {
		case <-ctx.Done():
		case <-st.wake:
		}
	}
}

// occupied reports whether something is being written or sent: the disk and the processor have better to do then.
func (s *Spool) occupied() bool {
	for _, e := range s.entries() {
		e.mu.Lock()
		writers := len(e.writers)
		e.mu.Unlock()
		if _, stage, _ := e.get(); writers > 0 || stage == Uploading {
			return true
		}
	}
	return false
}

// stockAtOnce is how many files are made before it is looked again whether now is the time.
const stockAtOnce = 64

// stockSome makes some files ahead, as long as nobody else makes one.
func (s *Spool) stockSome() error {
	for range stockAtOnce {
		if s.stock.due(time.Now()) != 0 {
			break
		}
		if err := s.stockOne(); err != nil {
			return err
		}
	}
	return nil
}

// stockOne makes a file ahead. It is no trouble if that fails: who wants one makes it and hears why it cannot be.
func (s *Spool) stockOne() error {
	if s.Free() == 0 {
		return syscall.ENOSPC
	}
	k := NewKey()
	f, err := s.newYoung(k)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	s.stock.mu.Lock()
	s.stock.keys = append(s.stock.keys, k)
	s.stock.mu.Unlock()
	return nil
}

// fromStock opens a file that was made ahead, and answers its key; nil if there is none.
func (s *Spool) fromStock() (*os.File, Key) {
	k := s.stock.take()
	if k == "" {
		return nil, ""
	}
	path, now := s.youngPath(k), time.Now()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, ""
	}
	if os.Chtimes(path, now, now) != nil { // it is made now
		s.unstock(f, k)
		return nil, ""
	}
	return f, k
}

// unstock removes a file that was made ahead and is not wanted after all.
func (s *Spool) unstock(f *os.File, k Key) {
	if f != nil {
		f.Close()
		os.Remove(s.youngPath(k))
	}
}

// clearStock removes all that was made ahead.
func (s *Spool) clearStock() {
	for k := s.stock.take(); k != ""; k = s.stock.take() {
		os.Remove(s.youngPath(k))
	}
}
