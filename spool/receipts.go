package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool/platter"
)

// Receipts are lines of JSON in files named 000001.jsonl and on, the newest last. They are only appended to, and no entry leaves the
// spool before its receipt is on the disk. The oldest files are deleted, so that all together stay below some 64 MiB: well over
// 100,000 files.
const (
	receiptsName = "receipts"
	receiptsFile = 8 << 20 // bytes from which a file is followed by the next
	receiptsKeep = 8       // files
	receiptsExt  = ".jsonl"
)

// receipts is their log.
type receipts struct {
	dir  string
	most int64 // receiptsFile

	mu      sync.Mutex
	f       *os.File // the newest; nil before the first line
	number  int
	size    int64
	written int64 // lines since the start of the program

	sync   sync.Mutex // who holds it calls fsync, for all who wait
	synced int64      // so many lines are on the disk
}

// openReceipts looks what is there; nothing is written before there is a receipt.
func openReceipts(dir string) (*receipts, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l := &receipts{dir: dir, most: receiptsFile}
	all, err := l.files()
	if err == nil && len(all) > 0 {
		l.number = all[len(all)-1]
	}
	return l, err
}

// files are the numbers of those that are there, the newest last.
func (l *receipts) files() (all []int, err error) {
	list, err := os.ReadDir(l.dir)
	for _, d := range list {
		stem, ok := strings.CutSuffix(d.Name(), receiptsExt)
		if n, err := strconv.Atoi(stem); ok && err == nil && n > 0 && l.path(n) == filepath.Join(l.dir, d.Name()) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, err
}

func (l *receipts) path(n int) string {
	return filepath.Join(l.dir, fmt.Sprintf("%06d%s", n, receiptsExt))
}

// add appends a receipt, and returns when it is on the disk. Many who wait share one fsync.
func (l *receipts) add(r Receipt) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	n, err := l.write(append(line, '\n'))
	if err != nil {
		return fmt.Errorf("write receipt: %w", err)
	}
	l.sync.Lock()
	defer l.sync.Unlock()
	if l.synced >= n {
		return nil
	}
	l.mu.Lock()
	f, written := l.f, l.written
	l.mu.Unlock()
	if err := platter.Sync(f); err != nil && !errors.Is(err, os.ErrClosed) { // closed: next has brought it there
		return fmt.Errorf("bring receipt to the disk: %w", err)
	}
	l.synced = max(l.synced, written)
	return nil
}

func (l *receipts) write(line []byte) (n int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil || l.size >= l.most {
		if err := l.next(); err != nil {
			return 0, err
		}
	}
	if got, err := l.f.Write(line); err != nil {
		if got > 0 {
			err = errors.Join(err, l.f.Truncate(l.size))
		}
		return 0, err
	}
	l.size += int64(len(line))
	l.written++
	return l.written, nil
}

// next opens the newest file if there is room in it, else another one, with mu held.
func (l *receipts) next() error {
	if l.f != nil {
		if err := errors.Join(platter.Sync(l.f), l.f.Close()); err != nil {
			return err
		}
		l.f = nil
	}
	n := max(l.number, 1)
	if st, err := os.Stat(l.path(n)); err == nil && st.Size() >= l.most {
		n++
	}
	f, err := os.OpenFile(l.path(n), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	size, err := endLine(f)
	if err == nil {
		err = platter.SyncDir(l.dir)
	}
	if err != nil {
		f.Close()
		return err
	}
	l.f, l.number, l.size = f, n, size
	all, err := l.files()
	for _, old := range all {
		if old <= n-receiptsKeep {
			err = errors.Join(err, removeFile(l.path(old)))
		}
	}
	return err
}

// endLine ends a line that was torn, so that it spoils no other.
func endLine(f *os.File) (size int64, err error) {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return 0, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, st.Size()-1); err != nil || last[0] == '\n' {
		return st.Size(), err
	}
	_, err = f.Write([]byte{'\n'})
	return st.Size() + 1, err
}

func (l *receipts) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := errors.Join(platter.Sync(l.f), l.f.Close())
	l.f = nil
	return err
}

// Mark is a place between two receipts. The zero Mark is behind the newest.
type Mark struct {
	file int
	off  int64
}

// String and ParseMark are how a Mark travels.
func (m Mark) String() string {
	if m == (Mark{}) {
		return ""
	}
	return fmt.Sprintf("%d:%d", m.file, m.off)
}

