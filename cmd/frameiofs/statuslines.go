package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/control"
)

// statusLines is a Status for a pipe, in at most most lines: one for each thing, without colours and bars.
func statusLines(st control.Status, most int) []string {
	head := fmt.Sprintf("%s — Frame.io %s %s as %s", shown(st.MountPoint), strings.ToUpper(st.API), shown(st.Root), oneLine(st.User))
	if st.ReadOnly {
		head += ", read-only"
	}
	if st.State == control.Finishing {
		head = shown(st.MountPoint) + " — unmounted, finishing the uploads"
	}
	lines := []string{head}
	for _, alarm := range alarms(st) {
		lines = append(lines, "  ! "+alarm.text)
	}
	t := st.Totals
	if t.Files > 0 {
		line := fmt.Sprintf("  %s on the way, %s of %s sent (%d%%)", count(t.Files, "file"), size(t.Sent), size(t.Bytes), percent(t.Sent, t.Bytes))
		if t.Rate >= 1 {
			line += fmt.Sprintf(", %s/s", size(int64(t.Rate)))
		}
		lines = append(lines, line+timeLeft(t))
	}
	if allThere(t) {
		lines = append(lines, "  everything is on Frame.io")
	}
	for _, l := range besides(t) {
		lines = append(lines, "  "+l)
	}
	for _, n := range st.Names {
		if (n.Parked || n.Error != "") && len(lines) < most/2 {
			lines = append(lines, "  "+nameLine(n))
		}
	}
	room := max(1, most-len(lines)-3)
	left := st.LeftOut
	for i, f := range st.Files {
		if f.Local {
			continue
		}
		if i >= room {
			left += len(st.Files) - i
			break
		}
		lines = append(lines, "  "+fileLine(f))
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("  … and %d more", left))
	}
	lines = append(lines, "  "+cacheText(st))
	if st.Limits.Uploads > 0 {
		lines = append(lines, "  "+limitsText(st.Limits))
	}
	return lines
}

// alarm is something that a person should know before all else.
type alarm struct {
	text  string
	short string // the same where the files and what can be done stand below; "": text
	bad   bool   // something was given up or cannot be done; else it only waits
}

// oldAge is how long a file may be on its way before that is worth a word.
const oldAge = 6 * time.Hour

func alarms(st control.Status) (all []alarm) {
	t := st.Totals
	if st.Trouble != "" {
		all = append(all, alarm{text: oneLine(st.Trouble), bad: true})
	}
	if st.Link.State == "down" {
		since := ""
		if st.Link.Since != nil {
			since = " since " + st.Link.Since.Local().Format("15:04:05")
		}
		all = append(all, alarm{text: "Frame.io cannot be used" + since + ": " + oneLine(st.Link.Error), bad: true})
	} else if st.Link.Error != "" {
		all = append(all, alarm{text: "Frame.io has us wait: " + oneLine(st.Link.Error)})
	}
	if t.Parked > 0 {
		all = append(all, alarm{fmt.Sprintf("%s parked: Frame.io does not take them and they need you; then: frameiofs uploads retry", count(t.Parked, "file")),
			count(t.Parked, "file") + " parked: not taken by Frame.io; do what it says below, then retry", true})
	}
	if t.NamesParked > 0 {
		all = append(all, alarm{fmt.Sprintf("%s of names parked: frameiofs uploads retry tries again, frameiofs uploads cancel gives up", count(t.NamesParked, "change")),
			count(t.NamesParked, "change") + " of names parked: retry, or cancel to give up", true})
	}
	if t.Held > 0 {
		all = append(all, alarm{text: count(t.Held, "file") + " held on this machine"})
	}
	switch {
	case st.Paused:
		all = append(all, alarm{text: "uploads are paused: frameiofs uploads resume"})
	case t.Paused > 0:
		all = append(all, alarm{text: count(t.Paused, "file") + " paused: frameiofs uploads resume"})
	}
	if t.Oldest != nil {
		if age := time.Since(*t.Oldest); age > oldAge {
			all = append(all, alarm{text: "the oldest file on its way was closed " + span(age) + " ago"})
		}
	}
	return all
}

// onTheWay counts what is on its way by what it does.
func onTheWay(t control.Totals) string {
	var parts []string
	rest := t.Files
	for _, n := range []struct {
		n    int
		what string
	}{{t.Uploading, "uploading"}, {t.Settling, "settling"}, {t.Paused, "paused"}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.n, n.what))
			rest -= n.n
		}
	}
	if rest > 0 {
		parts = append(parts, fmt.Sprintf("%d waiting", rest))
	}
	return count(t.Files, "file") + " on the way: " + strings.Join(parts, ", ")
}

// besides is what goes on beside files on their way.
func besides(t control.Totals) (lines []string) {
	if t.Names > 0 {
		line := fmt.Sprintf("%s of names on the way to Frame.io", count(t.Names, "change"))
		if t.Files == 0 {
			line += timeLeft(t)
		}
		lines = append(lines, line)
	}
	for _, l := range provingLines(t) {
		lines = append(lines, strings.TrimSpace(l))
	}
	if t.Writing > 0 {
		lines = append(lines, fmt.Sprintf("%s being written", count(t.Writing, "file")))
	}
	if t.Local > 0 {
		lines = append(lines, stay(t.Local, "file")+" on this machine (temporary names, empty files)")
	}
	if t.Folders > 0 {
		lines = append(lines, fmt.Sprintf("%s with temporary names stay on this machine, with what is in them", count(t.Folders, "folder")))
	}
	return lines
}

// stay says that things do.
func stay(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " stays"
	}
	return count(n, thing) + " stay"
}

// allThere reports whether nothing that should be on Frame.io is not.
func allThere(t control.Totals) bool {
	return t.Files == 0 && t.Names == 0 && t.Writing == 0 && t.Parked == 0 && t.Held == 0 && t.NamesParked == 0
}

// leftText is how long it takes yet, and what that hangs on if it is not the bandwidth. "" if nothing can be said.
func leftText(t control.Totals) string {
	left := time.Duration(t.TimeLeft * float64(time.Second))
	if left <= 0 || left > 1000*time.Hour {
		return ""
	}
	text := span(left) + " left"
	if t.LimitedBy != "bandwidth" {
		text += " by " + t.LimitedBy
	}
	return text
}

// timeLeft is leftText behind something else.
func timeLeft(t control.Totals) string {
	if text := leftText(t); text != "" {
		return ", " + text
	}
	return ""
}

// cacheText tells what is here of Frame.io, how fast more comes, and what room there is.
func cacheText(st control.Status) string {
	text := fmt.Sprintf("cache %s of %s", size(st.Cache.Used), size(st.Cache.Limit))
	if st.Totals.RateDown >= 1 {
		text += fmt.Sprintf(", %s/s coming", size(int64(st.Totals.RateDown)))
	}
	return text + fmt.Sprintf(" · %s free for writing", size(st.DiskFree))
}
