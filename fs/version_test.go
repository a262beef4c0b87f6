package fs_test

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Who has a file open keeps the version he opened; who writes is never refused because somebody reads.

// leave writes a file through m and waits until it has settled, so that all its bytes are in the cache.
func (m *mounted) leave(name string, content []byte) string {
	m.t.Helper()
	path := filepath.Join(m.project, name)
	check(m.t, "write", os.WriteFile(path, content, 0o644))
	m.settle()
	return path
}

// readFrom reads an open file from its beginning.
func readFrom(t *testing.T, f *os.File) []byte {
	t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
	check(t, "read", err)
	return b
}

// inCache is the file in which the cache of m has the bytes of size.
func (m *mounted) inCache(size int) string {
	m.t.Helper()
	found := ""
	check(m.t, "look into the cache", filepath.WalkDir(m.state, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".data") {
			return err
		}
		if fi, err := d.Info(); err == nil && fi.Size() == int64(size) {
			found = path
		}
		return nil
	}))
	if found == "" {
		m.t.Fatalf("the cache has no file of %d bytes", size)
	}
	return found
}

func TestTheKernelReadsPastUsWhatIsAllHere(t *testing.T) {
	root := os.Geteuid() == 0 // the kernel lets nobody else; then it reads through the mount
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		content := noise(1, 300_000)
		path := m.leave("film.mov", content)
		f, err := os.Open(path)
		check(t, "open", err)
		defer f.Close()
		if !bytes.Equal(readFrom(t, f), content) {
			t.Fatal("reads other bytes than were written")
		}
		// Its pages are the kernel's now. Were they those of the mount, a change of the cache's file would not show.
		data, err := os.OpenFile(m.inCache(len(content)), os.O_WRONLY, 0)
		check(t, "open the cache's file", err)
		_, err = data.WriteAt([]byte{^content[1000]}, 1000)
		check(t, "write", err)
		check(t, "close", data.Close())
		if past := readFrom(t, f)[1000] != content[1000]; past != root {
			t.Errorf("the kernel reads past the mount: %v, as root: %v", past, root)
		}
	})
}

func TestAWriterIsNotRefusedForAReaderAndTheReaderKeepsItsVersion(t *testing.T) {
	ways := map[string]func(path string, content []byte) error{
		"cp over": func(path string, content []byte) error { return os.WriteFile(path, content, 0o644) },
		"truncate, then append": func(path string, content []byte) error {
			if err := os.Truncate(path, 0); err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.Write(content)
			return firstOf(err, f.Close())
		},
		"write through a mapping": writeMapped,
	}
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		for way, write := range ways {
			t.Run(way, func(t *testing.T) {
				old, next := noise(1, 300_000), noise(2, 250_000)
				path := m.leave(strings.ReplaceAll(way, " ", "-")+".mov", old)
				number := stat(t, path).Ino
				before, err := os.Open(path)
				check(t, "open", err)
				defer before.Close()
				pages := mapped(t, path)
				if !pages(old) {
					t.Fatal("what is mapped is not what was written")
				}
				passes := os.Geteuid() == 0 // only then does the kernel read past us
				check(t, way, write(path, next))

				again := func(moment string) {
					t.Helper()
					got, err := os.ReadFile(path)
					check(t, "read", err)
					if !bytes.Equal(got, next) || stat(t, path).Size != int64(len(next)) {
						t.Errorf("%s the next open reads something else than was written", moment)
					}
					if passes && (!bytes.Equal(readFrom(t, before), old) || !pages(old)) {
						t.Errorf("%s the reader does not see its version any more", moment)
					}
				}
				again("before the upload")
				m.settle()
				again("after the upload")
				if now := stat(t, path).Ino; now != number {
					t.Errorf("the inode number was %d and is %d", number, now)
				}
				if it := m.there()[filepath.Base(path)]; !bytes.Equal(m.body(head(it)), next) || len(it.Versions) != 2 {
					t.Errorf("Frame.io has %d versions", len(it.Versions))
				}
			})
		}
	})
}

func TestReadersOfAllKindsAtOnce(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		writer, m := r.mount(mountWith{}), r.mount(mountWith{})
		content := noise(3, 3<<20)
		writer.leave("film.mov", content)
		path := filepath.Join(m.project, "film.mov")
		until(t, "it is there", func() bool { _, err := os.Stat(path); return err == nil })
		var open []*os.File
		defer func() {
			for _, f := range open {
				f.Close()
			}
		}()
		// The first reads through the mount, because nothing is here yet; when all is here it stays so as long as that one is open.
		for i := range 4 {
			f, err := os.Open(path)
			check(t, "open", err)
			open = append(open, f)
			if !bytes.Equal(readFrom(t, f), content) || !mapped(t, path)(content) {
				t.Fatalf("reader %d reads other bytes", i)
			}
		}
		for _, f := range open {
			check(t, "close", f.Close())
		}
		open = nil
		for range 2 {
			f, err := os.Open(path)
			check(t, "open again", err)
			open = append(open, f)
			if !bytes.Equal(readFrom(t, f), content) {
				t.Fatal("reads other bytes when all is here")
			}
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		check(t, "open for writing beside them", err)
		_, err = f.WriteAt([]byte("changed"), 5)
		check(t, "write", err)
		check(t, "close", f.Close())
		m.settle()
		copy(content[5:], "changed")
		got, err := os.ReadFile(path)
		check(t, "read", err)
		if !bytes.Equal(got, content) {
			t.Error("the change is not there")
		}
	})
}

