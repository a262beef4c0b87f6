package spool

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/frameiofs/frameiofs/spool/platter"
)

// A file that is made, renamed and removed again within seconds, or is one of thousands of small ones, is not worth a folder of
// its own. It is young then: its bytes are young/<key>, and what would be the files of its folder are lines of the journal.
//
//	journal  <crc32c of the rest, 8 hex digits> <note as JSON>
//
// Lines are only ever appended, and a line is in the kernel's hands when the call that it stands for returns: then it survives
// every process. One fsync brings all that were written to the disk. Numbers of lines follow one another, so that a gap is
// found out: what stands after one counts, but for its word about bytes.

// note is one line of the journal.
type note struct {
	N    uint64          `json:"n"`              // the line's number
	Was  uint64          `json:"was,omitempty"`  // the number it had before the journal was written anew
	Key  Key             `json:"key,omitempty"`  // of the entry
	In   string          `json:"in,omitempty"`   // the folder in which it would lie from now on
	File string          `json:"file,omitempty"` // what would be written there
	Is   json.RawMessage `json:"is,omitempty"`   // … with this; nothing: removed
	Gone bool            `json:"gone,omitempty"` // discarded: its bytes are to be removed
	Done bool            `json:"done,omitempty"` // nothing of it is left here
	// Vouch is the number of a line. The closed bytes of which the lines up to there speak were on the disk when this was written.
	Vouch uint64 `json:"vouch,omitempty"`
}

// youngFolder is what the journal knows of one entry.
type youngFolder struct {
	in    string
	files map[string]json.RawMessage
	line  uint64 // that has its record
	gone  bool
}

// journal is the young entries' folders.
type journal struct {
	dir string

	mu      sync.Mutex
	f       *os.File
	last    uint64 // number of the last line
	vouched uint64 // lines up to here speak of bytes that are on the disk
	size    int64  // bytes in the file
	live    int64  // of them still matter, about
	folders map[Key]*youngFolder
	done    map[Key]struct{}    // whose bytes were removed, and may be found again after a loss of power
	dirty   map[*Entry]struct{} // of which something was written since the last commit
	failed  error               // of an fsync: what came to the disk is not known, and never will be

	sync   sync.Mutex // who holds it calls fsync, for all who wait
	synced uint64     // lines up to here are on the disk
}

const (
	journalName = "journal"
	tornName    = "journal.torn" // what could not be read of it, for whoever wants to know what was lost
	young       = "young"
	compactAt   = 8 << 20 // bytes from which the journal is written anew when most of it does not matter any more
)

// openJournal reads the journal and begins it anew. Damaged are the lines that could not be read.
func openJournal(dir string) (j *journal, damaged int, err error) {
	j = &journal{dir: dir, folders: map[Key]*youngFolder{}, done: map[Key]struct{}{}, dirty: map[*Entry]struct{}{}}
	b, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	whole := true // no line is missing so far
	var torn []byte
	for line := range bytes.Lines(b) {
		var n note
		if platter.ReadLine(line, &n) != nil {
			torn = append(torn, line...)
			damaged++
			whole = false
			continue
		}
		whole = whole && (j.last == 0 || n.N == j.last+1)
		j.last = max(j.last, n.N)
		if n.Vouch == 0 {
			j.take(n)
		} else if whole {
			j.vouched = max(j.vouched, n.Vouch)
		}
	}
	if damaged > 0 {
		if err := platter.Aside(filepath.Join(dir, tornName), torn); err != nil {
			return nil, 0, err
		}
	}
	if err := j.renew(); err != nil {
		return nil, 0, err
	}
	j.synced = j.last
	return j, damaged, nil
}

// take makes a note part of what is known, with mu held.
func (j *journal) take(n note) {
	if n.Done {
		delete(j.folders, n.Key)
		j.done[n.Key] = struct{}{}
		return
	}
	delete(j.done, n.Key)
	y := j.folders[n.Key]
	if y == nil {
		y = &youngFolder{files: map[string]json.RawMessage{}}
		j.folders[n.Key] = y
	}
	y.gone = y.gone || n.Gone
	if n.In != "" {
		y.in = n.In
	}
	switch {
	case n.File == "":
	case len(n.Is) == 0:
		delete(y.files, n.File)
	default:
		y.files[n.File] = n.Is
		if n.File == recordName {
			if y.line = n.N; n.Was != 0 {
				y.line = n.Was
			}
		}
	}
}

