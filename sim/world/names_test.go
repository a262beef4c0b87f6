package world

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNames(t *testing.T) {
	for name, want := range map[string][3]string{ // extension, media type, kind
		"A001.MOV":        {".MOV", "video/quicktime", "stream"},
		"take.wav":        {".wav", "audio/x-wav", "stream"},
		"still.JPG":       {".JPG", "image/jpeg", "image"},
		"script.pdf":      {".pdf", "application/pdf", "document"},
		"notes":           {"", "application/octet-stream", ""},
		".hidden":         {"", "application/octet-stream", ""},
		"a.b/c":           {"", "application/octet-stream", ""},
		"odd.x y":         {"", "application/octet-stream", ""},
		"lut.cube":        {".cube", "application/octet-stream", ""},
		"dot at the end.": {"", "application/octet-stream", ""},
	} {
		if got := [3]string{Ext(name), MediaType(name), AssetType(MediaType(name))}; got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestFreeName(t *testing.T) {
	taken := map[string]bool{"cut.mov": true, "cut (1).mov": true, "day.1": true}
	long := strings.Repeat("ü", 251) + ".mov"
	taken[long] = true
	isTaken := func(s string) bool { return taken[s] }
	for _, tc := range []struct {
		name string
		file bool
		want string
	}{
		{"new.mov", true, "new.mov"},
		{"cut.mov", true, "cut (2).mov"},
		{"day.1", false, "day.1 (1)"},
		{long, true, strings.Repeat("ü", 247) + " (1).mov"},
	} {
		got := freeName(tc.name, tc.file, isTaken)
		if got != tc.want || utf8.RuneCountInString(got) > maxName {
			t.Errorf("%.20q: got %q, want %q", tc.name, got, tc.want)
		}
	}
}
