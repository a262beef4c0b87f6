package fs_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What cannot run here does what it is known to do: spec: fuse.md §2.2, and study/mounts.md for the editing programs.

// steps is a program made of single operations; paths are below dir.
type steps func(d *desk)

func (s steps) run(t *testing.T, dir string) { s(&desk{t, dir}) }

// desk does single operations, each of which must work.
type desk struct {
	t   *testing.T
	dir string
}

func (d *desk) at(name string) string { return filepath.Join(d.dir, name) }

// write is open, write in two pieces, perhaps fsync, close.
func (d *desk) write(name string, flags int, content []byte, sync bool) {
	d.t.Helper()
	f, err := os.OpenFile(d.at(name), os.O_WRONLY|os.O_CREATE|flags, 0o644)
	check(d.t, "open", err)
	for _, piece := range [][]byte{content[:len(content)/2], content[len(content)/2:]} {
		_, err = f.Write(piece)
		check(d.t, "write", err)
	}
	if sync {
		check(d.t, "fsync", f.Sync())
	}
	check(d.t, "close", f.Close())
}

func (d *desk) rename(from, to string) {
	d.t.Helper()
	check(d.t, "rename", os.Rename(d.at(from), d.at(to)))
}

func (d *desk) remove(name string) {
	d.t.Helper()
	check(d.t, "remove", os.Remove(d.at(name)))
}

func (d *desk) mkdir(name string) {
	d.t.Helper()
	check(d.t, "mkdir", os.MkdirAll(d.at(name), 0o755))
}

func (d *desk) open(name string, flags int) *os.File {
	d.t.Helper()
	f, err := os.OpenFile(d.at(name), flags, 0o644)
	check(d.t, "open", err)
	return f
}

func (d *desk) put(f *os.File, off int64, content []byte) {
	d.t.Helper()
	_, err := f.WriteAt(content, off)
	check(d.t, "write", err)
}

// film is what an export writes: a body, and its head last.
func (d *desk) film(f *os.File) {
	d.t.Helper()
	for i := range 8 {
		d.put(f, int64(4096+i*100_000), noise(uint64(i), 100_000))
	}
	d.put(f, 0, noise(99, 4096))
	check(d.t, "close", f.Close())
}

