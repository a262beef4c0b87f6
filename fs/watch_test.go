package fs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/frameiofs/frameiofs/fs"
)

// told is what a watcher is told, with the paths as they were then.
type told struct {
	fs.Op
	path, to string
	known    bool
}

func watch(f *fs.FS) (all func() []told, stop func()) {
	var mu sync.Mutex
	var ops []told
	stop = f.Watch(func(op fs.Op) {
		path, ok := op.Path()
		one := told{Op: op, path: path, known: ok}
		if op.Kind == fs.Rename {
			one.to, _ = op.ToPath()
		}
		mu.Lock()
		defer mu.Unlock()
		ops = append(ops, one)
	})
	return func() []told {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(ops)
	}, stop
}

func TestRequestsAreToldOf(t *testing.T) {
	r := newRig(t, "v4")
	film := bytes.Repeat([]byte("frame"), 100_000)
	there := r.mount(mountWith{})
	check(t, "write", os.WriteFile(filepath.Join(there.project, "film.bin"), film, 0o644))
	there.settle()

	m := r.mount(mountWith{})
	if _, err := os.ReadDir(m.project); err != nil { // from here on the kernel knows names that no watcher has seen
		t.Fatal(err)
	}
	project, err := filepath.Rel(m.dir, m.project)
	check(t, "project", err)
	all, stop := watch(m.fs)
	if got, err := os.ReadFile(filepath.Join(m.project, "film.bin")); err != nil || !bytes.Equal(got, film) {
		t.Fatalf("read: %d bytes, %v", len(got), err)
	}
	check(t, "mkdir", os.Mkdir(filepath.Join(m.project, "new"), 0o755))
	check(t, "write", os.WriteFile(filepath.Join(m.project, "new/a.txt"), []byte("text"), 0o644))
	check(t, "rename", os.Rename(filepath.Join(m.project, "new/a.txt"), filepath.Join(m.project, "b.txt")))
	if err := os.Remove(filepath.Join(m.project, "none")); err == nil {
		t.Fatal("removed what is not there")
	}
	if err := os.Remove(filepath.Join(m.project, "film.bin/x")); err == nil {
		t.Fatal("removed what cannot be there")
	}
	stop()
	ops := all()
	find := func(kind fs.Kind, path string) told {
		t.Helper()
		i := slices.IndexFunc(ops, func(o told) bool { return o.Kind == kind && o.path == path && o.known })
		if i < 0 {
			t.Errorf("%s of %s was not told", kind, path)
			return told{}
		}
		return ops[i]
	}
	var bytesRead, missing int64
	for _, o := range ops {
		if o.Kind == fs.Read && o.path == project+"/film.bin" {
			bytesRead, missing = bytesRead+o.Bytes, missing+o.Missing
		}
	}
	// The film's head and end may have come before they were asked for.
	if bytesRead < int64(len(film)) || missing == 0 || missing > bytesRead {
		t.Errorf("read %d bytes, %d from Frame.io, of %d", bytesRead, missing, len(film))
	}
	open := find(fs.Open, project+"/film.bin")
	if open.PID == 0 || open.Took <= 0 || open.Begun.IsZero() || open.Errno != 0 {
		t.Errorf("open: %+v", open.Op)
	}
	find(fs.Mkdir, project+"/new")
	find(fs.Create, project+"/new/a.txt")
	if o := find(fs.Rename, project+"/new/a.txt"); o.to != project+"/b.txt" {
		t.Errorf("renamed to %q", o.to)
	}
	if o := find(fs.Lookup, project+"/none"); o.Errno != syscall.ENOENT {
		t.Errorf("look-up of what is not there: %v", o.Errno)
	}
	n := len(all())
	if _, err := os.Stat(filepath.Join(m.project, "other")); err == nil {
		t.Fatal("there is another")
	}
	if len(all()) != n {
		t.Error("it is told of after it was stopped")
	}
	for k := range fs.Kinds {
		if name := fs.Kind(k).String(); name == "other" || name == "" {
			t.Errorf("kind %d has no name", k)
		}
	}
}
