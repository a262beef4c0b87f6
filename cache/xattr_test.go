package cache

import (
	"errors"
	"maps"
	"path/filepath"
	"reflect"
	"testing"

	"go.etcd.io/bbolt"
)

func TestIndexXAttrs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x := openIndex(t, path)
	if a := x.XAttrs("nobody"); a != nil {
		t.Errorf("nothing was set, got %v", a)
	}
	set := func(name, value string) {
		t.Helper()
		err := x.ChangeXAttrs("id", func(now XAttrs) (XAttrs, error) {
			next := maps.Clone(now)
			if next == nil {
				next = XAttrs{}
			}
			next[name] = []byte(value)
			return next, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	set("user.a", "1")
	before := x.XAttrs("id")
	set("user.a", "2")
	set("user.empty", "")
	if string(before["user.a"]) != "1" {
		t.Error("what was given out has changed")
	}
	refused := errors.New("no")
	if err := x.ChangeXAttrs("id", func(XAttrs) (XAttrs, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("a refused change: %v", err)
	}
	if err := x.SetXAttrs("gone", XAttrs{"user.b": []byte("x")}); err != nil {
		t.Fatal(err)
	}
	want := XAttrs{"user.a": []byte("2"), "user.empty": {}}
	for _, when := range []string{"at once", "opened again", "once more"} {
		if got := x.XAttrs("id"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q", when, got)
		}
		if err := x.SetXAttrs("gone", nil); err != nil {
			t.Fatal(err)
		}
		if got := x.XAttrs("gone"); len(got) != 0 {
			t.Errorf("%s: what was taken away is still there: %q", when, got)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = openIndex(t, path)
	}
	_ = x.db.View(func(tx *bbolt.Tx) error {
		if n := tx.Bucket(bucketXAttrs).Stats().KeyN; n != 1 {
			t.Errorf("%d keys on disk, want 1: none is left of what was taken away", n)
		}
		return nil
	})
}
