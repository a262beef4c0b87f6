package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// A story is told in acts. Whenever something happens on the disk or on the wire, the state folder and Frame.io are copied:
// that is what a kill -9 at this moment leaves. Every copy is then started again and runs to its end, and what is on
// Frame.io must be what one of the acts promises: the last that was acknowledged, or the one that was going on.
type act struct {
	name string
	do   func(t *testing.T, r *rig)
	want []string // acceptable ends, each fake.tree joined by newlines
}

// snapshot is what a kill -9 leaves.
type snapshot struct {
	what string
	act  int // that was going on
	dir  string
	f    *fake
}

type recorder struct {
	mu    sync.Mutex
	f     *fake
	dir   string // of the spool
	into  string
	act   int
	shots []snapshot
	every int // take one in so many
	n     int
	t     *testing.T
}

func (c *recorder) take(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.n%c.every != 0 {
		return
	}
	to := filepath.Join(c.into, fmt.Sprint(len(c.shots)))
	err := copyTree(to, c.dir)
	for range 9 { // another entry than the one that is at this step goes its way meanwhile
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err = os.RemoveAll(to); err == nil {
			err = copyTree(to, c.dir)
		}
	}
	if err != nil {
		c.t.Error("copy: ", err)
		return
	}
	c.shots = append(c.shots, snapshot{what, c.act, to, c.f.clone()})
}

// copyTree copies with modification times. What disappears meanwhile may be missing: only the sweep of orphans, which is
// another goroutine, makes that happen.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		rel, rerr := filepath.Rel(from, p)
		if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(rel, orphans) {
			return nil
		}
		if err = errors.Join(err, rerr); err != nil {
			return err
		}
		q := filepath.Join(to, rel)
		if d.IsDir() {
			return os.Mkdir(q, 0o700)
		}
		b, err := os.ReadFile(p)
		if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(rel, orphans) {
			return nil
		}
		st, serr := d.Info()
		if err = errors.Join(err, serr); err != nil {
			return err
		}
		if err := os.WriteFile(q, b, 0o600); err != nil {
			return err
		}
		return os.Chtimes(q, st.ModTime(), st.ModTime())
	})
}

// tell plays the acts and returns what a kill -9 would have left at every moment.
func tell(t *testing.T, acts []act, every int, tune ...func(*Config)) []snapshot {
	f := newFake()
	f.delay, f.assemble = 10*time.Millisecond, 100*time.Millisecond
	dir := memDir(t)
	c := &recorder{f: f, dir: dir, into: memDir(t), every: every, t: t}
	r := rigAt(t, f, dir, append(tune, func(cfg *Config) { cfg.testOnlyStep = c.take })...).start()
	f.hook(
		func(op, _ string) error { c.take("before " + op); return nil },
		func(op, _ string) error { c.take("after " + op); return nil },
	)
	for i, a := range acts {
		c.mu.Lock()
		c.act = i
		c.mu.Unlock()
		a.do(t, r)
		c.take("end of " + a.name)
	}
	r.end()
	if got := strings.Join(f.tree(), "\n"); !slices.Contains(acts[len(acts)-1].want, got) {
		t.Errorf("undisturbed it ends with\n%s", got)
	}
	return c.shots
}

func (s snapshot) String() string { return fmt.Sprintf("%q in act %d", s.what, s.act) }

// resume starts a copy and runs it to its end. What was interrupted is sent as it is: nothing may be lost.
func (s snapshot) resume(t *testing.T, acts []act, tune ...func(*Config)) {
	r := rigAt(t, s.f, s.dir, tune...).start()
	r.finish()
	for _, i := range r.All() {
		if i.Stage == Held && !i.Quiet {
			r.Retry(i.Key)
		}
	}
	r.finish()
	want := acts[s.act].want
	if s.act > 0 {
		want = append(slices.Clone(want), acts[s.act-1].want...)
	}
	if got := strings.Join(s.f.tree(), "\n"); !slices.Contains(want, got) {
		t.Errorf("killed at %v it ends with\n\t%s\nwant one of\n\t%s", s, strings.ReplaceAll(got, "\n", "\n\t"), strings.Join(want, "\n\tor "))
	}
	for _, i := range r.All() {
		if !i.Quiet {
			t.Errorf("killed at %v it leaves %+v", s, i)
		}
	}
	r.end()
	s.leftovers(t)
}

