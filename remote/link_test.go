package remote

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestExpires(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"https://assets.frame.io/u/original.mov?Expires=1725105600&Signature=a~b-_&Key-Pair-Id=K", "2024-08-31T12:00:00Z"},
		{"https://s3/parts/a/part_1?X-Amz-Date=20240830T214918Z&X-Amz-Expires=86400", "2024-08-31T21:49:18Z"},
		{"https://s3/?X-Amz-Date=yesterday&X-Amz-Expires=86400", "0001-01-01T00:00:00Z"},
		{"https://s3/?X-Amz-Date=20240830T214918Z&X-Amz-Expires=-5", "0001-01-01T00:00:00Z"},
		{"https://s3/?Expires=soon", "0001-01-01T00:00:00Z"},
		{"%zz", "0001-01-01T00:00:00Z"},
	} {
		if got := Expires(c.url).Format(time.RFC3339); got != c.want {
			t.Errorf("%s: got %s, want %s", c.url, got, c.want)
		}
	}
}

func FuzzExpires(f *testing.F) {
	f.Add("https://s3/?X-Amz-Date=20240830T214918Z&X-Amz-Expires=86400")
	f.Add("https://s3/?Expires=99999999999999999999")
	f.Add("https://s3/?X-Amz-Date=99991231T235959Z&X-Amz-Expires=9223372036854775807")
	f.Fuzz(func(t *testing.T, raw string) {
		at := Expires(raw)
		if !at.IsZero() && (at.Year() < 0 || at.Year() > 50_000) {
			t.Errorf("%q expires in %v", raw, at)
		}
		if !at.IsZero() && !strings.Contains(raw, "Expires") && !strings.Contains(raw, "%") {
			t.Errorf("%q tells no time but got %v", raw, at)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes 5-9/*", "bytes */10", "bytes 9-0/10", "bytes -1-5/10", "BYTES 0-0/1", "bytes 0-9223372036854775807/9223372036854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		first, last, total, ok := parseContentRange(s)
		if !ok {
			return
		}
		if first < 0 || last < first || total >= 0 && last >= total || total < -1 {
			t.Errorf("%q became %d-%d/%d", s, first, last, total)
		}
		again := fmt.Sprintf("bytes %d-%d/%d", first, last, total)
		if total < 0 {
			again = fmt.Sprintf("bytes %d-%d/*", first, last)
		}
		if f2, l2, t2, ok := parseContentRange(again); !ok || f2 != first || l2 != last || t2 != total {
			t.Errorf("%q reads as %q, which reads as %d-%d/%d %v", s, again, f2, l2, t2, ok)
		}
	})
}
