package spool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// model is a mount in a few lines: what a person would expect of names and bytes. It does with the spool what the mounted
// tree does, and with Frame.io what that does for files that are there.
type model struct {
	t     *testing.T
	r     *rig
	rng   *rand.Rand
	log   []string
	files map[string]string     // content by name
	there map[string]remote.Ref // what has settled, by name
	ever  map[string]bool       // every content that was ever closed
	dirs  int
}

// onSettled is told by the spool.
func (m *model) onSettled(i Info, it remote.Item, data string) error {
	if err := os.Remove(data); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	m.r.mu.Lock()
	defer m.r.mu.Unlock()
	m.there[i.Name] = it.Ref
	return nil
}

func (m *model) asset(name string) remote.Ref {
	m.r.mu.Lock()
	defer m.r.mu.Unlock()
	return m.there[name]
}

func (m *model) setAsset(name string, ref remote.Ref) {
	m.r.mu.Lock()
	defer m.r.mu.Unlock()
	delete(m.there, name)
	if !ref.IsZero() {
		m.there[name] = ref
	}
}

// online repeats a call to Frame.io that the flaky link swallows.
func (m *model) online(f func() error) {
	for {
		err := f()
		if err == nil {
			return
		}
		if !errors.Is(err, remote.ErrOffline) {
			m.t.Fatal(err)
		}
	}
}

// entry gives the entry of a file, taking up what has settled for a change.
func (m *model) entry(name string) *Entry {
	if e := m.r.Find("folder-a", name); e != nil {
		return e
	}
	e, err := m.r.Change(Target{Parent: folderA, Name: name, Replaces: m.asset(name)}, Attr{}, "", m.r.was(m.asset(name), nil), false)
	if err != nil {
		m.t.Fatal(err)
	}
	return e
}

func (m *model) edit(name string, trunc bool) {
	h, err := m.entry(name).Open(true)
	if errors.Is(err, ErrGone) { // it settled under our hands
		h, err = m.entry(name).Open(true)
	}
	m.r.must(err)
	b := []byte(m.files[name])
	if trunc {
		n := 1 + m.rng.IntN(3000)
		m.r.must(h.Truncate(m.t.Context(), int64(n)))
		b = append(b, make([]byte, max(0, n-len(b)))...)[:n]
	}
	for range 1 + m.rng.IntN(3) {
		off, s := m.rng.IntN(len(b)+1), strings.Repeat(fmt.Sprint(m.rng.IntN(1000), ","), 1+m.rng.IntN(300))
		m.r.put(h, int64(off), s)
		if need := off + len(s); need > len(b) {
			b = append(b, make([]byte, need-len(b))...)
		}
		copy(b[off:], s)
		time.Sleep(time.Duration(m.rng.IntN(40)) * time.Millisecond)
	}
	m.files[name] = string(b)
	m.ever[seen(string(b))] = true
	if got := m.r.read(h); got != m.files[name] {
		m.t.Fatalf("%s reads %s, want %s", name, seen(got), seen(m.files[name]))
	}
	m.r.shut(h)
}

func (m *model) create(name string) {
	s := fmt.Sprint("new ", m.rng.IntN(1e6), strings.Repeat("x", m.rng.IntN(4000)))
	m.r.file(name, s)
	m.files[name], m.ever[seen(s)] = s, true
}

// rename moves a file to a name that may be taken.
func (m *model) rename(from, to string) {
	over := m.asset(to)
	if e := m.r.Find("folder-a", to); e != nil {
		over = e.Target().Replaces
	}
	e := m.r.Find("folder-a", from)
	if e == nil && !over.IsZero() { // both are there: the spool has to do with it only if one is changed
		m.edit(from, false)
		e = m.entry(from)
	}
	var before remote.Ref
	if e != nil {
		before = e.Target().Replaces
		if !over.IsZero() && before != over {
			m.online(func() error { return e.Fetch(m.t.Context()) })
		}
		if err := e.Retarget(Target{Parent: folderA, Name: to, Replaces: replaced(e, over)}); errors.Is(err, ErrGone) {
			m.rename(from, to)
			return
		} else if err != nil {
			m.t.Fatal(err)
		}
	} else {
		if e := m.r.Find("folder-a", to); e != nil {
			m.r.must(e.Discard())
		}
		ref := m.asset(from)
		m.online(func() error { _, err := m.r.f.Rename(m.t.Context(), ref, to); return err })
		m.setAsset(to, ref)
	}
	m.files[to] = m.files[from]
	delete(m.files, from)
	if !before.IsZero() && !over.IsZero() && before != over { // what it was a change of has no name any more
		m.online(func() error { return m.delete(before) })
	}
	m.setAsset(from, remote.Ref{})
}

// replaced is what a renamed entry replaces: what had the name, or what it replaced before.
func replaced(e *Entry, over remote.Ref) remote.Ref {
	if over.IsZero() {
		return e.Target().Replaces
	}
	return over
}

