package fs_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/link"
	"github.com/frameiofs/frameiofs/sim/world"
	"github.com/frameiofs/frameiofs/spool/intent"
)

// modelSeeds are those that every run of the tests takes, by wire: each once found a fault. New ones are for make model.
var modelSeeds = map[string][]uint64{"v2": {5009, 302}, "v4": {302, 5009}}

// modelLength is how many operations a seed stands for, in modelPhases parts: after each the mount is remounted.
const (
	modelLength = 240
	modelPhases = 3
)

// TestModel does the same things at random in the mount and in a folder of this disk, while uploads go on, and wants the same
// answers, the same bytes, and in the end the same tree on Frame.io. How long a file rests before it leaves, how far away Frame.io is
// and how it reads its own documents follow from the seed, too.
//
// MODEL_SEED=n runs that one, and those after it if MODEL_FOR=10m says how long; without it they begin anywhere. If neither is said it
// runs modelSeeds.
func TestModel(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv("MODEL_SEED"), 10, 64)
	given := err == nil
	if !given {
		seed = rand.Uint64() % 1_000_000
	}
	long, err := time.ParseDuration(os.Getenv("MODEL_FOR"))
	if err != nil && os.Getenv("MODEL_FOR") != "" {
		t.Fatalf("MODEL_FOR is a time such as 10m: %v", err)
	}
	wires(t, func(t *testing.T, api string) {
		seeds := []uint64{seed}
		if !given && long == 0 {
			seeds = modelSeeds[api]
		}
		for _, seed := range seeds {
			runModel(t, api, seed)
		}
		for began, n := time.Now(), seed+1; time.Since(began) < long/2 && !t.Failed(); n++ {
			runModel(t, api, n)
		}
	})
}

func runModel(t *testing.T, api string, seed uint64) {
	t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
		m := &model{t: t, rand: rand.New(rand.NewPCG(seed, 0)), plain: t.TempDir(), trace: trace{began: time.Now()}}
		m.rig = newRig(t, api, m.service)
		m.with = mountWith{settle: time.Duration(5+m.rand.IntN(95)) * time.Millisecond, state: t.TempDir(), full: seed%7 == 6}
		if api == "v4" { // it refuses to rename some stacks, and a slow machine is not to make that a refusal that comes later
			m.with.names = func(c *intent.Config) { c.Patience = time.Minute }
		}
		m.passes = m.rand.IntN(3) == 0
		m.trace.watch(&m.with)
		m.mount()
		t.Cleanup(m.shut)
		defer m.tell(seed)
		for range modelPhases {
			for i := 0; i < modelLength/modelPhases && !t.Failed(); i++ {
				m.step()
			}
			m.restart()
		}
		m.end()
	})
}

// tell says of a run that failed all that can be said.
func (m *model) tell(seed uint64) {
	if !m.t.Failed() {
		return
	}
	for path, it := range m.rig.there() {
		m.t.Logf("on Frame.io: %s, %s %s, complete: %v", path, it.Type, it.ID, it.Complete)
	}
	m.t.Logf("MODEL_SEED=%d, a rest of %v, passes: %v, no room in the cache: %v, Frame.io as %+v; this is what was done (>>, <<: asked of Frame.io, and answered)\n%s",
		seed, m.with.settle, m.passes, m.with.full, m.is, &m.trace)
}

// model is a mount, a plain folder, and the files that are open in both.
type model struct {
	t     *testing.T
	rig   *rig
	m     *mounted
	with  mountWith
	is    sim.Config
	plain string
	rand  *rand.Rand
	open  []pair
	did   int // how many operations
	trace trace
	// passes lets the kernel read files past the mount; then readers do not see what is changed beside them (fs/doc.go).
	passes bool
}

func (m *model) mount() {
	m.m = m.rig.mount(m.with)
	if !m.passes {
		m.m.fs.NeverPass()
	}
}