// saves are the ways in which documents and exports are written.
func saves() []program {
	doc := write("doc.docx", noise(1, 30_000))
	next := noise(2, 31_000)
	saved := []string{"doc.docx"}
	return []program{
		{name: "nano-like: over in place", core: true, prepare: doc, saved: saved, run: steps(func(d *desk) {
			d.write(".doc.docx.swp", os.O_EXCL, []byte("nano"), false)
			d.write("doc.docx", os.O_TRUNC, next, true)
			d.remove(".doc.docx.swp")
		}).run},
		{name: "emacs: backup by copying", prepare: doc, saved: saved, run: steps(func(d *desk) {
			d.write("#doc.docx#", os.O_TRUNC, next, false) // its own copy in between
			d.write("doc.docx~", os.O_TRUNC, noise(1, 30_000), true)
			d.write("doc.docx", os.O_TRUNC, next, true)
			d.remove("#doc.docx#")
		}).run},
		{name: "emacs: backup by renaming", core: true, prepare: doc, saved: saved, most: calls{"rename": 2}, run: steps(func(d *desk) {
			d.rename("doc.docx", "doc.docx~")
			d.write("doc.docx", os.O_EXCL, next, true)
		}).run},
		{name: "backup by renaming to an ordinary name", prepare: doc, saved: saved, calls: calls{"copy": 1, "rename": 3}, came: []string{"doc.bak.docx"},
			run: steps(func(d *desk) {
				d.rename("doc.docx", "doc.bak.docx")
				d.write("doc.docx", os.O_EXCL, next, true)
			}).run},
		{name: "LibreOffice", core: true, prepare: doc, saved: saved, run: steps(func(d *desk) {
			d.write(".~lock.doc.docx#", os.O_EXCL, []byte(",maya,desk;"), false)
			d.write("lu12345abcde.tmp", os.O_EXCL, next, true)
			d.rename("lu12345abcde.tmp", "doc.docx")
			d.remove(".~lock.doc.docx#")
		}).run},
		{name: "Word: two temporaries", core: true, prepare: doc, saved: saved, most: calls{"rename": 2}, run: steps(func(d *desk) {
			d.write("~$doc.docx", os.O_EXCL, []byte("Maya"), false)
			d.write("~WRD0001.tmp", os.O_EXCL, next, true)
			d.rename("doc.docx", "~WRL0002.tmp")
			d.rename("~WRD0001.tmp", "doc.docx")
			d.remove("~WRL0002.tmp")
			d.remove("~$doc.docx")
		}).run},
		{name: "Excel: a name without an ending", prepare: doc, saved: saved, most: calls{"rename": 2}, run: steps(func(d *desk) {
			d.write("7A3B9F00", os.O_EXCL, next, true)
			d.rename("doc.docx", "1C2D3E4F.tmp")
			d.rename("7A3B9F00", "doc.docx")
			d.remove("1C2D3E4F.tmp")
		}).run},
		{name: "Photoshop: old one deleted", core: true, prepare: doc, saved: saved, run: steps(func(d *desk) {
			d.write("psA1B2.tmp", os.O_EXCL, next, true)
			d.remove("doc.docx")
			d.rename("psA1B2.tmp", "doc.docx")
		}).run},
		{name: "NSDocument: folder beside it", prepare: doc, core: true, saved: saved, run: steps(func(d *desk) {
			d.mkdir("doc.docx.sb-1a2b3c4d-AbCdEf")
			d.write("doc.docx.sb-1a2b3c4d-AbCdEf/doc.docx", os.O_EXCL, next, true)
			d.rename("doc.docx.sb-1a2b3c4d-AbCdEf/doc.docx", "doc.docx")
			check(d.t, "rmdir", os.Remove(d.at("doc.docx.sb-1a2b3c4d-AbCdEf")))
		}).run},
		{name: "Premiere, Media Encoder: placeholder", core: true, run: steps(func(d *desk) {
			d.write("cut.mp4", os.O_EXCL, nil, false)
			d.remove("cut.mp4")
			d.film(d.open("cut.mp4", os.O_RDWR|os.O_CREATE|os.O_EXCL))
		}).run},
		{name: "Premiere: project and its lock", prepare: write("film.prproj", noise(3, 9000)), saved: []string{"film.prproj"}, run: steps(func(d *desk) {
			d.write("film.prlock", os.O_EXCL, []byte("maya"), false)
			d.write("film.prproj.tmp", os.O_TRUNC, noise(4, 9500), true)
			d.rename("film.prproj.tmp", "film.prproj")
			d.remove("film.prlock")
		}).run},
		{name: "Resolve: temporary and rename", run: steps(func(d *desk) {
			d.film(d.open("Timeline 1.mov.tmp", os.O_RDWR|os.O_CREATE))
			d.rename("Timeline 1.mov.tmp", "Timeline 1.mov")
		}).run},
		{name: "Avid: OP-Atom and its database", run: steps(func(d *desk) {
			d.mkdir("Avid MediaFiles/MXF/1")
			for _, name := range []string{"V01.A1.mxf", "A01.A1.mxf", "A02.A1.mxf"} {
				f := d.open("Avid MediaFiles/MXF/1/"+name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
				d.put(f, 0, noise(7, 512)) // a header that is not final
				d.film(f)
			}
			d.write("Avid MediaFiles/MXF/1/msmMMOB.mdb", os.O_TRUNC, noise(8, 3000), false)
			d.write("Avid MediaFiles/MXF/1/msmFMID.pmr", os.O_TRUNC, noise(9, 3000), false)
			d.write("Avid MediaFiles/MXF/1/msmMMOB.mdb", os.O_TRUNC, noise(10, 3100), false)
		}).run},
		{name: "ten saves", prepare: doc, saved: saved, run: steps(func(d *desk) {
			for i := range 10 {
				d.write(".doc.tmp", os.O_TRUNC, noise(uint64(10+i), 30_000), true)
				d.rename(".doc.tmp", "doc.docx")
				time.Sleep(10 * time.Millisecond) // less than the rest after which a file leaves
			}
		}).run},
	}
}

// handles are programs that hold files in unusual ways.
func handles() []program {
	return []program{
		{name: "dup and fork", core: true, run: shell("{ echo one; (echo two); echo three | cat; } > log.txt 3>&1")},
		{name: "append in a loop", core: true, run: shell("for i in 1 2 3 4 5; do echo $i >> log.txt; done")},
		{name: "two writers", core: true, run: steps(func(d *desk) {
			a, b := d.open("a.bin", os.O_RDWR|os.O_CREATE), d.open("a.bin", os.O_RDWR)
			d.put(a, 0, noise(1, 5000))
			check(d.t, "close", a.Close())
			time.Sleep(150 * time.Millisecond) // longer than the rest
			d.put(b, 5000, noise(2, 5000))
			check(d.t, "close", b.Close())
		}).run},
		{name: "mmap", core: true, run: func(t *testing.T, dir string) {
			check(t, "map", writeMapped(filepath.Join(dir, "a.bin"), noise(4, 70_000)))
		}},
		{name: "touch", core: true, run: shell("touch a.txt; touch b.txt; touch b.txt")},
		{name: "truncate", core: true, run: shell("truncate -s 5000 a.bin; truncate -s 7000 a.bin")},
		{name: "fallocate", run: shell("fallocate -l 100000 a.bin; printf written | dd of=a.bin bs=1 seek=50000 conv=notrunc status=none")},
		{name: "unlink while open", core: true, run: steps(func(d *desk) {
			f := d.open("a.bin", os.O_RDWR|os.O_CREATE)
			d.put(f, 0, noise(1, 5000))
			d.remove("a.bin")
			d.put(f, 5000, noise(2, 5000))
			check(d.t, "close", f.Close())
		}).run},
		{name: "rename while open", core: true, run: steps(func(d *desk) {
			f := d.open("a.bin", os.O_RDWR|os.O_CREATE)
			d.put(f, 0, noise(1, 5000))
			d.rename("a.bin", "b.bin")
			d.put(f, 5000, noise(2, 5000))
			check(d.t, "close", f.Close())
		}).run},
		{name: "grows for long", core: true, run: steps(func(d *desk) {
			f := d.open("a.bin", os.O_WRONLY|os.O_CREATE|os.O_APPEND)
			for i := range 8 {
				_, err := f.Write(noise(uint64(i), 3000))
				check(d.t, "write", err)
				time.Sleep(50 * time.Millisecond)
			}
			check(d.t, "close", f.Close())
		}).run},
		{name: "sparse", run: steps(func(d *desk) {
			f := d.open("a.bin", os.O_RDWR|os.O_CREATE)
			d.put(f, 1<<20, []byte("far"))
			check(d.t, "close", f.Close())
		}).run},
	}
}
