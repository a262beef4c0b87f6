package cache

import (
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

// BenchmarkRead reads 64 MiB in a row in reads of 1 MiB: fetched from a source that costs nothing, and again from the disk.
func BenchmarkRead(b *testing.B) {
	const size = 64 * mib
	blocks, err := OpenBlocks(BlocksConfig{Dir: b.TempDir(), Source: &films{}, KeepFree: 1, Size: 4 * size})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = blocks.Close() }()
	p := make([]byte, mib)
	read := func(b *testing.B, id string) {
		it := film("", size)
		it.Content = remote.ID(id)
		r := blocks.Open(it)
		for off := int64(0); off < size; off += mib {
			if _, err := r.ReadAt(b.Context(), p, off); err != nil {
				b.Fatal(err)
			}
		}
		_ = r.Close()
	}
	b.Run("cold", func(b *testing.B) {
		b.SetBytes(size)
		for i := 0; b.Loop(); i++ {
			read(b, string(rune('a'+i%20))+string(rune('a'+i/20)))
		}
	})
	b.Run("warm", func(b *testing.B) {
		b.SetBytes(size)
		read(b, "warm")
		for b.Loop() {
			read(b, "warm")
		}
	})
}
