package fs_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/fs"
)

func withXAttr(c *fs.Config) { c.XAttr = true }

// xattrs are those of a file that programs have set, by name.
func xattrs(t *testing.T, path string) map[string]string {
	t.Helper()
	list := make([]byte, 64<<10)
	n, err := unix.Listxattr(path, list)
	check(t, "list attributes", err)
	all := map[string]string{}
	for name := range strings.SplitSeq(string(list[:n]), "\x00") {
		if name == "" {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Getxattr(path, name, value)
		check(t, "get "+name, err)
		all[name] = string(value[:n])
	}
	return all
}

func setXAttr(t *testing.T, path, name, value string) {
	t.Helper()
	check(t, "set "+name, unix.Setxattr(path, name, []byte(value), 0))
}

// Attributes stay with the bytes they were set on: while these leave, when they are on Frame.io, and after the next start.
func TestXAttrsOutliveUploadVersionAndRemount(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{fs: withXAttr})
		big := strings.Repeat("v", 64<<10)
		path, folder := filepath.Join(m.project, "a.mov"), filepath.Join(m.project, "Day 1")
		check(t, "mkdir", os.Mkdir(folder, 0o755))
		check(t, "write", os.WriteFile(path, []byte("one"), 0o644))
		for _, p := range []string{path, folder} {
			setXAttr(t, p, "user.comment", "wide")
			setXAttr(t, p, "user.big", big)
			setXAttr(t, p, "user.empty", "")
			setXAttr(t, p, "user.gone", "x")
			check(t, "remove", unix.Removexattr(p, "user.gone"))
		}
		want := map[string]string{"user.comment": "wide", "user.big": big, "user.empty": ""}
		expect := func(moment string) {
			t.Helper()
			for _, p := range []string{"a.mov", "Day 1"} {
				if got := xattrs(t, filepath.Join(m.project, p)); !maps.Equal(got, want) {
					t.Errorf("%s: %s has %v", moment, p, slices.Collect(maps.Keys(got)))
				}
			}
		}
		expect("written")
		m.stop() // it has not left yet, or just so
		m = r.mount(mountWith{fs: withXAttr, state: m.state})
		expect("mounted again")
		m.settle()
		expect("uploaded")
		m.stop()
		m = r.mount(mountWith{fs: withXAttr, state: m.state})
		expect("uploaded and mounted again")

		path = filepath.Join(m.project, "a.mov")
		check(t, "write again", os.WriteFile(path, []byte("two two"), 0o644))
		setXAttr(t, path, "user.comment", "close")
		want["user.comment"] = "close"
		setXAttr(t, filepath.Join(m.project, "Day 1"), "user.comment", "close")
		m.settle()
		expect("a version")

		other := filepath.Join(m.project, ".a.mov.Ab3dEf")
		check(t, "write beside", os.WriteFile(other, []byte("three"), 0o644))
		setXAttr(t, other, "user.from", "editor")
		check(t, "rename over", os.Rename(other, path))
		for _, moment := range []string{"saved over", "uploaded"} {
			if got := xattrs(t, path); !maps.Equal(got, map[string]string{"user.from": "editor"}) {
				t.Errorf("%s: what was renamed over it has other attributes than its own: %v", moment, got)
			}
			m.settle()
		}
		if it := r.there()["a.mov"]; len(it.Versions) != 3 {
			t.Errorf("%d versions on Frame.io, want 3: attributes alone make none", len(it.Versions))
		}
	})
}

// What is set through a descriptor that is open for writing stays, also if nothing is written.
func TestAttributesOfAFileThatIsOnlyOpened(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{fs: withXAttr})
		path := filepath.Join(m.project, "a.txt")
		check(t, "write", os.WriteFile(path, []byte("one"), 0o644))
		m.settle()
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		check(t, "open", err)
		check(t, "set", unix.Fsetxattr(int(f.Fd()), "user.seen", []byte("yes"), 0))
		check(t, "chmod", f.Chmod(0o640))
		check(t, "close", f.Close())
		m.settle()
		m.stop()
		m = r.mount(mountWith{fs: withXAttr, state: m.state})
		path = filepath.Join(m.project, "a.txt")
		if got := xattrs(t, path)["user.seen"]; got != "yes" {
			t.Errorf("the attribute is %q", got)
		}
		if got := stat(t, path).Mode & 0o777; got != 0o640 {
			t.Errorf("mode %o", got)
		}
		if it := r.there()["a.txt"]; it.Type != "file" {
			t.Errorf("on Frame.io: %+v", it)
		}
	})
}

