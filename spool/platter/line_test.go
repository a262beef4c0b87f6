package platter

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

type value struct {
	A string `json:"a"`
	N int    `json:"n,omitempty"`
}

func TestLines(t *testing.T) {
	line, err := AppendLine([]byte("before\n"), value{A: "ü \n \"", N: 7})
	if err != nil {
		t.Fatal(err)
	}
	line = line[len("before\n"):]
	var got value
	if err := ReadLine(line, &got); err != nil || got != (value{A: "ü \n \"", N: 7}) {
		t.Fatalf("read back %+v, %v", got, err)
	}
	for i := range line { // whatever byte is missing or another
		other := append([]byte(nil), line...)
		other[i] ^= 1
		for _, bad := range [][]byte{line[:i], line[i+1:], other} {
			if err := ReadLine(bad, &got); !errors.Is(err, ErrTorn) && i >= 8 { // hex digits have two cases
				t.Errorf("%q is taken for a line: %v", bad, err)
			}
		}
	}
	foreign, err := AppendLine(nil, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := ReadLine(foreign, &got); err == nil || errors.Is(err, ErrTorn) {
		t.Errorf("a whole line of another program: %v", err)
	}
}

func TestAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "torn")
	for _, s := range []string{"one", "two"} {
		if err := Aside(path, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "onetwo" {
		t.Errorf("kept %q, %v", b, err)
	}
}

// FuzzReadLine: nothing but what AppendLine wrote is taken for a line.
func FuzzReadLine(f *testing.F) {
	line, _ := AppendLine(nil, value{A: "a", N: 1})
	f.Add(line)
	f.Add([]byte("00000000 \n"))
	f.Add([]byte("ffffffff {}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v value
		if ReadLine(b, &v) != nil {
			return
		}
		again, err := AppendLine(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		var w value
		if err := ReadLine(again, &w); err != nil || v != w {
			t.Errorf("%q reads as %+v, and that as %+v, %v", b, v, w, err)
		}
	})
}
