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
	believed  = 3                // answers in a row that it is not there

	unwantedFor = time.Minute // the same, if the upload host did not know of the upload: most likely it does not either
)

// confirm waits until Frame.io has every byte, and the right ones.
func (a *attempt) confirm() (remote.Item, error) {
	it, err := a.complete()
	if err == nil {
		a.proof, err = a.verify(it)
	}
	return it, err
}

// complete waits until Frame.io has every byte.
func (a *attempt) complete() (remote.Item, error) {
	if err := a.step(func() error { a.e.setStage(Confirming); return nil }); err != nil {
		return remote.Item{}, err
	}
	a.e.s.slot(a, true)
	a.mu.Lock()
	file := a.up.File.Ref
	a.mu.Unlock()
	var last remote.Item
	missed := 0 // how often in a row it was not there
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
			// Not believed at once: a file that is sent again though the first is there after all would be there twice. If it is so, that
			// is deleted.
			if missed++; missed < believed && sleep(a.ctx, wait) == nil {
				wait = min(2*wait, lastAsk)
				continue
			}
			return it, &failure{why: "its placeholder went away on Frame.io", counted: true, left: leftover}
		}
		missed = 0
		if err != nil {
			return it, fmt.Errorf("ask for the state of the upload: %w", err)
		}
		if it.Complete() {
			if a.small {
				a.e.s.assembly.took(time.Since(began), asked)
			}
			return it, nil
		}
		if it.Failed || it.State == remote.Failed {
			return it, &failure{why: "Frame.io reports that the upload failed", counted: true, left: leftover}
		}
		if a.unwanted != nil {
			a.e.stuck(a.unwanted)
		}
		if tries > 1 || it.State != last.State || !it.Updated.Equal(last.Updated) {
			last, since = it, time.Now()
		}
		if a.unwanted != nil && time.Since(since) >= unwantedFor {
			return it, &failure{why: a.unwanted.Error(), counted: true, left: leftover}
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
