package fs

import (
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// What watching costs a request, with and without somebody who watches.
func BenchmarkWatched(b *testing.B) {
	raw := fuse.NewDefaultRawFileSystem()
	f := &FS{}
	var in fuse.GetAttrIn
	var out fuse.AttrOut
	run := func(b *testing.B, w fuse.RawFileSystem) {
		for b.Loop() {
			w.GetAttr(nil, &in, &out)
		}
	}
	b.Run("bare", func(b *testing.B) { run(b, raw) })
	b.Run("nobody", func(b *testing.B) { run(b, &watched{raw, f}) })
	n := 0
	stop := f.Watch(func(Op) { n++ })
	defer stop()
	b.Run("somebody", func(b *testing.B) { run(b, &watched{raw, f}) })
}
