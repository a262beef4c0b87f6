package intent

import (
	"errors"
	iofs "io/fs"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// passes reports whether an error is waited out: it is not Frame.io's no, nor ours.
func passes(err error) bool { return remote.Judge(err) == remote.Passing && !errors.Is(err, errPark) }

// reason is why a change is parked, for people, with what to do.
func reason(err error) string { return advice.For(err) }

var advice = remote.Advice{
	{errPark, ""},
	{remote.ErrRefused, "Frame.io refuses this as it is: give it another name or place, or mend what Frame.io complains about, then retry"},
	{iofs.ErrExist, "Frame.io has something of this name already: give it another, or retry"},
	{iofs.ErrNotExist, "it, or the folder that it shall be in, is not on Frame.io any more: put it elsewhere, or cancel"},
	{errors.ErrUnsupported, "Frame.io cannot do this, such as rename a file that has versions: cancel"},
	{iofs.ErrPermission, "no right to do this on Frame.io: ask for it and retry, or cancel"},
}

// errPark marks errors of our own that only a person can help with.
var errPark = errors.New("needs a person")

type parkError string

func (p parkError) Error() string     { return string(p) }
func (p parkError) Is(err error) bool { return err == errPark }

// again gives i another turn after a while.
func (j *Journal) again(i *intent, err error) {
	i.err = err
	i.retry = time.Now().Add(remote.Backoff(i.tries, linkless(err) || errors.Is(err, remote.ErrLimited)))
	i.tries++
	j.free(i) // it is not under way any more
	j.due(i, i.retry)
}

// stuck notes why the call for i that is under way does not get on; nil: it does.
func (j *Journal) stuck(i *intent, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if i.busy {
		i.err = err
	}
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
		j.probe = time.Now().Add(remote.Backoff(j.probes, true))
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
