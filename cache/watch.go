package cache

import (
	"errors"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// What someone looks at is refreshed behind, so that what others change there is seen. It is done at Background priority, a few
// folders at a time and the last looked at first, so that Frame.io's limits themselves stretch it where they are narrow.
const (
	looked   = time.Minute     // looked at within this long: refreshed whenever it is not fresh any more
	unlooked = 5 * time.Minute // not looked at for this long: not refreshed; in between: refreshed three times as rarely

	maxLooks    = 500  // folders that are refreshed; of more only the last looked at: a find over everything is no wish to see it all again
	refreshers  = 3    // folders that are refreshed at once
	largeFolder = 2000 // items, with which a folder is refreshed alone
	// largePeriod is how often, so that ten folders of ten thousand files do not keep a processor busy.
	largePeriod = 25 * time.Second
	// rest is how many times as long as a refresh took the folder is left alone after it: a listing of many pages, or one that had to
	// wait for its turn, comes round so much the rarer.
	rest = 4
	// aside is how long a refresh waits after a look, so that a program that walks a tree is not held up by it.
	aside = 300 * time.Millisecond
)

// look is a folder that someone looks at.
type look struct {
	ref   remote.Ref
	first time.Time // when it was looked at after a while without
	last  time.Time // when it was looked at
	held  int       // times that it is held
	told  time.Time // when Frame.io told what is shown
	tried time.Time // when it was last refreshed, or that failed
	took  time.Duration
	busy  bool // it is being refreshed
	large bool // it has so many items that it is refreshed more rarely
}

// look notes that someone looks at k now; Frame.io told what is shown at a time. t.mu is held.
func (t *Tree) look(k folderKey, ref remote.Ref, told, now time.Time) *look {
	l := t.looks[k]
	if l == nil {
		t.makeRoom()
		l = &look{}
		t.looks[k] = l
	}
	l.ref, l.told = ref, told
	if now.Sub(l.last) >= looked {
		l.first = now
		t.poke()
	}
	l.last = now
	return l
}

// saw notes that someone looks at k now, and sees s. t.mu is held.
func (t *Tree) saw(k folderKey, ref remote.Ref, s *siblings) *look {
	l := t.look(k, ref, s.at, t.now())
	l.large = s.count() > largeFolder
	return l
}

// makeRoom forgets the folder that was looked at longest ago if there are too many. t.mu is held.
func (t *Tree) makeRoom() {
	if len(t.looks) < maxLooks {
		return
	}
	var oldest *look
	var key folderKey
	for k, l := range t.looks {
		if l.held == 0 && !l.busy && (oldest == nil || l.last.Before(oldest.last)) {
			oldest, key = l, k
		}
	}
	delete(t.looks, key)
}

// Looked notes that someone looks into ref, and reports whether he need not List it to see what he saw before: it is known, not older
// than Age, and looked at so often that Changed tells what becomes different.
func (t *Tree) Looked(ref remote.Ref) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, now := keyOf(ref), t.now()
	l := t.looks[k]
	if l == nil || l.told.IsZero() || now.Sub(l.told) >= t.age || now.Sub(l.told) < 0 {
		return false
	}
	t.look(k, ref, l.told, now)
	return true
}

// Hold says that the folder ref, or a file in it, is open: it counts as looked at until release is called.
func (t *Tree) Hold(ref remote.Ref) (release func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := keyOf(ref)
	l := t.looks[k]
	if l != nil {
		t.look(k, ref, l.told, t.now())
	} else if s := t.known(k); s != nil {
		l = t.saw(k, ref, s)
	} else {
		l = t.look(k, ref, time.Time{}, t.now())
	}
	l.held++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if l.held--; l.held == 0 {
			l.last = t.now()
		}
	}
}

// poke has watch look again at what there is to refresh. t.mu is held.
func (t *Tree) poke() {
	if !t.watching && t.ctx.Err() == nil {
		t.watching = true
		t.wg.Go(t.watch)
	}
	select {
	case t.poked <- struct{}{}:
	default:
	}
}

// watch refreshes what someone looks at, until no one does.
func (t *Tree) watch() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-t.poked:
		case <-t.ctx.Done():
			return
		}
		t.mu.Lock()
		wait := t.refresh()
		if wait < 0 {
			t.watching = false
			t.mu.Unlock()
			return
		}
		t.mu.Unlock()
		timer.Reset(wait)
	}
}

// refresh begins what is due, and returns after how long there may be more; less than zero if no one looks at anything. t.mu is held.
func (t *Tree) refresh() (wait time.Duration) {
	now := t.now()
	for {
		var next *look
		var key folderKey
		wait = unlooked // long: until poked
		for k, l := range t.looks {
			d, ok := t.due(l, now)
			switch {
			case !ok:
				delete(t.looks, k)
			case l.busy:
			case d > 0:
				wait = min(wait, d)
			case next == nil || l.last.After(next.last):
				next, key = l, k
			}
		}
		switch {
		case len(t.looks) == 0:
			return -1
		case next == nil || t.refreshing > 0 && t.refreshing+next.share() > t.refreshers():
			return wait
		}
		t.begun(key, next)
	}
}

// share is how many of the refreshers a folder takes: a large one all.
func (l *look) share() int {
	if l.large {
		return refreshers
	}
	return 1
}

// refreshers is how many folders may be refreshed at once: to find out whether Frame.io answers again one is enough.
func (t *Tree) refreshers() int {
	if t.silent.IsZero() {
		return refreshers
	}
	return 1
}

// due is in how long a folder is to be refreshed; not ok: no one looks at it any more.
func (t *Tree) due(l *look, now time.Time) (d time.Duration, ok bool) {
	period := max(t.fresh, time.Second)
	if l.large {
		period = max(period, largePeriod)
	}
	if idle := now.Sub(l.last); l.held == 0 && idle >= looked {
		if idle >= unlooked && !l.busy {
			return 0, false
		}
		period *= 3
	}
	d = max(l.first.Add(aside).Sub(now), l.told.Add(period).Sub(now), l.tried.Add(max(period, rest*l.took)).Sub(now))
	if !t.silent.IsZero() {
		d = max(d, t.silent.Add(period).Sub(now))
	}
	return d, true
}

// begun refreshes a folder. t.mu is held.
func (t *Tree) begun(k folderKey, l *look) {
	began := t.now()
	share := l.share()
	fl := t.behind(k, l.ref, remote.Background)
	l.busy = true
	t.refreshing += share
	fl.then = append(fl.then, func() {
		l.busy = false
		t.refreshing -= share
		l.tried = t.now()
		l.took = l.tried.Sub(began)
		if errors.Is(fl.err, remote.ErrOffline) {
			t.unanswered(k, fl.err)
		}
		t.poke()
	})
}

// refreshAll has everything that someone looks at refreshed: what happened there since the link went down is not known. t.mu is held.
func (t *Tree) refreshAll() {
	for _, l := range t.looks {
		l.told, l.tried = time.Time{}, time.Time{}
	}
	t.poke()
}