// Where a file is safe can be asked for by name; it is not in the list.
func TestXAttrsTellWhereAFileIs(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{fs: withXAttr, settle: time.Second})
		path := filepath.Join(m.project, "a.txt")
		check(t, "write", os.WriteFile(path, []byte("one"), 0o644))
		tells := func(name string) string {
			t.Helper()
			value := make([]byte, 1000)
			n, err := unix.Getxattr(path, "user.frameio."+name, value)
			if err != nil && !errors.Is(err, syscall.ENODATA) {
				t.Errorf("get %s: %v", name, err)
			}
			return string(value[:max(n, 0)])
		}
		if state, id := tells("state"), tells("id"); state != "writing" && state != "settling" || id != "" {
			t.Errorf("while it is leaving: %q, id %q", state, id)
		}
		m.settle()
		if state, id := tells("state"), tells("id"); state == "" || id != string(r.there()["a.txt"].ID) {
			t.Errorf("on Frame.io: %q, id %q", state, id)
		}
		if got := xattrs(t, path); len(got) > 0 {
			t.Errorf("the list has %v", got)
		}
	})
}

func TestXAttrErrors(t *testing.T) {
	r := newRig(t, "v4")
	m := r.mount(mountWith{fs: withXAttr})
	draft, uploaded, folder := filepath.Join(m.project, "draft"), filepath.Join(m.project, "uploaded"), filepath.Join(m.project, "folder")
	check(t, "mkdir", os.Mkdir(folder, 0o755))
	check(t, "write", os.WriteFile(uploaded, []byte("x"), 0o644))
	m.settle()
	f, err := os.Create(draft)
	check(t, "create", err)
	defer f.Close()
	set := func(name, value string, flags int) func(string) error {
		return func(path string) error { return unix.Setxattr(path, name, []byte(value), flags) }
	}
	get := func(name string, room int) func(string) error {
		return func(path string) error { _, err := unix.Getxattr(path, name, make([]byte, room)); return err }
	}
	remove := func(name string) func(string) error {
		return func(path string) error { return unix.Removexattr(path, name) }
	}
	for _, path := range []string{draft, uploaded, folder} {
		for _, c := range []struct {
			what string
			do   func(path string) error
			want error
		}{
			{"replace what is not there", set("user.a", "1", unix.XATTR_REPLACE), syscall.ENODATA},
			{"create", set("user.a", "first", unix.XATTR_CREATE), nil},
			{"create what is there", set("user.a", "2", unix.XATTR_CREATE), syscall.EEXIST},
			{"replace", set("user.a", "second", unix.XATTR_REPLACE), nil},
			{"get with too little room", get("user.a", 3), syscall.ERANGE},
			{"get what is not there", get("user.b", 9), syscall.ENODATA},
			{"remove what is not there", remove("user.b"), syscall.ENODATA},
			{"too large", set("user.big", strings.Repeat("v", 64<<10+1), 0), syscall.E2BIG},
			{"a name too long", set("user."+strings.Repeat("n", 251), "", 0), syscall.ERANGE},
			{"a name as long as may be", set("user."+strings.Repeat("n", 250), "", 0), nil},
			{"no name", set("user.", "", 0), syscall.EOPNOTSUPP},
			{"a name that is no text", set("user.\xff", "", 0), syscall.EINVAL},
			{"what we tell", set("user.frameio.id", "mine", 0), syscall.EPERM},
			{"remove what we tell", remove("user.frameio.id"), syscall.EPERM},
			{"the system's", set("system.posix_acl_access", "\x02\x00\x00\x00", 0), syscall.EOPNOTSUPP},
			{"get the system's", get("security.selinux", 9), syscall.EOPNOTSUPP},
			{"a trusted one", set("trusted.a", "1", 0), syscall.EOPNOTSUPP},
			{"another system's", set("com.apple.FinderInfo", "1", 0), syscall.EOPNOTSUPP},
		} {
			if err := c.do(path); !errors.Is(err, c.want) {
				t.Errorf("%s: %s: %v, want %v", filepath.Base(path), c.what, err, c.want)
			}
		}
		if n, err := unix.Listxattr(path, make([]byte, 5)); !errors.Is(err, syscall.ERANGE) {
			t.Errorf("a list of %d bytes in 5: %v", n, err)
		}
		if got := xattrs(t, path); got["user.a"] != "second" || len(got) != 2 {
			t.Errorf("%s has %v", filepath.Base(path), got)
		}
	}
	// There is an end to it, and the list can always be had.
	err = nil
	n := 0
	for ; err == nil && n < 1000; n++ {
		err = unix.Setxattr(uploaded, fmt.Sprintf("user.%d", n), []byte(strings.Repeat("v", 60<<10)), 0)
	}
	if !errors.Is(err, syscall.ENOSPC) || n < 10 || n > 20 {
		t.Errorf("after %d values of 60 KiB: %v", n, err)
	}
	err = nil
	for n = 0; err == nil && n < 1000; n++ {
		err = unix.Setxattr(folder, fmt.Sprintf("user.%0245d", n), nil, 0)
	}
	if !errors.Is(err, syscall.ENOSPC) || len(xattrs(t, folder)) < 200 {
		t.Errorf("after %d names of 250 bytes: %v", n, err)
	}
}