// renew writes what matters to a new journal, with mu held or nobody else there.
func (j *journal) renew() error {
	tmp := filepath.Join(j.dir, journalName+".new")
	f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	w, last, size := bufio.NewWriterSize(f, 1<<20), j.last, int64(0)
	add := func(n note) {
		last++
		n.N = last
		b, lerr := platter.AppendLine(nil, &n)
		size += int64(len(b))
		_, werr := w.Write(b)
		err = errors.Join(err, lerr, werr)
	}
	for k, y := range j.folders {
		for name, is := range y.files {
			n := note{Key: k, File: name, Is: is}
			if name == recordName {
				n.Was = y.line
			}
			add(n)
		}
		add(note{Key: k, In: y.in, Gone: y.gone})
	}
	for k := range j.done {
		add(note{Key: k, Done: true})
	}
	if j.vouched > 0 {
		add(note{Vouch: j.vouched})
	}
	if err = errors.Join(err, w.Flush()); err == nil {
		err = platter.Sync(f)
	}
	if err == nil {
		err = os.Rename(tmp, filepath.Join(j.dir, journalName))
	}
	if err == nil {
		err = platter.SyncDir(j.dir)
	}
	if err != nil {
		f.Close()
		os.Remove(tmp)
		return err
	}
	if j.f != nil {
		j.f.Close()
	}
	j.f, j.last, j.size, j.live = f, last, size, size
	return nil
}

// write appends notes and returns the number of the last; then they survive every process. e, if any, is brought to the disk with
// the next commit.
func (j *journal) write(e *Entry, notes ...note) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		if err := j.renew(); err != nil { // all that matters, once more, and to the disk
			return 0, errors.Join(j.failed, err)
		}
		j.failed = nil
	}
	var all []byte
	for i := range notes {
		notes[i].N = j.last + 1 + uint64(i)
		var err error
		if all, err = platter.AppendLine(all, &notes[i]); err != nil {
			return 0, err
		}
	}
	if n, err := j.f.Write(all); err != nil {
		if n > 0 { // a line that is torn in the middle would spoil the next
			err = errors.Join(err, j.f.Truncate(j.size))
		}
		return 0, err
	}
	for _, n := range notes {
		if n.Vouch == 0 {
			j.take(n)
		}
	}
	j.last += uint64(len(notes))
	j.size += int64(len(all))
	if e != nil {
		j.dirty[e] = struct{}{}
	}
	return j.last, nil
}

// barrier returns when the lines up to one are on the disk. Many who wait share one fsync.
func (j *journal) barrier(line uint64) error {
	j.sync.Lock()
	defer j.sync.Unlock()
	if j.synced >= line {
		return nil
	}
	j.mu.Lock()
	f, last, failed := j.f, j.last, j.failed
	j.mu.Unlock()
	if failed != nil {
		return failed
	}
	if err := platter.Sync(f); err != nil {
		j.mu.Lock()
		j.failed = fmt.Errorf("bring the journal to the disk: %w", err)
		j.mu.Unlock()
		return err
	}
	j.synced = last
	return nil
}

// isDone reports whether an entry is known to have left nothing here.
func (j *journal) isDone(k Key) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, ok := j.done[k]
	return ok
}

// keepDone is how many entries that are done are remembered before the removal of their bytes is brought to the disk for that alone.
const keepDone = 4096

// removed brings the names in young/ to the disk. always: even if that is not for the sake of those that are done.
func (j *journal) removed(always bool) error {
	j.mu.Lock()
	gone := slices.Collect(maps.Keys(j.done))
	j.mu.Unlock()
	if !always && len(gone) < keepDone {
		return nil
	}
	if err := platter.SyncDir(filepath.Join(j.dir, young)); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, k := range gone {
		delete(j.done, k)
	}
	return nil
}

// due takes the entries of which something was written since the last time, and the number of the last line of all.
func (j *journal) due() (map[*Entry]struct{}, uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	set := j.dirty
	j.dirty = map[*Entry]struct{}{}
	return set, j.last
}

// vouch notes that the closed bytes of which the lines up to one speak are on the disk, and returns when that is on the disk too.
func (j *journal) vouch(line uint64) error {
	last, err := j.write(nil, note{Vouch: line})
	if err != nil {
		return err
	}
	j.mu.Lock()
	j.vouched = max(j.vouched, line)
	j.mu.Unlock()
	return j.barrier(last)
}

// vouches reports whether the journal says, or may be about to say on the disk, that the bytes are there of which a line speaks.
func (j *journal) vouches(line uint64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return line != 0 && line <= j.vouched
}

// tidy writes the journal anew if most of it does not matter any more.
func (j *journal) tidy() error {
	j.sync.Lock()
	defer j.sync.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.size < compactAt || j.size < 4*j.live || j.failed != nil {
		return nil
	}
	if err := j.renew(); err != nil {
		return err
	}
	j.synced = j.last
	return nil
}

// look is what the journal knows of an entry; nil if nothing.
func (j *journal) look(k Key) *youngFolder {
	j.mu.Lock()
	defer j.mu.Unlock()
	y := j.folders[k]
	if y == nil {
		return nil
	}
	c := *y
	c.files = maps.Clone(y.files)
	return &c
}

// keys lists the young entries.
func (j *journal) keys() []Key {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Sorted(maps.Keys(j.folders))
}

func (j *journal) close() error { return j.f.Close() }
