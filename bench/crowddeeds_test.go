package bench

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// What a worker of a crowd does.

// note keeps in mind that s may become a version.
func (w *worker) note(path string, s *saved) { w.ever[xxhash.Sum64(s.bytes())] = path }

// put writes s whole to path, and reports whether all of that was answered well.
func (w *worker) put(path string, s *saved, flags int, fsync bool) bool {
	was, there := w.files[path]
	d := &doubt{may: []*saved{was, s}}
	if !there {
		d.may[0] = nil
	}
	w.doubt[path] = d
	delete(w.files, path)
	var f *os.File
	if !w.call("open", path, func() (err error) { f, err = os.OpenFile(w.in(path), flags|os.O_WRONLY|os.O_CREATE, 0o644); return err }) {
		d.may = append(d.may, &saved{}) // it may be there, and empty
		if there {
			w.there(path)
		}
		return false
	}
	d.any = true
	b := s.bytes()
	for len(b) > 0 {
		n := min(len(b), 128<<10)
		if !w.call("write", path, func() error { _, err := f.Write(b[:n]); return err }) {
			f.Close()
			return false
		}
		b = b[n:]
	}
	w.note(path, s)
	if fsync {
		if !w.call("fsync", path, f.Sync) {
			f.Close()
			return false
		}
		d.synced, d.any, d.may = s.bytes(), false, []*saved{s}
		w.tally.add("fsyncs")
	}
	if !w.call("close", path, f.Close) {
		return false
	}
	delete(w.doubt, path)
	w.files[path] = s
	w.tally.add("closes")
	return true
}

func (w *worker) create() { w.put(w.fresh(), w.content(), os.O_EXCL, false) }
func (w *worker) synced() { w.put(w.fresh(), w.content(), os.O_EXCL, true) }

func (w *worker) rewrite() {
	if p, ok := w.pick(); ok {
		w.put(p, w.content(), os.O_TRUNC, w.random.IntN(2) == 0)
	}
}

// copy is what cp does with two paths of the mount.
func (w *worker) copy() {
	from, ok := w.pick()
	if !ok {
		return
	}
	to, s := w.fresh(), w.files[from]
	w.doubt[to] = &doubt{may: []*saved{nil, s}, any: true}
	var in, out *os.File
	if !w.call("open", from, func() (err error) { in, err = os.Open(w.in(from)); return err }) {
		w.there(from)
		return
	}
	defer in.Close()
	if !w.call("open", to, func() (err error) {
		out, err = os.OpenFile(w.in(to), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		return err
	}) {
		return
	}
	w.finish(out, to, s, "copy", from+" to "+to, func() error { _, err := io.Copy(out, in); return err })
}

// finish writes what makes path an open file's new content, closes it, and from then on counts on it.
func (w *worker) finish(out *os.File, path string, s *saved, what, said string, write func() error) {
	w.note(path, s)
	if !w.call(what, said, write) {
		out.Close()
		return
	}
	if w.call("close", path, out.Close) {
		delete(w.doubt, path)
		w.files[path] = s
		w.tally.add("closes")
	}
}

// patch writes into the middle of a file.
func (w *worker) patch() {
	p, ok := w.pick()
	if !ok || w.files[p].size < 2 {
		return
	}
	was := w.files[p]
	w.next++
	at := w.random.IntN(was.size - 1)
	s := &saved{was.seed, was.size, append(slices.Clone(was.over), patch{w.next, at, min(64<<10, 1+w.random.IntN(was.size-at))})}
	delete(w.files, p)
	w.doubt[p] = &doubt{may: []*saved{was, s}, any: true}
	var f *os.File
	if !w.call("open", p, func() (err error) { f, err = os.OpenFile(w.in(p), os.O_RDWR, 0); return err }) {
		w.there(p)
		return
	}
	last := s.over[len(s.over)-1]
	w.finish(f, p, s, "write", p, func() error { _, err := f.WriteAt(noise(last.seed, last.size), int64(last.at)); return err })
}

// safeSave writes beside and renames over.
func (w *worker) safeSave() {
	p, ok := w.pick()
	if !ok {
		return
	}
	aside := w.fresh()
	if w.put(aside, w.content(), os.O_EXCL, w.random.IntN(2) == 0) {
		w.move(aside, p)
	}
}

func (w *worker) rename() {
	if p, ok := w.pick(); ok {
		w.move(p, w.fresh())
	}
}

// move renames from to to.
func (w *worker) move(from, to string) {
	s, was := w.files[from], w.files[to]
	w.doubt[from], w.doubt[to] = &doubt{may: []*saved{s, nil}}, &doubt{may: []*saved{s, was}}
	delete(w.files, from)
	delete(w.files, to)
	w.note(to, s)
	var err error
	if w.call("rename", from+" to "+to, func() error { err = os.Rename(w.in(from), w.in(to)); return err }) {
		delete(w.doubt, from)
		delete(w.doubt, to)
		w.files[to] = s
		w.tally.add("renames")
	} else if errors.Is(err, fs.ErrNotExist) {
		w.there(from)
	}
}

func (w *worker) remove() {
	if p, ok := w.pick(); ok {
		w.doubt[p] = &doubt{may: []*saved{w.files[p], nil}}
		delete(w.files, p)
		var err error
		if w.call("unlink", p, func() error { err = os.Remove(w.in(p)); return err }) {
			delete(w.doubt, p)
			w.tally.add("unlinks")
		} else if errors.Is(err, fs.ErrNotExist) {
			w.there(p)
		}
	}
}

func (w *worker) mkdir(path string) {
	w.folder[path] = true // wanted, whatever comes of the call
	w.call("mkdir", path, func() error {
		if err := os.MkdirAll(w.in(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
}

func (w *worker) makeFolder() {
	if len(w.folder) > 6 {
		return
	}
	w.next++
	at := fmt.Sprintf("%s/w%d/d%d", w.top, w.n, w.next&0xfffff)
	w.mkdir(at)
	w.mkdir(at + "/deep")
}

// removeTree is rm -r of a folder.
func (w *worker) removeTree() {
	if !w.trees {
		return
	}
	var all []string
	for d := range w.folder {
		if strings.HasSuffix(d, "/deep") {
			all = append(all, filepath.Dir(d))
		}
	}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	top := all[w.random.IntN(len(all))]
	for p, s := range w.files {
		if strings.HasPrefix(p, top+"/") {
			w.doubt[p] = &doubt{may: []*saved{s, nil}}
			delete(w.files, p)
		}
	}
	delete(w.folder, top)
	delete(w.folder, top+"/deep")
	w.doubt[top] = &doubt{any: true}
	if w.call("rm -r", top, func() error { return os.RemoveAll(w.in(top)) }) {
		for p := range w.doubt {
			if p == top || strings.HasPrefix(p, top+"/") {
				delete(w.doubt, p)
			}
		}
		w.tally.add("trees removed")
	}
}
