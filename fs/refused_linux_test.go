package fs_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/fs"
)

// Locks are the kernel's own: they hold between processes, and nobody asks us.
func TestLocksHoldBetweenProcesses(t *testing.T) {
	if fs.Locks() {
		t.Error("the kernel is told to send locks here")
	}
	m := newRig(t, "v4").mount(mountWith{})
	draft, uploaded := filepath.Join(m.project, "draft"), filepath.Join(m.project, "uploaded")
	check(t, "write", os.WriteFile(uploaded, noise(1, 100), 0o644))
	m.settle()
	check(t, "write", os.WriteFile(draft, noise(1, 100), 0o644))
	for _, path := range []string{draft, uploaded} {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		check(t, "open", err)
		defer f.Close()
		try := func() []error {
			lock := func(start int64) error {
				return unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: start, Len: 5})
			}
			return []error{unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), lock(12), lock(50)}
		}
		_, _, end := started(t, "lock", path)
		got := try()
		if !errors.Is(got[0], unix.EWOULDBLOCK) || !errors.Is(got[1], unix.EAGAIN) || got[2] != nil {
			t.Errorf("%s: while another has it: %v", filepath.Base(path), got)
		}
		check(t, "end", end())
		for _, err := range try() {
			check(t, "lock what is free", err)
		}
	}
}

// What there is not on Frame.io is refused in a way that programs know how to go on from.
func TestWhatThereIsNot(t *testing.T) {
	m := newRig(t, "v4").mount(mountWith{})
	in := func(name string) string { return filepath.Join(m.project, name) }
	check(t, "write", os.WriteFile(in("a"), []byte("x"), 0o644))
	for what, c := range map[string]struct {
		err  error
		want error
	}{
		"symbolic link": {os.Symlink("a", in("symlink")), syscall.EPERM},
		"hard link":     {os.Link(in("a"), in("link")), syscall.EPERM},
		"fifo":          {syscall.Mkfifo(in("fifo"), 0o644), syscall.EPERM},
		"socket":        {unix.Mknod(in("socket"), unix.S_IFSOCK|0o644, 0), syscall.EPERM},
		"device":        {unix.Mknod(in("device"), unix.S_IFCHR|0o644, 0x103), syscall.EPERM},
		"file without a name": {func() error {
			_, err := unix.Open(m.project, unix.O_TMPFILE|unix.O_RDWR, 0o644)
			return err
		}(), syscall.EOPNOTSUPP},
		"whiteout": {unix.Renameat2(unix.AT_FDCWD, in("a"), unix.AT_FDCWD, in("b"), unix.RENAME_WHITEOUT), syscall.EINVAL},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", what, c.err, c.want)
		}
	}
	// A node that is an ordinary file is one.
	check(t, "mknod of a file", unix.Mknod(in("node"), unix.S_IFREG|0o640, 0))
	if err := unix.Mknod(in("node"), unix.S_IFREG|0o640, 0); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("mknod of what is there: %v", err)
	}
	if st := stat(t, in("node")); st.Size != 0 || st.Mode != syscall.S_IFREG|0o640 {
		t.Errorf("a node of %d bytes, mode %o", st.Size, st.Mode)
	}
	check(t, "write to it", os.WriteFile(in("node"), []byte("node"), 0o644))
	m.settle()
	for name, want := range map[string]string{"a": "x", "node": "node"} {
		if got := string(m.body(head(m.there()[name]))); got != want {
			t.Errorf("%s on Frame.io has %q", name, got)
		}
	}
	if got := names(t, m.project); len(got) != 2 {
		t.Errorf("what was refused is there: %q", got)
	}
}

// A tree with a symbolic link in it arrives but for that.
func TestProgramsGoOnWithoutSymlinks(t *testing.T) {
	t.Parallel()
	src := filepath.Join(t.TempDir(), "tree")
	check(t, "mkdir", os.MkdirAll(filepath.Join(src, "sub"), 0o755))
	for _, name := range []string{"a.txt", "sub/b.txt", "z.txt"} {
		check(t, "write", os.WriteFile(filepath.Join(src, name), []byte(name), 0o644))
	}
	check(t, "link", os.Symlink("a.txt", filepath.Join(src, "link")))
	archive := filepath.Join(filepath.Dir(src), "tree.tar")
	run(t, filepath.Dir(src), "tar", "cf", archive, "tree")
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		for _, c := range []struct {
			args []string
			code int // told for the link
		}{
			{[]string{"cp", "-a", src, "."}, 1},
			{[]string{"rsync", "-a", src, "."}, 23},
			{[]string{"tar", "xf", archive}, 2},
		} {
			dir := filepath.Join(m.project, c.args[0])
			check(t, "mkdir", os.Mkdir(dir, 0o755))
			cmd := inside(dir, c.args[0], c.args[1:]...)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != c.code || !bytes.Contains(out, []byte("Operation not permitted")) {
				t.Errorf("%v: %v\n%s", c.args, err, out)
			}
			if n := bytes.Count(out, []byte("not permitted")); n != 1 {
				t.Errorf("%v complains %d times:\n%s", c.args, n, out)
			}
			for _, name := range []string{"a.txt", "sub/b.txt", "z.txt"} {
				if b, err := os.ReadFile(filepath.Join(dir, "tree", name)); err != nil || string(b) != name {
					t.Errorf("%v: %s reads as %q, %v", c.args, name, b, err)
				}
			}
		}
		repo := filepath.Join(m.project, "repo")
		run(t, m.project, "git", "init", "-q", repo)
		if got := strings.TrimSpace(run(t, repo, "git", "-c", "safe.directory=*", "config", "core.symlinks")); got != "false" {
			t.Errorf("git believes that there are symbolic links: %q", got)
		}
	})
}

