package intent

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// call is a kind of request to Frame.io; each has a limit of its own there.
type call int

const (
	createFolder call = iota
	renameFolder
	moveFolder
	renameFile // and stacks
	moveFile
	deleteFolder
	deleteFile
	tell // none: Made is told
	calls
)

// atOnce is how many calls of a kind are under way together.
const atOnce = 8

// Changes that nobody waits for may rest for a moment; deletions do until there was none for so long, but never longer than that.
const (
	rest     = time.Second
	longRest = 10 * time.Second
)

// turn is an intent's place in the queue.
type turn struct {
	at     time.Time
	i      *intent
	ticket uint64
}

type queue []turn

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(turn)) }
func (q *queue) Pop() any {
	old := *q
	t := old[len(old)-1]
	old[len(old)-1] = turn{}
	*q = old[:len(old)-1]
	return t
}

// schedule is what comes next.
type schedule struct {
	running     bool
	dues        queue            // intents whose time comes
	waiting     [calls][]*intent // those whose time has come, in order
	busy        [calls]int       // calls under way
	inflight    int
	down        bool      // the link did not carry the last call
	probe       time.Time // when to try it again
	probes      int       // in vain
	hurry       int       // people who wait for all of it: nothing rests
	lastRemoval time.Time
	removals    []time.Time // of the last minute, for MaxDelete
	held        int         // how many are held
}

// due gives i a turn, which replaces the one it has.
func (j *Journal) due(i *intent, at time.Time) {
	if i.finished {
		return
	}
	i.ticket++
	heap.Push(&j.dues, turn{at, i, i.ticket})
	poke(j.wake)
}

// Run carries out what was accepted until ctx ends, and returns when all its goroutines have. To be called once at a time.
func (j *Journal) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	j.mu.Lock()
	j.running = true
	for _, i := range j.byKey {
		j.due(i, time.Time{})
	}
	j.mu.Unlock()
	defer func() {
		j.mu.Lock()
		j.running = false
		j.mu.Unlock()
	}()
	for {
		j.mu.Lock()
		wait := j.begin(ctx, &wg)
		j.mu.Unlock()
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-j.wake:
			t.Stop()
		case <-t.C:
		}
	}
}

// begin starts all that may be started now and tells when to look again.
func (j *Journal) begin(ctx context.Context, wg *sync.WaitGroup) time.Duration {
	now := time.Now()
	for len(j.dues) > 0 && !j.dues[0].at.After(now) {
		t := heap.Pop(&j.dues).(turn)
		if t.ticket == t.i.ticket {
			j.consider(ctx, wg, t.i, now)
		}
	}
	wait := time.Hour
	for kind := range calls {
		if w := j.serve(ctx, wg, kind, now); w > 0 {
			wait = min(wait, w)
		}
	}
	if len(j.dues) > 0 {
		wait = min(wait, max(0, j.dues[0].at.Sub(now)))
	}
	return wait
}

// serve starts what has its turn among calls of one kind. If the link is down only one call at a time tries it, and serve tells
// when.
func (j *Journal) serve(ctx context.Context, wg *sync.WaitGroup, kind call, now time.Time) time.Duration {
	for len(j.waiting[kind]) > 0 && j.busy[kind] < atOnce {
		if j.down && kind != tell {
			if j.inflight > 0 {
				return 0
			}
			if wait := j.probe.Sub(now); wait > 0 {
				return wait
			}
		}
		i := j.waiting[kind][0]
		j.waiting[kind][0] = nil
		j.waiting[kind] = j.waiting[kind][1:]
		i.queued = false
		// Much may have come between.
		if got, ok := j.may(i, now); ok && got == kind {
			j.start(ctx, wg, i, kind)
		} else if ok {
			j.enqueue(i, got)
			if got < kind {
				poke(j.wake)
			}
		}
	}
	return 0
}

func (j *Journal) enqueue(i *intent, kind call) {
	if !i.queued {
		i.queued = true
		j.waiting[kind] = append(j.waiting[kind], i)
	}
}

