package bench

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/control"
)

// outcome is what came of a cell.
type outcome struct {
	end   string        // one of the ends
	after time.Duration // from the end of the mishap, or of a mishap that strikes once from its beginning, until all was whole
	told  string        // the error of the program's call, if there was one
	took  time.Duration // that call
	seen  []string      // where it could be seen while it lasted
	soon  time.Duration // from its beginning until status told it
	calls int           // how often it struck
	wrong []string      // what must not be
}

// The ends.
const (
	endSelf   = "whole"   // in spite of it, or because it was waited out while it lasted
	endWaited = "waited"  // whole when it was over
	endParked = "parked"  // whole when it was over and somebody said retry
	endTold   = "refused" // the program was told, and could do it again when it was over
	endShown  = "shown"   // Frame.io said that it is done already, which is not true: so it is there again, and shown
)

// How long a cell may take.
const (
	seenWithin  = 75 * time.Second // until status tells of what does not go on, or the program is told
	foundWithin = 12 * time.Minute // the same of what Frame.io hides
	wholeWithin = 90 * time.Second // until all is whole when the mishap is over
	atLeast     = 1500 * time.Millisecond
	noticed     = 6 * time.Second // the same of a line: sooner nobody can know of it
)

// trial is a cell that is being tried.
type trial struct {
	*lane
	cell
	outcome
	dir           string
	before, after string
	began, over   time.Time
	log           int64
	result        chan error // of the deed
	returned      bool
	err           error
}

// try has the mishap strike, does the deed, and looks what comes of it.
func (l *lane) try(c cell) outcome {
	t := &trial{lane: l, cell: c, dir: l.in("Untitled/" + c.folder()), before: c.step.deed.before().text(),
		after: c.step.deed.after(c.fresh()).text(), result: make(chan error, 1)}
	defer l.quiet()
	_, t.log = l.logged(0)
	t.strike()
	switch t.wait() {
	case endSelf:
		t.end = endSelf
		t.outcome.after = time.Since(t.began)
		t.lift()
	case endTold:
		t.end = endTold
		t.lift()
		t.again()
	case endParked:
		t.end = endParked
		t.sample(3)
		t.lift()
		l.r.run("uploads", "retry", t.dir)
		t.whole()
	case endShown:
		t.end, t.after = endShown, t.before
		t.lift()
		t.reappears()
	case endWaited:
		t.end = endWaited
		t.sample(4)
		t.lift()
		if t.end == endParked {
			l.r.run("uploads", "retry", t.dir)
		}
		t.whole()
	default:
		t.bad("silent: for %v nothing went on, and status did not tell why", time.Since(t.began).Round(time.Second))
		t.lift()
	}
	t.judge()
	return t.outcome
}

func (t *trial) bad(format string, args ...any) {
	t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
}

// strike begins the deed, with the mishap in its way.
func (t *trial) strike() {
	m := t.mishap
	if p, ok := t.step.deed.(preparer); ok {
		if err := p.prepare(t.dir, t.lane); err != nil {
			t.bad("prepare: %v", err)
		}
	}
	rule, once := m.rule, t.once
	if rule == "" { // it is held at the step until the line is as it shall be
		rule, once = "stall=10m", true
	}
	t.sim.call(http.MethodPost, "/_sim/faults", map[string]any{"rules": t.step.rules(rule, once)}, nil)
	t.began = time.Now()
	go func() { t.result <- t.step.deed.do(t.dir, t.fresh()) }()
	if m.rule != "" {
		return
	}
	for end := time.Now().Add(20 * time.Second); t.struck() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.bad("the step was never made")
			return
		}
	}
	t.calls = t.struck()
	t.sim.call(http.MethodPut, "/_sim/link", map[string]any{"rtt": "0s", "state": m.line}, nil)
	t.sim.call("DELETE", "/_sim/faults", nil, nil)
	t.began = time.Now()
}

// lift ends the mishap.
func (t *trial) lift() {
	if t.mishap.rule != "" {
		t.calls = t.struck()
	}
	if t.calls == 0 {
		t.bad("it never struck")
	}
	t.quiet()
	t.over = time.Now()
}

// wait looks until the end is in sight.
func (t *trial) wait() string {
	limit := seenWithin
	if t.mishap.slow {
		limit = foundWithin
	}
	for ; ; time.Sleep(50 * time.Millisecond) {
		t.look()
		st := t.status(t.cell)
		switch {
		case t.returned && t.err != nil:
			return endTold
		case parked(st):
			t.see("status")
			return endParked
		case t.returned && len(st.Files) == 0 && len(st.Names) == 0 && t.now() == t.after:
			return endSelf
		case t.untrue() && t.returned && len(st.Names) == 0 && t.struck() > 0:
			return endShown
		case !t.once && slices.Contains(t.seen, "status") && time.Since(t.began) > t.least():
			return endWaited
		case time.Since(t.began) > limit:
			return ""
		}
	}
}

// parked reports whether something in the folder needs a person.
func parked(st control.Status) bool {
	return slices.ContainsFunc(st.Files, func(f control.File) bool { return f.Stage == "parked" || f.Stage == "held" && !f.Local }) ||
		slices.ContainsFunc(st.Names, func(n control.Name) bool { return n.Parked })
}

// least is how long it lasts.
func (t *trial) least() time.Duration {
	if t.mishap.line != "" {
		return noticed
	}
	return atLeast
}

func (t *trial) now() string {
	text, _ := t.there(t.cell)
	return text
}