// cp -a and rsync -X bring attributes along, and a second rsync finds that all is there.
func TestProgramsKeepXAttrs(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{fs: withXAttr})
		src := filepath.Join(t.TempDir(), "src")
		check(t, "mkdir", os.MkdirAll(filepath.Join(src, "Day 1"), 0o755))
		check(t, "write", os.WriteFile(filepath.Join(src, "Day 1", "a.txt"), []byte("take"), 0o644))
		setXAttr(t, filepath.Join(src, "Day 1", "a.txt"), "user.scene", "12")
		setXAttr(t, filepath.Join(src, "Day 1"), "user.unit", "second")
		run(t, m.project, "cp", "-a", src, "copied")
		run(t, m.project, "rsync", "-aX", src+"/", "synced")
		m.settle()
		m.stop()
		m = r.mount(mountWith{fs: withXAttr, state: m.state})
		for _, dir := range []string{"copied", "synced"} {
			if got := xattrs(t, filepath.Join(m.project, dir, "Day 1", "a.txt")); !maps.Equal(got, map[string]string{"user.scene": "12"}) {
				t.Errorf("%s: the file has %v", dir, got)
			}
			if got := xattrs(t, filepath.Join(m.project, dir, "Day 1")); !maps.Equal(got, map[string]string{"user.unit": "second"}) {
				t.Errorf("%s: the folder has %v", dir, got)
			}
			if out := run(t, m.project, "rsync", "-aXi", src+"/", dir); out != "" {
				t.Errorf("%s: a second rsync finds something to do:\n%s", dir, out)
			}
		}
	})
}

// Setting and removing an attribute is a change of the file, and of nothing but its ctime.
func TestXAttrsChangeCtime(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{fs: withXAttr})
		folder, leaving, there := filepath.Join(m.project, "Day 1"), filepath.Join(m.project, "leaving.tmp"), filepath.Join(m.project, "there.mov")
		check(t, "mkdir", os.Mkdir(folder, 0o755))
		check(t, "write", os.WriteFile(leaving, []byte("one"), 0o644))
		check(t, "write", os.WriteFile(there, []byte("two"), 0o644))
		m.settle()
		for _, path := range []string{folder, leaving, there} {
			for what, change := range map[string]func() error{
				"set":    func() error { return unix.Setxattr(path, "user.a", []byte("y"), 0) },
				"remove": func() error { return unix.Removexattr(path, "user.b") },
			} {
				setXAttr(t, path, "user.b", "x")
				was := stat(t, path)
				time.Sleep(5 * time.Millisecond)
				check(t, what, change())
				if is := stat(t, path); is.Ctim.Nano() <= was.Ctim.Nano() || is.Mtim != was.Mtim {
					t.Errorf("%s on %s: changed at %v, then at %v; written at %v, then at %v", what, filepath.Base(path), was.Ctim, is.Ctim, was.Mtim, is.Mtim)
				}
			}
		}
	})
}
