package intent

import (
	"fmt"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

// benchRig accepts everything and carries out nothing.
func benchRig(b *testing.B, f *fake) *Journal {
	b.Helper()
	j, err := Open(Config{Dir: b.TempDir(), Remote: f, Patience: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { j.Close() })
	return j
}

func BenchmarkMkdir(b *testing.B) {
	j := benchRig(b, newFake())
	for n := 0; b.Loop(); n++ {
		if _, err := j.Mkdir(b.Context(), home, fmt.Sprint(n)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMkdirRmdir(b *testing.B) {
	j := benchRig(b, newFake())
	for n := 0; b.Loop(); n++ {
		it, err := j.Mkdir(b.Context(), home, fmt.Sprint(n))
		if err == nil {
			err = j.RemoveFolder(b.Context(), it, home)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRemove(b *testing.B) {
	j := benchRig(b, newFake())
	for n := 0; b.Loop(); n++ {
		it := remote.Item{Ref: ref(remote.File, fmt.Sprint("f", n)), Name: fmt.Sprint("a film ", n), Parent: "home"}
		if err := j.Remove(b.Context(), it, home); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRename renames one of 10,000 files again and again.
func BenchmarkRename(b *testing.B) {
	j := benchRig(b, newFake())
	var all []remote.Item
	for n := range 10_000 {
		all = append(all, remote.Item{Ref: ref(remote.File, fmt.Sprint("f", n)), Name: fmt.Sprint("a film ", n), Parent: "home"})
	}
	b.ResetTimer()
	for n := 0; b.Loop(); n++ {
		it, err := j.Relocate(b.Context(), all[n%len(all)], home, home, fmt.Sprint("name ", n))
		if err != nil {
			b.Fatal(err)
		}
		all[n%len(all)] = it
	}
}

// BenchmarkChildren lists a folder of 10,000 items, a tenth of which are to be deleted.
func BenchmarkChildren(b *testing.B) {
	f := newFake()
	f.delay = 0
	var all []remote.Item
	for n := range 10_000 {
		all = append(all, f.put(remote.File, "home", fmt.Sprint("a film ", n)))
	}
	j := benchRig(b, f)
	for _, it := range all[:1000] {
		if err := j.Remove(b.Context(), it, home); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		n := 0
		for _, err := range j.Children(b.Context(), home) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 9000 {
			b.Fatalf("%d are shown", n)
		}
	}
}
