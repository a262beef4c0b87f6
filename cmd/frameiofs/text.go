package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
)

// oneLine keeps what may come from the network from breaking a message into several, and from telling the terminal anything.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(s))
}

// shown is a name for a terminal: quoted if it holds what a terminal would act upon.
func shown(name string) string {
	for _, r := range name {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return strconv.Quote(name)
		}
	}
	return name
}

// size writes bytes for people.
func size(n int64) string { return humanize.IBytes(uint64(max(0, n))) }

// count writes a number of things: count(1, "file") is "1 file".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// span writes a duration for people, in one or two units.
func span(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// percent of part in whole; a file without bytes is all there.
func percent(part, whole int64) int {
	if whole <= 0 {
		return 100
	}
	return int(float64(part) / float64(whole) * 100)
}

// bytesValue is a flag's size: 20G, 512MiB, 1000000.
type bytesValue int64

func (b *bytesValue) Set(s string) error {
	n, err := humanize.ParseBytes(s)
	if err != nil || n > 1<<62 {
		return fmt.Errorf("%q is not a size such as 20G or 512MiB", s)
	}
	*b = bytesValue(n)
	return nil
}

func (b *bytesValue) String() string {
	if b == nil {
		return ""
	}
	return strings.ReplaceAll(size(int64(*b)), " ", "")
}

// octalValue is a flag's umask.
type octalValue uint32

func (o *octalValue) Set(s string) error {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o777 {
		return fmt.Errorf("%q is not an octal mask such as 022", s)
	}
	*o = octalValue(n)
	return nil
}

func (o *octalValue) String() string {
	if o == nil {
		return ""
	}
	return fmt.Sprintf("%03o", uint32(*o))
}

// choiceValue is a flag with few possible values.
type choiceValue struct {
	value   string
	choices []string
}

func (v *choiceValue) Set(s string) error {
	for _, c := range v.choices {
		if s == c {
			v.value = s
			return nil
		}
	}
	return fmt.Errorf("%q is not one of %s", s, strings.Join(v.choices, ", "))
}

func (v *choiceValue) String() string {
	if v == nil {
		return ""
	}
	return v.value
}