// ParseMark reads a Mark.
func ParseMark(text string) (m Mark, err error) {
	if text == "" {
		return Mark{}, nil
	}
	file, off, _ := strings.Cut(text, ":")
	m.file, err = strconv.Atoi(file)
	if err == nil {
		m.off, err = strconv.ParseInt(off, 10, 64)
	}
	if err != nil || m.file < 1 || m.off < 0 {
		return Mark{}, fmt.Errorf("%q is no mark", text)
	}
	return m, nil
}

// Receipts gives those before a mark that which picks (nil: all), the newest first and most at most, and where to go on; more is false
// at the end. Of one asset there may be several: the newest counts.
func (s *Spool) Receipts(before Mark, most int, which func(*Receipt) bool) (all []Receipt, next Mark, more bool, err error) {
	err = s.receipts.each(before, func(line []byte, at Mark) bool {
		var r Receipt
		if json.Unmarshal(line, &r) != nil || r.ID == "" || which != nil && !which(&r) {
			return true
		}
		if len(all) == most {
			more = true
			return false
		}
		all, next = append(all, s.honest(r)), at
		return true
	})
	return all, next, more, err
}

// ReceiptsIn gives the receipts in a folder of them that no spool need have open, the newest first, of each asset the newest.
func ReceiptsIn(dir string) (all []Receipt, err error) {
	seen := map[remote.ID]bool{}
	l := &receipts{dir: dir, most: receiptsFile}
	err = l.each(Mark{}, func(line []byte, _ Mark) bool {
		var r Receipt
		if json.Unmarshal(line, &r) == nil && r.ID != "" && !seen[r.ID] {
			seen[r.ID] = true
			all = append(all, r)
		}
		return true
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return all, err
}

// ReceiptsOf gives the newest receipts of assets, by their id. What was written too long ago is not there any more.
func (s *Spool) ReceiptsOf(ids ...remote.ID) (map[remote.ID]Receipt, error) {
	wanted := make(map[remote.ID]bool, len(ids))
	for _, id := range ids {
		wanted[id] = id != ""
	}
	found := map[remote.ID]Receipt{}
	err := s.receipts.each(Mark{}, func(line []byte, _ Mark) bool {
		id := lineID(line)
		if !wanted[id] {
			return true
		}
		var r Receipt
		if json.Unmarshal(line, &r) == nil && r.ID == id {
			found[id] = s.honest(r)
			delete(wanted, id)
		}
		return len(wanted) > 0
	})
	return found, err
}

// honest corrects a receipt that speaks of a checksum that nobody waits for any more: a loss of power has taken the note of that.
func (s *Spool) honest(r Receipt) Receipt {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r.Awaited && s.awaited[r.ID] == nil {
		r.Awaited, r.Note = false, "its checksum was not waited for to the end: power was lost"
	}
	return r
}

// lineID is the id in a line, without reading all of it.
func lineID(line []byte) remote.ID {
	const before = `{"id":"`
	if !bytes.HasPrefix(line, []byte(before)) {
		return ""
	}
	id, _, _ := bytes.Cut(line[len(before):], []byte{'"'})
	return remote.ID(id)
}

// each calls f with the lines before a mark, the newest first, and where each begins, until it answers false.
func (l *receipts) each(before Mark, f func(line []byte, at Mark) bool) error {
	all, err := l.files()
	if err != nil {
		return err
	}
	for _, n := range slices.Backward(all) {
		if before.file != 0 && n > before.file {
			continue
		}
		b, err := l.read(n)
		if err != nil {
			return err
		}
		if n == before.file && before.off < int64(len(b)) {
			b = b[:before.off]
		}
		b = bytes.TrimSuffix(b, []byte{'\n'})
		for len(b) > 0 {
			begin := bytes.LastIndexByte(b, '\n') + 1
			if !f(b[begin:], Mark{n, int64(begin)}) {
				return nil
			}
			b = b[:max(0, begin-1)]
		}
	}
	return nil
}

// read reads one of the files, which may have been deleted meanwhile.
func (l *receipts) read(n int) ([]byte, error) {
	f, err := os.Open(l.path(n))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 2*receiptsFile))
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		return b[:i+1], err
	}
	return nil, err
}

// note writes a receipt, and says so.
func (s *Spool) note(r Receipt) {
	level := s.log.Info
	if r.Damaged != "" {
		level = s.log.Error
	}
	level("receipt", "name", r.Name, "path", r.Path, "asset", r.ID, "size", r.Size, "xxh64", r.Checksum, "parts", r.Parts, "proof", r.Proof,
		"awaited", r.Awaited, "uploaded", r.Uploaded.Format(time.RFC3339), "damaged", r.Damaged)
	if err := s.receipts.add(r); err != nil {
		s.log.Error("cannot keep a receipt", "name", r.Name, "asset", r.ID, "err", err)
	}
	s.did("receipt")
}
