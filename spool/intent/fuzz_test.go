package intent

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/frameiofs/frameiofs/spool/platter"
)

// FuzzJournal: whatever stands behind good lines, these count, and what is no line is kept aside.
func FuzzJournal(f *testing.F) {
	dir, err := os.MkdirTemp("/dev/shm", "names") // where Linux has that: it is synced for each
	if err != nil {
		dir = f.TempDir()
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	cfg := Config{Dir: dir, Remote: newFake(), Patience: -1, testOnlyBoot: "one"}
	j, err := Open(cfg)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := j.Mkdir(f.Context(), home, "a"); err != nil {
		f.Fatal(err)
	}
	if err := j.Close(); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, journalName)
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(nil))
	f.Add([]byte("torn"))
	f.Add(good)
	f.Add([]byte(strings.ReplaceAll(string(good), `"a"`, `"b"`)))
	f.Fuzz(func(t *testing.T, rest []byte) {
		if err := os.WriteFile(path, append(bytes.Clone(good), rest...), 0o600); err != nil {
			t.Fatal(err)
		}
		os.Remove(path + ".torn")
		whole := 0 // bytes in good lines
		for line := range bytes.Lines(rest) {
			var e entry
			if platter.ReadLine(line, &e) != nil {
				break
			}
			whole += len(line)
		}
		j, err := Open(cfg)
		if err != nil {
			return // another version's
		}
		n := len(j.Pending())
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if whole == 0 && n != 1 {
			t.Errorf("%d changes are pending, not one", n)
		}
		if kept, _ := os.ReadFile(path + ".torn"); !bytes.Equal(kept, rest[whole:]) {
			t.Errorf("kept aside is %q of %q", kept, rest[whole:])
		}
	})
}
