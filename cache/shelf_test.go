package cache

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

// What was set is what is read from then on, whoever reads and writes meanwhile, and though little fits into memory.
func TestIndexReadsWhatWasSet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	const ids, rounds = 40, 300
	id := func(i int) remote.ID { return file(i, "").ID }
	x := openIndex(t, path)
	x.attrs.size, x.aliases.size = 3, 3
	var wg sync.WaitGroup
	for w := range 4 { // each writes IDs of its own, and looks at all
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 0))
			var seen [ids]uint32
			for n := uint32(1); n <= rounds; n++ {
				i := 4*r.IntN(ids/4) + w
				if err := x.SetAttr(id(i), Attr{Mode: n}); err != nil {
					t.Error(err)
				}
				if err := x.Alias(id(i), uint64(n)+2, uint64(n)); err != nil {
					t.Error(err)
				}
				seen[i] = n
				for range 5 {
					i := r.IntN(ids)
					mode := x.Attr(id(i)).Mode
					if mode < seen[i] || mode > rounds || i%4 == w && mode != seen[i] {
						t.Errorf("%d: mode %d after %d", i, mode, seen[i])
					}
					seen[i] = mode
					if ino, gen := x.Inode(remote.Ref{Kind: remote.File, ID: id(i)}); i%4 == w && mode > 0 && (ino != uint64(mode)+2 || gen != uint64(mode)) {
						t.Errorf("%d: inode %d %d, want that of %d", i, ino, gen, mode)
					}
				}
				if n%50 == 0 {
					if err := x.flush(); err != nil && !strings.Contains(err.Error(), "closed") {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	want := map[remote.ID]string{}
	for i := range ids + 10 {
		ino, gen := x.Inode(remote.Ref{Kind: remote.File, ID: id(i)})
		want[id(i)] = fmt.Sprint(x.Attr(id(i)).Mode, ino, gen)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = openIndex(t, path)
	for i := range ids + 10 {
		ino, gen := x.Inode(remote.Ref{Kind: remote.File, ID: id(i)})
		if got := fmt.Sprint(x.Attr(id(i)).Mode, ino, gen); got != want[id(i)] {
			t.Errorf("%d after a restart: got %s, want %s", i, got, want[id(i)])
		}
	}
	if n := len(x.attrs.young) + len(x.attrs.old); n > ids {
		t.Errorf("%d values in memory", n)
	}
}
