package spool

import (
	"errors"
	"fmt"
	"os"

	"github.com/frameiofs/frameiofs/remote"
)

// settled moves the entry to uploaded/, with step held.
func (a *attempt) settled() error {
	e := a.e
	if err := e.move(uploaded, durable); err != nil {
		return err
	}
	e.untroubled()
	e.setStage(Settled)
	return nil
}

// tell calls Config.Settled, unless a writer has the entry open: then it is called after that one's release. The entry ends
// when it was told everything.
func (a *attempt) tell() error {
	e := a.e
	for {
		var (
			info      Info
			item      remote.Item
			touched   int
			open      bool
			elsewhere bool
			wasYoung  bool
		)
		err := a.step(func() error {
			e.mu.Lock()
			item, touched, open = e.placed.Item, e.touched, len(e.writers) > 0
			elsewhere, wasYoung = e.placed.missing(&e.rec) != "", e.young
			e.mu.Unlock()
			if e.passed() && !open && !e.given {
				rec, _, _ := e.get()
				if err := a.sealed(rec); err != nil {
					return err // the next one to have the bytes must not take them for those that Frame.io has
				}
			}
			if !open && !elsewhere {
				e.telling = true
				e.gate.Lock()
				e.given = true
				e.gate.Unlock()
			}
			return nil
		})
		if err != nil || open {
			return err
		}
		if elsewhere { // it was renamed after the last comparison
			if err := a.toPlace(); err != nil {
				return err
			}
			continue
		}
		info = e.Info()
		info.Assets = e.Assets()
		data := e.dataPath()
		if e.partial() {
			data = "" // Frame.io has copied what never was here
		}
		w := a.receive(data)
		err = e.s.cfg.Settled(info, item, data)
		if err == nil {
			e.s.received(w)
			if item.Kind == remote.Stack {
				e.s.rebase(info.Assets, item.Ref)
			}
		}
		again, err := a.told(err, touched, wasYoung)
		if err != nil || !again {
			return err
		}
		if err := a.toPlace(); err != nil {
			return err
		}
	}
}

// told sees what happened while Settled ran.
func (a *attempt) told(err error, touched int, wasYoung bool) (again bool, _ error) {
	e := a.e
	dir := e.s.path(uploaded, e.key)
	remove := func() error { return os.RemoveAll(dir) }
	if wasYoung {
		remove = func() error { return e.s.forget(e.key) }
	}
	e.step.Lock()
	e.telling = false
	if e.attempt != a { // modified or discarded meanwhile: its bytes are elsewhere now
		if e.in() != uploaded {
			defer e.step.Unlock()
			return false, errors.Join(errRevoked, remove())
		}
		e.step.Unlock()
		return false, errRevoked
	}
	if err != nil {
		e.step.Unlock()
		return false, fmt.Errorf("tell that it has settled: %v", err) // not %w: Frame.io has not refused anything
	}
	e.mu.Lock()
	again, open := e.touched != touched, len(e.writers) > 0
	e.mu.Unlock()
	if again || open {
		e.step.Unlock()
		return again, nil // open: it is told again after the release
	}
	if wasYoung {
		err = remove()
	} else {
		err = os.Rename(dir, dir+".done")
	}
	if err != nil {
		e.step.Unlock()
		return false, err
	}
	e.s.did("done")
	e.attempt = nil
	e.mu.Lock()
	e.folder = ""
	e.mu.Unlock()
	e.s.hide(e)
	e.setStage(Gone)
	e.s.log.Info("file has settled", "key", e.key, "name", e.Target().Name)
	e.step.Unlock()
	if wasYoung {
		return false, nil
	}
	return false, os.RemoveAll(dir + ".done")
}
