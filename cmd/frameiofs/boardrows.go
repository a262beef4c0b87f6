package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/frameiofs/frameiofs/control"
)

// row is one file, or one change of a name, on the board.
type row struct {
	mount, path string
	name        bool // it is a change of a name
	stage       string
	paused      bool
	lines       []string
}

// is reports whether both tell of the same.
func (r row) is(o row) bool { return r.mount == o.mount && r.path == o.path && r.name == o.name }

// rows are a mount's files and names that are worth a line, in the order of urgency. The cursor stands in their first column.
func (b board) rows(st control.Status) (rows []row) {
	b.width--
	for _, n := range st.Names {
		if n.Parked || n.Error != "" {
			rows = append(rows, b.nameRow(st.MountPoint, n))
		}
	}
	for _, f := range st.Files {
		if !f.Local {
			rows = append(rows, b.fileRow(st.MountPoint, f))
		}
	}
	return rows
}

// stageWidth is that of the column that tells how far a file is.
const stageWidth = 10

func (b board) nameRow(mount string, n control.Name) row {
	stage, why, style := "waiting", n.Error, b.warn
	if n.Parked {
		stage, why, style = "parked", n.Reason, b.bad
	}
	r := row{mount: mount, path: n.Path, name: true, stage: stage}
	text := n.What + " "
	r.lines = []string{style.Render(fill(stage, stageWidth)) + " " + fit(text, b.width-stageWidth-1) + fitPath(n.Path, b.width-stageWidth-1-len(text))}
	r.lines = append(r.lines, b.why(why)...)
	return r
}

// why is the reason below a file's line.
func (b board) why(text string) (lines []string) {
	if text == "" {
		return nil
	}
	inner := b
	inner.width -= stageWidth + 1
	if inner.width < 20 {
		inner.width = b.width
	}
	most := 3
	switch {
	case b.small():
		most = 1
	case b.height < 30:
		most = 2
	}
	for _, l := range inner.wrapped(text, most) {
		lines = append(lines, b.dim.Render(strings.Repeat(" ", b.width-inner.width)+l))
	}
	return lines
}

func (b board) fileRow(mount string, f control.File) row {
	r := row{mount: mount, path: f.Path, stage: f.Stage, paused: f.Paused}
	stage, style, why := f.Stage, b.dim, ""
	switch {
	case f.Stage == "parked":
		style, why = b.bad, f.Reason
	case f.Stage == "held":
		style, why = b.warn, f.Reason
	case f.Paused && f.Stage != "writing":
		stage, style = "paused", b.warn
	case f.Stage == "uploading", f.Stage == "confirming", f.Stage == "verifying":
		style = b.moving
	}
	if why == "" && f.Error != "" {
		why = f.Error
		if f.NextTry != nil {
			why += fmt.Sprintf(" (again in %s)", span(max(0, f.NextTry.Sub(b.now))))
		}
	}
	right := b.progress(f)
	room := b.width - stageWidth - 1 - 1 - ansi.StringWidth(right)
	if room < 8 {
		right, room = "", b.width-stageWidth-1
	}
	mark := ""
	if f.First {
		mark = "↑ "
		room -= 2
	}
	line := style.Render(fill(stage, stageWidth)) + " " + mark + fill(fitPath(f.Path, room), room)
	if right != "" {
		line += " " + right
	}
	r.lines = append([]string{fit(line, b.width)}, b.why(oneLine(why))...)
	return r
}

// progress is how far a file is, for the right end of its line, in as much detail as there is room for. It has the same columns for all.
func (b board) progress(f control.File) string {
	bytes := fmt.Sprintf("%9s", size(f.Size))
	text := ""
	switch {
	case f.Stage == "uploading" && f.CopyOf == "":
		text = fmt.Sprintf(" %3d%%", percent(f.Sent, f.Size))
		if b.width >= 60 {
			text = b.bar(f.Sent, f.Size, b.width/10) + text
		}
		if b.width < 76 {
			return text
		}
		rate, left := "", ""
		if f.Rate >= 1 {
			rate = size(int64(f.Rate)) + "/s"
			left = span(time.Duration(float64(f.Size-f.Sent) / f.Rate * float64(time.Second)))
		}
		text = bytes + " " + text + fmt.Sprintf(" %11s", rate)
		if b.width >= 96 {
			text += fmt.Sprintf(" %9s", left)
		}
		return text
	case f.Sent > 0 && f.Sent < f.Size && b.width >= 60:
		text = fmt.Sprintf("%s, %d%% sent", bytes, percent(f.Sent, f.Size))
	case f.CopyOf != "" && b.width >= 96:
		text = bytes + " copied on Frame.io"
	case f.Missing > 0 && b.width >= 96:
		text = fmt.Sprintf("%s, %s to fetch first", bytes, size(f.Missing))
	default:
		text = bytes
	}
	return text
}

// window picks the rows that fit into so many lines, among them the chosen one (-1: none), and tells above and below what is left out.
func (b board) window(rows []row, chosen, room, leftOut int) (lines []string) {
	if room <= 0 {
		return nil
	}
	height := func(from, to int) (n int) {
		for _, r := range rows[from:to] {
			n += len(r.lines)
		}
		return n
	}
	from, to := 0, len(rows)
	if leftOut > 0 || height(0, len(rows)) > room {
		fits := func() bool {
			n := height(from, to)
			if from > 0 {
				n++
			}
			if to < len(rows) || leftOut > 0 {
				n++
			}
			return n <= room
		}
		for to > from && !fits() {
			if chosen >= 0 && to <= chosen+1 {
				from++
			} else {
				to--
			}
		}
		if from == to && len(rows) > 0 && room > 1 { // one that is too high for the room
			if chosen >= 0 {
				from, to = chosen, chosen+1
			} else {
				to = from + 1
			}
		}
	}
	if from > 0 {
		lines = append(lines, b.dim.Render(fit(fmt.Sprintf("  ↑ %d more", from), b.width)))
	}
	for i, r := range rows[from:to] {
		for j, l := range r.lines {
			if from+i == chosen && j == 0 {
				l = b.chosen.Render(fill("▸"+ansi.Strip(l), b.width))
			} else {
				l = " " + l
			}
			lines = append(lines, fit(l, b.width))
		}
	}
	if n := len(rows) - to + leftOut; n > 0 {
		lines = append(lines[:min(len(lines), room-1)], b.dim.Render(fit(fmt.Sprintf("  … and %d more", n), b.width)))
	}
	return lines[:min(len(lines), room)]
}

// lines paints mounts into the board's height. chosen is the row that a person has picked, if any.
func (b board) lines(all []control.Status, chosen *row) (lines []string) {
	type part struct {
		top, bottom []string
		rows        []row
		leftOut     int
	}
	parts, fixed := []part(nil), max(0, len(all)-1)
	share := b
	share.height /= max(1, len(all))
	for _, st := range all {
		p := part{share.top(st), share.bottom(st), share.rows(st), st.LeftOut}
		fixed += len(p.top) + len(p.bottom)
		parts = append(parts, p)
	}
	left := b.height - fixed
	for i, p := range parts {
		if i > 0 {
			lines = append(lines, "")
		}
		at := -1
		for j := range p.rows {
			if chosen != nil && p.rows[j].is(*chosen) {
				at = j
			}
		}
		shown := b.window(p.rows, at, left/(len(parts)-i), p.leftOut)
		left -= len(shown)
		lines = append(append(append(lines, p.top...), shown...), p.bottom...)
	}
	if len(lines) > b.height { // more mounts than lines: what needs somebody stands above
		lines = lines[:max(b.height, 1)]
	}
	return lines
}
