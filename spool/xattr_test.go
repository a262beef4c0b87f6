package spool

import (
	"errors"
	"maps"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

// xattrs changes extended attributes to a single one.
func xattrs(name, value string) func(map[string][]byte) (map[string][]byte, error) {
	return func(map[string][]byte) (map[string][]byte, error) { return map[string][]byte{name: []byte(value)}, nil }
}

func TestXAttrs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var told map[string][]byte
		tune := func(c *Config) {
			c.Settled = func(i Info, _ remote.Item, _ string) error { told = i.XAttr; return nil }
		}
		r := newRig(t, newFake(), tune)
		e := r.file("a", "bytes")
		r.must(e.ChangeXAttrs(xattrs("user.a", "1")))
		before := e.XAttrs()
		r.must(e.ChangeXAttrs(xattrs("user.\x00\"ü", "\x00\xff")))
		r.must(e.SetAttr(Attr{Mode: 0o600})) // leaves them
		if string(before["user.a"]) != "1" {
			t.Error("what was given out has changed")
		}
		no := errors.New("no")
		if err := e.ChangeXAttrs(func(map[string][]byte) (map[string][]byte, error) { return nil, no }); !errors.Is(err, no) {
			t.Errorf("a refused change: %v", err)
		}
		r = r.killed(tune)
		e = r.Find(folderA.ID, "a")
		want := map[string][]byte{"user.\x00\"ü": []byte("\x00\xff")}
		same := func(moment string, got map[string][]byte) {
			t.Helper()
			if !maps.EqualFunc(got, want, func(a, b []byte) bool { return string(a) == string(b) }) {
				t.Errorf("%s: %q", moment, got)
			}
		}
		same("after a kill", e.XAttrs())
		r.start()
		r.finish()
		same("told", told)
		if err := e.ChangeXAttrs(xattrs("user.a", "1")); !errors.Is(err, ErrGone) {
			t.Errorf("of what is on Frame.io: %v", err)
		}
	})
}
