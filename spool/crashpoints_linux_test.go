package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/spool/platter"
)

var (
	crashSeed   = flag.Uint64("crash.seed", 1, "seed of the first workload of TestCrashPoints")
	crashPoints = flag.Int("crash.points", 0, "moments at which TestCrashPoints has the process killed or the power cut; 0: a few")
)

// point is a moment at which everything ended.
type point struct {
	n    int
	what string
	how  cut
	dir  string
	f    *fake
	oath *oath
	log  int // what the user had done
}

// camera takes what would be left at every step.
type camera struct {
	t     *testing.T
	u     *user
	p     *plate
	into  string
	every int // one of so many

	mu   sync.Mutex
	on   bool
	seed uint64
	n    int
	all  []point
	seen map[string]int // steps, by name
}

func (c *camera) turn(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = on
}

func (c *camera) take(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.on {
		return
	}
	c.seen[what]++
	c.n++
	rng := rand.New(rand.NewPCG(c.seed, uint64(c.n)))
	if rng.IntN(c.every) > 0 {
		return
	}
	how := cut(rng.IntN(int(cuts)))
	pt := point{n: c.n, what: what, how: how, dir: filepath.Join(c.into, fmt.Sprint(len(c.all)))}
	pt.oath = c.u.swear(how)
	pt.f = c.u.f.clone()
	c.u.mu.Lock()
	pt.log = len(c.u.log)
	c.u.mu.Unlock()
	if err := c.p.leave(pt.dir, how, rng); err != nil {
		c.t.Error("leave: ", err)
		return
	}
	pt.oath.meanwhile(c.u)
	c.all = append(c.all, pt)
}

// roll has a user work, and answers what would be left at every step.
func roll(t *testing.T, seed uint64, every int) *camera {
	f := newFake()
	f.delay, f.assemble = 10*time.Millisecond, 100*time.Millisecond
	f.fate = newFates(seed, steadyFate).of
	root := memDir(t)
	c := &camera{t: t, p: newPlate(t, root), into: memDir(t), every: every, seed: seed, seen: map[string]int{}}
	u := newUser(t, seed, root, f, blockSize, scene(seed, f), func(cfg *Config) { cfg.testOnlyStep = c.take })
	c.u = u
	u.told = func(what string) { c.take("user") }
	f.hook(
		func(op, _ string) error { c.take("before " + op); return nil },
		func(op, _ string) error { c.take("after " + op); return nil },
	)
	c.turn(true)
	for range 40 {
		u.step()
	}
	for _, th := range u.things {
		if th.h != nil && u.rng.IntN(2) == 0 {
			u.change(fmt.Sprint("close ", th.id), func() { u.must(th.h.Flush(t.Context(), Closing{PID: 1})) },
				map[*thing]func(*version){th: func(v *version) { v.open = false }})
		}
	}
	for range 30 {
		time.Sleep(100 * time.Millisecond)
	}
	c.turn(false)
	f.hook(nil, nil)
	for _, th := range u.things {
		if th.h != nil {
			th.h.Release()
		}
	}
	u.halt()
	c.p.forget()
	return c
}

// tally is what was found in all points.
type tally struct {
	points int
	files  int
	held   int
	parked int
	how    [cuts]int
	steps  map[string]int
}

// resume starts what is left, runs it to its end, and compares that with what was promised.
func (pt *point) resume(t *testing.T, seed uint64, n *tally) []string {
	boot := ""
	if pt.how != killed {
		boot = "after the power came back"
		if err := rebooted(filepath.Join(pt.dir, "names", "journal")); err != nil {
			t.Fatal(err)
		}
	}
	s := openState(t, pt.f, pt.dir, boot, nil, scene(seed, pt.f))
	defer s.halt()
	if s.Paused() {
		if err := s.ResumeAll(); err != nil {
			t.Error(err)
		}
	}
	s.drain()
	v := pt.oath.judge(s, false)
	n.points++
	n.files += v.files
	n.held += v.held
	n.parked += v.parked
	n.how[pt.how]++
	if pt.how == killed && len(v.wrong) == 0 { // a person decides that what was interrupted is sent as it is
		again := false
		for _, i := range s.All() {
			if i.Stage == Held && !i.Quiet {
				s.Retry(i.Key)
				again = true
			}
		}
		if again {
			s.drain()
			v = pt.oath.judge(s, true)
		}
	}
	return v.wrong
}

