package main

import (
	"context"
	"errors"
	iofs "io/fs"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// users is a Frame.io that tells by the token who the user is, and counts what is changed.
type users struct {
	wire
	token *heldToken
	delay time.Duration

	mu      sync.Mutex
	asked   int
	changed []string // the token with which
}

func (u *users) Me(ctx context.Context) (remote.User, error) {
	token, _ := u.token.Token(ctx)
	u.mu.Lock()
	u.asked++
	u.mu.Unlock()
	select {
	case <-time.After(u.delay):
	case <-ctx.Done():
		return remote.User{}, ctx.Err()
	}
	if token == "refused" {
		return remote.User{}, &remote.Error{Op: "ask who I am", Status: 401, Err: remote.ErrToken}
	}
	return remote.User{ID: remote.ID(token), Name: token}, nil
}

func (u *users) Delete(ctx context.Context, _ remote.Ref) error {
	token, err := u.token.Token(ctx)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.changed = append(u.changed, token)
	return err
}

// heldToken is a token file in memory.
type heldToken struct {
	mu   sync.Mutex
	text string
}

func (t *heldToken) set(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = text
}

func (t *heldToken) Token(context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text == "" {
		return "", iofs.ErrNotExist
	}
	return t.text, nil
}

func (t *heldToken) Refresh(context.Context, string) error { return remote.ErrToken }

func guarded(delay time.Duration) (*guard, *users, *heldToken) {
	token := &heldToken{text: "ann"}
	u := &users{token: token, delay: delay}
	return newGuard(&link{wire: u}, token, remote.User{ID: "ann", Name: "ann"}), u, token
}

func TestGuardAsksOnceAndLetsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, u, _ := guarded(2 * time.Second)
		defer g.close()
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Delete(hurried, remote.Ref{}); !errors.Is(err, context.DeadlineExceeded) || len(u.changed) > 0 {
			t.Errorf("before the answer: %v, %d changes", err, len(u.changed))
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := g.Delete(t.Context(), remote.Ref{}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if u.asked != 1 || len(u.changed) != 20 {
			t.Errorf("asked %d times for %d changes, want once for 20", u.asked, len(u.changed))
		}
	})
}

func TestGuardFollowsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, u, token := guarded(time.Millisecond)
		defer g.close()
		g.vouch()
		if err := g.Delete(t.Context(), remote.Ref{}); err != nil || u.asked != 0 {
			t.Errorf("vouched for: %v, asked %d times", err, u.asked)
		}
		for _, other := range []string{"bob", "refused", ""} {
			time.Sleep(guardRepeat)
			token.set(other)
			// Not given up, but waited out: the token may be put right.
			if err := g.Delete(t.Context(), remote.Ref{}); !errors.Is(err, remote.ErrToken) {
				t.Errorf("with the token of %s: %v", other, err)
			}
			if other == "" {
				continue
			}
			if state := g.link.report().State; state != "down" {
				t.Errorf("with the token of %s the link is %s", other, state)
			}
		}
		time.Sleep(guardRepeat)
		token.set("bob")
		g.Delete(t.Context(), remote.Ref{})
		asked := u.asked
		if err := g.Delete(t.Context(), remote.Ref{}); err == nil || u.asked != asked {
			t.Errorf("right after a refusal: %v, asked %d times more", err, u.asked-asked)
		}
		token.set("ann")
		if err := g.Delete(t.Context(), remote.Ref{}); err != nil {
			t.Errorf("with the first user's token again: %v", err)
		}
		for _, by := range u.changed {
			if by != "ann" {
				t.Errorf("something was changed as %s", by)
			}
		}
	})
}

func TestGuardGivesUpOnAFrameioThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, u, _ := guarded(time.Hour)
		defer g.close()
		began := time.Now()
		err := g.Delete(t.Context(), remote.Ref{})
		if !errors.Is(err, remote.ErrOffline) || time.Since(began) != guardTimeout || len(u.changed) > 0 {
			t.Errorf("after %v: %v, %d changes", time.Since(began), err, len(u.changed))
		}
	})
}
