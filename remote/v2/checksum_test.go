package v2

import "testing"

func TestChecksum(t *testing.T) {
	for text, want := range map[string]string{
		"0ea03b369a463d9d": "0ea03b369a463d9d", "0EA03B369A463D9D ": "0ea03b369a463d9d", "ea03b369a463d9d": "0ea03b369a463d9d",
		"": "", "pending": "", "0ea03b369a463d9d0ea03b369a463d9d": "", "xxh64:0ea03b369a463d9d": "", "-1": "",
	} {
		if got := checksum(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
