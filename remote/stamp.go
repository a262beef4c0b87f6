package remote

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Stamp is a time as the wires write it: ISO 8601 with 0 to 9 fraction digits (spec: frameio-v2.md §0.3), or null.
type Stamp struct {
	time.Time
	Set bool // it was there and not null, even if it could not be read
}

// UnmarshalJSON never fails on the form of a time: a date that cannot be read must not take a whole listing away.
func (s *Stamp) UnmarshalJSON(b []byte) error {
	*s = Stamp{}
	var text string
	if json.Unmarshal(b, &text) != nil || text == "" {
		return nil
	}
	s.Set = true
	s.Time = ParseTime(text)
	return nil
}

// ParseTime reads a time in any of the forms that Frame.io is known to use; zero if it cannot.
func ParseTime(text string) time.Time {
	text = strings.Replace(strings.TrimSpace(text), " ", "T", 1)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Number is a count or a size as the wires write it. What is no number, or negative, counts as 0.
type Number int64

// UnmarshalJSON never fails, for the same reason as Stamp's.
func (n *Number) UnmarshalJSON(b []byte) error {
	*n = 0
	text := strings.Trim(string(b), `"`)
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		*n = Number(max(0, i))
	} else if f, err := strconv.ParseFloat(text, 64); err == nil && f > 0 && f < 1<<62 {
		*n = Number(f)
	}
	return nil
}
