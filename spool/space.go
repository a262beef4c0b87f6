package spool

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// space watches over the bytes that writers may still put on the disk. Asking the disk is cheap but not free, so its answer
// is used for a while and counted down by what is written.
type space struct {
	dir  string
	keep int64 // bytes that are not ours to use

	left  atomic.Int64 // bytes that may be written before the disk is asked again
	until atomic.Int64 // unix nanoseconds until which left holds

	mu sync.Mutex // one asks, the others wait
}

// How long one answer of the disk is used.
const (
	spaceBytes = 16 << 20
	spaceTime  = 250 * time.Millisecond
)

// take answers ENOSPC if n more bytes would eat into what must stay free. It does not know which bytes overwrite others: near
// the edge it asks the disk, and errs towards keeping the disk usable.
func (sp *space) take(n int64) error {
	if sp.left.Add(-n) >= 0 && time.Now().UnixNano() < sp.until.Load() {
		return nil
	}
	sp.mu.Lock()
	defer sp.mu.Unlock()
	avail, err := sp.ask()
	if err != nil {
		return err
	}
	if n > avail {
		sp.left.Store(0)
		return fmt.Errorf("the disk of %s is full (%d bytes are kept free): %w", sp.dir, sp.keep, syscall.ENOSPC)
	}
	sp.left.Store(min(spaceBytes, avail) - n)
	sp.until.Store(time.Now().Add(spaceTime).UnixNano())
	return nil
}

func (sp *space) ask() (int64, error) {
	n, err := free(sp.dir)
	if err != nil {
		return 0, err
	}
	return max(0, n-sp.keep), nil
}

// Free is how many bytes writers may still put on the disk; 0 if the disk does not tell.
func (s *Spool) Free() int64 {
	n, err := s.space.ask()
	if err != nil {
		return 0
	}
	return n
}
