package spool

import (
	"bytes"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool/platter"
)

// FuzzJournal: whatever stands behind good lines, these count, what is no line is kept aside, and the journal is as good as new then.
func FuzzJournal(f *testing.F) {
	a, b := Key("0123456789abcdef0123456789abcdef"), Key("fedcba9876543210fedcba9876543210")
	lines := func(notes ...note) (all []byte) {
		for _, n := range notes {
			var err error
			if all, err = platter.AppendLine(all, &n); err != nil {
				f.Fatal(err)
			}
		}
		return all
	}
	good := lines(note{N: 1, Key: a, In: drafts, File: recordName, Is: []byte(`{"format":1}`)}, note{N: 2, Vouch: 1})
	f.Add([]byte(nil))
	f.Add([]byte("garbage\n\x00\x00\x00"))
	f.Add(lines(note{N: 3, Key: b, In: outbox}, note{N: 9, Vouch: 8}))
	f.Add(lines(note{N: 3, Key: b, Done: true})[3:])
	dir := memDir(f)
	f.Fuzz(func(t *testing.T, rest []byte) {
		path, aside := filepath.Join(dir, journalName), filepath.Join(dir, tornName)
		if err := os.WriteFile(path, append(bytes.Clone(good), rest...), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := removeFile(aside); err != nil {
			t.Fatal(err)
		}
		said := false // something of a by a whole line
		torn := []byte{}
		for line := range bytes.Lines(rest) {
			var n note
			if platter.ReadLine(line, &n) != nil {
				torn = append(torn, line...)
			} else {
				said = said || n.Key == a
			}
		}
		j, damaged, err := openJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := os.ReadFile(aside); !bytes.Equal(kept, torn) || (damaged > 0) != (len(torn) > 0) {
			t.Errorf("%d lines are damaged, %q is kept of %q, %v", damaged, kept, torn, err)
		}
		if y := j.look(a); !said && (y == nil || y.in != drafts || y.files[recordName] == nil || !j.vouches(1)) {
			t.Errorf("what stood before is %+v", y)
		}
		was := len(j.keys())
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
		j, damaged, err = openJournal(dir)
		if err != nil || damaged > 0 || len(j.keys()) != was {
			t.Fatalf("written anew it has %d damaged lines, and %d of %d entries, %v", damaged, len(j.keys()), was, err)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzMarks: no map of what is here has bytes beyond those that matter.
func FuzzMarks(f *testing.F) {
	dir := memDir(f)
	var lacks atomic.Int64
	b, err := makeBlocks(dir, 3*blockSize+5, &lacks)
	if err != nil {
		f.Fatal(err)
	}
	b.close()
	path := filepath.Join(dir, blocksName)
	raw, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw, int64(3*blockSize+5))
	f.Add(raw[:20], int64(100))
	f.Add(append([]byte(blocksMagic), 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 5, 0x80, 1, 0, 0), int64(blockSize))
	f.Fuzz(func(t *testing.T, raw []byte, size int64) {
		if size < 0 || size > 1<<40 {
			return
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := loadBlocks(dir, size, &lacks)
		if err != nil {
			return
		}
		defer b.close()
		if n := lacks.Load(); n < 0 || n > b.keep || b.keep > size {
			t.Errorf("%d of %d bytes are not here, of %d in all", n, b.keep, size)
		}
		at, missing := int64(0), int64(0)
		for _, g := range b.gaps(span{0, size}) {
			if g.off < at || g.end <= g.off || g.end > b.keep {
				t.Errorf("a gap %v behind %d, of %d", g, at, b.keep)
			}
			at, missing = g.end, missing+g.len()
		}
		if missing != lacks.Load() {
			t.Errorf("gaps of %d bytes, %d are not here", missing, lacks.Load())
		}
	})
}

// FuzzEntry: whatever the notes about a file say, the spool opens, and the file's bytes are not lost.
func FuzzEntry(f *testing.F) {
	notes := []string{recordName, previousName, creatingName, uploadName, partsName, itemName, blocksName}
	key := Key("0123456789abcdef0123456789abcdef")
	good := `{"format":1,"key":"` + string(key) + `","target":{"parent":{"kind":5,"id":"folder-a","account":"acc"},"name":"a"},"size":3,"closed":"2000-01-01T00:00:00Z","synced":true}`
	for n := range notes {
		for in := range 5 {
			f.Add([]byte(good), uint8(n), uint8(in))
		}
	}
	f.Add([]byte(`{"file":{"id":"x"},"parts":[{"number":1,"off":0,"size":9}]}`), uint8(3), uint8(1))
	f.Add([]byte(`{"format":2,"key":"`+string(key)+`","target":{"name":"a"},"base":{}}`), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, which, in uint8) {
		dir := memDir(t)
		at := filepath.Join(dir, folders[int(in)%5], string(key))
		put := func(name string, b []byte) {
			if err := os.WriteFile(filepath.Join(at, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		put(recordName, []byte(good))
		put(dataName, []byte("abc"))
		put(notes[int(which)%len(notes)], b)
		s, err := Open(Config{Dir: dir, Remote: newFake(), Settled: func(Info, remote.Item, string) error { return nil }})
		if err != nil {
			t.Fatalf("%s in %s: %v", notes[int(which)%len(notes)], folders[int(in)%5], err)
		}
		s.All()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		found, err := filepath.Glob(filepath.Join(dir, "*", string(key), dataName))
		if err != nil || len(found) != 1 {
			t.Fatalf("the bytes are at %q, %v", found, err)
		}
		if now, err := os.ReadFile(found[0]); err != nil || string(now) != "abc" {
			t.Errorf("the bytes are %q, %v", now, err)
		}
	})
}
