package spool

import (
	"strings"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

// Whatever an id is, what is to be deleted of it on Frame.io is a file in orphans/.
func FuzzOrphanOfAnID(f *testing.F) {
	for _, id := range []string{"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "", "..", "../../x", "a/b", "a\x00b", ".", "a.json", strings.Repeat("a", 1<<16)} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		name := (&orphan{Ref: remote.Ref{Kind: remote.File, ID: remote.ID(id)}}).name()
		if len(name) > 100 || strings.ContainsAny(name, "/\x00") || name == "." || name == ".." || !strings.HasSuffix(name, ".json") {
			t.Errorf("%q is kept as %q", id, name)
		}
	})
}
