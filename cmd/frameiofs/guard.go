package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// guard is the link for those who change something on Frame.io. It lets nothing through before Frame.io has said, of the very token
// in use, that it speaks for the user whom the state folder belongs to: what waits there must not go to anybody else.
type guard struct {
	*link
	token remote.TokenSource
	user  remote.User

	ctx    context.Context // of the questions; ended by close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex // guards what follows
	passed string     // the token that was found good; "" for none
	asking *question  // the question under way, if there is one
	last   *question  // the last that was answered
}

// question is one time that Frame.io is asked who the user is. What it came to is there once done is closed.
type question struct {
	done chan struct{}
	err  error
	at   time.Time
}

// How long Frame.io is waited for when it is asked who the user is, and how long its answer is repeated to those who ask again
// at once.
const (
	guardTimeout = 5 * time.Second
	guardRepeat  = time.Second
)

func newGuard(l *link, token remote.TokenSource, user remote.User) *guard {
	g := &guard{link: l, token: token, user: user}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// vouch tells that Frame.io has just named the user.
func (g *guard) vouch() {
	token, err := g.token.Token(g.ctx)
	if err != nil {
		return // then it is asked again
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passed = token
}

// close ends the question under way.
func (g *guard) close() {
	g.cancel()
	g.wg.Wait()
}

// pass returns nil if the token is known to speak for the user. Otherwise it asks Frame.io, once however many want to pass,
// and what it answers, or why it does not, is the error.
func (g *guard) pass(ctx context.Context) error {
	token, err := g.token.Token(ctx)
	if err != nil {
		return unsure{err}
	}
	g.mu.Lock()
	if g.passed == token {
		g.mu.Unlock()
		return nil
	}
	q := g.asking
	if q == nil && g.last != nil && time.Since(g.last.at) < guardRepeat {
		q = g.last
	}
	if q == nil {
		q = &question{done: make(chan struct{})}
		g.asking = q
		g.wg.Go(func() { g.ask(q) })
	}
	g.mu.Unlock()
	select {
	case <-q.done:
		return q.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ask asks Frame.io.
func (g *guard) ask(q *question) {
	ctx, cancel := context.WithTimeout(g.ctx, guardTimeout)
	defer cancel()
	var user remote.User
	var before, now string
	var err, tokenErr error
	for range 3 { // a token that is renewed by the very question is asked about again
		if before, err = g.token.Token(ctx); err == nil {
			user, err = g.link.Me(ctx)
		}
		if now, tokenErr = g.token.Token(g.ctx); err != nil || tokenErr != nil || before == now {
			break
		}
	}
	switch {
	case err == nil && tokenErr == nil && user.ID != g.user.ID:
		err = otherUser{user, g.user}
	case err == nil && before != now:
		err = fmt.Errorf("%w: the token has just been changed", remote.ErrOffline) // nobody knows which one was asked with
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%w: it does not answer", remote.ErrOffline)
	case err != nil && !linkless(err) && !errors.Is(err, remote.ErrToken):
		err = unsure{err}
	}
	if g.ctx.Err() == nil {
		g.link.saw(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil {
		g.passed = now
	}
	q.err, q.at = err, time.Now()
	g.asking, g.last = nil, q
	close(q.done)
}

// linkless reports whether an error says nothing but that Frame.io cannot be asked now.
func linkless(err error) bool {
	return errors.Is(err, remote.ErrOffline) || errors.Is(err, remote.ErrLimited) || errors.Is(err, remote.ErrNotFrameio) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// unsure is a token that cannot be had, or an answer that does not name the user. Like a token that is refused it is waited out, and nothing is given up.
type unsure struct{ error }

func (e unsure) Unwrap() error        { return e.error }
func (e unsure) Is(target error) bool { return target == remote.ErrToken }

// otherUser is a token that speaks for somebody else than it did.
type otherUser struct{ is, was remote.User }

func (e otherUser) Error() string {
	return fmt.Sprintf("the token speaks for %s now, and what is mounted is of %s: nothing is sent", person(e.is), person(e.was))
}

// Is makes it count as a token that is refused, too.
func (e otherUser) Is(target error) bool { return target == remote.ErrToken }

// Stat passes first, because the spool draws conclusions from what is not there.
func (g *guard) Stat(ctx context.Context, ref remote.Ref) (remote.Item, error) {
	if err := g.pass(ctx); err != nil {
		return remote.Item{}, err
	}
	return g.link.Stat(ctx, ref)
}

// CreateFolder passes first.
func (g *guard) CreateFolder(ctx context.Context, parent remote.Ref, name string) (remote.Item, error) {
	if err := g.pass(ctx); err != nil {
		return remote.Item{}, err
	}
	return g.link.CreateFolder(ctx, parent, name)
}

// CreateFile passes first.
func (g *guard) CreateFile(ctx context.Context, f remote.NewFile) (remote.Upload, error) {
	if err := g.pass(ctx); err != nil {
		return remote.Upload{}, err
	}
	return g.link.CreateFile(ctx, f)
}

// CopyFile passes first.
func (g *guard) CopyFile(ctx context.Context, c remote.Copy) (remote.Item, error) {
	if err := g.pass(ctx); err != nil {
		return remote.Item{}, err
	}
	return g.link.CopyFile(ctx, c)
}

// PutPart passes first.
func (g *guard) PutPart(ctx context.Context, part remote.Part, body io.ReaderAt) error {
	if err := g.pass(ctx); err != nil {
		return err
	}
	return g.link.PutPart(ctx, part, body)
}

// AddVersion passes first.
func (g *guard) AddVersion(ctx context.Context, target, file remote.Ref) (remote.Item, error) {
	if err := g.pass(ctx); err != nil {
		return remote.Item{}, err
	}
	return g.link.AddVersion(ctx, target, file)
}

// Rename passes first.
func (g *guard) Rename(ctx context.Context, ref remote.Ref, name string) (remote.Item, error) {
	if err := g.pass(ctx); err != nil {
		return remote.Item{}, err
	}
	return g.link.Rename(ctx, ref, name)
}

// Move passes first.
func (g *guard) Move(ctx context.Context, ref, to remote.Ref) (remote.Item, error) {
	if err := g.pass(ctx); err != nil {
		return remote.Item{}, err
	}
	return g.link.Move(ctx, ref, to)
}

// Delete passes first.
func (g *guard) Delete(ctx context.Context, ref remote.Ref) error {
	if err := g.pass(ctx); err != nil {
		return err
	}
	return g.link.Delete(ctx, ref)
}
