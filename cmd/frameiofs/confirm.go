package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// confirm finds out, behind a mount that began with what was known from the last time, whether that is still so. A nil *confirm is of
// a mount that need not ask.
type confirm struct {
	s        *session
	begun    time.Time
	ctx      context.Context
	cancel   context.CancelFunc
	finished chan struct{} // closed when nothing is left to ask
	answered chan struct{} // closed when Frame.io has answered, or could not, once

	mu      sync.Mutex // guards what follows
	trouble string     // what is not as it was, and what to do; "" for nothing
	moved   bool       // the next mount will be another one
	offline bool       // Frame.io could not be asked yet
}

// firstPatience is how long a mount waits for Frame.io before it goes ahead with what is known.
const firstPatience = 100 * time.Millisecond

// errMoved is a start that found, in time, that what was known is not so any more. The next one asks Frame.io first.
var errMoved = errors.New("what was mounted the last time is not there as it was")

// newConfirm begins to ask.
func newConfirm(s *session) *confirm {
	c := &confirm{s: s, begun: time.Now(), finished: make(chan struct{}), answered: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	go c.run()
	return c
}

func (c *confirm) close() {
	if c != nil {
		c.cancel()
		<-c.finished
	}
}

// first waits for the answer, for as long as patience from the beginning.
func (c *confirm) first(ctx context.Context, patience time.Duration) error {
	if c == nil {
		return nil
	}
	select {
	case <-c.answered:
	case <-time.After(time.Until(c.begun.Add(patience))):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moved {
		return errMoved
	}
	return nil
}

// report is what is not as it was.
func (c *confirm) report() string {
	if c == nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trouble
}

// run asks until all has been answered well.
func (c *confirm) run() {
	defer close(c.finished)
	once := sync.OnceFunc(func() { close(c.answered) })
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		err := c.user()
		if err == nil {
			err = c.root()
		}
		once()
		if err == nil {
			return
		}
		select {
		case <-time.After(pause):
		case <-c.ctx.Done():
			return
		}
	}
}

// user asks whom the token speaks for.
func (c *confirm) user() error {
	err := c.s.guard.pass(c.ctx)
	var other otherUser
	switch {
	case err == nil, c.ctx.Err() != nil:
	case linkless(err):
		c.unanswered(err)
	case errors.As(err, &other):
		c.move(err)
	default:
		if !c.otherAPI() {
			c.say("Frame.io does not accept the token: shown is what was there before, and nothing is sent", err)
		}
	}
	return err
}

// otherAPI looks whether the account has been moved to the other generation of the API, if that was left open.
func (c *confirm) otherAPI() bool {
	if c.s.cfg.account.api != "auto" {
		return false
	}
	conn, err := c.s.cfg.account.connect(c.ctx, c.s.log)
	if err != nil {
		return false
	}
	conn.Close()
	if conn.API == c.s.conn.API {
		return false
	}
	c.move(fmt.Errorf("the account is on %s now, and what is mounted was on %s: nothing is sent", conn.API, c.s.conn.API))
	return true
}

// root asks whether --root still names what it did. What waits to be uploaded goes to the folders that it was written to, in any
// case.
func (c *confirm) root() error {
	s := c.s
	it, _, err := resolveRoot(c.ctx, s.link, s.cfg.root)
	switch {
	case err == nil && it.Ref != s.root.Ref:
		c.move(fmt.Errorf("--root %s is another folder now than the one that is mounted", s.cfg.root))
		return nil
	case err == nil:
		c.say("", nil)
		s.remember()
		return nil
	case c.ctx.Err() != nil, linkless(err), errors.Is(err, remote.ErrToken):
		return err
	}
	c.say("what was mounted is not there any more", err)
	return err
}

// unanswered says once that Frame.io cannot be asked.
func (c *confirm) unanswered(err error) {
	c.mu.Lock()
	said := c.offline
	c.offline = true
	c.mu.Unlock()
	if !said {
		c.s.log.Warn("without a link: what is known from the last time is shown, and what is written waits", "err", err)
	}
}

// note is what whoever has just mounted should hear.
func (c *confirm) note() string {
	if text := c.report(); text != "" || c == nil {
		return text
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.offline {
		return "Frame.io cannot be reached now: what is known from the last time is shown, and what is written waits"
	}
	return ""
}

// move notes that the next mount is to ask first.
func (c *confirm) move(err error) {
	c.s.known.forget()
	c.mu.Lock()
	c.moved = true
	c.mu.Unlock()
	c.say("unmount, and mount again", err)
}

// say makes it known once.
func (c *confirm) say(what string, err error) {
	text := what
	if err != nil {
		text = oneLine(err.Error()) + ": " + what
	}
	c.mu.Lock()
	was := c.trouble
	c.trouble, c.offline = text, false
	c.mu.Unlock()
	switch {
	case text == was:
	case text == "":
		c.s.log.Info("Frame.io has answered: all is as it was")
	default:
		c.s.log.Error(text)
	}
}
