package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/spool/platter"
)

// A plate is a folder of which it is known what a loss of power would leave of it. The disk that it stands for keeps names in the order
// in which they were changed, as file systems with a journal do: once a folder was synced, what changed in it is there, and all that
// changed anywhere before. Bytes are sure when their file was synced. Of the rest there may be anything in between: the new page or the
// old one, or zeros where there was none. But how long a file is goes with the names.
type plate struct {
	mu    sync.Mutex
	root  string
	top   uint64
	files map[uint64]*plateFile
	names []plateNames // what may be found, the oldest first; the last is how it is
}

// plateFile is the bytes of one file, by inode.
type plateFile struct {
	sure, now []byte
	synced    bool
	mtime     time.Time
}

// plateNames is who is in which folder.
type plateNames map[uint64]map[string]plateName

type plateName struct {
	ino  uint64
	dir  bool
	size int64
}

var plates sync.Map // by root

func init() {
	platter.Watch = func(what string, f *os.File) {
		plates.Range(func(root, p any) bool {
			if !strings.HasPrefix(f.Name(), root.(string)+"/") && f.Name() != root {
				return true
			}
			p.(*plate).comes(what, f)
			return false
		})
	}
}

// newPlate watches a folder until the test's end.
func newPlate(t *testing.T, root string) *plate {
	p := &plate{root: root, files: map[uint64]*plateFile{}}
	st, err := os.Stat(root)
	if err != nil {
		t.Fatal(err)
	}
	p.top = inode(st)
	p.look()
	plates.Store(root, p)
	t.Cleanup(p.forget)
	return p
}

func (p *plate) forget() { plates.Delete(p.root) }

func inode(st os.FileInfo) uint64 { return st.Sys().(*syscall.Stat_t).Ino }

// comes notes what comes to the disk.
func (p *plate) comes(what string, f *os.File) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	st, err := f.Stat()
	if err != nil {
		panic(err) // its owner has it open
	}
	switch what {
	case platter.Bytes:
		b, err := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
		if err != nil {
			panic(err)
		}
		p.sync(inode(st), b, st.ModTime())
	case platter.Names:
		p.keep(inode(st))
	case platter.All:
		for ino, f := range p.files {
			p.sync(ino, f.now, f.mtime)
		}
		p.names = p.names[len(p.names)-1:]
	}
}

func (p *plate) sync(ino uint64, b []byte, mtime time.Time) {
	f := p.files[ino]
	if f == nil {
		f = &plateFile{}
		p.files[ino] = f
	}
	f.sure, f.now, f.synced, f.mtime = b, b, true, mtime
}

// keep drops what cannot be found any more now that a folder was synced.
func (p *plate) keep(dir uint64) {
	now := p.names[len(p.names)-1]
	for k := len(p.names) - 1; k >= 0; k-- {
		if !maps.EqualFunc(p.names[k][dir], now[dir], func(a, b plateName) bool { return a.ino == b.ino }) {
			p.names = p.names[k+1:]
			return
		}
	}
}

// look takes down how it is now. Others go on meanwhile, so that is looked at until it stands still.
func (p *plate) look() {
	for range 20 {
		one, err := p.scan()
		if err != nil {
			continue
		}
		two, err := p.scan()
		if err == nil && same(one, two) {
			if n := len(p.names); n == 0 || !same(p.names[n-1], two) {
				p.names = append(p.names, two)
			}
			break
		}
	}
	used := map[uint64]bool{}
	for _, names := range p.names {
		for _, in := range names {
			for _, is := range in {
				used[is.ino] = true
			}
		}
	}
	for ino := range p.files {
		if !used[ino] {
			delete(p.files, ino)
		}
	}
}

func same(a, b plateNames) bool { return maps.EqualFunc(a, b, maps.Equal) }

func (p *plate) scan() (plateNames, error) {
	names := plateNames{p.top: {}}
	err := filepath.WalkDir(p.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == p.root {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		up, err := os.Stat(filepath.Dir(path))
		if err != nil {
			return err
		}
		ino := inode(st)
		if names[inode(up)] == nil {
			return fs.ErrNotExist // renamed meanwhile
		}
		names[inode(up)][d.Name()] = plateName{ino, d.IsDir(), st.Size()}
		if d.IsDir() {
			names[ino] = map[string]plateName{}
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f := p.files[ino]
		if f == nil {
			f = &plateFile{}
			p.files[ino] = f
		}
		f.now, f.mtime = b, st.ModTime()
		return nil
	})
	return names, err
}

// leave writes what is left to a new folder.
func (p *plate) leave(to string, how cut, rng *rand.Rand) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	k := len(p.names) - 1
	switch {
	case how == least:
		k = 0
	case how == some && rng.IntN(3) > 0:
		k = rng.IntN(k + 1)
	}
	return p.write(to, p.top, p.names[k], how, rng)
}

func (p *plate) write(to string, dir uint64, names plateNames, how cut, rng *rand.Rand) error {
	err := os.Mkdir(to, 0o700)
	for _, name := range slices.Sorted(maps.Keys(names[dir])) {
		is, path := names[dir][name], filepath.Join(to, name)
		if is.dir {
			err = errors.Join(err, p.write(path, is.ino, names, how, rng))
			continue
		}
		f := p.files[is.ino]
		if f == nil {
			return fmt.Errorf("%s was never seen", path)
		}
		err = errors.Join(err, os.WriteFile(path, f.left(how, int(is.size), rng), 0o600), os.Chtimes(path, f.mtime, f.mtime))
	}
	return err
}

const page = 4096

// left is what is left of a file's bytes.
func (f *plateFile) left(how cut, size int, rng *rand.Rand) []byte {
	switch {
	case how == killed:
		return f.now
	case how == least:
		return f.sure
	}
	size = max(size, len(f.sure))
	if len(f.now) < size {
		size = len(f.now) + rng.IntN(size-len(f.now)+1)
	}
	switch rng.IntN(6) {
	case 0:
		return f.now[:min(size, len(f.now))]
	case 1:
		return f.sure
	case 2: // it was growing
		size = min(len(f.sure), size) + rng.IntN(max(0, size-len(f.sure))+1)
	}
	out := make([]byte, size)
	fresh := rng.IntN(3) // of three pages
	for at := 0; at < size; at += page {
		from := f.sure
		if rng.IntN(3) < fresh {
			from = f.now
		}
		if at < len(from) {
			copy(out[at:min(at+page, size)], from[at:])
		}
	}
	return out
}