// rebooted has a journal of names be of an earlier run of the machine.
func rebooted(path string) error {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var out []byte
	for line := range bytes.Lines(b) {
		is := map[string]json.RawMessage{}
		if platter.ReadLine(line, &is) != nil || is["boot"] == nil {
			out = append(out, line...)
			continue
		}
		is["boot"] = json.RawMessage(`"before"`)
		if out, err = platter.AppendLine(out, is); err != nil {
			return err
		}
	}
	return os.WriteFile(path, out, 0o600)
}

// shoot plays one workload and all that follows from its points.
func shoot(t *testing.T, seed uint64, every int, n *tally) (ok bool) {
	ok = true
	c := roll(t, seed, every)
	for k, v := range c.seen {
		n.steps[k] += v
	}
	only := os.Getenv("CRASH_AT")
	for i := range c.all {
		pt := &c.all[i]
		if only != "" && only != fmt.Sprint(pt.n) {
			continue
		}
		if wrong := pt.resume(t, seed, n); len(wrong) > 0 {
			ok = false
			t.Errorf("seed %d, point %d (%s at %q):\n\t%s\nafter\n\t%s", seed, pt.n, pt.how, pt.what, strings.Join(wrong, "\n\t"), c.u.story(pt.log))
		}
		if err := os.RemoveAll(pt.dir); err != nil {
			t.Error(err)
		}
	}
	return ok
}

// onlyIfVerified are steps that nobody takes who does not ask for more than Frame.io's word.
var onlyIfVerified = []string{"await", "keep bytes", "forgo", "revive"}

// steps are the names of all steps that the program has, by its source.
func steps(t *testing.T) (all []string) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	did := regexp.MustCompile(`\.did\("([^"]*)"( \+ )?`)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range did.FindAllStringSubmatch(string(b), -1) {
			switch {
			case m[2] == "":
				all = append(all, m[1])
			case m[1] == "move to ":
				all = append(all, m[1]+drafts, m[1]+outbox, m[1]+uploaded, m[1]+held)
			case m[1] == "remove ":
				all = append(all, m[1]+uploadName, m[1]+partsName, m[1]+creatingName, m[1]+itemName)
			default:
				t.Errorf("what may %q be called?", m[1])
			}
		}
	}
	if len(all) < 20 {
		t.Fatalf("found only the steps %q", all)
	}
	return all
}

// TestCrashPoints has a user work on files and folders, and everything end at every step: by a kill -9, or by a loss of power, after
// which only what was synced is sure. What is left is started again and runs to its end. Then no acknowledged byte is lost, none is
// wrong, nothing is there twice, and no placeholder is left.
func TestCrashPoints(t *testing.T) {
	seed, points, every := *crashSeed, *crashPoints, 1
	long := points > 0
	if !long {
		points, every = 120, 8
	}
	n := &tally{steps: map[string]int{}}
	begun := time.Now()
	for first := seed; n.points < points && seed < first+uint64(points); seed++ {
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) { shoot(t, seed, every, n) })
		}) && long && seed > first+20 {
			break
		}
	}
	t.Logf("%d points (%d × kill -9, %d × power cut with what was synced, %d × with anything between), %d files arrived, %d were held, %d parked, to seed %d, in %v",
		n.points, n.how[killed], n.how[least], n.how[some], n.files, n.held, n.parked, seed-1, time.Since(begun).Round(time.Second))
	if n.points < points || n.files < n.points || n.held == 0 {
		t.Error("that shows nothing")
	}
	if !long {
		return
	}
	for _, what := range steps(t) {
		if n.steps[what] == 0 && !slices.Contains(onlyIfVerified, what) {
			t.Errorf("nobody ever came to the step %q", what)
		}
	}
}
