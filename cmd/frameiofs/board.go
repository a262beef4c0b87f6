package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"

	"github.com/frameiofs/frameiofs/control"
)

// board paints mounts for a terminal: status there, status --watch, and the foreground of mount, sync and unmount. No line is longer than the
// terminal is wide, whatever files are called. Where there is no terminal statusLines tells the same.
type board struct {
	width, height int // of what it may fill, in cells
	now           time.Time
	home          string // is shown as ~
	paints
}

// paints are the colours. Without colours they change nothing.
type paints struct{ bad, warn, good, moving, dim, bold, chosen lipgloss.Style }

// paintsFor has colours if out is a terminal that has them and NO_COLOR does not forbid it.
func paintsFor(out io.Writer) paints {
	r := lipgloss.NewRenderer(out)
	s := func() lipgloss.Style { return r.NewStyle() }
	return paints{
		bad: s().Foreground(lipgloss.Color("1")).Bold(true), warn: s().Foreground(lipgloss.Color("3")), good: s().Foreground(lipgloss.Color("2")),
		moving: s().Foreground(lipgloss.Color("6")), dim: s().Faint(true), bold: s().Bold(true), chosen: s().Reverse(true),
	}
}

func newBoard(out io.Writer, width, height int) board {
	home, _ := os.UserHomeDir()
	return board{width: width, height: height, now: time.Now(), home: home, paints: paintsFor(out)}
}

// fit cuts a line that is too long. It may be painted already.
func fit(line string, width int) string {
	if ansi.StringWidth(line) <= width {
		return line
	}
	return ansi.Truncate(line, max(width, 0), "…")
}

// fill is fit, made as long as width.
func fill(line string, width int) string {
	line = fit(line, width)
	return line + strings.Repeat(" ", max(0, width-ansi.StringWidth(line)))
}

// fitPath cuts a path on its left, so that the file's name stays; of a name that is too long, its end.
func fitPath(path string, width int) string {
	path = shown(path)
	over := ansi.StringWidth(path) - width
	if over <= 0 {
		return path
	}
	return fit(ansi.TruncateLeft(path, over+1, "…"), width)
}

// bar shows a part of a whole.
func (b board) bar(part, whole int64, width int) string {
	full := width
	if whole > 0 {
		full = int(float64(width) * float64(min(max(part, 0), whole)) / float64(whole))
	}
	return b.moving.Render(strings.Repeat("█", full)) + b.dim.Render(strings.Repeat("░", width-full))
}

// where is a mount point for people.
func (b board) where(point string) string {
	if rest, ok := strings.CutPrefix(point, b.home+"/"); ok && b.home != "" {
		point = "~/" + rest
	}
	return shown(point)
}

// small reports whether there is no room for what can be done without.
func (b board) small() bool { return b.height < 14 || b.width < 50 }

// top is what is told of a mount before its files: what needs somebody, then how far everything is.
func (b board) top(st control.Status) []string {
	lines := append([]string{b.head(st)}, b.alarms(st)...)
	t := st.Totals
	also := besides(t)
	if t.Files > 0 {
		sum, whole := b.sum(t)
		if lines = append(lines, sum); !whole && t.LimitedBy != "" {
			also = append([]string{"time left by " + t.LimitedBy}, also...)
		}
		if !b.small() {
			lines = append(lines, fit(onTheWay(t), b.width))
		}
	}
	if len(also) > 0 && !b.small() {
		for _, l := range b.wrapped(strings.Join(also, " · "), 2) {
			lines = append(lines, b.dim.Render(l))
		}
	}
	if allThere(t) {
		lines = append(lines, b.good.Render(fit("✓ everything is on Frame.io", b.width)))
	}
	return lines
}

// alarms are the lines about what a person should know before all else; where there is no room, the first of them.
func (b board) alarms(st control.Status) (lines []string) {
	all := alarms(st)
	most := len(all)
	if b.small() {
		most = min(most, max(1, b.height/4))
	}
	for i, alarm := range all[:most] {
		style, text := b.warn, cmp.Or(alarm.short, alarm.text)
		if alarm.bad {
			style = b.bad
		}
		if left := len(all) - most; left > 0 && i == most-1 {
			text += fmt.Sprintf(" (and %d more)", left)
		}
		rows := 2
		if b.small() {
			rows = 1
		}
		for _, l := range b.wrapped("! "+text, rows) {
			lines = append(lines, style.Render(l))
		}
	}
	return lines
}

func (b board) head(st control.Status) string {
	what := fmt.Sprintf("  Frame.io %s %s · %s", strings.ToUpper(st.API), shown(st.Root), oneLine(st.User))
	switch {
	case st.State == control.Finishing:
		what = "  unmounted, finishing the uploads"
	case st.ReadOnly:
		what += " · read-only"
	}
	return fit(b.bold.Render(b.where(st.MountPoint))+b.dim.Render(what), b.width)
}

// wrapped breaks a text over at most most lines.
func (b board) wrapped(text string, most int) []string {
	lines := strings.Split(ansi.Wrap(oneLine(text), max(b.width, 10), " "), "\n")
	if len(lines) > most {
		lines[most-1] = fit(strings.Join(lines[most-1:], " "), b.width)
		lines = lines[:most]
	}
	for i := range lines {
		lines[i] = fit(lines[i], b.width)
	}
	return lines
}

// sum is the line with the bar of everything. whole tells that all is said that can be said.
func (b board) sum(t control.Totals) (line string, whole bool) {
	line = b.bar(t.Sent, t.Bytes, min(max(b.width/6, 8), 40)) + fmt.Sprintf(" %3d%%", percent(t.Sent, t.Bytes))
	parts := []string{fmt.Sprintf("%s of %s", size(t.Sent), size(t.Bytes))}
	if t.Rate >= 1 {
		parts = append(parts, size(int64(t.Rate))+"/s")
	}
	text := leftText(t)
	brief, _, _ := strings.Cut(text, " by ")
	whole = true
	if text != "" {
		parts = append(parts, text)
	}
	for _, p := range parts { // what does not fit is left out
		if p == text && ansi.StringWidth(line)+3+ansi.StringWidth(p) > b.width {
			p, whole = brief, false
		}
		if ansi.StringWidth(line)+3+ansi.StringWidth(p) <= b.width {
			line += " · " + p
		}
	}
	return fit(line, b.width), whole
}

// bottom is what is told of a mount after its files.
func (b board) bottom(st control.Status) []string {
	if b.small() {
		return nil
	}
	text := "link " + cmp.Or(st.Link.State, "unknown") + " · " + cacheText(st)
	limits := limitsText(st.Limits)
	if both := text + " · " + limits; ansi.StringWidth(both) <= b.width {
		return []string{b.dim.Render(both)}
	}
	return []string{b.dim.Render(fit(text, b.width)), b.dim.Render(fit(limits, b.width))}
}
