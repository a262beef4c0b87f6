package intent

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// verdict is what an error of Frame.io means for a change.
type verdict int

const (
	passing verdict = iota // waited out: the link, the limits, Frame.io's own trouble, a token to be renewed
	final                  // only a person can help
)

// judge decides by the kinds of error that package remote documents. What it does not know is waited out: trying again loses
// nothing, giving up could.
func judge(err error) verdict {
	for _, row := range []struct {
		is   error
		what verdict
	}{ // the first that matches counts: an error may answer to several
		{context.Canceled, passing}, {context.DeadlineExceeded, passing}, {errPark, final},
		{remote.ErrToken, passing}, {remote.ErrLimited, passing}, {remote.ErrNotFrameio, passing}, {remote.ErrOffline, passing},
		{remote.ErrQuota, final}, {remote.ErrRefused, final},
		{iofs.ErrExist, final}, {iofs.ErrNotExist, final}, {iofs.ErrPermission, final}, {errors.ErrUnsupported, final},
	} {
		if errors.Is(err, row.is) {
			return row.what
		}
	}
	return passing
}

// reason is why a change is parked, for people, with what to do.
func reason(err error) string {
	for _, row := range []struct {
		is   error
		text string
	}{
		{errPark, ""},
		{remote.ErrRefused, "Frame.io refuses this as it is: give it another name or place, or mend what Frame.io complains about, then retry"},
		{iofs.ErrExist, "Frame.io has something of this name already: give it another, or retry"},
		{iofs.ErrNotExist, "it, or the folder that it shall be in, is not on Frame.io any more: put it elsewhere, or cancel"},
		{errors.ErrUnsupported, "Frame.io cannot do this, such as rename a file that has versions: cancel"},
		{iofs.ErrPermission, "no right to do this on Frame.io: ask for it and retry, or cancel"},
	} {
		if errors.Is(err, row.is) {
			if row.text == "" {
				return err.Error()
			}
			return fmt.Sprintf("%s (%v)", row.text, err)
		}
	}
	return err.Error()
}

// errPark marks errors of our own that only a person can help with.
var errPark = errors.New("needs a person")

type parkError string

func (p parkError) Error() string     { return string(p) }
func (p parkError) Is(err error) bool { return err == errPark }

// The waits before the next try. Without a link the last one bounds how long after its return the rest goes on.
const (
	firstWait   = 250 * time.Millisecond
	longestWait = 30 * time.Second
	offlineWait = 2500 * time.Millisecond
)

// backoff is how long to wait before try number tries+1, with some chance in it so that not everybody comes back at once.
func backoff(tries int, longest time.Duration) time.Duration {
	wait := min(longest, firstWait<<min(tries, 10))
	return wait - rand.N(wait/4)
}

// again gives i another turn after a while.
func (j *Journal) again(i *intent, err error) {
	i.err = err
	longest := longestWait
	if linkless(err) {
		longest = offlineWait
	}
	i.retry = time.Now().Add(backoff(i.tries, longest))
	i.tries++
	j.free(i) // it is not under way any more
	j.due(i, i.retry)
}

// linkless reports whether an error says nothing about what was asked, because Frame.io did not hear of it.
func linkless(err error) bool {
	return errors.Is(err, remote.ErrOffline) || errors.Is(err, remote.ErrNotFrameio) || errors.Is(err, remote.ErrToken)
}

// link learns from a call whether there is a link. Without one only one call at a time is tried; when it is back all are at once.
func (j *Journal) link(err error) {
	if linkless(err) {
		if !j.down {
			j.down, j.probes = true, 0
		}
		j.probe = time.Now().Add(backoff(j.probes, offlineWait))
		j.probes++
		return
	}
	if err != nil || !j.down {
		return
	}
	j.down, j.probes = false, 0
	now := time.Now()
	for _, i := range j.byKey {
		if linkless(i.err) && i.retry.After(now) {
			i.retry = time.Time{}
			j.due(i, now)
		}
	}
}
