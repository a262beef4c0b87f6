package remote

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// maker is something that is made by counted attempts.
type maker struct {
	made     []ID // on "Frame.io"
	attempts int
	looks    []time.Time
	lose     int // answers of so many attempts are lost
	before   int // of which so many before anything was made
}

func (m *maker) make() Make[ID] {
	return Make[ID]{
		Key: "k",
		Do: func(context.Context) (ID, error) {
			m.attempts++
			if m.attempts > m.before {
				m.made = append(m.made, ID(fmt.Sprint(m.attempts)))
			}
			if m.attempts <= m.lose {
				return "", &Error{Op: "make", Unknown: true, Err: ErrOffline}
			}
			return m.made[len(m.made)-1], nil
		},
		Look: func(_ context.Context, since time.Time) (ID, bool, error) {
			m.looks = append(m.looks, since)
			if len(m.made) > 0 {
				return m.made[0], true, nil
			}
			return "", false, nil
		},
		ID: func(id ID) ID { return id },
	}
}

func TestOnceAdoptsWhatALostAnswerMade(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		m               maker
		attempts, looks int
		want            ID
		earlier         bool // an earlier run's outcome is unknown
	}{
		{name: "no trouble", attempts: 1, want: "1"},
		{name: "lost after it was made", m: maker{lose: 1}, attempts: 1, looks: 1, want: "1"},
		{name: "lost before it was made", m: maker{lose: 1, before: 1}, attempts: 2, looks: 1, want: "2"},
		{name: "an earlier run may have made it, and had", m: maker{made: []ID{"0"}}, earlier: true, looks: 1, want: "0"},
		{name: "an earlier run may have made it, but had not", earlier: true, attempts: 1, looks: 1, want: "1"},
	} {
		conn := dial(t, "http://127.0.0.1:1", StaticToken("t"))
		conn.patience = 10 * time.Second
		mk := c.m.make()
		start := time.Now()
		if c.earlier {
			mk.Since = start
		}
		got, err := Once(t.Context(), conn, mk)
		if got != c.want || err != nil || c.m.attempts != c.attempts || len(c.m.looks) != c.looks {
			t.Errorf("%s: got %q, %v, %d attempts, %d looks", c.name, got, err, c.m.attempts, len(c.m.looks))
		}
		for _, since := range c.m.looks {
			if d := start.Sub(since); d < slack-time.Second || d > slack+time.Second {
				t.Errorf("%s: looked %v back, want the slack of %v before the attempt", c.name, d, slack)
			}
		}
		if !conn.Mine(got) {
			t.Errorf("%s: what was acknowledged is taken for a leftover", c.name)
		}
	}
}

func TestOnceRemembersDoubtsForTheNextCall(t *testing.T) {
	conn := dial(t, "http://127.0.0.1:1", StaticToken("t"))
	m := maker{lose: 1}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // too short for a look
	defer cancel()
	if _, err := Once(ctx, conn, m.make()); !errors.Is(err, ErrOffline) {
		t.Fatalf("got %v, want the lost attempt's error", err)
	}
	got, err := Once(t.Context(), conn, m.make())
	if got != "1" || err != nil || m.attempts != 1 {
		t.Errorf("got %q, %v after %d attempts; want what the first attempt made", got, err, m.attempts)
	}
}
