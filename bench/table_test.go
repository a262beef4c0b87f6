package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// figure is one measurement, and what it is held against.
type figure struct {
	value, against float64 // in the row's unit; against 0 = nothing
}

// row is a line of the table: what was measured over each generation of the API.
type row struct {
	what, unit, against string
	figures             map[string]figure // by generation
}

// table keeps its rows in the order in which they first came.
type table struct{ rows []*row }

func (t *table) put(api, what, unit string, value float64, against string, limit float64) {
	i := slices.IndexFunc(t.rows, func(r *row) bool { return r.what == what && r.against == against })
	if i < 0 {
		t.rows, i = append(t.rows, &row{what: what, unit: unit, against: against, figures: map[string]figure{}}), len(t.rows)
	}
	t.rows[i].figures[api] = figure{value, limit}
}

// seconds puts times.
func (t *table) seconds(api, what string, value time.Duration, against string, limit time.Duration) {
	t.put(api, what, "s", value.Seconds(), against, limit.Seconds())
}

func (t *table) print(w io.Writer, apis []string) {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(out, "measured\tunit\t")
	for _, api := range apis {
		fmt.Fprintf(out, "%s\tagainst\tratio\t", api)
	}
	fmt.Fprint(out, "  against what\n")
	for _, r := range t.rows {
		fmt.Fprintf(out, "%s\t%s\t", r.what, r.unit)
		for _, api := range apis {
			f, ok := r.figures[api]
			switch {
			case !ok:
				fmt.Fprint(out, "\t\t\t")
			case f.against == 0:
				fmt.Fprintf(out, "%s\t\t\t", digits(f.value))
			default:
				fmt.Fprintf(out, "%s\t%s\t%.2f\t", digits(f.value), digits(f.against), f.value/f.against)
			}
		}
		fmt.Fprintf(out, "  %s\n", r.against)
	}
	out.Flush()
}

// digits writes three that count.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// thrice runs what is measured, and if that is quick twice more; it answers the median of each of the times that f answers.
func thrice(f func() []time.Duration) []time.Duration {
	first := f()
	if slices.Max(first) > 10*time.Second {
		return first
	}
	again := false
	return repeat(3, func() []time.Duration {
		if !again {
			again = true
			return first
		}
		return f()
	})
}
