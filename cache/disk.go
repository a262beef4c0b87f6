package cache

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/remote"
)

// The cache on disk:
//
//	<dir>/lock                               locked by the process that uses it
//	<dir>/<aa>/<bb>/<id>-<size>-<n>.data     the content: as long as it is, with holes
//	<dir>/<aa>/<bb>/<id>-<size>-<n>.map      which blocks of it are there
//	<dir>/<aa>/<bb>/<id>-<size>-<n>.sums     what the blocks have to be: the xxHash64 of each, in 8 bytes, big endian; 0: not known
//	<dir>/<aa>/<bb>/<id>-<size>.pin          empty: that content is pinned
//
// id is the file's (aabb are its first digits), size its bytes in decimal, n a number that no pair of files had before: so a map
// can never be taken for that of other bytes, whatever a crash left undone. A map is written by temp, fsync and rename, after the
// blocks that it tells of, and their sums, were fsynced and before any of them is given up. Its time is when the content was last
// used. Files that are not together tell nothing and are deleted at the start. A block of an earlier run is compared with its sum
// before its first byte is served. Sums of what was adopted are not known, nor is anything of what versions before sums left,
// whose maps say "map1". Data without the right to be written was handed out (Reader.File): some program may have it mapped even
// after a restart, so nothing of it is ever changed; it is only deleted.
//
// A map is: the magic, the size of a block and of the content (8 bytes each, big endian), a bit for each block (the first is bit
// 0 of the first byte), and the xxHash64 of all that.
const (
	mapMagic  = "fio-map2"
	mapMagic1 = "fio-map1" // there are no sums
	mapHeader = len(mapMagic) + 8 + 8

	dataExt, mapExt, sumsExt, pinExt, tempExt = ".data", ".map", ".sums", ".pin", ".tmp"
)

// exts are those of a content's files, in the order in which they are deleted: without a map the others tell nothing.
var exts = []string{mapExt, dataExt, sumsExt}

// fileName is an ID as it can stand in a file name.
func fileName(id remote.ID) string {
	if _, ok := parseUUID(id); ok {
		return string(id)
	}
	return "x" + digits(id)
}

// newBase returns the path, without extension, of a content's files, which no other content had before.
func (b *Blocks) newBase(key contentKey) string {
	return filepath.Join(b.folder(key), fmt.Sprintf("%s-%d-%s", key.id, key.size, rand.Text()))
}

// parseBase undoes newBase.
func parseBase(name string) (key contentKey, ok bool) {
	rest, _, ok1 := cutLast(name, "-")
	key, ok2 := parseKey(rest)
	return key, ok1 && ok2
}

// parseKey reads an id and a size.
func parseKey(name string) (key contentKey, ok bool) {
	id, size, ok := cutLast(name, "-")
	n, err := strconv.ParseInt(size, 10, 64)
	return contentKey{id, n}, ok && err == nil && n >= 0 && id != ""
}

// folder is where a content's files lie.
func (b *Blocks) folder(key contentKey) string {
	name := strings.TrimPrefix(key.id, "x")
	return filepath.Join(b.dir, name[:2], name[2:4])
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// allocated tells how many bytes of the disk a file takes.
func allocated(fi os.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return fi.Size()
}

// names tells how many names a file has.
func names(f *os.File) uint64 {
	fi, err := f.Stat()
	if err != nil {
		return 1
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

// freeOnDisk tells how many bytes an ordinary user may still write on dir's disk.
func freeOnDisk(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// encodeMap puts down which blocks of a content are there.
func encodeMap(size int64, have bitmap) []byte {
	b := append(make([]byte, 0, mapHeader+len(have)+8), mapMagic...)
	b = binary.BigEndian.AppendUint64(b, blockSize)
	b = binary.BigEndian.AppendUint64(b, uint64(size))
	b = append(b, have...)
	return binary.BigEndian.AppendUint64(b, xxhash.Sum64(b))
}

// decodeMap undoes encodeMap, and tells whether there are sums. What is not exactly such a map is an error.
func decodeMap(b []byte, size int64) (have bitmap, summed bool, err error) {
	n := len(newBitmap(size))
	summed = bytes.HasPrefix(b, []byte(mapMagic))
	if len(b) != mapHeader+n+8 || !summed && !bytes.HasPrefix(b, []byte(mapMagic1)) {
		return nil, false, errors.New("no map of this content")
	}
	body, sum := b[:len(b)-8], b[len(b)-8:]
	if xxhash.Sum64(body) != binary.BigEndian.Uint64(sum) {
		return nil, false, errors.New("the map is damaged")
	}
	body = body[len(mapMagic):]
	if binary.BigEndian.Uint64(body) != blockSize || binary.BigEndian.Uint64(body[8:]) != uint64(size) {
		return nil, false, errors.New("the map is of other blocks")
	}
	if have = bitmap(bytes.Clone(body[16:])); have.beyond(blocksOf(size)) {
		return nil, false, errors.New("the map tells of blocks that cannot be")
	}
	return have, summed, nil
}

// writeMap puts a map at base, so that after a power loss it is there wholly or the one before is; at is when the content was
// last used.
func writeMap(base string, b []byte, at time.Time) error {
	temp := base + tempExt
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Chtimes(temp, at, at)
	}
	if err == nil {
		err = os.Rename(temp, base+mapExt)
	}
	if err != nil {
		_ = os.Remove(temp)
		return fmt.Errorf("write map: %w", err)
	}
	return nil
}

// syncDir makes renames in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// bitmap has a bit for each block of a content.
type bitmap []byte

func newBitmap(size int64) bitmap { return make(bitmap, (blocksOf(size)+7)/8) }

func (m bitmap) has(i int64) bool { return m[i/8]>>(i%8)&1 != 0 }
func (m bitmap) set(i int64)      { m[i/8] |= 1 << (i % 8) }
func (m bitmap) clear(i int64)    { m[i/8] &^= 1 << (i % 8) }

// count is how many blocks are in m.
func (m bitmap) count() (n int64) {
	for _, b := range m {
		n += int64(bits.OnesCount8(b))
	}
	return n
}

// beyond reports whether m has any block from n on.
func (m bitmap) beyond(n int64) bool { return n%8 != 0 && m[n/8]>>(n%8) != 0 }

// blocksOf is how many blocks hold size bytes.
func blocksOf(size int64) int64 { return (size + blockSize - 1) / blockSize }
