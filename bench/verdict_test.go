package bench

import (
	"fmt"
	"time"
)

// verdicts prints the table of what reading or writing must show, a row at a time as it is measured.
type verdicts struct{ missed int }

// print writes one row so that the table can be read as it is, and as markdown.
func (v *verdicts) print(work, got, beside, target, verdict string) {
	fmt.Printf("| %-46s | %12s | %-52s | %-18s | %-4s |\n", work, got, beside, target, verdict)
}

func (v *verdicts) head(api string) {
	fmt.Println()
	v.print(api, "measured", "beside, in the same run", "to reach", "")
	fmt.Println("|---|--:|---|---|---|")
}

// row puts a figure that has something to reach.
func (v *verdicts) row(work, got, beside, target string, reached bool) {
	verdict := "pass"
	if !reached {
		verdict = "MISS"
		v.missed++
	}
	v.print(work, got, beside, target, verdict)
}

// note puts a figure that only explains.
func (v *verdicts) note(work, got, beside string) { v.print(work, got, beside, "", "") }

// memory puts the peak of a workload.
func (v *verdicts) memory(work string, bytes int64) {
	v.row("  peak memory, "+work, mib(bytes), "", "≤ 200 MiB", bytes <= 200<<20)
}

func sec(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// times tells how often b goes into a.
func times(a, b time.Duration) float64 { return float64(a) / float64(b) }
