package fs_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/sim/world"
)

// Finder at work, call by call in the order in which macOS makes them (spec: fuse.md §2.2, §6). Linux has its attributes under names
// that begin with "user.".
const (
	finderInfo = "user.com.apple.FinderInfo"
	quarantine = "user.com.apple.quarantine"
	provenance = "user.com.apple.provenance"
)

// nothingAt looks for what should not be there, as Finder does all the time.
func (d *desk) nothingAt(names ...string) {
	d.t.Helper()
	for _, name := range names {
		if _, err := os.Lstat(d.at(name)); !errors.Is(err, syscall.ENOENT) {
			d.t.Errorf("%s: %v", name, err)
		}
	}
}

func (d *desk) attribute(f *os.File, name, value string) {
	d.t.Helper()
	if _, err := unix.Fgetxattr(int(f.Fd()), name, nil); !errors.Is(err, syscall.ENODATA) {
		d.t.Errorf("%s of a new file: %v", name, err)
	}
	check(d.t, "set "+name, unix.Fsetxattr(int(f.Fd()), name, []byte(value), 0))
}

// taken is when the cards were written.
var taken = time.Date(2026, 5, 4, 3, 2, 1, 123456789, time.UTC)

// drop is what a file dragged into a window goes through.
func (d *desk) drop(name string, content []byte) {
	d.t.Helper()
	d.nothingAt(name)
	check(d.t, "access", unix.Access(d.dir, unix.W_OK))
	f := d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	d.nothingAt(filepath.Join(filepath.Dir(name), "._"+filepath.Base(name)))
	_, err := f.Stat()
	check(d.t, "stat", err)
	d.attribute(f, finderInfo, "brokMACS\x00\x10")
	check(d.t, "truncate", f.Truncate(0))
	for off := 0; off < len(content); off += 1 << 20 {
		d.put(f, int64(off), content[off:min(off+1<<20, len(content))])
	}
	d.attribute(f, quarantine, "0082;5f;Finder;")
	times := []unix.Timeval{unix.NsecToTimeval(taken.UnixNano()), unix.NsecToTimeval(taken.UnixNano())}
	check(d.t, "times", unix.Futimes(int(f.Fd()), times))
	check(d.t, "mode", f.Chmod(0o644))
	check(d.t, "owner", f.Chown(os.Getuid(), os.Getgid()))
	check(d.t, "close", f.Close())
	check(d.t, "times", os.Chtimes(d.at(name), taken, taken)) // again, behind the close
	check(d.t, "set "+provenance, unix.Setxattr(d.at(name), provenance, []byte("\x01\x02"), 0))
}

// dropFolder is a folder dragged into a window: its own attributes and times come last.
func (d *desk) dropFolder(name string, files map[string][]byte) {
	d.t.Helper()
	d.nothingAt(name)
	check(d.t, "mkdir", os.Mkdir(d.at(name), 0o700))
	d.nothingAt("._" + name)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		d.drop(filepath.Join(name, file), files[file])
	}
	d.write(filepath.Join(name, ".DS_Store"), os.O_EXCL, noise(1, 6148), false)
	// As it comes from a disk that has no attributes.
	for file := range files {
		d.write(filepath.Join(name, "._"+file), os.O_EXCL, noise(2, 4096), false)
	}
	check(d.t, "set", unix.Setxattr(d.at(name), finderInfo, []byte("folder"), 0))
	check(d.t, "mode", os.Chmod(d.at(name), 0o755))
	check(d.t, "times", os.Chtimes(d.at(name), taken, taken))
}

// saveDocument is NSDocument's: into a folder beside it, with the old attributes, and renamed over.
func (d *desk) saveDocument(name string, content []byte) {
	d.t.Helper()
	dir := name + ".sb-1a2b3c4d-AbCdEf"
	had := xattrs(d.t, d.at(name))
	d.mkdir(dir)
	d.write(filepath.Join(dir, name), os.O_EXCL, content, true)
	for attribute, value := range had {
		check(d.t, "set", unix.Setxattr(d.at(filepath.Join(dir, name)), attribute, []byte(value), 0))
	}
	check(d.t, "mode", os.Chmod(d.at(filepath.Join(dir, name)), 0o644))
	d.rename(filepath.Join(dir, name), name)
	check(d.t, "rmdir", os.Remove(d.at(dir)))
	check(d.t, "set", unix.Setxattr(d.at(name), "user.com.apple.lastuseddate#PS", []byte("now"), 0))
}

func TestFinder(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{fs: withXAttr, settle: 500 * time.Millisecond})
		d := &desk{t, m.project}
		clip, sound := noise(1, 3<<20+5), noise(2, 70_000)
		d.drop("A001.mov", clip)
		d.dropFolder("Day 1", map[string][]byte{"A002.mov": clip, "T002.wav": sound})
		d.drop("notes.rtf", []byte("first"))
		m.settle()
		if got := modTime(stat(t, d.at("Day 1"))); !got.Equal(taken) {
			t.Errorf("the folder is of %v", got)
		}
		d.saveDocument("notes.rtf", []byte("second one"))
		d.rename("A001.mov", "A001 best.mov") // renamed, and moved
		d.rename("A001 best.mov", "Day 1/A001 best.mov")
		m.settle()

		want := map[string][]byte{"Day 1": nil, "Day 1/A002.mov": clip, "Day 1/T002.wav": sound, "Day 1/A001 best.mov": clip, "notes.rtf": []byte("second one")}
		there := r.there()
		for path, content := range want {
			it, ok := there[path]
			if !ok || it.Type != world.Folder && string(r.body(head(it))) != string(content) {
				t.Errorf("%s on Frame.io: %+v", path, it)
			}
		}
		if len(there) != len(want) || len(there["notes.rtf"].Versions) != 2 {
			t.Errorf("on Frame.io: %v, notes of %d versions", slices.Sorted(maps.Keys(there)), len(there["notes.rtf"].Versions))
		}
		made := 0
		for _, e := range r.sim.Log().Entries(0) {
			if kindOf(e.Host, e.Method, e.Path) == "create" {
				made++
			}
		}
		if made > 7 { // five files, the folder, and NSDocument's, for a moment
			t.Errorf("%d things were made on Frame.io for 5 files and a folder", made)
		}

		m.stop()
		m = r.mount(mountWith{fs: withXAttr, state: m.state})
		for _, c := range []struct {
			path, attribute, value string
		}{
			{"Day 1/A001 best.mov", finderInfo, "brokMACS\x00\x10"}, {"Day 1/A001 best.mov", quarantine, "0082;5f;Finder;"},
			{"Day 1/A002.mov", provenance, "\x01\x02"}, {"notes.rtf", finderInfo, "brokMACS\x00\x10"},
			{"notes.rtf", "user.com.apple.lastuseddate#PS", "now"}, {"Day 1", finderInfo, "folder"},
		} {
			if got := xattrs(t, filepath.Join(m.project, c.path))[c.attribute]; got != c.value {
				t.Errorf("%s: %s is %q", c.path, c.attribute, got)
			}
		}
		for _, path := range []string{"Day 1/A002.mov", "Day 1/T002.wav"} {
			if got := modTime(stat(t, filepath.Join(m.project, path))); !got.Equal(taken) {
				t.Errorf("%s is of %v", path, got)
			}
		}
		for _, path := range []string{"Day 1/.DS_Store", "Day 1/._A002.mov", "Day 1/._T002.wav"} {
			if _, err := os.Stat(filepath.Join(m.project, path)); err != nil {
				t.Errorf("what stays here: %v", err)
			}
		}
	})
}
