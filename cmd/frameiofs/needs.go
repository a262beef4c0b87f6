package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/frameiofs/frameiofs/control"
)

// needsText says how many files need somebody: "1 file parked, 2 held". "" if none does.
func needsText(t control.Totals) string {
	var parts []string
	for _, n := range []struct {
		n    int
		what string
	}{{t.Parked, "parked"}, {t.Held, "held"}, {t.Paused, "paused"}} {
		switch {
		case n.n == 0:
		case len(parts) == 0:
			parts = append(parts, count(n.n, "file")+" "+n.what)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n.n, n.what))
		}
	}
	return strings.Join(parts, ", ")
}

// mostNeeds is how many of the files that need somebody are named where waiting for them has ended.
const mostNeeds = 10

// needsLines names the files, and the changes of names, at or below paths (all, if none) that a person has to decide on.
func needsLines(ctx context.Context, r control.Registration, paths []string) (lines []string) {
	if len(paths) == 0 {
		paths = []string{""}
	}
	for _, p := range paths {
		st, err := askStatus(ctx, r, control.Query{Under: p})
		if err != nil {
			continue // that it needs somebody is said all the same
		}
		for _, n := range st.Names {
			if n.Parked {
				lines = append(lines, "  "+nameLine(n))
			}
		}
		for _, f := range st.Files {
			if needsSomebody(f) {
				lines = append(lines, "  "+fileLine(f))
			}
		}
	}
	if left := len(lines) - mostNeeds; left > 0 {
		lines = append(lines[:mostNeeds], fmt.Sprintf("  … and %d more", left))
	}
	return lines
}

// needsSomebody reports whether a file does not get on without a person.
func needsSomebody(f control.File) bool {
	return f.Stage == "parked" || f.Stage == "held" && !f.Local || f.Stage == "waiting" && f.Paused
}
