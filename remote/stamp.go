package remote

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Stamp is a time as the wires write it: ISO 8601 with 0 to 9 fraction digits (spec: frameio-v2.md §0.3), or null.
type Stamp struct {
	time.Time
	Set bool // it was there and not null, even if it could not be read
}

// UnmarshalJSONFrom never fails on the form of a time: a date that cannot be read must not take a whole listing away.
func (s *Stamp) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*s = Stamp{}
	raw, err := d.ReadValue()
	if err != nil || raw.Kind() != '"' || len(raw) == 2 {
		return err
	}
	s.Set = true
	if s.UnmarshalText(raw[1:len(raw)-1]) == nil { // as it nearly always is
		s.Time = s.UTC()
		return nil
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	s.Time = ParseTime(string(text))
	return err
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

// UnmarshalJSONFrom never fails, for the same reason as Stamp's.
func (n *Number) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*n = 0
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	text := strings.Trim(string(raw), `"`)
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		*n = Number(max(0, i))
	} else if f, err := strconv.ParseFloat(text, 64); err == nil && f > 0 && f < 1<<62 {
		*n = Number(f)
	}
	return nil
}