// Names of 255 bytes are all right in every call; with one more every call says so.
func TestTheLongestName(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{fs: withXAttr})
		in := func(name string) string { return filepath.Join(m.project, name) }
		for _, c := range []struct {
			n    int
			want error
		}{{255, nil}, {256, syscall.ENAMETOOLONG}, {1000, syscall.ENAMETOOLONG}} {
			long, folder, moved := in(strings.Repeat("f", c.n)), in(strings.Repeat("d", c.n)), in(strings.Repeat("m", c.n))
			check(t, "write", os.WriteFile(in("short"), []byte("x"), 0o644))
			for _, call := range []struct {
				name string
				err  error
			}{
				{"create", os.WriteFile(long, []byte("x"), 0o644)},
				{"stat", func() error { _, err := os.Stat(long); return err }()},
				{"open", func() error { _, err := os.ReadFile(long); return err }()},
				{"chmod", os.Chmod(long, 0o600)},
				{"truncate", os.Truncate(long, 3)},
				{"set an attribute", unix.Setxattr(long, "user.a", nil, 0)},
				{"get an attribute", func() error { _, err := unix.Getxattr(long, "user.a", nil); return err }()},
				{"list attributes", func() error { _, err := unix.Listxattr(long, nil); return err }()},
				{"remove an attribute", unix.Removexattr(long, "user.a")},
				{"rename to", os.Rename(in("short"), moved)},
				{"exchange", swapNames(long, moved)},
				{"rename over", os.Rename(moved, long)},
				{"unlink", os.Remove(long)},
				{"mkdir", os.Mkdir(folder, 0o755)},
				{"list", func() error { _, err := os.ReadDir(folder); return err }()},
				{"rename a folder", os.Rename(folder, moved)},
				{"rmdir", unix.Rmdir(moved)},
			} {
				if !errors.Is(call.err, c.want) {
					t.Errorf("%s with %d bytes: %v, want %v", call.name, c.n, call.err, c.want)
				}
			}
		}
		var st unix.Statfs_t
		check(t, "statfs", unix.Statfs(m.project, &st))
		if st.Namelen != 255 {
			t.Errorf("statfs tells names of %d bytes", st.Namelen)
		}
	})
}

// O_DIRECT, O_APPEND by two at once, and fsync of files and folders are as on a disk.
func TestWaysToWrite(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		in := func(name string) string { return filepath.Join(m.project, name) }
		from := filepath.Join(t.TempDir(), "from")
		want := noise(4, 3<<20)
		check(t, "write", os.WriteFile(from, want, 0o644))
		run(t, m.project, "dd", "if="+from, "of=direct.bin", "oflag=direct", "bs=1M", "status=none")
		run(t, m.project, "dd", "if="+from, "of=synced.bin", "oflag=direct,dsync", "bs=512k", "conv=fdatasync", "status=none")

		check(t, "create", os.WriteFile(in("log.txt"), nil, 0o644))
		both := []*exec.Cmd{mapper("append", in("log.txt")), mapper("append", in("log.txt"))}
		for _, cmd := range both {
			check(t, "start", cmd.Start())
		}
		for _, cmd := range both {
			check(t, "append", cmd.Wait())
		}

		check(t, "mkdir", os.Mkdir(in("folder"), 0o755))
		for _, dir := range []string{m.project, in("folder"), m.dir} {
			d, err := os.Open(dir)
			check(t, "open", err)
			check(t, "fsync a folder", d.Sync())
			check(t, "fdatasync a folder", unix.Fdatasync(int(d.Fd())))
			d.Close()
		}
		m.settle()
		there := m.there()
		for _, name := range []string{"direct.bin", "synced.bin"} {
			if !bytes.Equal(m.body(head(there[name])), want) {
				t.Errorf("%s has other bytes", name)
			}
		}
		lines := strings.SplitAfter(string(m.body(head(there["log.txt"]))), "\n")
		for _, cmd := range both {
			next := 0
			for _, line := range lines {
				if strings.HasPrefix(line, fmt.Sprint(cmd.Process.Pid, " ")) {
					if line != fmt.Sprintf("%d %02d %s\n", cmd.Process.Pid, next, strings.Repeat("x", next)) {
						t.Errorf("line %d of one is %q", next, line)
					}
					next++
				}
			}
			if next != 100 || len(lines) != 201 {
				t.Errorf("%d lines of 100 of one, %d in all", next, len(lines)-1)
			}
		}
	})
}
