package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/frameiofs/frameiofs/spool/platter"
)

// The head of the file is a name for what it is, and keep. A mark is where in the block the run that is here begins and ends, and
// whether any of it was written.
const (
	blocksMagic = "blocks2\n"
	blocksHead  = 16
	markSize    = 8
	markWritten = 1 << 31
)

// errMap: it is not known which bytes of a changed asset are here.
var errMap = errors.New("the map of what was changed in it cannot be read")

// makeBlocks makes the file, which says that nothing is here.
func makeBlocks(dir string, size int64, lacks *atomic.Int64) (*blocks, error) {
	f, err := os.OpenFile(filepath.Join(dir, blocksName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	b := &blocks{f: f, keep: size, state: make([]byte, blocksOf(size)), runs: map[int64]span{}, lacks: lacks}
	err = f.Truncate(blocksHead + markSize*int64(len(b.state)))
	if err == nil {
		err = b.saveKeep()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	lacks.Store(size)
	return b, nil
}

// loadBlocks opens the file of an entry whose data has size bytes.
func loadBlocks(dir string, size int64, lacks *atomic.Int64) (*blocks, error) {
	f, err := os.OpenFile(filepath.Join(dir, blocksName), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(f)
	if err == nil && (len(raw) < blocksHead || string(raw[:len(blocksMagic)]) != blocksMagic) {
		err = errMap
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	b := &blocks{f: f, keep: int64(binary.BigEndian.Uint64(raw[len(blocksMagic):])), runs: map[int64]span{}, lacks: lacks}
	raw = raw[blocksHead:]
	b.state = make([]byte, len(raw)/markSize)
	if b.keep < 0 || blocksOf(b.keep) > int64(len(b.state)) {
		f.Close()
		return nil, fmt.Errorf("%w: it has %d blocks for %d bytes", errMap, len(b.state), b.keep)
	}
	for i := range int64(len(b.state)) {
		b.state[i], b.runs[i] = decodeMark(raw[i*markSize:], i)
		if b.state[i] != part {
			delete(b.runs, i)
		}
	}
	if b.keep > size { // the program died between cutting data and saying so here
		b.keep, b.stale = size, true
	}
	b.count()
	return b, nil
}

func decodeMark(raw []byte, i int64) (state byte, run span) {
	lo, hi := binary.BigEndian.Uint32(raw), binary.BigEndian.Uint32(raw[4:])
	wrote := hi&markWritten != 0
	hi &^= markWritten
	switch {
	case lo >= hi || hi > blockSize: // not made by us if it is not 0
		return absent, run
	case lo > 0 || hi < blockSize:
		return part, span{i*blockSize + int64(lo), i*blockSize + int64(hi)}
	case wrote:
		return written, run
	}
	return fetched, run
}

// encodeMark appends a block's mark. run matters for a part.
func encodeMark(raw []byte, i int64, state byte, run span) []byte {
	var lo, hi uint32
	switch state {
	case part:
		lo, hi = uint32(run.off-i*blockSize), uint32(run.end-i*blockSize)|markWritten
	case fetched:
		hi = blockSize
	case mended, written:
		hi = blockSize | markWritten
	}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(raw, lo), hi)
}

// encode appends what the disk may be told of a block, with mu held.
func (b *blocks) encode(raw []byte, i int64) []byte {
	state := b.state[i]
	switch state { // nothing of what was fetched is new, so less does no harm
	case fetched:
		state = absent
	case mended:
		state = part
	}
	return encodeMark(raw, i, state, b.runs[i])
}

// fetchedBlocks tells which blocks of size bytes are as they were fetched, by the file. Without one: none. Beyond what was kept when the data
// was cut nothing is noted: what was written there again is not as it was.
func fetchedBlocks(path string, size int64) ([]bool, error) {
	was := make([]bool, blocksOf(size))
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return was, nil
	}
	if err != nil {
		return nil, err
	}
	if len(raw) < blocksHead {
		return was, nil
	}
	keep := int64(binary.BigEndian.Uint64(raw[len(blocksMagic):]))
	for i := range blocksOf(size) {
		if at := blocksHead + i*markSize; at+markSize <= int64(len(raw)) {
			state, _ := decodeMark(raw[at:], i)
			was[i] = state == fetched && min((i+1)*blockSize, size) <= keep
		}
	}
	return was, nil
}

// mark notes what becomes of the blocks of s, with mu held: first on the disk, in one write.
func (b *blocks) mark(s span, next func(i int64) (state byte, run span)) error {
	type change struct {
		i     int64
		state byte
		run   span
	}
	var all []change
	for i := range b.overlaps(s) {
		if state, run := next(i); state != b.state[i] || state == part && run != b.runs[i] {
			all = append(all, change{i, state, run})
		}
	}
	if len(all) == 0 {
		return nil
	}
	if b.f != nil {
		first, raw := all[0].i, make([]byte, 0, markSize*len(all))
		i := first
		for _, c := range all {
			for ; i < c.i; i++ {
				raw = b.encode(raw, i)
			}
			raw = encodeMark(raw, c.i, c.state, c.run)
			i++
		}
		if _, err := b.f.WriteAt(raw, blocksHead+markSize*first); err != nil {
			return fmt.Errorf("mark what is written: %w", err)
		}
	}
	for _, c := range all {
		had := b.have(c.i).len()
		b.state[c.i] = c.state
		delete(b.runs, c.i)
		if c.state == part {
			b.runs[c.i] = c.run
		}
		b.lacks.Add(had - b.have(c.i).len())
	}
	return nil
}

// saveKeep writes the head, with mu held. Before it has, nothing may be put beyond keep: base's bytes would be taken for it.
func (b *blocks) saveKeep() error {
	if b.f != nil {
		head := binary.BigEndian.AppendUint64([]byte(blocksMagic), uint64(b.keep))
		if _, err := b.f.WriteAt(head, 0); err != nil {
			return fmt.Errorf("note the size: %w", err)
		}
	}
	b.stale = false
	return nil
}

// sync brings the marks to the disk, after their bytes.
func (b *blocks) sync() error {
	if b == nil || b.f == nil || !b.file.take() {
		return nil // closed: all bytes are here, and the record says so
	}
	defer b.file.give(b.f)
	return platter.Sync(b.f)
}

func (b *blocks) close() {
	if b != nil && b.f != nil {
		b.file.close(b.f)
	}
}

// users are those who write and sync a file, which is closed once it may be and the last of them is through.
type users struct {
	mu     sync.Mutex
	n      int
	closed bool
}

func (u *users) take() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	u.n++
	return true
}

func (u *users) give(f *os.File) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n--; u.n == 0 && u.closed {
		f.Close()
	}
}

func (u *users) close(f *os.File) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return
	}
	if u.closed = true; u.n == 0 {
		f.Close()
	}
}