// look takes note of what can be seen, and of the deed's end.
func (t *trial) look() {
	t.join(0)
	st := t.status(t.cell)
	for _, f := range st.Files {
		if f.Error != "" || f.Stage == "parked" || f.Stage == "held" {
			t.see("status")
		}
	}
	for _, n := range st.Names {
		if n.Error != "" || n.Parked || n.Reason != "" {
			t.see("status")
		}
	}
	if st.Link.Error != "" || st.Trouble != "" {
		t.see("status")
	}
	if lines, _ := t.logged(t.log); len(lines) > 0 {
		t.see("log")
	}
}

func (t *trial) see(where string) {
	if slices.Contains(t.seen, where) {
		return
	}
	t.seen = append(t.seen, where)
	if where == "status" {
		t.soon = time.Since(t.began)
	}
}

// join waits for the deed's end for so long.
func (t *trial) join(d time.Duration) {
	if t.returned {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case t.err = <-t.result:
	default:
		select {
		case t.err = <-t.result:
		case <-timer.C:
			return
		}
	}
	t.returned, t.took = true, time.Since(t.began)
	if t.err == nil {
		return
	}
	if errors.Is(t.err, errWrong) {
		t.bad("%v", t.err)
	}
	var n syscall.Errno
	if errors.As(t.err, &n) {
		t.told = unix.ErrnoName(n)
	} else {
		t.told = t.err.Error()
	}
}

// sample looks where what is stuck can be seen besides, and wants sync to end with the code.
func (t *trial) sample(code int) {
	if st := t.status(t.cell); len(st.Files)+len(st.Names) == 0 {
		return // a program waits; nothing is on its way
	}
	name := t.dir + "/" + t.step.deed.about()
	buf := make([]byte, 4096)
	if n, err := unix.Getxattr(name, "user.frameio.state", buf); err == nil && !slices.Contains([]string{"uploaded", "transcoded"}, string(buf[:n])) {
		t.see("xattr")
	}
	text, err := t.mount.r.try("sync", "--timeout", "200ms", t.dir)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if got == 3 && code == 4 { // given up just now
		t.end = endParked
	} else if got != code {
		t.bad("sync ends with %d, not %d: %s", got, code, text)
		return
	}
	t.see(fmt.Sprintf("sync %d", got))
}

// whole waits until all is as it should be.
func (t *trial) whole() {
	lifted := time.Now()
	for ; t.now() != t.after; time.Sleep(20 * time.Millisecond) {
		if t.join(0); t.err != nil {
			t.end = endTold
			t.again()
			return
		}
		if time.Since(lifted) > wholeWithin {
			t.bad("not whole %v after it was over", wholeWithin)
			return
		}
	}
	t.outcome.after = time.Since(lifted)
}

// again does the deed again, as the program's user would.
func (t *trial) again() {
	if now := t.now(); now != t.before && now != t.after && t.told != "" {
		// A refused write may have left a name without bytes; the next write is into it.
		t.see("left " + strings.ReplaceAll(now, "\n", ", "))
	}
	lifted := time.Now()
	for ; ; time.Sleep(200 * time.Millisecond) {
		err := t.step.deed.do(t.dir, t.fresh())
		if err == nil || done(err) {
			break
		}
		if errors.Is(err, errWrong) || time.Since(lifted) > wholeWithin {
			t.bad("done again: %v", err)
			return
		}
	}
	for ; t.now() != t.after; time.Sleep(20 * time.Millisecond) {
		if time.Since(lifted) > wholeWithin {
			t.bad("not whole %v after it was done again", wholeWithin)
			return
		}
	}
	t.outcome.after = time.Since(lifted)
}

// judge wants the bytes to be there once, and nothing besides.
func (t *trial) judge() {
	open := !t.returned
	switch t.join(seenWithin); {
	case !t.returned:
		t.bad("the program's call has not returned after %v", time.Since(t.began).Round(time.Second))
	case open && t.end == endWaited && t.err != nil:
		t.bad("it was over, and the program's call failed %v later: %v", time.Since(t.over).Round(time.Second), t.err)
	case open:
		t.outcome.after = time.Since(t.over)
	}
	if len(t.wrong) > 0 {
		st := t.status(t.cell)
		lines, _ := t.logged(t.log)
		t.bad("status: %+v %+v, link %+v; log: %s", st.Files, st.Names, st.Link, strings.Join(lines[max(0, len(lines)-12):], "\n"))
	}
	if now := t.now(); now != t.after {
		t.bad("Frame.io has\n%s\nand should have\n%s", now, t.after)
	}
	for end := time.Now().Add(sweepTime); ; time.Sleep(50 * time.Millisecond) {
		_, pieces := t.there(t.cell)
		if len(pieces) == 0 {
			break
		}
		if time.Now().After(end) {
			t.bad("placeholders are left: %s", strings.Join(pieces, ", "))
			break
		}
	}
	slices.Sort(t.seen)
}

// untrue reports whether Frame.io says of what is to be deleted that it is not there.
func (t *trial) untrue() bool { return t.mishap.rule == "404" && t.step.deed == deleteFile{} }

// reappears waits until the mount shows what Frame.io has.
func (t *trial) reappears() {
	lifted := time.Now()
	for {
		if list, err := os.ReadDir(t.dir); err == nil && len(list) == 1 {
			break
		}
		if time.Since(lifted) > wholeWithin {
			t.bad("the mount does not show it after %v", wholeWithin)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.outcome.after = time.Since(lifted)
}
