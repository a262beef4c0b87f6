package fs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// moments are times that a file may be of.
var moments = []string{
	"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000001Z", "1999-12-31T23:59:59.999999999Z", "2026-11-25T12:00:00.123456789Z",
	"2038-01-19T03:14:08Z", "2099-12-31T23:59:59.5Z",
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	check(t, "parse", err)
	return at
}

// What programs set stays: on folders and files, from before the upload to after the next start, to the nanosecond.
func TestModesOwnersAndTimesStay(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		owner := os.Getuid()
		if owner == 0 {
			owner = 4711
		}
		set := func(path string, at time.Time, mode os.FileMode) {
			t.Helper()
			run(t, m.project, "touch", "-d", at.Format(time.RFC3339Nano), path)
			read := []unix.Timespec{unix.NsecToTimespec(at.Add(time.Hour).UnixNano()), {Nsec: unix.UTIME_OMIT}}
			check(t, "access time", unix.UtimesNanoAt(unix.AT_FDCWD, path, read, 0))
			check(t, "chmod", os.Chmod(path, mode))
			check(t, "chown", os.Chown(path, owner, owner))
		}
		expect := func(when, path string, at time.Time, mode uint32) {
			t.Helper()
			st := stat(t, path)
			if read := time.Unix(st.Atim.Unix()); !modTime(st).Equal(at) || !read.Equal(at.Add(time.Hour)) {
				t.Errorf("%s: %s of %v, read at %v; want %v", when, filepath.Base(path), modTime(st).UTC(), read.UTC(), at)
			}
			if st.Mode&0o7777 != mode || int(st.Uid) != owner || int(st.Gid) != owner {
				t.Errorf("%s: %s has mode %o, owner %d:%d", when, filepath.Base(path), st.Mode, st.Uid, st.Gid)
			}
			if ctime := time.Unix(st.Ctim.Unix()); !recent(ctime) {
				t.Errorf("%s: %s was changed at %v", when, filepath.Base(path), ctime)
			}
		}
		all := func(do func(kind, path string, at time.Time, mode uint32)) {
			for i, text := range moments {
				for _, kind := range []string{"early", "late", "folder"} {
					do(kind, filepath.Join(m.project, kind+" "+string(rune('a'+i))), moment(t, text), []uint32{0o640, 0o700, 0o777, 0o711, 0o755, 0o600}[i])
				}
			}
		}
		all(func(kind, path string, at time.Time, mode uint32) {
			if kind == "folder" {
				check(t, "mkdir", os.Mkdir(path, 0o700))
			} else {
				check(t, "write", os.WriteFile(path, []byte(path), 0o600))
			}
			if kind != "late" {
				set(path, at, os.FileMode(mode))
				expect("before the upload", path, at, mode)
			}
		})
		m.settle()
		all(func(kind, path string, at time.Time, mode uint32) {
			if kind == "late" { // those that are set on Frame.io only
				set(path, at, os.FileMode(mode))
			}
			expect("after the upload", path, at, mode)
		})
		for _, again := range []string{"after a start", "after another"} {
			m.stop()
			m = r.mount(mountWith{state: m.state})
			all(func(_, path string, at time.Time, mode uint32) { expect(again, path, at, mode) })
		}
	})
}

// recent reports whether a time is now, about.
func recent(at time.Time) bool { return time.Since(at) < time.Minute && time.Until(at) <= 0 }

// Times of now, omitted times, set-user-id, and what a write and a new name do to times.
func TestTimesChangeAsOnADisk(t *testing.T) {
	m := newRig(t, "v4").mount(mountWith{})
	file, folder := filepath.Join(m.project, "a.txt"), filepath.Join(m.project, "folder")
	check(t, "write", os.WriteFile(file, []byte("x"), 0o644))
	check(t, "mkdir", os.Mkdir(folder, 0o755))
	old := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	for _, path := range []string{file, folder} {
		check(t, "times", os.Chtimes(path, old, old))
		check(t, "now and omit", unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_OMIT}}, 0))
		if st := stat(t, path); !recent(time.Unix(st.Atim.Unix())) || !modTime(st).Equal(old) {
			t.Errorf("read now: read at %v, of %v", time.Unix(st.Atim.Unix()), modTime(st))
		}
		check(t, "omit and now", unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Nsec: unix.UTIME_NOW}}, 0))
		if st := stat(t, path); !recent(modTime(st)) {
			t.Errorf("of now: of %v", modTime(st))
		}
		check(t, "times", os.Chtimes(path, old, old))
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	check(t, "open", err)
	_, err = f.WriteString("y")
	check(t, "write", err)
	check(t, "close", f.Close())
	check(t, "make", os.WriteFile(filepath.Join(folder, "b.txt"), []byte("x"), 0o644))
	for _, path := range []string{file, folder} {
		if st := stat(t, path); !recent(modTime(st)) {
			t.Errorf("%s was changed, and is of %v", filepath.Base(path), modTime(st))
		}
		check(t, "times", os.Chtimes(path, old, old))
	}
	check(t, "rename", os.Rename(filepath.Join(folder, "b.txt"), filepath.Join(folder, "c.txt")))
	if st := stat(t, folder); !recent(modTime(st)) {
		t.Errorf("a name in it was changed, and the folder is of %v", modTime(st))
	}
	check(t, "chmod", unix.Chmod(file, 0o4755))
	if st := stat(t, file); st.Mode != syscall.S_IFREG|0o755 {
		t.Errorf("set-user-id is kept: mode %o", st.Mode)
	}
	var sx unix.Statx_t
	check(t, "statx", unix.Statx(unix.AT_FDCWD, file, 0, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &sx))
	if born := time.Unix(sx.Btime.Sec, 0); sx.Mask&unix.STATX_BTIME != 0 && !recent(born) {
		t.Errorf("born %v", born)
	}
}

