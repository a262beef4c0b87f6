package fs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/spool"
)

// block is the unit in which a changed asset is fetched.
const block = 128 << 10

// partial is a program that changes a part of a file.
type partial struct {
	name   string
	run    func(t *testing.T, path string)
	blocks int64 // that it needs, because it reads them
	same   bool  // what it writes is what was there
}

var partials = []partial{
	{name: "dd conv=notrunc", run: func(t *testing.T, path string) {
		run(t, ".", "dd", "if=/dev/zero", "of="+path, "bs=1000", "seek=1234", "count=300", "conv=notrunc", "status=none")
	}},
	{name: "append", run: func(t *testing.T, path string) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		check(t, "open", err)
		_, err = f.WriteString("one line more\n")
		check(t, "append", err)
		check(t, "close", f.Close())
	}},
	{name: "truncate to less", run: func(t *testing.T, path string) { run(t, ".", "truncate", "-s", "-2097152", path) }},
	{name: "truncate to more", run: func(t *testing.T, path string) { run(t, ".", "truncate", "-s", "+100000", path) }},
	{name: "fallocate -p", run: func(t *testing.T, path string) { run(t, ".", "fallocate", "-p", "-o", "200000", "-l", "1000000", path) }},
	{name: "tags at both ends", blocks: 2, run: func(t *testing.T, path string) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		check(t, "open", err)
		fi, err := f.Stat()
		check(t, "stat", err)
		tag := make([]byte, 128)
		for _, off := range []int64{0, fi.Size() - 128} {
			_, err = f.ReadAt(tag, off)
			check(t, "read", err)
			copy(tag, "TAG")
			_, err = f.WriteAt(tag, off)
			check(t, "write", err)
		}
		check(t, "close", f.Close())
	}},
	{name: "rsync --inplace", run: func(t *testing.T, path string) {
		src := source(t, path, func(b []byte) []byte { b[1_000_000]++; return b })
		run(t, ".", "rsync", "--inplace", "--ignore-times", "--whole-file", src, path)
	}},
	{name: "rsync --append", run: func(t *testing.T, path string) {
		src := source(t, path, func(b []byte) []byte { return append(b, noise(77, 300_000)...) })
		run(t, ".", "rsync", "--append", src, path)
	}},
	{name: "the same again", same: true, run: func(t *testing.T, path string) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		check(t, "open", err)
		_, err = f.WriteAt(source1(t, path)[70_000:70_100], 70_000)
		check(t, "write", err)
		check(t, "close", f.Close())
	}},
	{name: "rsync of the same", same: true, run: func(t *testing.T, path string) {
		src := source(t, path, func(b []byte) []byte { return b })
		run(t, ".", "rsync", "--ignore-times", "--whole-file", src, path)
	}},
	{name: "cp of the same", same: true, run: func(t *testing.T, path string) {
		src := source(t, path, func(b []byte) []byte { return b })
		run(t, ".", "cp", src, path)
	}},
}

// source1 is what the file of a partial has on Frame.io.
func source1(t *testing.T, path string) []byte {
	return noise(uint64(len(filepath.Base(path))), 3<<20+4321)
}

// source is a file on this disk with a changed copy of it.
func source(t *testing.T, path string, change func(b []byte) []byte) string {
	src := filepath.Join(t.TempDir(), filepath.Base(path))
	check(t, "write", os.WriteFile(src, change(source1(t, path)), 0o644))
	return src
}

// TestPartialChange changes parts of what another machine has brought to Frame.io: no more is fetched than the program needs, the
// rest once when it settles, and what becomes of it is one version with the bytes that a plain disk would have.
func TestPartialChange(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		other := r.mount(mountWith{})
		for _, p := range partials {
			check(t, "write", os.WriteFile(filepath.Join(other.project, p.name), source1(t, p.name), 0o644))
		}
		other.settle()
		other.stop()
		m := r.mount(mountWith{settle: time.Hour})
		for _, p := range partials {
			t.Run(p.name, func(t *testing.T) {
				here, local := filepath.Join(m.project, p.name), filepath.Join(t.TempDir(), p.name)
				old := source1(t, p.name)
				check(t, "write", os.WriteFile(local, old, 0o644))
				p.run(t, local)
				want, err := os.ReadFile(local)
				check(t, "read", err)

				before := r.fetched()
				p.run(t, here)
				if got := r.fetched() - before; got > p.blocks*block {
					t.Errorf("%d bytes were fetched for it, more than %d blocks", got, p.blocks)
				}
				m.hurry()
				if got := r.fetched() - before; got > int64(len(old))+block {
					t.Errorf("%d bytes were fetched in all, of %d", got, len(old))
				}
				it := r.there()[p.name]
				versions := max(1, len(it.Versions))
				if p.same && versions != 1 || !p.same && versions != 2 {
					t.Errorf("it has %d versions", versions)
				}
				if !bytes.Equal(r.body(head(it)), want) {
					t.Error("Frame.io has other bytes than a plain disk")
				}
				before = r.fetched()
				got, err := os.ReadFile(here)
				check(t, "read back", err)
				if !bytes.Equal(got, want) {
					t.Error("reads back differently")
				}
				if again := r.fetched() - before; again > 0 {
					t.Errorf("%d bytes are fetched again", again)
				}
			})
		}
		orderly(t, r)
	})
}

