package cache

import (
	"slices"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// Programs that go through a tree list one folder after another, a round trip each. So folders are listed ahead of them: a few
// on the guess that who lists a folder will go on into it, and all when it is evident that someone does.
const (
	guessed  = 16               // subfolders that are listed on a guess
	abreast  = 32               // subfolders that are listed at once ahead of someone who goes through all of them
	stride   = 5 * time.Second  // two subfolders that are listed within this long of each other make it evident
	paused   = 10 * time.Second // who has not looked for this long does not go on
	maxWalks = 200              // that are remembered
	maxSteps = 20_000           // subfolders of them
)

// walk is a way through the subfolders of one folder.
type walk struct {
	key     folderKey
	subs    []Entry   // by name, as ls and rsync go
	last    time.Time // when someone looked there or below
	at      int       // the subfolder that was listed last; -1: none
	evident bool      // someone goes through all of them
	next    int       // the subfolder that is to be listed next, if it has to be
	left    int       // how many there are from there on, around the end
	tried   []bool    // those that need not be listed ahead again
	running int       // those that are being listed ahead
}

// step is a subfolder's place in the walk through its parent.
type step struct {
	w *walk
	i int
}

// walked notes that a program has listed k. t.mu is held.
func (t *Tree) walked(k folderKey, s *siblings) {
	now := t.now()
	up, inside := t.steps[k]
	if inside {
		t.entered(up, now)
	}
	t.goesOn(k)
	subs := s.folders()
	w := t.walks[k]
	if w != nil && len(w.subs) == len(subs) && (len(subs) == 0 || &w.subs[0] == &subs[0]) {
		return
	}
	known, evident := w != nil, w != nil && w.evident
	t.dropWalk(k)
	if len(subs) == 0 {
		return
	}
	w = &walk{key: k, subs: subs, last: now, at: -1, evident: evident, tried: make([]bool, len(subs))}
	t.keepWalk(w)
	switch {
	case inside && up.w.evident:
		w.evident, w.left = true, len(subs)
		t.ahead(w)
	case !known && t.recently(s.at): // once is enough, however often the folder changes
		t.guess(w)
	}
}

// entered notes that a program has listed a subfolder. t.mu is held.
func (t *Tree) entered(in step, now time.Time) {
	w := in.w
	if w.at >= 0 && w.at != in.i && now.Sub(w.last) < stride {
		w.evident = true
	}
	w.goesOn(now)
	w.at = in.i
	if w.evident {
		w.next, w.left = in.i+1, len(w.subs)
		t.ahead(w)
	}
}

// goesOn notes that someone looks at the folder or below.
func (w *walk) goesOn(now time.Time) {
	if now.Sub(w.last) >= paused {
		w.evident, w.at = false, -1
	}
	w.last = now
}

// goesOn notes that someone looks at k, so that he is not done with the folders above. t.mu is held.
func (t *Tree) goesOn(k folderKey) {
	if len(t.walks) == 0 {
		return
	}
	now := t.now()
	if w := t.walks[k]; w != nil {
		w.goesOn(now)
	}
	for range len(t.walks) { // more levels there are not, even if the folders lead in a circle
		up, ok := t.steps[k]
		if !ok {
			return
		}
		up.w.goesOn(now)
		k = up.w.key
	}
}

// guess has some subfolders listed that never were, when nobody else wants to go. t.mu is held.
func (t *Tree) guess(w *walk) {
	n := 0
	for _, e := range w.subs {
		if n == guessed || t.guesses >= 2*guessed || t.ctx.Err() != nil || !t.silent.IsZero() {
			return
		}
		k := keyOf(e.Ref)
		if _, ok := t.told(k); ok || t.flights[k] != nil {
			continue
		}
		n++
		t.guesses++
		fl := t.behind(k, e.Ref, remote.Background)
		fl.then = append(fl.then, func() { t.guesses-- })
	}
}

// ahead has subfolders listed that the program would have to wait for. t.mu is held.
func (t *Tree) ahead(w *walk) {
	for ; w.left > 0 && w.running < abreast && t.now().Sub(w.last) < paused && t.ctx.Err() == nil && t.silent.IsZero(); w.left-- {
		i := w.next % len(w.subs)
		w.next++
		if w.tried[i] {
			continue
		}
		w.tried[i] = true
		ref := w.subs[i].Ref
		k := keyOf(ref)
		if at, ok := t.told(k); ok && t.now().Sub(at) < t.age {
			continue
		}
		w.running++
		fl := t.behind(k, ref, remote.Ahead)
		fl.then = append(fl.then, func() {
			w.running--
			t.ahead(w)
		})
	}
}

// told is when Frame.io told the listing of k; not ok: there is none. t.mu is held.
func (t *Tree) told(k folderKey) (at time.Time, ok bool) {
	if s, ok := t.listings.Get(string(k)); ok {
		return s.at, true
	}
	return t.index.told(k)
}

// keepWalk remembers a walk, and forgets those that were left longest ago if there are too many. t.mu is held.
func (t *Tree) keepWalk(w *walk) {
	for len(t.walks) >= maxWalks || len(t.walks) > 0 && len(t.steps)+len(w.subs) > maxSteps {
		var oldest *walk
		for _, other := range t.walks {
			if oldest == nil || other.last.Before(oldest.last) {
				oldest = other
			}
		}
		t.dropWalk(oldest.key)
	}
	t.walks[w.key] = w
	for i, e := range w.subs {
		t.steps[keyOf(e.Ref)] = step{w, i}
	}
}

// dropWalk forgets a walk; there need not be one. t.mu is held.
func (t *Tree) dropWalk(k folderKey) {
	w := t.walks[k]
	if w == nil {
		return
	}
	w.left = 0
	delete(t.walks, k)
	for _, e := range w.subs {
		if sub := keyOf(e.Ref); t.steps[sub].w == w {
			delete(t.steps, sub)
		}
	}
}

// folders are the folders in the list, by name. The slice is not written to again.
func (s *siblings) folders() []Entry {
	list := s.list()
	if s.subs == nil {
		s.subs = []Entry{}
		for _, e := range list {
			if e.IsDir() {
				s.subs = append(s.subs, e)
			}
		}
		slices.SortFunc(s.subs, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	}
	return s.subs
}
