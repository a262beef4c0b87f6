package cache

import (
	"context"
	"errors"
	"log/slog"

	"github.com/frameiofs/frameiofs/remote"
)

// Defaults of a BlocksConfig.
const (
	DefaultSize     = 20 << 30
	DefaultKeepFree = 1 << 30
	DefaultMemory   = 64 << 20
)

// BlocksConfig says what Blocks work with. Dir and Source are required.
type BlocksConfig struct {
	Dir      string       // a folder of its own, used by one process at a time; made with mode 0700
	Source   Source       //
	Size     int64        // bytes on disk; what was not read for the longest time gives way
	KeepFree int64        // bytes of the disk that are left to others; the cache shrinks to leave them
	Memory   int64        // bytes of read-ahead asked for and not yet here, all readers together
	Log      *slog.Logger // nil: nothing is logged
}

// Blocks are the bytes that have been read, on disk, by Content.
type Blocks struct{}

// OpenBlocks opens the cache in cfg.Dir with what earlier runs left there.
func OpenBlocks(cfg BlocksConfig) (*Blocks, error) { return nil, errors.ErrUnsupported }

// Close ends all downloads, writes down what is there, and closes the files. Readers still open fail from now on.
func (b *Blocks) Close() error { return nil }

// Usage tells how many bytes are on disk, and how many may be.
func (b *Blocks) Usage() (used, limit int64) { return 0, 0 }

// Adopt takes the file at path, which holds the whole content of it, instead of downloading it. The file is renamed, never
// copied: where that cannot be (too large for the cache, another file system) it is left, and Adopt answers nil all the same. If
// it is gone already that is well too. A file whose size is not it.Size is an error.
func (b *Blocks) Adopt(it remote.Item, path string) error { return nil }

// Open begins to read it. Nothing is fetched before the first ReadAt.
func (b *Blocks) Open(it remote.Item) *Reader { return &Reader{} }

// Reader reads one content. It notices sequential reading and runs ahead. Its methods may be called at the same time.
type Reader struct{}

// ReadAt is io.ReaderAt with a context that bounds the wait of this caller only. It is short only at the end, with io.EOF.
func (r *Reader) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	return 0, errors.ErrUnsupported
}

// Size returns the bytes of the content.
func (r *Reader) Size() int64 { return 0 }

// Close ends the read-ahead. What has arrived is kept.
func (r *Reader) Close() error { return nil }
