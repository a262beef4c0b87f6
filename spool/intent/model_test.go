package intent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// thing is an item as a person sees it.
type thing struct {
	item   remote.Item
	parent *thing
	name   string
}

// model is a tree in a few lines, to which everything is done that is done through the journal.
type model struct {
	*rig
	rng     *rand.Rand
	log     []string
	top     *thing
	all     []*thing // but for top
	names   int
	removed map[remote.ID]bool // what was asked to be deleted, by any id
	trouble bool               // Frame.io refuses some things, and others put theirs into our folders
	theirs  int
}

// free is the context of those who look at the fake from outside.
type free struct{}

func (m *model) did(format string, args ...any) { m.log = append(m.log, fmt.Sprintf(format, args...)) }

func (m *model) fail(format string, args ...any) {
	m.t.Helper()
	for _, i := range m.byKey {
		m.did("  %s at %s/%s steps %v tried %v maybe %v back %v", i.ref().ID, i.At.Parent.ID, i.At.Name, i.Steps, i.Tried, i.Maybe, i.Back)
	}
	m.t.Fatalf("%s\nafter:\n%s\npending:\n%s\ncalls:\n%s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n"), m.pending(), strings.Join(m.f.order, "\n"))
}

func (m *model) check(err error) bool {
	m.t.Helper()
	if err != nil && !m.trouble {
		m.fail("%v", err)
	}
	return err == nil
}

func (t *thing) path() string {
	if t.parent == nil {
		return ""
	}
	return t.parent.path() + "/" + t.name
}

func (t *thing) isIn(d *thing) bool {
	for ; t != nil; t = t.parent {
		if t == d {
			return true
		}
	}
	return false
}

func (m *model) children(d *thing) (all []*thing) {
	for _, t := range m.all {
		if t.parent == d {
			all = append(all, t)
		}
	}
	return all
}

