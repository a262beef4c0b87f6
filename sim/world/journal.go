package world

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// journal is the append-only file of records. add collects, flush writes all collected with one write(2).
type journal struct {
	f       *os.File
	buf     bytes.Buffer
	records int
	broken  error // the first failed write; nothing is accepted after it
}

type record struct {
	T string          `json:"t"`
	V json.RawMessage `json:"v"`
}

// partRecord notes one received part, so that an upload of many parts need not be written anew for each.
type partRecord struct {
	Asset  ID
	Number int
	Got    int64
	Loose  bool
}

type sumRecord struct {
	Media ID
	Sum   string
}

func (j *journal) add(kind string, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("world: journal %s: %v", kind, err)) // our own types always marshal
	}
	fmt.Fprintf(&j.buf, `{"t":%q,"v":%s}`+"\n", kind, raw)
	j.records++
}

func (j *journal) flush() error {
	if j.broken != nil {
		return j.broken
	}
	if j.buf.Len() == 0 {
		return nil
	}
	if _, err := j.f.Write(j.buf.Bytes()); err != nil {
		j.broken = fmt.Errorf("write world journal: %w", err)
		return j.broken
	}
	if j.buf.Cap() > 1<<20 {
		j.buf = bytes.Buffer{}
	} else {
		j.buf.Reset()
	}
	return nil
}

func (j *journal) close() error { return errors.Join(j.flush(), j.f.Close()) }

func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock world: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock world %s: %w (is another simulator using it?)", filepath.Dir(path), err)
	}
	return f, nil
}

// load reads the journal, cuts off a torn last line, and rewrites the file if most of it is history.
func (w *World) load() error {
	path := filepath.Join(w.dir, "journal")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("open world journal: %w", err)
	}
	w.journal = &journal{f: f}
	good, err := w.replay(f)
	if err == nil {
		err = f.Truncate(good)
	}
	if err == nil {
		_, err = f.Seek(good, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("read world journal: %w", err)
	}
	w.index()
	if w.meta.Secret == nil {
		w.meta.Secret = make([]byte, 32)
		rand.Read(w.meta.Secret) // never fails
		w.journal.add("meta", w.meta)
		return w.journal.flush()
	}
	if w.journal.records > 2000 && w.journal.records > 2*w.live() {
		return w.rewrite(path)
	}
	return nil
}

// replay applies whole lines and returns where the last of them ends.
func (w *World) replay(f io.Reader) (good int64, err error) {
	r := bufio.NewReaderSize(f, 1<<20)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return good, nil // what is left without a newline was being written when the process died
		}
		if err != nil {
			return good, err
		}
		var rec record
		if err := json.Unmarshal(line, &rec); err != nil {
			return good, fmt.Errorf("line %d: %w", n, err)
		}
		if err := w.apply(rec); err != nil {
			return good, fmt.Errorf("line %d: %s: %w", n, rec.T, err)
		}
		w.journal.records++
		good += int64(len(line))
	}
}

func (w *World) apply(rec record) error {
	switch rec.T {
	case "meta":
		return json.Unmarshal(rec.V, &w.meta)
	case "account":
		return decode(rec.V, w.putAccount)
	case "user":
		return decode(rec.V, w.putUser)
	case "team":
		return decode(rec.V, w.putTeam)
	case "project":
		return decode(rec.V, w.putProject)
	case "asset":
		return decode(rec.V, func(a Asset) { w.nodes[a.ID] = &node{a: &a} })
	case "token":
		return decode(rec.V, w.putToken)
	case "upload":
		return decode(rec.V, func(u Upload) { w.uploads[u.AssetID] = newUpload(u) })
	case "part":
		return decode(rec.V, w.putPart)
	case "uploaded":
		return decode(rec.V, func(id ID) { delete(w.uploads, id) })
	case "sum":
		return decode(rec.V, func(s sumRecord) { w.sums[s.Media] = s.Sum })
	}
	return fmt.Errorf("unknown record (written by a newer version?)")
}

func decode[T any](raw json.RawMessage, put func(T)) error {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	put(v)
	return nil
}

func (w *World) live() int {
	return len(w.accounts) + len(w.users) + len(w.teams) + len(w.projects) + len(w.nodes) + len(w.uploads) +
		len(w.sums) + len(w.tokens)
}

// rewrite replaces the journal by one with just the present state: temp file, fsync, rename.
func (w *World) rewrite(path string) (err error) {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("rewrite world journal: %w", err)
	}
	j := &journal{f: f}
	w.dump(j)
	err = errors.Join(j.flush(), f.Sync())
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		f.Close()
		if rm := os.Remove(path + ".new"); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
		return fmt.Errorf("rewrite world journal: %w", err)
	}
	w.journal.f.Close()
	w.journal = j
	return nil
}

func (w *World) dump(j *journal) {
	j.add("meta", w.meta)
	for _, id := range w.ordered.accounts {
		j.add("account", w.accounts[id])
	}
	for _, id := range w.ordered.users {
		j.add("user", w.users[id])
	}
	for _, id := range w.ordered.teams {
		j.add("team", w.teams[id])
	}
	for _, id := range w.ordered.projects {
		j.add("project", w.projects[id])
	}
	for _, n := range w.nodes {
		j.add("asset", n.a)
	}
	for id, s := range w.sums {
		j.add("sum", sumRecord{id, s})
	}
	for _, t := range w.tokens {
		j.add("token", t)
	}
	for _, u := range w.uploads {
		j.add("upload", u.Upload)
		for _, p := range u.Parts {
			if p.Received {
				j.add("part", partRecord{u.AssetID, p.Number, p.Got, u.loose[p.Number]})
			}
		}
	}
}
