package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	journalled "github.com/frameiofs/frameiofs/spool/intent"
)

// A user is programs at work on a mount: they make files and folders, write, close, rename and remove, and know what they were promised.
// What the mounted tree does between them and the state, the user does here.
type user struct {
	t   *testing.T
	rng *rand.Rand
	*state
	things []*thing // files and folders, in order of their making
	serial int
	paused bool
	log    []string
	told   func(what string) // after everything that was done

	mu    sync.Mutex
	byKey map[Key]*thing
}

// state is a state folder, the spool and the names, with a Frame.io.
type state struct {
	*rig
	names *journalled.Journal
	halt  func()
}

// thing is a file or folder through all its names and contents.
type thing struct {
	id    int
	dir   bool
	item  remote.Item // of a folder, and of a file what Frame.io has of it; guarded by user.mu
	there bool        // Frame.io has it
	h     *Handle     // open for writing
	hist  []version
}

// version is what a thing was like at some time.
type version struct {
	at   time.Time // when that was acknowledged; zero: not yet
	sure bool      // it is to survive a loss of power at once
	in   *thing    // folder
	name string
	gone bool
	over *thing // what took its name
	data string
	open bool // written to and not closed
}

func (th *thing) now() version { return th.hist[len(th.hist)-1] }

// openState opens what is in dir and has it run. tune is for both.
func openState(t *testing.T, f *fake, dir, boot string, settled func(Info, remote.Item, string) error, tune ...func(*Config)) *state {
	s := &state{}
	j, err := journalled.Open(journalled.Config{
		Dir: filepath.Join(dir, "names"), Remote: f, Patience: -1, Log: testLog(t),
		Made: func(here remote.Ref, is remote.Item) error {
			s.AdoptFolder(here.ID, is.Ref)
			return nil
		},
		Ours:    func(id remote.ID) bool { return s.Orphaned(id) },
		Leaving: func(id remote.ID) bool { return s.Claimed(id) },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.names = j
	s.rig = rigAt(t, f, filepath.Join(dir, "spool"), append(tune, func(c *Config) {
		c.Names, c.testOnlyBoot = j, boot
		if settled != nil {
			c.Settled = settled
		}
	})...)
	s.start()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { j.Run(ctx) })
	s.halt = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		s.end()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.halt)
	return s
}

// drain waits until nothing is on its way, of files or of names, and nothing is left to be deleted.
func (s *state) drain() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Hour)
	defer cancel()
	for range 3 { // files make names to be changed, and wait for such
		if err := s.names.Wait(ctx); err != nil {
			for _, i := range s.names.Pending() {
				s.t.Logf("%+v", i)
			}
			s.t.Fatal("wait for names: ", err)
		}
		s.finish()
	}
}

// newUser begins at an empty mount with some files on Frame.io, of some size.
func newUser(t *testing.T, seed uint64, dir string, f *fake, large int, tune ...func(*Config)) *user {
	u := &user{t: t, rng: rand.New(rand.NewPCG(seed, 7)), told: func(string) {}, byKey: map[Key]*thing{}}
	for _, ref := range []remote.Ref{folderA, folderB} {
		th := u.begin(true, version{name: string(ref.ID), at: time.Now()})
		th.item, th.there = remote.Item{Ref: ref, Name: string(ref.ID)}, true
	}
	for range 2 {
		th := u.begin(false, version{in: u.things[0], name: fmt.Sprint("f", u.rng.IntN(4)), at: time.Now(), data: u.content(large + u.rng.IntN(2*large))})
		for slices.ContainsFunc(u.things, func(o *thing) bool { return o != th && o.now().name == th.now().name }) {
			th.hist[0].name += "'"
		}
		th.item, th.there = f.look(f.put(folderA, th.now().name, th.now().data)), true
	}
	u.state = openState(t, f, dir, "", u.settled, tune...)
	return u
}

func (u *user) begin(dir bool, v version) *thing {
	u.mu.Lock()
	defer u.mu.Unlock()
	th := &thing{id: len(u.things), dir: dir, hist: []version{v}}
	u.things = append(u.things, th)
	return th
}

// settled is Config.Settled.
func (u *user) settled(i Info, it remote.Item, data string) error {
	if data != "" {
		if err := os.Remove(data); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if th := u.byKey[i.Key]; th != nil {
		th.item, th.there = it, true
	}
	return nil
}

// content is one that nobody else has.
func (u *user) content(n int) string {
	u.serial++
	s := fmt.Sprintf("content %d ", u.serial)
	return (s + strings.Repeat(fmt.Sprint(u.serial, ","), n/2))[:max(n, len(s))]
}

func (u *user) note(what string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.log = append(u.log, what)
}

// change is one operation: each of the things becomes what f makes of it, and that is acknowledged when do returns.
func (u *user) change(what string, do func(), set map[*thing]func(*version)) {
	u.note(what)
	u.mu.Lock()
	for th, f := range set {
		v := th.now()
		v.at, v.sure = time.Time{}, false
		f(&v)
		th.hist = append(th.hist, v)
	}
	u.mu.Unlock()
	do()
	u.mu.Lock()
	for th := range set {
		th.hist[len(th.hist)-1].at = time.Now()
	}
	u.mu.Unlock()
	u.told(what)
}

// ref is a folder by what it is called now.
func (u *user) ref(d *thing) remote.Ref {
	u.mu.Lock()
	defer u.mu.Unlock()
	if is, ok := u.names.Real(d.item.Ref); ok {
		d.item.Ref = is
	}
	return d.item.Ref
}

// asset is what Frame.io has of a file.
func (u *user) asset(th *thing) (remote.Item, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return th.item, th.there
}

func (u *user) find(th *thing) *Entry { return u.Find(u.ref(th.now().in).ID, th.now().name) }

func (u *user) known(e *Entry, th *thing) *Entry {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.byKey[e.Key()] = th
	return e
}

func (u *user) pick(ok func(*thing) bool) *thing {
	var all []*thing
	for _, th := range u.things {
		if !th.now().gone && ok(th) {
			all = append(all, th)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[u.rng.IntN(len(all))]
}

func (u *user) folder() *thing { return u.pick(func(th *thing) bool { return th.dir }) }

// free is a name that nobody has in d.
func (u *user) free(d *thing, dir *thing) string {
	if dir != nil {
		u.serial++
		return fmt.Sprintf("d%d-%d", dir.id, u.serial)
	}
	for n := u.rng.IntN(4); ; n++ {
		name := fmt.Sprint("f", n)
		if n%5 == 4 {
			name = fmt.Sprintf("f%d.tmp", n)
		}
		if u.at(d, name) == nil {
			return name
		}
	}
}

func (u *user) at(d *thing, name string) *thing {
	return u.pick(func(th *thing) bool { return th.now().in == d && th.now().name == name })
}

// entry gives the entry of a file, taking up what has settled for a change.
func (u *user) entry(th *thing) *Entry {
	if e := u.find(th); e != nil {
		return u.known(e, th)
	}
	it, _ := u.asset(th)
	it.Name, it.Parent, it.Size = th.now().name, u.ref(th.now().in).ID, int64(len(th.now().data))
	e, err := u.Change(Target{Parent: u.ref(th.now().in), Name: th.now().name, Replaces: it.Ref}, Attr{}, "", it, false)
	u.must(err)
	return u.known(e, th)
}
