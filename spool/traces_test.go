package spool

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// trace is what a program was seen to do.
type trace struct {
	name string
	do   func(t *testing.T, r *rig)
	want []string
	held []string // names that stay here
	made int      // assets made on Frame.io, if it is not one for each of want
}

// signalled is how a writer ends that was killed.
var signalled = Closing{Signalled: true, PID: 7}

// TestTraces replays what real programs were seen to do (spec: fuse.md §2.2), and asks what is on Frame.io in the end, and how many
// calls changed something there: for a file one creation, its parts, and a version if it was there before; nothing else.
func TestTraces(t *testing.T) {
	for _, c := range slices.Concat(toolTraces(), saveTraces(), handleTraces()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				r := newRig(t, newFake()).start()
				c.do(t, r)
				r.finish()
				r.expect(c.want...)
				var names []string
				for _, i := range r.All() {
					if i.Stage != Held {
						t.Errorf("%s is left, %s", i.Name, i.Stage)
					}
					names = append(names, i.Name)
				}
				if len(names) != len(c.held) || len(names) > 0 && names[0] != c.held[0] {
					t.Errorf("held are %q, want %q", names, c.held)
				}
				if len(c.held) == 0 {
					r.expectEmpty()
				}
				r.expectCalls(c.want, c.made)
			})
		})
	}
}

// none is how many assets a trace makes that leaves Frame.io alone.
const none = -1

// expectCalls checks that nothing was done on Frame.io but what it has now takes. The contents of traces are of one part.
func (r *rig) expectCalls(have []string, made int) {
	r.t.Helper()
	versions := 0
	for _, line := range have {
		versions += strings.Count(line, " | ")
	}
	switch made {
	case 0:
		made = len(have)
	case none:
		made, versions = 0, 0
	}
	for op, want := range map[string]int{"create": made, "put": made, "version": versions, "rename": 0, "move": 0, "delete": 0} {
		if n := r.f.count(op); n != want {
			r.t.Errorf("%d calls to %s, want %d", n, op, want)
		}
	}
}

// counted is the numbers below n, of three digits each.
func counted(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%03d", i)
	}
	return b.String()
}
