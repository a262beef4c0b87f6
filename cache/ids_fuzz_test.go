package cache

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

// Whatever an id is, the files of its content lie two folders below the cache's, and are found again by their names.
func FuzzFilesOfAnID(f *testing.F) {
	for _, id := range []string{"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "", "..", "../../x", "a/b", "a\x00b", "x", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", strings.Repeat("a", 1<<16), "\xff"} {
		f.Add(id, int64(5))
	}
	b := &Blocks{dir: "/cache/blocks"}
	f.Fuzz(func(t *testing.T, id string, size int64) {
		key := contentKey{fileName(remote.ID(id)), max(size, 0)}
		for _, path := range []string{b.newBase(key), b.pinPath(key)} {
			rel, err := filepath.Rel(b.dir, path)
			parts := strings.Split(rel, "/")
			if err != nil || len(parts) != 3 || len(parts[0]) != 2 || len(parts[1]) != 2 || len(parts[2]) > 200 || strings.Contains(rel, "..") ||
				strings.Trim(rel, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-./") != "" {
				t.Errorf("%q lies at %q", id, rel)
			}
		}
		if got, ok := parseBase(filepath.Base(b.newBase(key))); !ok || got != key {
			t.Errorf("%q is found again as %+v, %v", id, got, ok)
		}
		if size < 0 {
			return
		}
		if other := fileName(remote.ID(id + "x")); other == key.id {
			t.Errorf("%q and another have one name", id)
		}
	})
}
