package spool

import (
	"fmt"

	"github.com/frameiofs/frameiofs/remote"
)

// swap is what the first of two entries that exchange their names says of the other until that is written too.
type swap struct {
	Key    Key        `json:"key"` // the other one
	Parent remote.Ref `json:"parent"`
	Name   string     `json:"name"` // where it belongs
}

// Exchange gives two entries each other's folder and name; at any stage, without cancelling an upload, and durable on return. What
// they replace on Frame.io stays theirs. ErrGone, and nothing is changed, once one of them has settled or was discarded.
func (s *Spool) Exchange(a, b *Entry) error {
	if a == b {
		return nil
	}
	if b.key < a.key {
		a, b = b, a
	}
	a.step.Lock()
	defer a.step.Unlock()
	b.step.Lock()
	defer b.step.Unlock()
	ra, stageA, _ := a.get()
	rb, stageB, _ := b.get()
	if stageA == Gone || stageB == Gone {
		return ErrGone
	}
	ta, tb := ra.Target, rb.Target
	// If the program dies between the two, both have one name: recovery looks for the note then.
	err := a.save(durable, func(r *record) {
		r.Target.Parent, r.Target.Name, r.Supersedes = tb.Parent, tb.Name, ""
		r.Swap = &swap{b.key, ta.Parent, ta.Name}
	})
	if err != nil {
		return err
	}
	err = b.save(durable, func(r *record) {
		r.Target.Parent, r.Target.Name, r.Supersedes, r.Swap = ta.Parent, ta.Name, "", nil
	})
	if err != nil {
		back := a.save(durable, func(r *record) { r.Target, r.Swap = ta, nil })
		if back != nil {
			err = fmt.Errorf("%w; nor could it be undone: %w", err, back)
		}
		return err
	}
	s.mu.Lock()
	for _, e := range []*Entry{a, b} {
		if !e.hidden {
			s.lift(e)
		}
	}
	for _, e := range []*Entry{a, b} {
		if !e.hidden {
			s.lay(e)
		}
	}
	s.mu.Unlock()
	a.renamed(ra.Hold, stageA)
	b.renamed(rb.Hold, stageB)
	s.broadcast()
	return nil
}

// finishSwap gives the other of two entries its name if the program died before that was written.
func (e *Entry) finishSwap() error {
	sw := e.rec.Swap
	if sw == nil {
		return nil
	}
	other := e.s.byKey[sw.Key]
	if other == nil || other.place != e.place {
		return nil // it has its name, or another by now
	}
	other.step.Lock()
	defer other.step.Unlock()
	rec, stage, _ := other.get()
	if err := other.save(durable, func(r *record) { r.Target.Parent, r.Target.Name = sw.Parent, sw.Name }); err != nil {
		return err
	}
	other.renamed(rec.Hold, stage)
	return nil
}
