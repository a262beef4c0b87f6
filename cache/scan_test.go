package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// While the scan is on its way what is there is found all the same, what comes is left alone, and what is half there goes.
func TestReadWhileScanning(t *testing.T) {
	const n, size = 200, 2 * blockSize
	dir, src := t.TempDir(), &films{}
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: src})
	id := func(i int) remote.ID {
		return remote.ID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", uint32(i)*2654435761))
	}
	for i := range n {
		readSome(t, b, id(i), size, 0, size)
	}
	closeBlocks(t, b)
	half := filepath.Join(b.folder(contentKey{string(id(n - 1)), size}), string(id(n-1))+"-7-half"+dataExt)
	if err := os.WriteFile(half, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	src.counts()

	b, err := OpenBlocks(BlocksConfig{Dir: dir, Source: src, KeepFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for part := range 4 {
		wg.Go(func() {
			for i := n - 1 - part; i >= 0; i -= 4 {
				readSome(t, b, id(i), size, 0, size)
			}
		})
		wg.Go(func() { readSome(t, b, id(10*n+part), size, 0, size) })
	}
	wg.Wait()
	if _, asked, _ := src.counts(); asked != 4*size {
		t.Errorf("%d bytes were asked for, want %d, of what was not there", asked, 4*size)
	}
	<-b.scanned
	if st := b.Stats(); st.Files != n+4 || st.Used != (n+4)*size {
		t.Errorf("%d files with %d bytes, want %d with %d", st.Files, st.Used, n+4, (n+4)*size)
	}
	if _, err := os.Lstat(half); !os.IsNotExist(err) {
		t.Errorf("what is half there stays: %v", err)
	}
	closeBlocks(t, b)
	if got := len(filesIn(t, dir, dataExt)); got != n+4 {
		t.Errorf("%d files on disk, want %d", got, n+4)
	}
}

// What is pinned, and what is oldest, is known before anything gives way or is pinned.
func TestNothingGivesWayBeforeTheScan(t *testing.T) {
	dir, src := t.TempDir(), &films{}
	b := openBlocks(t, BlocksConfig{Dir: dir, Source: src, Size: 8 * mib})
	for i, id := range []remote.ID{"pinned", "old", "new"} {
		readSome(t, b, id, mib, 0, mib)
		if i == 0 {
			if err := b.Pin(film(id, mib)); err != nil {
				t.Fatal(err)
			}
		}
	}
	closeBlocks(t, b)
	past := time.Now().Add(-time.Hour)
	for _, path := range filesIn(t, dir, mapExt) {
		if err := os.Chtimes(path, past, past); err != nil {
			t.Fatal(err)
		}
	}
	b, err := OpenBlocks(BlocksConfig{Dir: dir, Source: src, Size: 3 * mib, KeepFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer closeBlocks(t, b)
	readSome(t, b, "another", mib, 0, mib)
	if n, pinned := b.Held(film("pinned", mib)); n != mib || !pinned {
		t.Errorf("of what is pinned %d bytes are here, pinned %v", n, pinned)
	}
}
