// Package cache is what is there: Frame.io's listings for a while, its bytes for good.
//
// Open an Index (one file per state folder), make a Tree on it, and ask List and Find for what stands in a folder; tell the
// Tree by Put, Drop and Forget what changed by our own hand. Open Blocks for the bytes, and read an item by Blocks.Open. Close
// in the order Tree, Index; Blocks stand by themselves.
//
// The package asks Frame.io through two small interfaces, Namespace and Source, and knows nothing of what is leaving.
//
// A walk of a look: Tree.Find → the listing in memory (tree.go, memory.go), or in the index (index.go, listing.go, write.go), or
// one fetch for all who ask (fetch.go), with our own changes laid over it (change.go) → names that can stand (names.go,
// siblings.go). Behind, what someone looks at is listed again (watch.go), and what someone walks through is listed ahead of him
// (walk.go). What a listing shows differently from the one before is told to TreeConfig.Changed (tell.go).
//
// A walk of a read: Blocks.Open, which makes ready (early.go) → Reader.ReadAt (reader.go) → the blocks that are there (content.go, serve.go),
// checked if an earlier run left them (sums.go) → downloads of the others (download.go, arrive.go), for which the oldest gives way (room.go)
// → read-ahead, if it goes on (ahead.go). Who keeps the bytes himself reads past all that (once.go). How it all lies on disk: disk.go. What a person asks for: pin.go, warm.go, clear.go.
package cache

import (
	"context"
	"io"
	"iter"

	"github.com/frameiofs/frameiofs/remote"
)

// Namespace is what a Tree asks of Frame.io; both wires' clients have it.
type Namespace interface {
	// Children lists what stands in ref. An error ends the listing, and what came before it does not count.
	Children(ctx context.Context, ref remote.Ref) iter.Seq2[remote.Item, error]
}

// Source is what Blocks ask of Frame.io; both wires' clients have it.
type Source interface {
	// OpenRange answers exactly the n bytes of file from off on. A body that ends before is an error, and so is a Read after ctx
	// has ended.
	OpenRange(ctx context.Context, file remote.Ref, off, n int64) (io.ReadCloser, error)
	// Prepare makes the next OpenRange of file cost one round trip. An error only tells why it will not.
	Prepare(ctx context.Context, file remote.Ref) error
}