func (m *model) unlink(name string) {
	if e := m.r.Find("folder-a", name); e != nil {
		if err := e.Discard(); err != nil && !errors.Is(err, ErrGone) {
			m.t.Fatal(err)
		}
		if left := e.Target().Replaces; !left.IsZero() {
			m.online(func() error { return m.delete(left) })
		}
	}
	if ref := m.asset(name); !ref.IsZero() {
		m.online(func() error { return m.delete(ref) })
		m.setAsset(name, remote.Ref{})
	}
	delete(m.files, name)
}

// delete is remote's: a stack goes with its files.
func (m *model) delete(ref remote.Ref) error {
	m.r.f.mu.Lock()
	var files []remote.ID
	if a := m.r.f.assets[ref.ID]; a != nil {
		files = slices.Clone(a.versions)
		if a.stack != "" {
			files = slices.Clone(m.r.f.assets[a.stack].versions)
		}
	}
	m.r.f.mu.Unlock()
	for _, id := range append(files, ref.ID) {
		if err := m.r.f.Delete(m.t.Context(), remote.Ref{Kind: remote.File, ID: id}); err != nil {
			return err
		}
	}
	return nil
}

// restart ends the program, kindly or by a kill -9: then it goes on with a copy of the folder, and the old one can do no more.
func (m *model) restart(kill bool) {
	if !kill {
		m.r.end()
	} else {
		m.dirs++
		synctest.Wait() // everybody else stands still, as after a kill -9
		to := filepath.Join(filepath.Dir(m.r.cfg.Dir), fmt.Sprint("life", m.dirs))
		m.r.must(copyTree(to, m.r.cfg.Dir))
		dead := m.r.f
		m.r.f = dead.clone()
		m.r.f.faults, m.r.f.rng = dead.faults, rand.New(rand.NewPCG(m.rng.Uint64(), 3))
		m.r.end()
		m.r.cfg.Dir, m.r.cfg.Remote = to, m.r.f
	}
	m.r.open()
	m.r.start()
}

func (m *model) step() {
	names := make([]string, 0, len(m.files))
	for n := range m.files {
		names = append(names, n)
	}
	slices.Sort(names)
	pick := func() string { return names[m.rng.IntN(len(names))] }
	what := m.rng.IntN(12)
	if len(names) == 0 {
		what = 0
	}
	m.log = append(m.log, fmt.Sprint(what))
	switch what {
	case 0, 1:
		if n := fmt.Sprintf("f%d", m.rng.IntN(6)); m.files[n] == "" {
			m.create(n)
		}
	case 2, 3, 4:
		m.edit(pick(), what == 2)
	case 5:
		if to := fmt.Sprintf("f%d", m.rng.IntN(6)); m.files[to] == "" {
			m.rename(pick(), to)
		}
	case 6:
		if from, to := pick(), pick(); from != to {
			m.rename(from, to)
		}
	case 7:
		m.unlink(pick())
	case 8:
		m.restart(m.rng.IntN(2) == 0)
	default:
		time.Sleep(time.Duration(m.rng.IntN(1<<m.rng.IntN(13))) * time.Millisecond)
	}
}

// check compares the end with what a person expects: every file is there once, with its bytes, and older versions are
// contents that were once closed.
func (m *model) check() {
	m.r.finish()
	got := map[string]bool{}
	for _, line := range m.r.f.tree() {
		name, versions, _ := strings.Cut(strings.TrimPrefix(line, "folder-a/"), " = ")
		if got[name] {
			m.t.Errorf("%s is there twice", name)
		}
		got[name] = true
		for i, v := range strings.Split(versions, " | ") {
			if i == 0 && v != seen(m.files[name]) {
				m.t.Errorf("%s is %s, want %s", name, v, seen(m.files[name]))
			}
			if !m.ever[v] {
				m.t.Errorf("%s has a version %s that never was", name, v)
			}
		}
	}
	for name := range m.files {
		if !got[name] {
			m.t.Errorf("%s is not there", name)
		}
	}
	m.r.expectEmpty()
}

func TestModel(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				f := newFake()
				f.faults, f.sums = 0.05, seed%2 == 0
				f.rng = rand.New(rand.NewPCG(seed, 1))
				r := newRig(t, f)
				m := &model{t: t, r: r, rng: rand.New(rand.NewPCG(seed, 2)), files: map[string]string{}, there: map[string]remote.Ref{}, ever: map[string]bool{}}
				r.end()
				r.cfg.Dir = filepath.Join(r.cfg.Dir, "life0")
				r.cfg.Settled = m.onSettled
				r.open()
				r.start()
				for range 120 {
					m.step()
				}
				m.check()
				if t.Failed() {
					t.Log(strings.Join(m.log, " "))
				}
			})
		})
	}
}
