package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// How Frame.io is asked whether it has put the parts together. There is no call that says "complete"; it finds out by itself
// (spec: frameio-v4.md §5.1, frameio-v2.md §5.1).
const (
	firstAsk  = 250 * time.Millisecond
	lastAsk   = 10 * time.Second
	noticeFor = 10 * time.Minute // without any change: it will never complete
)

// confirm waits until Frame.io has every byte, and the right ones.
func (a *attempt) confirm() (remote.Item, error) {
	if err := a.step(func() error { a.e.setStage(Confirming); return nil }); err != nil {
		return remote.Item{}, err
	}
	a.e.s.slot(a, true)
	a.mu.Lock()
	file := a.up.File.Ref
	a.mu.Unlock()
	var last remote.Item
	wait, since, began := firstAsk, time.Now(), time.Now()
	// Of many small files, asking too early would cost as many calls as sending them.
	if a.small && sleep(a.ctx, a.e.s.assembly.usual()) != nil {
		return remote.Item{}, errRevoked
	}
	for asked := 1; ; asked++ {
		var it remote.Item
		tries := 0
		err := a.persist(func() (err error) {
			it, err = a.e.s.cfg.Remote.Stat(a.ctx, file)
			tries++
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			return it, &failure{why: "its placeholder went away on Frame.io", counted: true, left: nothing}
		}
		if err != nil {
			return it, fmt.Errorf("ask for the state of the upload: %w", err)
		}
		if it.Complete() {
			if a.small {
				a.e.s.assembly.took(time.Since(began), asked)
			}
			return it, a.verify(it)
		}
		if it.Failed || it.State == remote.Failed {
			return it, &failure{why: "Frame.io reports that the upload failed", counted: true, left: leftover}
		}
		if tries > 1 || it.State != last.State || !it.Updated.Equal(last.Updated) {
			last, since = it, time.Now()
		}
		if time.Since(since) >= noticeFor {
			return it, &failure{why: fmt.Sprintf("every byte was sent, and in %v Frame.io did not put them together", noticeFor), counted: true, left: leftover}
		}
		if sleep(a.ctx, wait) != nil {
			return it, errRevoked
		}
		wait = min(2*wait, lastAsk)
	}
}

// verify compares what Frame.io has with what was closed.
func (a *attempt) verify(it remote.Item) error {
	size := a.e.Size()
	if it.Size != size {
		return &failure{why: fmt.Sprintf("Frame.io has %d bytes of %d", it.Size, size), counted: true, left: leftover}
	}
	if it.Checksum == "" {
		return nil // V4 never tells one, V2 only later
	}
	if a.e.partial() { // its bytes are not here, but those of what was copied
		if sum := a.from.Checksum; sum != "" && sum != it.Checksum {
			return &failure{why: fmt.Sprintf("Frame.io's checksum of the copy is %s, that of %s is %s", it.Checksum, a.from.Name, sum), counted: true, left: leftover}
		}
		return nil
	}
	sum, err := a.sum(size)
	if err != nil {
		return err
	}
	if sum != it.Checksum {
		return &failure{why: fmt.Sprintf("Frame.io's checksum is %s, that of the file is %s", it.Checksum, sum), counted: true, left: leftover}
	}
	return nil
}

// assembly is how long Frame.io takes of late to put a small file together, in nanoseconds.
type assembly struct{ atomic.Int64 }

// longestAssembly bounds what one bad moment costs all that follow.
const longestAssembly = 5 * time.Second

// usual is when it is worth while to ask for the first time.
func (s *assembly) usual() time.Duration { return time.Duration(s.Load()) }

// took notes that a file was found complete after so long, and so many questions: after a single one, less might have done.
func (s *assembly) took(d time.Duration, asked int) {
	usual := s.usual()
	if asked == 1 {
		usual -= usual / 64
	} else {
		usual += (min(d, longestAssembly) - usual) * 3 / 4
	}
	s.Store(int64(usual))
}