// service draws a Frame.io.
func (m *model) service(c *sim.Config) {
	one := func() bool { return m.rand.IntN(2) == 0 }
	b := &c.Behaviour
	if one() {
		b.StackName = world.StackNameHead
	}
	if one() {
		b.StackAtOne = world.StackStays
	}
	if one() {
		b.StackDelete = world.StackFilesGo
	}
	if one() {
		b.UnversionTo = world.ToRoot
	}
	if one() {
		b.ListOrder = []world.ListOrder{world.ListByCreated, world.ListRandom}[m.rand.IntN(2)]
	}
	if one() {
		b.Cursor = world.CursorKeyset
	}
	if one() {
		b.NoTotal = true
	}
	if one() {
		b.TouchParents = true
	}
	if one() {
		b.UploadedAfter = world.Duration(m.rand.IntN(60)) * world.Duration(time.Millisecond)
	}
	if one() {
		c.Link = link.Config{RTT: time.Duration(m.rand.IntN(20)) * time.Millisecond}
	}
	m.is = *c
}

// restart unmounts, as unmount --now does, and mounts again on the same state.
func (m *model) restart() {
	m.shut()
	if m.t.Failed() {
		return
	}
	m.sameAttr("before the restart")
	m.trace.log("restart")
	m.m.stop()
	m.mount()
	same(m.t, "after the restart", walk(m.t, m.m.project), walk(m.t, m.plain))
	m.sameAttr("after the restart")
}

// end lets everything leave, and compares with Frame.io and a second machine.
func (m *model) end() {
	t := m.t
	m.shut()
	if t.Failed() {
		return
	}
	want := walk(t, m.plain)
	same(t, "at the end", walk(t, m.m.project), want)
	m.m.settle()
	same(t, "uploaded", walk(t, m.m.project), want)
	m.sameAttr("uploaded")
	left := leaves(want)
	but := func(there map[string][]byte) map[string][]byte {
		for path := range want { // what was on Frame.io before it was emptied or got a name that stays here still is
			if _, ok := left[path]; !ok {
				delete(there, path)
			}
		}
		return there
	}
	for i := 0; i < 100 && len(but(m.there())) != len(left); i++ { // what was given up is being deleted
		time.Sleep(20 * time.Millisecond)
	}
	same(t, "on Frame.io", but(m.there()), left)
	second := m.rig.mount(mountWith{})
	same(t, "on another machine", but(walk(t, second.project)), left)
	t.Logf("%d operations left %d names", m.did, len(want))
}

// there is everything that Frame.io has, complete or not.
func (m *model) there() map[string][]byte {
	there := map[string][]byte{}
	for path, it := range m.rig.there() {
		switch {
		case it.Type == "folder":
			there[path] = nil
		case it.Complete:
			there[path] = m.rig.body(head(it))
		default:
			there[path+" (a placeholder)"] = nil
		}
	}
	return there
}

// shut closes what is open.
func (m *model) shut() {
	for _, p := range m.open {
		m.compare("close "+p.name, p.mount.Close(), p.plain.Close())
	}
	m.open = nil
}

// dated is a time that a program set, and no clock.
func dated(t time.Time) bool { return t.Year() == 2020 }

// sameAttr compares modes, and the times that were set and not changed since.
func (m *model) sameAttr(where string) {
	m.t.Helper()
	for path := range walk(m.t, m.plain) {
		want, err := os.Lstat(filepath.Join(m.plain, path))
		check(m.t, "stat", err)
		got, err := os.Lstat(filepath.Join(m.m.project, path))
		if err != nil {
			continue // told by same
		}
		if got.Mode() != want.Mode() {
			m.t.Errorf("%s: %s has the mode %v, want %v", where, path, got.Mode(), want.Mode())
		}
		if dated(want.ModTime()) && !got.ModTime().Equal(want.ModTime()) {
			m.t.Errorf("%s: %s has the time %v, want %v", where, path, got.ModTime(), want.ModTime())
		}
	}
}