func (m *model) pick(ok func(*thing) bool) *thing {
	var all []*thing
	for _, t := range append([]*thing{m.top}, m.all...) {
		if ok(t) {
			all = append(all, t)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[m.rng.IntN(len(all))]
}

func (m *model) folder() *thing { return m.pick(func(t *thing) bool { return t.item.IsDir() }) }

// name is one that is free in d, if it can be one that was used before.
func (m *model) name(d *thing) string {
	taken := map[string]bool{}
	for _, t := range m.children(d) {
		taken[t.name] = true
	}
	for range 3 {
		if n := string(rune('a' + m.rng.IntN(5))); !taken[n] {
			return n
		}
	}
	m.names++
	return fmt.Sprint("n", m.names)
}

func (m *model) mkdir() {
	d := m.folder()
	name := m.name(d)
	m.did("mkdir %s/%s", d.path(), name)
	it, err := m.Mkdir(m.t.Context(), d.item.Ref, name)
	if m.check(err) {
		m.all = append(m.all, &thing{it, d, name})
	}
}

func (m *model) relocate() {
	t := m.pick(func(t *thing) bool { return t != m.top })
	if t == nil {
		return
	}
	to := m.pick(func(d *thing) bool { return d.item.IsDir() && !d.isIn(t) })
	if m.rng.IntN(3) == 0 {
		to = t.parent
	}
	name := t.name
	if m.rng.IntN(2) == 0 || slices.ContainsFunc(m.children(to), func(o *thing) bool { return o.name == name }) {
		name = m.name(to)
	}
	m.did("mv %s %s/%s", t.path(), to.path(), name)
	it, err := m.Relocate(m.t.Context(), t.item, t.parent.item.Ref, to.item.Ref, name)
	if !m.check(err) {
		return
	}
	if it.Name != name {
		m.fail("moved to %q, told %q", name, it.Name)
	}
	t.item, t.parent, t.name = it, to, name
}

func (m *model) forget(t *thing) {
	m.removed[t.item.ID] = true
	if is, ok := m.Real(t.item.Ref); ok {
		m.removed[is.ID] = true
	}
	m.all = slices.DeleteFunc(m.all, func(o *thing) bool { return o == t })
}

// remove is rm -r, sometimes interrupted.
func (m *model) remove(t *thing, depth int) bool {
	if !t.item.IsDir() {
		m.did("rm %s", t.path())
		ok := m.check(m.Remove(m.t.Context(), t.item, t.parent.item.Ref))
		if ok {
			m.forget(t)
		}
		return ok
	}
	for _, c := range m.children(t) {
		if m.rng.IntN(20) == 0 || !m.remove(c, depth+1) {
			return false
		}
	}
	m.did("rmdir %s", t.path())
	ok := m.check(m.RemoveFolder(m.t.Context(), t.item, t.parent.item.Ref))
	if ok {
		m.forget(t)
	}
	return ok
}

// full removes a folder that has something in it that Frame.io does not have there yet. (What Frame.io has there package fs sees too, and
// without patience it is looked at later.)
func (m *model) full() {
	t := m.pick(func(t *thing) bool {
		m.Journal.mu.Lock()
		defer m.Journal.mu.Unlock()
		return t != m.top && t.item.IsDir() && m.occupied(m.canon(t.item.Ref).ID)
	})
	if t == nil {
		return
	}
	m.did("rmdir %s, which is not empty", t.path())
	if err := m.RemoveFolder(m.t.Context(), t.item, t.parent.item.Ref); !errors.Is(err, syscall.ENOTEMPTY) {
		m.fail("removed a folder that is not empty: %v", err)
	}
}

// upload is what the spool does.
func (m *model) upload() {
	d := m.folder()
	is, ok := m.Real(d.item.Ref)
	if !ok {
		return
	}
	gone := false
	m.f.set(func() { gone = m.f.nodes[is.ID] == nil })
	if gone {
		return
	}
	name := m.name(d)
	m.did("upload %s/%s", d.path(), name)
	m.all = append(m.all, &thing{m.f.put(remote.File, is.ID, name), d, name})
}

// adopt is what package fs does when Made is told.
func (m *model) adopt() {
	for _, t := range m.all {
		if is, ok := m.Real(t.item.Ref); ok && m.rng.IntN(2) == 0 {
			t.item.Ref = is
		}
	}
}

// same compares what every folder shows with the model.
func (m *model) same() {
	m.t.Helper()
	if m.trouble {
		return
	}
	for _, d := range append([]*thing{m.top}, m.all...) {
		if !d.item.IsDir() {
			continue
		}
		var got, want []string
		for it, err := range m.Children(context.WithValue(m.t.Context(), free{}, true), d.item.Ref) {
			m.check(err)
			is, _ := m.Real(it.Ref)
			got = append(got, it.Name+" "+string(is.ID))
		}
		for _, c := range m.children(d) {
			is, _ := m.Real(c.item.Ref)
			want = append(want, c.name+" "+string(is.ID))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			m.fail("%s/ shows %q, want %q", d.path(), got, want)
		}
	}
}

// modelCrash loses power or is killed: a line may be torn, but not that of something that was accepted.
func (m *model) modelCrash() {
	before := m.appendedNow()
	if m.stop != nil {
		time.Sleep(time.Duration(m.rng.IntN(2000)) * time.Millisecond)
	}
	tear := int64(0)
	if m.appendedNow() > before && m.rng.IntN(2) == 0 {
		tear = int64(1 + m.rng.IntN(20))
	}
	m.did("crash, %d bytes torn", tear)
	m.rig.crash(tear)
}

func (m *model) appendedNow() uint64 {
	m.Journal.mu.Lock()
	defer m.Journal.mu.Unlock()
	return m.appended
}

func (m *model) step() {
	switch m.rng.IntN(20) {
	case 0, 1, 2, 3:
		m.mkdir()
	case 4, 5, 6, 7, 8, 9:
		m.relocate()
	case 10, 11:
		if t := m.pick(func(t *thing) bool { return t != m.top }); t != nil {
			m.remove(t, 0)
		}
	case 12, 13, 14:
		m.upload()
	case 15:
		d := time.Duration(m.rng.IntN(3000)) * time.Millisecond
		m.did("wait %v", d)
		time.Sleep(d)
	case 16:
		if m.stop == nil {
			m.did("run")
			m.run()
		} else if m.rng.IntN(3) == 0 {
			m.did("halt")
			m.halt()
		}
	case 17:
		if m.trouble {
			m.stranger()
		} else {
			m.full()
		}
	case 18:
		m.adopt()
	case 19:
		m.modelCrash()
	}
	m.same()
}

func runModel(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 1))
		f := newFake()
		f.rng = rand.New(rand.NewPCG(seed, 2))
		f.faults = []float64{0, 0.1, 0.4}[rng.IntN(3)]
		for _, op := range []string{"create", "move", "delete", "list"} {
			if rng.IntN(3) == 0 {
				f.limits[op] = &leak{every: time.Duration(rng.IntN(3000)) * time.Millisecond, burst: rng.IntN(3)}
			}
		}
		patience := []time.Duration{-1, time.Second, 50 * time.Millisecond}[rng.IntN(3)]
		m := &model{rng: rng, top: &thing{item: f.nodes["home"].Item}, removed: map[remote.ID]bool{}}
		stays := seed%2 == 1
		m.rig = newRig(t, f, func(c *Config) {
			c.Patience = patience
			if stays {
				c.Stays = func(name string) bool { return name == "d" || name == "e" }
			}
		})
		m.did("seed %d, patience %v, faults %v", seed, patience, f.faults)
		for range 60 {
			m.step()
		}
		if m.stop == nil {
			m.run()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		m.wait(ctx)
		m.same()
		if stays {
			m.ordinary()
			m.wait(ctx)
			m.same()
		}
		var want []string
		for _, t := range m.all {
			p := t.path()
			if t.item.IsDir() {
				p += "/"
			}
			want = append(want, p)
		}
		slices.Sort(want)
		if got := f.tree(); !slices.Equal(got, want) {
			m.fail("Frame.io has %q, want %q", got, want)
		}
		if len(m.Pending()) > 0 {
			m.fail("something is parked")
		}
		for id, path := range f.gone {
			if !m.removed[id] && !m.ours(id) {
				m.fail("%s (%s) was deleted, and nobody asked for it", id, path)
			}
		}
	})
}

