package main

import (
	"strings"
	"testing"
	"time"
)

func TestTimetableTellsTheLimitOfAMoment(t *testing.T) {
	sunday := time.Date(2026, 11, 22, 0, 0, 0, 0, time.Local)
	at := func(weekday time.Weekday, clock string) time.Time {
		c, err := time.Parse("15:04", clock)
		if err != nil {
			t.Fatal(err)
		}
		return sunday.AddDate(0, 0, int(weekday)).Add(time.Duration(c.Hour())*time.Hour + time.Duration(c.Minute())*time.Minute)
	}
	for _, c := range []struct {
		table    string
		day      time.Weekday
		clock    string
		up, down int64
	}{
		{"", time.Monday, "12:00", 0, 0},
		{"off", time.Monday, "12:00", 0, 0},
		{"10M", time.Monday, "12:00", 10_000_000, 0},
		{"10MiB:2M", time.Sunday, "00:00", 10 << 20, 2_000_000},
		{"off:2M", time.Saturday, "23:59", 0, 2_000_000},
		{"08:00,2M 18:00,off", time.Wednesday, "07:59", 0, 0},
		{"08:00,2M 18:00,off", time.Wednesday, "08:00", 2_000_000, 0},
		{"18:00,off  8:00,2M:1M", time.Wednesday, "17:59", 2_000_000, 1_000_000},
		{"08:00,2M", time.Sunday, "03:00", 2_000_000, 0}, // since yesterday
		{"Mon-08:00,2M Fri-18:30,off", time.Sunday, "12:00", 0, 0},
		{"Mon-08:00,2M fri-18:30,off", time.Friday, "18:29", 2_000_000, 0},
		{"Monday-08:00,2M FRI-18:30,off", time.Friday, "18:30", 0, 0},
		{"08:00,2M sat-08:00,off", time.Saturday, "09:00", 0, 0},
	} {
		table, err := parseTimetable(c.table)
		if err != nil {
			t.Errorf("%q: %v", c.table, err)
			continue
		}
		if up, down := table.at(at(c.day, c.clock)); up != c.up || down != c.down {
			t.Errorf("%q on %s %s: %d and %d, want %d and %d", c.table, c.day, c.clock, up, down, c.up, c.down)
		}
	}
}

func TestWhatIsNoTimetableIsRefused(t *testing.T) {
	for table, why := range map[string]string{
		"fast": "is not a limit such as", "10M 2M": "is not a limit such as", "08:00": "is not a limit such as", "08:00,": "is not a limit such as",
		"25:00,2M": "not a time between", "08:60,2M": "not a time between", "Som-08:00,2M": "is not a limit such as", "1k": "is less than 8.0 KiB per second",
		"10M:fast": "is not a limit such as", "0": "is less than", "-5M": "is not a limit such as", "10M:2M:1M": "is not a limit such as",
	} {
		if got, err := parseTimetable(table); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %+v, %v; want it refused: %s", table, got, err, why)
		}
	}
}