// What was copied with rsync -a is there for a second rsync, after the next start too.
func TestRsyncHasNothingToDoAfterAStart(t *testing.T) {
	t.Parallel()
	src := filepath.Join(t.TempDir(), "src")
	for i, text := range moments {
		at, dir := moment(t, text), filepath.Join(src, string(rune('a'+i)))
		check(t, "mkdir", os.MkdirAll(dir, 0o750))
		file := filepath.Join(dir, "take.bin")
		check(t, "write", os.WriteFile(file, noise(uint64(i), 1000+i), 0o640))
		check(t, "times", os.Chtimes(file, at, at))
		check(t, "times", os.Chtimes(dir, at, at))
	}
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		run(t, m.project, "rsync", "-a", src+"/", "copy")
		for _, when := range []string{"while it is leaving", "uploaded", "after a start"} {
			out := run(t, m.project, "rsync", "-ai", src+"/", "copy")
			if strings.TrimSpace(out) != "" {
				t.Errorf("%s rsync finds something to do:\n%s", when, out)
			}
			m.settle()
			if when == "uploaded" {
				m.stop()
				m = r.mount(mountWith{state: m.state})
			}
		}
	})
}

// Times before the year 1 and after 9999 come to those, as on a disk they come to its bounds.
func TestTimesHaveBounds(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		at := map[string][2]int64{"far": {1 << 50, 253402300799}, "long ago": {-1 << 50, -62135596799}, "not so far": {16299260424, 16299260424}}
		each := func(do func(path string, set, want int64)) {
			for _, when := range []string{"before", "after"} {
				for name, c := range at {
					do(filepath.Join(m.project, name+" "+when), c[0], c[1])
				}
			}
		}
		expect := func(path string, _, want int64) {
			if st := stat(t, path); st.Mtim.Sec != want || st.Atim.Sec != want {
				t.Errorf("%s is of %d, read at %d, want %d", filepath.Base(path), st.Mtim.Sec, st.Atim.Sec, want)
			}
		}
		uploaded := false
		set := func(path string, set, _ int64) {
			if uploaded == strings.HasSuffix(path, "after") {
				check(t, "set", unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{{Sec: set}, {Sec: set}}, 0))
			}
		}
		each(func(path string, _, _ int64) { check(t, "write", os.WriteFile(path, []byte("x"), 0o644)) })
		each(set)
		m.settle()
		uploaded = true
		each(set)
		m.settle()
		each(expect)
		m.stop()
		m = r.mount(mountWith{state: m.state})
		each(expect)
	})
}

// Who has a folder open that was removed, or that another took the place of, sees that it has no name any more.
func TestARemovedFolderHasNoLinks(t *testing.T) {
	t.Parallel()
	m := newRig(t, "v4").mount(mountWith{})
	for what, remove := range map[string]func(path string) error{
		"removed":      os.Remove,
		"renamed over": func(path string) error { return unix.Rename(path+" new", path) },
	} {
		path := filepath.Join(m.project, what)
		check(t, "mkdir", errors.Join(os.Mkdir(path, 0o755), os.Mkdir(path+" new", 0o755)))
		f, err := os.Open(path)
		check(t, "open", err)
		t.Cleanup(func() { f.Close() })
		check(t, what, remove(path))
		var st unix.Stat_t
		if err := unix.Fstat(int(f.Fd()), &st); err != nil || st.Nlink != 0 {
			t.Errorf("%s: %d links, %v", what, st.Nlink, err)
		}
	}
}