func (m *model) wait(ctx context.Context) {
	m.t.Helper()
	if err := m.Wait(ctx); err != nil {
		m.fail("does not come to an end: %v", err)
	}
}

// ordinary gives all that stays here a name that does not.
func (m *model) ordinary() {
	for _, in := range m.Pending() {
		if !in.Stays {
			m.fail("%s %q is left, and does not stay", in.What, in.Name)
		}
	}
	for _, t := range m.all {
		if t.item.IsDir() && m.cfg.Stays(t.name) {
			m.names++
			name := fmt.Sprint("n", m.names)
			m.did("mv %s %s", t.path(), name)
			it, err := m.Relocate(m.t.Context(), t.item, t.parent.item.Ref, t.parent.item.Ref, name)
			if m.check(err) {
				t.item, t.name = it, name
			}
		}
	}
}

// stranger has somebody else put a file into a folder, long before it is looked at the next time.
func (m *model) stranger() {
	running := m.stop != nil
	m.halt()
	var folders []remote.ID
	for id, n := range m.f.nodes {
		if n.IsDir() {
			folders = append(folders, id)
		}
	}
	slices.Sort(folders)
	in := folders[m.rng.IntN(len(folders))]
	m.theirs++
	it := m.f.put(remote.File, in, fmt.Sprint("theirs ", m.theirs))
	m.did("somebody else puts %s into %s", it.ID, m.f.path(in))
	time.Sleep(20 * time.Minute)
	if running {
		m.run()
	}
}

// TestModelInTrouble does the same while Frame.io refuses a tenth of all changes and others use our folders: whatever is refused, parked,
// tried again or given up, nothing is deleted that nobody asked for, and in the end the folders show what Frame.io has.
func TestModelInTrouble(t *testing.T) {
	from, n := seeds(40)
	for seed := from; seed < from+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { runTrouble(t, seed) }) })
	}
}

func runTrouble(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	f := newFake()
	f.rng = rand.New(rand.NewPCG(seed, 4))
	f.faults = []float64{0, 0.1}[rng.IntN(2)]
	f.refuse = func(op, _ string) error {
		if op != "list" && f.rng.IntN(10) == 0 {
			return []error{denied(op), refused(op)}[f.rng.IntN(2)]
		}
		return nil
	}
	m := &model{rng: rng, top: &thing{item: f.nodes["home"].Item}, removed: map[remote.ID]bool{}, trouble: true}
	m.rig = newRig(t, f, func(c *Config) { c.Patience = []time.Duration{-1, 100 * time.Millisecond}[rng.IntN(2)] })
	m.did("seed %d, faults %v", seed, f.faults)
	for n := range 60 {
		m.step()
		if n%20 == 19 {
			m.did("retry")
			m.check(m.Retry())
		}
	}
	m.goOnRunning()
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	for range 10 { // what goes back because it was given up may be refused in its turn
		if err := m.Wait(ctx); err != nil {
			m.fail("does not come to an end: %v", err)
		}
		m.did("cancel")
		if err := m.Cancel(); err != nil {
			m.fail("%v", err)
		}
	}
	if err := m.Wait(ctx); err != nil || len(m.Pending()) > 0 {
		m.fail("after Cancel: %v", err)
	}
	for id, path := range f.gone {
		if !m.removed[id] && !m.ours(id) {
			m.fail("%s (%s) was deleted, and nobody asked for it", id, path)
		}
	}
	for id, n := range f.nodes {
		if !n.IsDir() {
			continue
		}
		var got, want []string
		for it, err := range m.Children(context.WithValue(t.Context(), free{}, true), n.Ref) {
			m.check(err)
			got = append(got, it.Name+string(it.ID))
		}
		for _, c := range f.nodes {
			if c.Parent == id {
				want = append(want, c.Name+string(c.ID))
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			m.fail("%s shows %q, want %q", f.path(id), got, want)
		}
	}
}

// goOnRunning is run, if it does not run already.
func (m *model) goOnRunning() {
	if m.stop == nil {
		m.run()
	}
}

// seeds are where to begin and how many.
func seeds(usual uint64) (from, n uint64) {
	n = usual
	if s := os.Getenv("INTENT_SEED"); s != "" {
		from, _ = strconv.ParseUint(s, 10, 64)
		n = 1
	}
	if s := os.Getenv("INTENT_SEEDS"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	return from, n
}

// ours reports whether a folder was made by the journal without that the model ever heard of its id.
func (m *model) ours(id remote.ID) bool {
	if !strings.HasPrefix(string(id), "folder") {
		return false
	}
	made, _ := m.heard()
	for here, is := range made {
		if is == id {
			return m.removed[here]
		}
	}
	return true
}

// TestModel does random things to a journal and a model of it, with crashes, lost answers and limits in between. INTENT_SEED says with
// which seed to begin, INTENT_SEEDS how many to take.
func TestModel(t *testing.T) {
	from, n := seeds(60)
	for seed := from; seed < from+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, seed) })
	}
}
