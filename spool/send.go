package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/remote"
)

// newFile is the call that the intent announces. again tells that it may have been carried out once: then Frame.io's client
// deletes the placeholder of that time first. Clocks differ: a minute is allowed for ours being ahead.
func (in *intent) newFile(again bool) remote.NewFile {
	f := remote.NewFile{Parent: in.Parent, Name: in.Name, Size: in.Size, MediaType: in.MediaType, Mtime: in.Mtime}
	if again {
		f.Since = in.Began.Add(-time.Minute)
	}
	return f
}

// send brings all bytes to Frame.io and waits until it has confirmed them; at once if that is done.
func (a *attempt) send() error {
	e := a.e
	e.mu.Lock()
	p := e.placed
	e.mu.Unlock()
	if p != nil {
		return nil
	}
	if e.partial() {
		return errUncloned
	}
	fresh, err := a.prepare()
	if err != nil {
		return err
	}
	if err := a.parts(fresh); err != nil {
		return err
	}
	it, err := a.confirm()
	if err != nil {
		return err
	}
	return a.place(it)
}

// place notes that Frame.io has every byte.
func (a *attempt) place(it remote.Item) error {
	e := a.e
	return a.step(func() error {
		a.mu.Lock()
		file := a.up.File
		a.mu.Unlock()
		p := &placed{File: file.Ref, Item: it, Parent: file.Parent, Name: file.Name, Sent: a.described(it)}
		p.Born = remote.Ref{Kind: remote.Folder, ID: file.Parent, Account: it.Account}
		if err := e.put(itemName, p); err != nil {
			return err
		}
		e.s.did("item")
		a.learn(file.Ref, p.Name)
		e.mu.Lock()
		e.placed = p
		e.mu.Unlock()
		e.s.reindex(e)
		return nil
	})
}

// parts sends what is not yet done, in the order of the URLs, several at once.
func (a *attempt) parts(fresh bool) error {
	a.mu.Lock()
	up, done := a.up, append([]bool(nil), a.done...)
	a.mu.Unlock()
	var log *os.File
	err := a.step(func() (err error) {
		if a.e.isYoung() {
			return nil
		}
		log, err = os.OpenFile(a.path(partsName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	defer log.Close()
	sending, cancel, err := a.restful()
	if err != nil {
		return err
	}
	defer cancel(nil)
	g, ctx := errgroup.WithContext(sending)
	a.nParts = len(up.Parts)
	followed := a.hashing(ctx, len(up.Parts))
	for i, part := range up.Parts {
		if done[i] {
			continue
		}
		if !fresh && !part.Expires.IsZero() && time.Now().After(part.Expires) {
			g.Go(func() error { return fmt.Errorf("part %d: %w", part.Number, remote.ErrExpired) })
			break
		}
		if a.e.s.line.enter(ctx, a) != nil {
			break
		}
		g.Go(func() error {
			defer a.e.s.line.leave(a)
			return a.putSafely(ctx, i, part, log)
		})
	}
	err = g.Wait()
	followed()
	if errors.Is(err, fs.ErrNotExist) && a.ctx.Err() == nil {
		// The host knows no such upload any more: the last part had arrived, and we did not live to note it. Or it never will be whole, and
		// confirm finds that out.
		a.e.s.log.Info("a part is not wanted any more", "key", a.e.key, "name", a.e.Info().Name, "err", err)
		a.unwanted, err = err, nil
	}
	if err == nil {
		err = a.hashed()
	}
	switch {
	case a.ctx.Err() != nil:
		return errRevoked
	case context.Cause(sending) == errPaused:
		return errPaused // what was sent is noted
	case err != nil && judge(err) == remote.Expired:
		return &failure{why: err.Error(), counted: fresh, left: leftover}
	case err != nil:
		return err
	}
	return a.step(func() error {
		rec, _, _ := a.e.get()
		return a.sealed(rec)
	})
}

// evenly is how many of n parts are sent at once, at most most: so many that the last round is as full as the others. Else a few parts would
// be left to a few connections at the end, and the line half idle.
func evenly(n, most int) int {
	if n <= most {
		return max(n, 1)
	}
	rounds := (n + most - 1) / most
	return (n + rounds - 1) / rounds
}

// partTries is how often one part is tried before the whole attempt waits for its next turn.
const partTries = 8

// putSafely is put for a goroutine of its own.
func (a *attempt) putSafely(ctx context.Context, i int, part remote.Part, log *os.File) error {
	return remote.Contain(a.e.s.log, "send a part", func() error { return a.put(ctx, i, part, log) })
}

// put sends one part until it is done. Other parts go on meanwhile.
func (a *attempt) put(ctx context.Context, i int, part remote.Part, log *os.File) error {
	r := &partReader{g: &a.guard, off: part.Off, sum: a.running}
	var matched atomic.Bool
	ctx = remote.WithMatched(ctx, func() { matched.Store(true) })
	a.mu.Lock()
	a.flight[i] = r
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.flight, i)
		a.mu.Unlock()
	}()
	for n := 1; ; n++ {
		err := a.e.s.cfg.Remote.PutPart(ctx, part, r)
		if err == nil {
			break
		}
		if errors.Is(err, remote.ErrGarbled) && ctx.Err() == nil {
			return &failure{why: err.Error(), counted: true, left: leftover}
		}
		missing := errors.Is(err, fs.ErrNotExist) && n < believed // it may be only a moment's mistake
		if ctx.Err() != nil || judge(err) != remote.Passing && !missing || n >= partTries {
			return err
		}
		r.at.Store(0)
		if err := a.pause(ctx, err, n); err != nil {
			return err
		}
	}
	return a.step(func() error {
		if log != nil {
			if err := logPart(log, a.e.asset.ID, part.Number); err != nil {
				return fmt.Errorf("note part %d: %w", part.Number, err)
			}
		}
		a.e.s.did("part")
		a.mu.Lock()
		a.done[i] = true
		a.nDone++
		if matched.Load() {
			a.nMatched++
		}
		delete(a.flight, i)
		a.mu.Unlock()
		a.sent.Add(part.Size)
		a.e.untroubled()
		return nil
	})
}

// partReader is a part's view of the guard. It knows how far reading has come, also when a try begins anew.
type partReader struct {
	g   *guard
	off int64
	at  atomic.Int64 // bytes of the part
	sum *running
}

func (r *partReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.g.ReadAt(p, off)
	r.sum.offer(p[:n], off)
	r.at.Store(max(0, off+int64(n)-r.off))
	return n, err
}
