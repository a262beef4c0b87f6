package bench

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/sim/fault"
)

const faultIntro = `# What goes wrong, and what comes of it

Each thing that can go wrong between here and Frame.io, at each step of a file's life: made to happen on a real mount by the
simulator, on both generations of the API, %s. In every cell the bytes were there in the end, once, under their name, and
nothing besides; and whatever did not go on by itself could be seen. ` + "`make faults`" + ` tries all cells again and writes this page (%d cells, %s).

A cell says what comes of it if it happens **once / until it is over**:

- **W** whole, and nobody has to do anything: it is waited out, or there is another way.
- **L** it lasts, and nothing is given up: status and the log say why; whole so many seconds after it is over.
- **P** parked: Frame.io has said no. A person decides; whole once that is mended and ` + "`frameiofs uploads retry`" + ` was said.
- **E** the program is told by an errno that it is not done, and does it again when it can.
- **B** Frame.io said that it is not there any more, and was believed. It is there all the same, and is shown again so many seconds later.
- **–** cannot be: it is the matter of another host, or once is soon over.

Small letters tell where it was seen while it lasted: **s** status, **l** log, **x** the file's user.frameio.state, **y** the exit code of
sync (4 it waits, 3 it is parked). What differs on V4 follows a bar.

`

// page writes the table.
func page(all map[string]outcome, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, faultIntro, "once and until it is over", len(all), took.Round(time.Minute))
	b.WriteString("| what goes wrong |")
	for _, s := range steps {
		fmt.Fprintf(&b, " %s |", s.name)
	}
	b.WriteString("\n|" + strings.Repeat("---|", len(steps)+1) + "\n")
	for i := range mishaps {
		m := &mishaps[i]
		fmt.Fprintf(&b, "| %s |", m.name)
		for j := range steps {
			fmt.Fprintf(&b, " %s |", both(all, m, &steps[j]))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n" + summary(all))
	b.WriteString("\nIn no row:\n\n")
	for _, what := range slices.Sorted(keys(leftOut)) {
		fmt.Fprintf(&b, "- `%s`: %s\n", what, leftOut[what])
	}
	return b.String()
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// both is what came of a mishap at a step, on both generations of the API.
func both(all map[string]outcome, m *mishap, s *step) string {
	v2, v4 := one(all, "v2", m, s), one(all, "v4", m, s)
	if blunt(v2) == blunt(v4) {
		return v2
	}
	return v2 + " \\| " + v4
}

// blunt leaves the seconds out.
func blunt(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' {
			return -1
		}
		return r
	}, text)
}

func one(all map[string]outcome, api string, m *mishap, s *step) string {
	if !m.happens(s) {
		return "–"
	}
	once, was := all[cell{api: api, mishap: m, step: s, once: true}.String()]
	lasting := all[cell{api: api, mishap: m, step: s}.String()]
	if !was {
		return "– / " + lasting.short()
	}
	return once.short() + " / " + lasting.short()
}

// short tells an outcome in letters.
func (o outcome) short() string {
	var seen string
	for _, s := range []struct{ where, letter string }{{"status", "s"}, {"log", "l"}, {"xattr", "x"}, {"sync 4", "y"}, {"sync 3", "y"}} {
		if slices.Contains(o.seen, s.where) {
			seen += s.letter
		}
	}
	switch o.end {
	case endSelf:
		return "W"
	case endWaited:
		return fmt.Sprintf("L·%s %.1f", seen, o.after.Seconds())
	case endParked:
		return "P·" + seen
	case endTold:
		return "E·" + o.told
	case endShown:
		return fmt.Sprintf("B %.0f", o.after.Seconds())
	}
	return "?"
}

// summary tells what the seconds come to.
func summary(all map[string]outcome) string {
	var after, soon []time.Duration
	ends := map[string]int{}
	for _, o := range all {
		ends[o.end]++
		if o.end == endWaited {
			after, soon = append(after, o.after), append(soon, o.soon)
		}
	}
	slices.Sort(after)
	slices.Sort(soon)
	if len(after) == 0 {
		return ""
	}
	return fmt.Sprintf("Of %d cells %d ended whole by themselves, %d when it was over, %d were parked, and of %d the program was told. Of those that waited, "+
		"status told why after %.1f s (median; at most %.1f s), and all was whole %.1f s after it was over (median; at most %.1f s).\n",
		len(all), ends[endSelf], ends[endWaited], ends[endParked], ends[endTold],
		soon[len(soon)/2].Seconds(), soon[len(soon)-1].Seconds(), after[len(after)/2].Seconds(), after[len(after)-1].Seconds())
}

// The table has a row for everything that the simulator can do wrong, a column for each step, and something in every cell.
func TestFaultTable(t *testing.T) {
	text, err := os.ReadFile("../docs/faults.md")
	if err != nil {
		t.Fatalf("make faults writes it: %v", err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), "\\|", "¦"), "|"); len(f) == len(steps)+3 {
			for i := range f {
				f[i] = strings.TrimSpace(f[i])
			}
			rows[f[1]] = f[2 : len(f)-1]
		}
	}
	for j := range steps {
		if head := rows["what goes wrong"]; head == nil || head[j] != steps[j].name {
			t.Fatalf("the columns are %q, and the steps %+v: make faults", head, steps)
		}
	}
	for i := range mishaps {
		row := rows[mishaps[i].name]
		if row == nil {
			t.Errorf("no row tells of %q: make faults", mishaps[i].name)
			continue
		}
		for j := range steps {
			if row[j] == "" || strings.Contains(row[j], "?") || (row[j] == "–") == mishaps[i].happens(&steps[j]) {
				t.Errorf("%s at %q: the cell is %q: make faults", mishaps[i].name, steps[j].name, row[j])
			}
		}
	}
	for _, what := range simFaults(t) {
		if !slices.ContainsFunc(mishaps, func(m mishap) bool { return strings.HasPrefix(m.rule+"=", what+"=") }) && leftOut[what] == "" {
			t.Errorf("the simulator knows %q, and no row has it", what)
		}
	}
}

// simFaults are the faults that the simulator knows, from what it says to one that it does not.
func simFaults(t *testing.T) (all []string) {
	_, err := fault.Parse("?@api")
	for _, list := range strings.Split(fmt.Sprint(err), "[")[1:] {
		words, _, _ := strings.Cut(list, "]")
		all = append(all, strings.Fields(words)...)
	}
	if len(all) < 20 {
		t.Fatalf("the simulator knows only %q: %v", all, err)
	}
	return all
}