// fetched is how many bytes of files Frame.io has given out.
func (r *rig) fetched() int64 {
	r.t.Helper()
	if !r.sim.Log().Quiet(5 * time.Second) {
		r.t.Error("Frame.io is still answering")
	}
	return r.sim.Log().Stats()["media"].Out
}

// hurry is settle without the quiet time.
func (m *mounted) hurry() {
	m.t.Helper()
	for i := 0; i < 200 && m.writing(); i++ {
		time.Sleep(10 * time.Millisecond)
	}
	m.spool.Hurry()
	m.settle()
}

// What is deleted on Frame.io before its rest was fetched is held; a time that is set on what is written as it was stays.
func TestPartialChangeOfWhatGoesAway(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		other := r.mount(mountWith{})
		content := noise(5, 4<<20)
		for _, name := range []string{"a.bin", "b.bin", "c.bin", "d.bin"} {
			check(t, "write", os.WriteFile(filepath.Join(other.project, name), content, 0o644))
		}
		other.settle()
		m := r.mount(mountWith{settle: time.Hour})
		at := func(name string) string { return filepath.Join(m.project, name) }
		patch := func(name string, off int64, b []byte) {
			t.Helper()
			f, err := os.OpenFile(at(name), os.O_RDWR, 0)
			check(t, "open", err)
			_, err = f.WriteAt(b, off)
			check(t, "write", err)
			check(t, "close", f.Close())
		}
		patch("a.bin", 0, noise(6, block))
		check(t, "delete elsewhere", os.Remove(filepath.Join(other.project, "a.bin")))
		check(t, "end the links that are out", r.sim.Faults().AddText("expired@media"))
		m.hurry()
		all := m.spool.All()
		if len(all) != 1 || all[0].Stage != spool.Held || all[0].Quiet || all[0].Missing != 4<<20-block {
			t.Errorf("in the spool: %+v", all)
		}
		b := make([]byte, block)
		f, err := os.Open(at("a.bin"))
		check(t, "open", err)
		if _, err := f.ReadAt(b, 0); err != nil || !bytes.Equal(b, noise(6, block)) {
			t.Errorf("what was written: %v", err)
		}
		if _, err := f.ReadAt(b, 2<<20); err == nil {
			t.Error("what is not there reads as something")
		}
		check(t, "close", f.Close())
		r.sim.Faults().Clear(0)

		// Moved over another it takes its own with it, though that goes from Frame.io at once.
		patch("b.bin", 100, []byte("new"))
		check(t, "rename over", os.Rename(at("b.bin"), at("c.bin")))
		m.hurry()
		want := bytes.Clone(content)
		copy(want[100:], "new")
		if it := r.there()["c.bin"]; len(it.Versions) != 2 || !bytes.Equal(r.body(head(it)), want) {
			t.Errorf("on Frame.io: %+v", it)
		}

		when := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
		patch("d.bin", 100, content[100:200])
		check(t, "set times", os.Chtimes(at("d.bin"), when, when))
		m.hurry()
		fi, err := os.Stat(at("d.bin"))
		check(t, "stat", err)
		if it := r.there()["d.bin"]; it.Type != "file" || !fi.ModTime().Equal(when) {
			t.Errorf("it is of %v, on Frame.io: %+v", fi.ModTime(), it)
		}
	})
}

// With --sync-close a partial change is on Frame.io when close returns; without a change there is nothing to wait for.
func TestPartialChangeWithSyncClose(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		other := r.mount(mountWith{})
		want := noise(8, 1<<20)
		check(t, "write", os.WriteFile(filepath.Join(other.project, "a.bin"), want, 0o644))
		other.settle()
		other.stop()
		m := r.mount(mountWith{settle: time.Hour, fs: syncClose})
		for i, what := range []string{"changed", "changed", "", "as it was"} {
			f, err := os.OpenFile(filepath.Join(m.project, "a.bin"), os.O_RDWR, 0)
			check(t, "open", err)
			versions := 3
			switch what {
			case "changed":
				want[300_000+i]++
				versions = 2 + i
				fallthrough
			case "as it was":
				_, err = f.WriteAt(want[300_000:300_010], 300_000)
				check(t, "write", err)
			}
			check(t, "close", f.Close())
			it := r.there()["a.bin"]
			if len(it.Versions) != versions || !bytes.Equal(r.body(head(it)), want) {
				t.Errorf("when close %d (%s) returns, Frame.io has %d versions", i+1, what, len(it.Versions))
			}
		}
	})
}

// A bad line costs time, and nothing else.
func TestPartialChangeOverABadLine(t *testing.T) {
	r := newRig(t, "v4")
	other := r.mount(mountWith{})
	want := noise(9, 12<<20)
	check(t, "write", os.WriteFile(filepath.Join(other.project, "a.bin"), want, 0o644))
	other.settle()
	other.stop()
	m := r.mount(mountWith{})
	check(t, "spoil the line", r.sim.Faults().AddText("truncate@media?0.2", "reset@media?0.2", "503@media?0.2", "expired@media?0.2"))
	f, err := os.OpenFile(filepath.Join(m.project, "a.bin"), os.O_RDWR, 0)
	check(t, "open", err)
	for off := 0; off < len(want); off += 5<<20 + 1000 {
		want[off]++
		_, err = f.WriteAt(want[off:off+1], int64(off))
		check(t, "write", err)
	}
	check(t, "close", f.Close())
	m.settle()
	if it := r.there()["a.bin"]; len(it.Versions) != 2 || !bytes.Equal(r.body(head(it)), want) {
		t.Errorf("on Frame.io: %+v", it)
	}
}
