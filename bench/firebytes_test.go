package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Under fire every block of a file tells what it is: which file, version and place. So what was read needs no copy to be compared
// with, and what is wrong with it can be said.

const fireBlock = 4096

// blockOf writes the block number n of a version.
func blockOf(p []byte, file, version int, n int64) {
	binary.LittleEndian.PutUint32(p, uint32(file))
	binary.LittleEndian.PutUint32(p[4:], uint32(version))
	binary.LittleEndian.PutUint64(p[8:], uint64(n))
	x := (uint64(file)<<56 ^ uint64(version)<<32 ^ uint64(n)) * 0x9e3779b97f4a7c15
	for i := 16; i < fireBlock; i += 8 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		binary.LittleEndian.PutUint64(p[i:], x)
	}
}

// bytesOf are a version's bytes.
func bytesOf(file, version int, size int64) io.Reader {
	return io.LimitReader(&blockReader{file: file, version: version, at: fireBlock}, size)
}

type blockReader struct {
	file, version int
	next          int64
	at            int
	block         [fireBlock]byte
}

func (r *blockReader) Read(p []byte) (int, error) {
	if r.at == fireBlock {
		blockOf(r.block[:], r.file, r.version, r.next)
		r.next, r.at = r.next+1, 0
	}
	n := copy(p, r.block[r.at:])
	r.at += n
	return n, nil
}

// isVersion tells whether p, read at off, is that version's.
func isVersion(p []byte, off int64, file, version int) bool {
	var block [fireBlock]byte
	for len(p) > 0 {
		blockOf(block[:], file, version, off/fireBlock)
		from := off % fireBlock
		n := min(int64(len(p)), fireBlock-from)
		if !bytes.Equal(p[:n], block[from:from+n]) {
			return false
		}
		p, off = p[n:], off+n
	}
	return true
}

// describe says what p, read at off, is made of: ranges and what they are.
func describe(p []byte, off int64, file, versions int) string {
	var said bytes.Buffer
	last := ""
	for len(p) > 0 {
		n := min(int64(len(p)), fireBlock-off%fireBlock)
		what := "nobody's bytes"
		if len(bytes.Trim(p[:n], "\x00")) == 0 {
			what = "zeros"
		}
		for v := range versions {
			if isVersion(p[:n], off, file, v) {
				what = fmt.Sprint("version ", v)
			}
		}
		if what != last {
			fmt.Fprintf(&said, "from %d: %s; ", off, what)
		}
		last = what
		p, off = p[n:], off+n
	}
	return said.String()
}
