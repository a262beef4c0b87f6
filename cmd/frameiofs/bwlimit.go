package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/frameiofs/frameiofs/remote"
)

// timetable is a limit of bandwidth that changes with the time of the week. As a flag it is 10M, 10M:2M (sending, reading), off, or, as with
// rclone, "08:00,2M 18:00,off" or "Mon-08:00,2M Fri-18:00,off". Times are local.
type timetable struct {
	text  string // as given; "" for no limit at all
	slots []slot // in the order of the week; none: no limit
}

// slot is a limit from a moment of the week on.
type slot struct {
	minute   int   // since Sunday 00:00
	up, down int64 // bytes per second; 0: no limit
}

const day = 24 * 60 // minutes

var clockForm = regexp.MustCompile(`^\d\d?:\d\d$`)

var slotForm = regexp.MustCompile(`^(?i:(sun|mon|tue|wed|thu|fri|sat)[a-z]*-)?(\d\d?):(\d\d),(\S+)$`)

// Set is flag.Value's.
func (t *timetable) Set(s string) error {
	parsed, err := parseTimetable(s)
	if err == nil {
		*t = parsed
	}
	return err
}

func (t *timetable) String() string {
	if t == nil {
		return ""
	}
	return t.text
}

func parseTimetable(s string) (t timetable, err error) {
	words := strings.Fields(s)
	t.text = strings.Join(words, " ")
	if len(words) == 1 && !strings.Contains(words[0], ",") {
		if clockForm.MatchString(words[0]) {
			return timetable{}, notALimit(words[0])
		}
		up, down, err := parseLimits(words[0])
		if up == 0 && down == 0 {
			return timetable{}, err
		}
		t.slots = []slot{{0, up, down}}
		return t, err
	}
	if len(words) == 0 {
		return timetable{}, nil
	}
	for _, w := range words {
		m := slotForm.FindStringSubmatch(w)
		if m == nil {
			return timetable{}, notALimit(w)
		}
		hour, _ := strconv.Atoi(m[2])
		minute, _ := strconv.Atoi(m[3])
		if hour > 23 || minute > 59 {
			return timetable{}, fmt.Errorf("%q is not a time between 00:00 and 23:59", m[2]+":"+m[3])
		}
		up, down, err := parseLimits(m[4])
		if err != nil {
			return timetable{}, err
		}
		for d := range 7 {
			if name := strings.ToLower(time.Weekday(d).String()[:3]); m[1] == "" || strings.EqualFold(m[1], name) {
				t.slots = append(t.slots, slot{d*day + hour*60 + minute, up, down})
			}
		}
	}
	slices.SortStableFunc(t.slots, func(a, b slot) int { return cmp.Compare(a.minute, b.minute) })
	return t, nil
}

func notALimit(s string) error {
	return fmt.Errorf("%q is not a limit such as 10M, 10M:2M (sending and reading), off, or a timetable such as \"08:00,2M Fri-18:00,off\"", s)
}

// parseLimits reads UP or UP:DOWN.
func parseLimits(s string) (up, down int64, err error) {
	first, second, two := strings.Cut(s, ":")
	if up, err = parseLimit(first, s); err == nil && two {
		down, err = parseLimit(second, s)
	}
	return up, down, err
}

func parseLimit(s, whole string) (int64, error) {
	if strings.EqualFold(s, "off") {
		return 0, nil
	}
	n, err := humanize.ParseBytes(s)
	switch {
	case err != nil || n > 1<<50:
		return 0, notALimit(whole)
	case n < remote.MinBandwidth:
		return 0, fmt.Errorf("%q is less than %s per second; off is no limit, and frameiofs uploads pause stops uploads", s, size(remote.MinBandwidth))
	}
	return int64(n), nil
}

// at tells the limits of a moment, in bytes per second; 0 is none.
func (t timetable) at(now time.Time) (up, down int64) {
	if len(t.slots) == 0 {
		return 0, 0
	}
	minute := int(now.Weekday())*day + now.Hour()*60 + now.Minute()
	in := t.slots[len(t.slots)-1] // the week is round
	for _, s := range t.slots {
		if s.minute <= minute {
			in = s
		}
	}
	return in.up, in.down
}
