// Package cache is what is there: Frame.io's listings for a while, its bytes for good.
//
// Open an Index (one file per state folder), make a Tree on it, and ask List and Find for what stands in a folder; tell the
// Tree by Put, Drop and Forget what changed by our own hand. Open Blocks for the bytes, and read an item by Blocks.Open.
//
// The package asks Frame.io through two small interfaces, Namespace and Source, and knows nothing of what is leaving.
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
	// OpenRange answers exactly the n bytes of file from off on. A body that ends before is an error of the body.
	OpenRange(ctx context.Context, file remote.Ref, off, n int64) (io.ReadCloser, error)
}
