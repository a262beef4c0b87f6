package fs_test

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/frameiofs/frameiofs/sim"
)

var (
	partedFor  = flag.Duration("parted", 2*time.Second, "how long TestPartitions lets two mounts work")
	partedSeed = flag.Uint64("parted.seed", 1, "`NUMBER` that what TestPartitions does follows from")
)

// Two people work in one folder, on the same names and on others, each over a line of their own that comes and goes. Whatever was closed
// last under a name by either of them is on Frame.io in the end, as a file or as a version, whole, and once.
func TestPartitions(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		t.Logf("again: -parted %v -parted.seed %d", *partedFor, *partedSeed)
		r := newRig(t, api)
		end := time.Now().Add(*partedFor)
		var people []*person
		var g errgroup.Group
		for i := range uint64(2) {
			l := newLine(t, r.sim.URL())
			p := &person{t: t, name: string(rune('a' + i)), line: l, m: r.mount(mountWith{url: l.url, settle: 30 * time.Millisecond}),
				random: rand.New(rand.NewPCG(*partedSeed, i)), closed: map[string]string{}, said: map[string]bool{}}
			people = append(people, p)
			g.Go(func() error { p.work(end); return nil })
			g.Go(func() error { l.comeAndGo(end, rand.New(rand.NewPCG(*partedSeed, 10+i))); return nil })
		}
		check(t, "work", g.Wait())
		for _, p := range people {
			p.m.settle()
		}
		closes := judge(t, r, people)
		if closes < 10 || people[0].line.cuts+people[1].line.cuts < 2 {
			t.Errorf("only %d closes, and lines that were cut %d and %d times: that shows nothing", closes, people[0].line.cuts, people[1].line.cuts)
		}
	})
}

// judge compares what is on Frame.io with what the two were told, and answers how many times they were told that a file is closed.
func judge(t *testing.T, r *rig, people []*person) (closes int) {
	t.Helper()
	all := r.swept(t)
	found := map[string][]string{} // where each content stands
	for _, it := range all {
		for _, v := range append(slices.Clone(it.Versions), it) {
			if v.Type == "file" {
				found[string(r.body(v.ID))] = append(found[string(r.body(v.ID))], it.Name)
			}
		}
	}
	for _, p := range people {
		for name, content := range p.closed {
			if len(found[content]) == 0 {
				t.Errorf("what %s closed last as %s is not on Frame.io: %.40q", p.name, name, content)
			}
		}
		closes += p.closes
	}
	for content, names := range found {
		author, name := people[0], names[0]
		if strings.HasPrefix(content, "b ") {
			author = people[1]
		}
		if len(names) > 1 {
			t.Errorf("%.40q is there %d times: %q", content, len(names), names)
		}
		if !author.said[content] || !strings.HasSuffix(strings.Fields(content)[1], name) {
			t.Errorf("%s has what nobody has written: %d bytes, %.40q", name, len(content), content)
		}
	}
	return closes
}

// swept is what Frame.io has once nothing unfinished is left there: what became of a call without an answer is looked for a while later.
func (r *rig) swept(t *testing.T) (all []sim.Item) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		all, err := r.sim.Tree(false)
		check(t, "look at Frame.io", err)
		unfinished := slices.IndexFunc(all, func(it sim.Item) bool { return it.Type == "file" && !it.Complete })
		if unfinished < 0 {
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("%s is left unfinished", all[unfinished].Path)
		}
	}
}

// person writes files in one mount.
type person struct {
	t      *testing.T
	name   string
	m      *mounted
	line   *line
	random *rand.Rand
	closed map[string]string // what was closed last, by name
	said   map[string]bool   // all that was written, whether it was closed well or not
	closes int
}

func (p *person) work(end time.Time) {
	for n := 0; time.Now().Before(end); n++ {
		name := []string{"cut.mov", "grade.mov", p.name + "-own.mov", fmt.Sprint(p.name, "-", n, ".mov")}[p.random.IntN(4)]
		content := fmt.Sprintf("%s %d/%s %s", p.name, n, name, strings.Repeat("frame ", p.random.IntN(3000)))
		p.said[content] = true
		if os.WriteFile(filepath.Join(p.m.project, name), []byte(content), 0o644) == nil {
			p.closed[name] = content
			p.closes++
		}
		time.Sleep(time.Duration(p.random.IntN(60)) * time.Millisecond)
	}
}

// line is the way of one mount to the API; bytes of files go another way.
type line struct {
	url  string
	to   string
	cuts int

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
}

func newLine(t *testing.T, to string) *line {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, "listen", err)
	l := &line{url: "http://" + ln.Addr().String(), to: strings.TrimPrefix(to, "http://"), conns: map[net.Conn]bool{}}
	t.Cleanup(func() { ln.Close(); l.set(true) })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go l.carry(c)
		}
	}()
	return l
}

// carry joins a connection with one of its own.
func (l *line) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer far.Close()
	l.mu.Lock()
	down := l.down
	l.conns[near], l.conns[far] = true, true
	l.mu.Unlock()
	if !down {
		go func() { io.Copy(far, near); far.Close() }()
		io.Copy(near, far)
	}
	l.mu.Lock()
	delete(l.conns, near)
	delete(l.conns, far)
	l.mu.Unlock()
}

// set cuts the line, in the middle of whatever is on it, or mends it.
func (l *line) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down = down; down {
		l.cuts++
		for c := range l.conns {
			c.Close()
		}
	}
}

func (l *line) comeAndGo(end time.Time, random *rand.Rand) {
	for time.Now().Before(end) {
		time.Sleep(time.Duration(100+random.IntN(500)) * time.Millisecond)
		l.set(true)
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		l.set(false)
	}
}
