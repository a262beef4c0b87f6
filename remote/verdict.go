package remote

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"time"
)

// Verdict is what can be done about an error of Frame.io.
type Verdict int

// The verdicts.
const (
	Passing Verdict = iota // waited out: the link, the limits, Frame.io's own trouble, a token to be renewed
	Expired                // the upload URLs are too old: a new asset is needed
	Final                  // only a person can help
)

// Judge decides by the kinds of error that this package documents. What it does not know is waited out: trying again loses nothing,
// giving up could.
func Judge(err error) Verdict {
	for _, row := range []struct {
		is   error
		what Verdict
	}{ // the first that matches counts: an error may answer to several
		{context.Canceled, Passing}, {context.DeadlineExceeded, Passing},
		{ErrToken, Passing}, {ErrLimited, Passing}, {ErrNotFrameio, Passing}, {ErrOffline, Passing},
		{ErrExpired, Expired}, {ErrQuota, Final}, {ErrRefused, Final}, {errInsecure, Final},
		{iofs.ErrExist, Final}, {iofs.ErrNotExist, Final}, {iofs.ErrPermission, Final}, {errors.ErrUnsupported, Final},
	} {
		if errors.Is(err, row.is) {
			return row.what
		}
	}
	return Passing
}

// Advice is what people are told of an error, by what it may be; the first that matches counts, and "" stands for the error's own words.
type Advice []struct {
	Is   error
	Text string
}

// For is the advice on err, with its own words; these alone if there is none.
func (a Advice) For(err error) string {
	for _, row := range a {
		if errors.Is(err, row.Is) && row.Text != "" {
			return fmt.Sprintf("%s (%v)", row.Text, err)
		} else if errors.Is(err, row.Is) {
			break
		}
	}
	return err.Error()
}

// The waits before the next try of what is done behind.
const (
	firstWait   = 250 * time.Millisecond
	longestWait = 30 * time.Second
	offlineWait = 2500 * time.Millisecond
)

// Backoff is how long to wait before try number tries+1, with some chance in it so that not everybody comes back at once. Without a
// link, and where a token has to be renewed or calls are limited, it bounds how long after its return work goes on.
func Backoff(tries int, linkless bool) time.Duration {
	longest := longestWait
	if linkless {
		longest = offlineWait
	}
	wait := min(longest, firstWait<<min(tries, 10))
	return wait - rand.N(wait/4)
}
