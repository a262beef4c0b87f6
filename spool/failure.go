package spool

import (
	"errors"
	"fmt"

	"github.com/frameiofs/frameiofs/remote"
)

// failure is an attempt that Frame.io took but did not bring to an end: it is begun again with a new asset.
type failure struct {
	why     string
	counted bool // the third in a row parks the entry
	left    bool // whether there is something to delete on Frame.io
}

func (f *failure) Error() string { return f.why }

// maxFailures is how often in a row one content is sent in vain before a person is asked.
const maxFailures = 3

// startOver forgets the asset.
func (a *attempt) startOver(f *failure) error {
	e := a.e
	e.s.log.Warn("upload begins again", "key", e.key, "name", e.Info().Name, "why", f.why)
	err := a.step(func() error {
		if err := e.dropUpload(a, f.left); err != nil {
			return err
		}
		n := 0
		err := e.save(durable, func(r *record) {
			if f.counted {
				r.Failures++
			}
			r.Attempts++
			n = r.Failures
		})
		if err != nil {
			return err
		}
		if e.in() != outbox { // it was Settled, and the asset went away before it was told
			if err := e.move(outbox, durable); err != nil {
				return err
			}
		}
		if n >= maxFailures {
			return parkError(fmt.Sprintf("sent %d times, and Frame.io did not keep it (%s): retry, and if it happens again ask Frame.io's support", n, f.why))
		}
		e.setStage(Uploading)
		return nil
	})
	if err != nil {
		return err
	}
	a.e.s.slot(a, false)
	a.mu.Lock()
	a.up, a.done, a.nDone, a.nMatched = remote.Upload{}, nil, 0, 0
	a.mu.Unlock()
	a.sent.Store(0)
	a.unwanted = nil
	if f.counted {
		return a.pause(a.ctx, errors.New(f.why), 1)
	}
	return nil
}
