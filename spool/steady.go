package spool

import (
	"context"
	"errors"
	"slices"

	"github.com/frameiofs/frameiofs/remote"
)

// What the mounted tree does with names on Frame.io (move, rename, delete, add a version) and the last steps of an upload
// (place.go, tell.go) are about the same assets, and neither may see the other half-way: a file that was just made a version is
// not to be moved by its own id, because that takes it out of its stack again; and a name that is given to another file must
// not come back with what was leaving under it. So they take turns, entry by entry:
//
//   - while somebody keeps an entry steady it is not brought to its place and nobody is told of it. All else goes on, the
//     sending of its bytes too;
//   - while a call of the last steps runs, Steady answers ErrBusy. Between two tries of a call that fails it does not, so a
//     link that is down holds up nobody. What is not known then (was the call carried out?) does no harm: asked again, Frame.io
//     is where it should be.
//
// An entry that is steady is gone only by a Discard: also a clean one waits with vanishing.

// ErrBusy: look again in a moment. The entry is at the last steps of its way, or the name that it is to get has changed hands.
var ErrBusy = errors.New("spool: the entry is at the last steps of its way, or another has come to the name it is to get")

// There is what Frame.io has under the name of an entry.
type There struct {
	remote.Ref            // the File or Stack that the name stands for there; zero: nothing yet
	Own        bool       // it is a file with this entry's bytes alone; nobody else has seen it
	Earlier    remote.Ref // a File besides Ref that is yet to become a version of it
	Content    remote.ID  // the newest file in Ref, as far as that is known
}

// Steady keeps the entry as it is on Frame.io until let is called, which must be soon: what there tells is true until then,
// unless the holder changes it. It answers ErrGone, or ErrBusy.
func (e *Entry) Steady() (is There, let func(), err error) {
	e.step.Lock()
	defer e.step.Unlock()
	rec, stage, _ := e.get()
	switch {
	case stage == Gone:
		return There{}, nil, ErrGone
	case e.placing > 0:
		return There{}, nil, ErrBusy
	}
	e.steady++
	if e.calm == nil {
		e.calm = make(chan struct{})
	}
	e.mu.Lock()
	p := e.placed
	e.mu.Unlock()
	return there(&rec, p), e.unsteady, nil
}

// there is what the record and the place come to.
func there(rec *record, p *placed) There {
	is := There{Ref: rec.replaces()}
	switch o := rec.Own; {
	case p != nil && !p.alone(rec):
		return There{Ref: p.Item.Ref, Own: p.Item.ID == p.File.ID && !p.Same, Content: p.File.ID}
	case rec.lags():
		is.Ref, is.Earlier = o.Over, o.File
	case o != nil:
		is.Content = o.File.ID
		return is
	}
	for _, it := range []*remote.Item{rec.Over, rec.Base} {
		if it != nil && it.Ref == is.Ref {
			is.Content = it.Content
		}
	}
	return is
}

// unsteady ends what Steady began.
func (e *Entry) unsteady() {
	e.step.Lock()
	defer e.step.Unlock()
	if e.steady--; e.steady > 0 {
		return
	}
	close(e.calm)
	e.calm = nil
	e.mu.Lock()
	left := e.stage == Clean && len(e.writers) == 0
	e.mu.Unlock()
	if left {
		e.vanish()
	}
}

// alone runs last steps, when nobody keeps the entry steady.
func (a *attempt) alone(f func() error) error {
	if err := a.enter(a.ctx); err != nil {
		return err
	}
	a.last = true
	defer func() {
		if a.last { // else it was given up while it waited for the next try
			a.last = false
			a.leave()
		}
	}()
	return f()
}

// enter waits until nobody keeps the entry steady.
func (a *attempt) enter(ctx context.Context) error {
	e := a.e
	for {
		e.step.Lock()
		if e.attempt != a {
			e.step.Unlock()
			return errRevoked
		}
		calm := e.calm
		if calm == nil {
			e.placing++
			e.step.Unlock()
			return nil
		}
		e.step.Unlock()
		select {
		case <-calm:
		case <-ctx.Done():
			return errRevoked
		}
	}
}

func (a *attempt) leave() {
	a.e.step.Lock()
	a.e.placing--
	a.e.step.Unlock()
}

// Assets lists everything that Frame.io has, or has had, of the entry, and what it was to replace; also after a Discard.
func (e *Entry) Assets() []remote.ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.ever)
}