// leftovers looks for what nobody will ever remove.
func (s snapshot) leftovers(t *testing.T) {
	for _, folder := range append([]string{young}, folders...) {
		list, err := os.ReadDir(filepath.Join(s.dir, folder))
		if err != nil {
			t.Error(err)
		}
		for _, d := range list {
			if folder != held && !(folder == young && heldYoung(t, s.dir, Key(d.Name()))) {
				t.Errorf("killed at %v it leaves %s/%s", s, folder, d.Name())
			}
		}
	}
}

// heldYoung reports whether the journal has an entry as held.
func heldYoung(t *testing.T, dir string, k Key) bool {
	j, _, err := openJournal(dir)
	if err != nil {
		t.Error(err)
		return false
	}
	defer j.close()
	y := j.look(k)
	return y != nil && y.in == held
}

func stories() map[string][]act {
	v1, v2 := long, "NEW"+long[3:]
	var h *Handle
	var e *Entry
	var doc remote.Ref
	lines := func(s ...string) string { return strings.Join(s, "\n") }
	write := func(name string, over bool) []act {
		old := ""
		if over {
			old = "folder-a/" + name + " = old"
		}
		done := "folder-a/" + name + " = " + seen(v1)
		if over {
			done += " | old"
		}
		part := []string{old, done}
		for i := range 10 { // forced to go as it is
			p := "folder-a/" + name + " = " + seen(v1[:i*1000])
			if over {
				p += " | old"
			}
			part = append(part, p)
		}
		return []act{
			{"create", func(t *testing.T, r *rig) {
				var err error
				if over {
					doc = r.f.put(folderA, name, "old")
					e, err = r.Change(Target{Parent: folderA, Name: name, Replaces: doc}, Attr{}, "", r.was(doc, &memBase{s: "old"}), false)
				} else {
					e, err = r.Create(Target{Parent: folderA, Name: name}, Attr{})
				}
				r.must(err)
				h = r.opened(e, true)
				r.must(h.Truncate(t.Context(), 0))
			}, []string{old}},
			{"write", func(t *testing.T, r *rig) {
				for off := 0; off < len(v1); off += 1000 {
					r.put(h, int64(off), v1[off:min(off+1000, len(v1))])
				}
			}, part},
			{"close", func(t *testing.T, r *rig) { r.shut(h) }, []string{done}},
		}
	}
	finish := func(want string) act {
		return act{"arrive", func(t *testing.T, r *rig) { r.finish() }, []string{want}}
	}
	till := func(st Stage, want string) act {
		return act{"reach " + string(st), func(t *testing.T, r *rig) { r.reach(e, st) }, []string{want}}
	}
	a1, a2 := "folder-a/a = "+seen(v1), "folder-a/a = "+seen(v2)
	change := []act{
		{"reopen", func(t *testing.T, r *rig) { h = r.opened(e, true) }, []string{a1}},
		{"change", func(t *testing.T, r *rig) { r.put(h, 0, "NEW") }, []string{a1, a2, a2 + " | " + seen(v1)}},
		{"close again", func(t *testing.T, r *rig) { r.shut(h) }, []string{a2, a2 + " | " + seen(v1)}},
		{"arrive", func(t *testing.T, r *rig) { r.finish() }, []string{a2, a2 + " | " + seen(v1)}},
	}
	rename := func(to remote.Ref, name string, replaces bool, want ...string) act {
		return act{"rename", func(t *testing.T, r *rig) {
			tg := Target{Parent: to, Name: name}
			if replaces {
				tg.Replaces = doc
			}
			r.must(e.Retarget(tg))
		}, want}
	}
	unlink := act{"unlink", func(t *testing.T, r *rig) { r.must(e.Discard()) }, []string{""}}
	out := map[string][]act{
		"a new file":                 append(write("a", false), finish(a1)),
		"a new version":              append(write("a", true), finish(a1+" | old")),
		"renamed while it is sent":   append(write("a", false), till(Uploading, a1), rename(folderB, "b", false, "folder-b/b = "+seen(v1)), finish("folder-b/b = "+seen(v1))),
		"unlinked while it is sent":  append(write("a", false), till(Uploading, a1), unlink, finish("")),
		"unlinked while confirmed":   append(write("a", false), till(Confirming, a1), unlink, finish("")),
		"changed while it is sent":   append(append(write("a", false), till(Uploading, a1)), change...),
		"changed while confirmed":    append(append(write("a", false), till(Confirming, a1)), change...),
		"held for its name, renamed": append(write("a.tmp", false), till(Held, ""), rename(folderA, "a", false, a1), finish(a1)),
	}
	out["begun again, for Frame.io gave it up"] = append(write("a", false), till(Confirming, a1), act{"fail", func(t *testing.T, r *rig) {
		r.f.mu.Lock()
		defer r.f.mu.Unlock()
		for _, a := range r.f.assets {
			a.State = remote.Failed
		}
	}, []string{a1}}, finish(a1))
	for _, s := range []string{"held for its name, renamed"} {
		for i := range out[s][:3] {
			out[s][i].want = []string{""}
		}
	}
	b2, swapped := "folder-b/b = "+seen(v2), lines("folder-a/a = "+seen(v2), "folder-b/b = "+seen(v1))
	var second *Entry
	for _, st := range []Stage{Settling, Uploading, Confirming} {
		out["exchanged with another while "+string(st)] = []act{
			{"two files", func(t *testing.T, r *rig) {
				e, second = r.file("a", v1), r.create("c")
				r.must(second.Retarget(Target{Parent: folderB, Name: "b"}))
				h = r.opened(second, true)
				r.put(h, 0, v2)
				r.shut(h)
			}, []string{"", a1, lines(a1, b2), lines(a1, "folder-a/c = "+seen(v2))}},
			till(st, lines(a1, b2)),
			{"exchange", func(t *testing.T, r *rig) { r.must(r.Exchange(second, e)) }, []string{swapped}},
			finish(swapped),
		}
	}
	other := append(write("doc", true), act{"a second file", func(t *testing.T, r *rig) {
		e = r.file("tmp", v2)
	}, []string{lines("folder-a/doc = "+seen(v1)+" | old", "folder-a/tmp = "+seen(v2)), "folder-a/doc = " + seen(v1) + " | old"}})
	over := []string{"folder-a/doc = " + seen(v2) + " | old", "folder-a/doc = " + seen(v2) + " | " + seen(v1) + " | old"}
	other[3].want = append(other[3].want, lines("folder-a/doc = "+seen(v1)+" | old", "folder-a/tmp = "+seen(v2[:0])))
	out["renamed over a file that is on its way"] = append(other, rename(folderA, "doc", true, over...), act{"arrive", func(t *testing.T, r *rig) { r.finish() }, over})
	return out
}

func TestKilledAtEveryStep(t *testing.T) {
	for name := range stories() {
		for _, folders := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, folders %v", name, folders), func(t *testing.T) {
				t.Parallel()
				acts := stories()[name] // acts share what they work on
				tune := func(c *Config) { c.testOnlyFolders = folders }
				bubble(t, func(t *testing.T) {
					shots := tell(t, acts, 1, tune)
					if len(shots) < 20 {
						t.Errorf("only %d moments", len(shots))
					}
					for _, s := range shots {
						s.resume(t, acts, tune)
					}
				})
			})
		}
	}
}