// consider starts i if a program waits for it, and else lines it up.
func (j *Journal) consider(ctx context.Context, wg *sync.WaitGroup, i *intent, now time.Time) {
	kind, ok := j.may(i, now)
	switch {
	case !ok:
	case i.waiter != nil:
		j.start(ctx, wg, i, kind)
	default:
		j.enqueue(i, kind)
	}
}

// may reports whether i can be started, and with what. If not, it has another turn, or has one when what it waits for changes.
func (j *Journal) may(i *intent, now time.Time) (call, bool) {
	if i.finished || i.busy || i.idle() {
		return 0, false
	}
	i.waitsFor = nil
	if j.stays(i) {
		j.news()
		return 0, false
	}
	at := i.retry
	if i.unclaimed && i.waiter == nil && j.hurry == 0 {
		if r := j.restsUntil(i); r.After(at) {
			at = r
		}
	}
	if at.After(now) {
		j.due(i, at)
		return 0, false
	}
	kind, o := j.ready(i)
	if o != nil {
		i.waitsFor = o
		o.blocked = append(o.blocked, i)
		if !i.stuck { // who only waited because i could go need not wait any more
			i.stuck = true
			j.free(i)
		}
		j.news() // for Wait: o may wait for a person
		return 0, false
	}
	i.stuck = false
	return kind, true
}

// restsUntil is when a change that nobody waits for has rested. A deletion in a folder that is deleted itself does not rest, it is folded.
func (j *Journal) restsUntil(i *intent) time.Time {
	if !i.deletion() {
		return i.Since.Add(rest)
	}
	r := j.lastRemoval.Add(rest)
	if most := i.Since.Add(longRest); r.After(most) {
		r = most
	}
	return r
}

// free has those looked at again that wait for i.
func (j *Journal) free(i *intent) {
	now := time.Now()
	for _, o := range i.blocked {
		if !o.finished && o.waitsFor == i {
			o.waitsFor = nil
			j.due(o, now)
		}
	}
	i.blocked = nil
}

// settle strikes off what is reached. If that was all, i is finished.
func (j *Journal) settle(i *intent) bool {
	if i.Parked != "" {
		if i.Back && i.reached(i.From) {
			i.Back, i.shown = false, i.At
			j.undone(i.At.Parent, i.last().Parent)
			j.news()
		}
		return false
	}
	if !i.there() && i.Tried == nil && i.last().Gone {
		i.Steps = nil
	}
	for len(i.Steps) > 0 && i.reached(i.Steps[0].place) {
		i.Steps = i.Steps[1:]
		i.From = i.At
	}
	if len(i.Steps) > 0 || i.busy || i.mute() {
		return false
	}
	j.finish(i, nil)
	return true
}

// finish ends an intent, and tells the program that waits what it came to.
func (j *Journal) finish(i *intent, err error) {
	if err == nil {
		i.shown = i.At
	}
	j.answer(i, err)
	if i.Held {
		j.held--
	}
	j.remove(i)
	j.note(entry{Done: i.Key})
	if !i.there() && i.ref().ID.Pending() {
		j.bypass(i.ref().ID, i.left)
	}
	j.free(i)
	j.news()
}

// bypass has those who only came through a folder that will never be made come through the one that it was to be in. They cannot leave
// that out: where others could go depended on it.
func (j *Journal) bypass(id remote.ID, in remote.Ref) {
	in = j.canon(in)
	for o := range j.in[id] {
		n := len(o.Steps)
		steps := slices.Clone(o.Steps)
		for k := range steps[:max(0, n-1)] {
			if !steps[k].Gone && steps[k].Parent.ID == id {
				steps[k].Parent = in
			}
		}
		if in.ID == "" || in.ID.Pending() && j.byID[in.ID] == nil {
			steps = slices.DeleteFunc(steps, func(st step) bool { return !st.Gone && st.Parent.ID == in.ID })
		}
		if !slices.Equal(steps, o.Steps) {
			o.Steps = steps
			j.goOn(o)
		}
	}
}

// goOn writes down what i is now and gives it another turn, or finishes it.
func (j *Journal) goOn(i *intent) {
	if j.settle(i) {
		return
	}
	j.index(i)
	j.note(entry{Set: &i.record})
	j.free(i)
	j.due(i, time.Now())
	if len(i.Steps) == 0 {
		j.news() // for Idle
	}
}