func TestUnlinkingWhatIsReadPastUs(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		content := noise(4, 200_000)
		path := m.leave("film.mov", content)
		f, err := os.Open(path)
		check(t, "open", err)
		defer f.Close()
		check(t, "unlink", os.Remove(path))
		if !bytes.Equal(readFrom(t, f), content) {
			t.Error("an open file loses its bytes with its name")
		}
		check(t, "make another of that name", os.WriteFile(path, []byte("another"), 0o644))
		got, err := os.ReadFile(path)
		check(t, "read", err)
		if string(got) != "another" || !bytes.Equal(readFrom(t, f), content) {
			t.Errorf("reads %.20q by name", got)
		}
		m.settle()
		_, err = os.Stat(path)
		check(t, "stat", err)
		if !bytes.Equal(readFrom(t, f), content) {
			t.Error("an open file changes with another of its name")
		}
	})
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// until waits for something that comes by itself.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within 15 s", what)
}

func TestAnOpenFileKeepsTheVersionItWasOpenedOn(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		elsewhere, m := r.mount(mountWith{}), r.mount(mountWith{})
		versions := [][]byte{noise(5, 2<<20), noise(6, 1<<20), noise(7, 3<<20)}
		path := filepath.Join(m.project, "cut.mov")
		var open []*os.File
		for i, content := range versions {
			elsewhere.leave("cut.mov", content)
			until(t, "the new version is there", func() bool {
				fi, err := os.Stat(path)
				return err == nil && fi.Size() == int64(len(content))
			})
			f, err := os.Open(path)
			check(t, "open", err)
			defer f.Close()
			open = append(open, f)
			if i == 0 { // only a piece of it is here when the next comes
				_, err := f.ReadAt(make([]byte, 100), 1<<20)
				check(t, "read", err)
			}
		}
		for i, f := range open {
			fi, err := f.Stat()
			check(t, "stat", err)
			if fi.Size() != int64(len(versions[i])) || !bytes.Equal(readFrom(t, f), versions[i]) {
				t.Errorf("the file opened on version %d has %d bytes, and others than then", i+1, fi.Size())
			}
		}
	})
}

// What others do in a folder that was looked at shows without anybody asking the kernel to forget what it knows.
func TestWhatOthersChangeShows(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		elsewhere, m := r.mount(mountWith{}), r.mount(mountWith{})
		there := func(name string) string { return filepath.Join(elsewhere.project, name) }
		here := func(name string) string { return filepath.Join(m.project, name) }
		elsewhere.leave("stays.txt", []byte("stays"))
		elsewhere.leave("goes.txt", []byte("goes"))
		elsewhere.leave("moves.txt", []byte("moves"))
		check(t, "mkdir", os.Mkdir(there("folder"), 0o755))
		names := func() string {
			list, err := os.ReadDir(m.project)
			check(t, "list", err)
			var all []string
			for _, e := range list {
				all = append(all, e.Name())
			}
			return strings.Join(all, " ")
		}
		until(t, "all is there", func() bool { return names() == "folder goes.txt moves.txt stays.txt" })
		for _, name := range []string{"new.txt", "moved.txt"} { // the kernel knows now that they are not there
			if _, err := os.Stat(here(name)); !os.IsNotExist(err) {
				t.Fatalf("%s: %v", name, err)
			}
		}
		check(t, "remove", os.Remove(there("goes.txt")))
		check(t, "rename", os.Rename(there("moves.txt"), there("moved.txt")))
		check(t, "rmdir", os.Remove(there("folder")))
		elsewhere.leave("new.txt", []byte("new"))
		for _, gone := range []string{"goes.txt", "moves.txt", "folder"} {
			until(t, gone+" goes", func() bool { _, err := os.Stat(here(gone)); return os.IsNotExist(err) })
		}
		for _, come := range []string{"new.txt", "moved.txt"} {
			until(t, come+" comes", func() bool { _, err := os.Stat(here(come)); return err == nil })
		}
		until(t, "the folder lists them", func() bool { return names() == "moved.txt new.txt stays.txt" })
	})
}

// A name that somebody else has taken meanwhile is not made a second time: what is saved becomes a version.
func TestASaveFindsWhatSomebodyElseHasJustMade(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		elsewhere, m := r.mount(mountWith{}), r.mount(mountWith{age: time.Hour})
		path := filepath.Join(m.project, "cut.txt")
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Fatalf("stat: %v", err)
		}
		elsewhere.leave("cut.txt", []byte("theirs"))
		check(t, "make folder", os.Mkdir(filepath.Join(elsewhere.project, "folder"), 0o755))
		time.Sleep(m.fresh)
		check(t, "write", os.WriteFile(path, []byte("mine"), 0o644))
		if err := os.Mkdir(filepath.Join(m.project, "folder"), 0o755); !os.IsExist(err) {
			t.Errorf("mkdir of what is there: %v", err)
		}
		m.settle()
		it := m.there()["cut.txt"] // complains if there are two
		if len(it.Versions) != 2 || string(m.body(head(it))) != "mine" {
			t.Errorf("Frame.io has %d versions", len(it.Versions))
		}
	})
}
