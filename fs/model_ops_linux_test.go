package fs_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What TestModel does.

// pair is one file, opened in the same way here and there.
type pair struct {
	name         string
	mount, plain *os.File
	reads        bool
}

func (m *model) paths(rel string) (mount, plain string) {
	return m.m.project + "/" + rel, m.plain + "/" + rel
}

// file and folder are names that mostly exist.
func (m *model) file() string {
	dirs := []string{"", "", "", "d1/", "d2/", "d1/s/"}
	return dirs[m.rand.IntN(len(dirs))] + string(rune('a'+m.rand.IntN(5))) + []string{".bin", ".bin", ".bin", ".bin", ".tmp"}[m.rand.IntN(5)]
}

func (m *model) folder() string { return []string{"d1", "d2", "d1/s", "d2/s"}[m.rand.IntN(4)] }

// anything is a file, or rarely a folder.
func (m *model) anything() string {
	if m.rand.IntN(15) == 0 {
		return m.folder()
	}
	return m.file()
}

func (m *model) bytes() []byte { return noise(m.rand.Uint64(), 1+m.rand.IntN(20000)) }

// log notes what is done, and when.
func (m *model) log(format string, args ...any) {
	m.did++
	m.trace.log(format, args...)
}

// both does one thing here and there and compares the answers.
func (m *model) both(what string, do func(root string) error) {
	m.t.Helper()
	mount, plain := m.paths("")
	m.compare(what, do(mount), do(plain))
}

func (m *model) compare(what string, here, there error) {
	m.t.Helper()
	m.log("%s = %v", what, number(here))
	if number(here) != number(there) {
		m.t.Errorf("%s: %v here, %v on a disk", what, here, there)
	}
}

// number is an error without its words.
func number(err error) syscall.Errno {
	var n syscall.Errno
	if err != nil && !errors.As(err, &n) {
		return syscall.EBADE // not from the system
	}
	return n
}

// does are what a step may be, with their weights.
var does = []struct {
	weight int
	what   func(m *model)
}{
	{12, func(m *model) { m.write(m.file(), os.O_CREATE|os.O_TRUNC, 0) }},
	{7, func(m *model) { m.write(m.file(), 0, int64(m.rand.IntN(60000))) }},
	{6, func(m *model) { m.write(m.file(), os.O_APPEND|[]int{0, os.O_CREATE}[m.rand.IntN(2)], 0) }},
	{3, func(m *model) { m.write(m.file(), os.O_CREATE|os.O_EXCL, 0) }},
	{4, (*model).save},
	{4, (*model).truncate},
	{9, func(m *model) { m.read(m.file()) }},
	{13, func(m *model) { m.rename(m.anything(), m.anything(), 0) }},
	{3, func(m *model) { m.rename(m.file(), m.file(), unix.RENAME_NOREPLACE) }},
	{4, func(m *model) { m.rename(m.folder(), m.folder(), 0) }},
	{6, func(m *model) {
		name := m.anything()
		m.both("unlink "+name, func(root string) error { return syscall.Unlink(root + name) })
	}},
	{7, func(m *model) {
		name := m.folder()
		m.both("mkdir "+name, func(root string) error { return syscall.Mkdir(root+name, 0o755) })
	}},
	{3, func(m *model) { m.rmdir(m.folder()) }},
	{7, (*model).opens},
	{16, (*model).use},
	{4, (*model).close},
	{3, (*model).attr},
	{2, (*model).list},
	{2, func(m *model) {
		m.log("compare all")
		same(m.t, "meanwhile", walk(m.t, m.m.project), walk(m.t, m.plain))
	}},
	{3, func(m *model) {
		d := time.Duration(m.rand.IntN(150)) * time.Millisecond
		m.log("rest %v", d)
		time.Sleep(d)
	}},
}

func (m *model) step() {
	all := 0
	for _, d := range does {
		all += d.weight
	}
	n := m.rand.IntN(all)
	for _, d := range does {
		if n -= d.weight; n < 0 {
			d.what(m)
			return
		}
	}
}

// write opens, writes once, and closes.
func (m *model) write(name string, flags int, off int64) {
	b := m.bytes()
	m.both(fmt.Sprintf("write %s flags %#x at %d, %d bytes", name, flags, off, len(b)), func(root string) error {
		f, err := os.OpenFile(root+name, os.O_WRONLY|flags, 0o644)
		if err != nil {
			return err
		}
		if flags&os.O_APPEND != 0 {
			_, err = f.Write(b)
		} else {
			_, err = f.WriteAt(b, off)
		}
		return errors.Join(err, f.Close())
	})
}

// save writes beside and renames over, as safe savers do.
func (m *model) save() {
	name := m.file()
	beside := filepath.Join(filepath.Dir(name), "saved.tmp")
	m.write(beside, os.O_CREATE|os.O_TRUNC, 0)
	m.rename(beside, name, 0)
}

func (m *model) truncate() {
	name, size := m.file(), int64(m.rand.IntN(50000))
	m.both(fmt.Sprintf("truncate %s to %d", name, size), func(root string) error { return os.Truncate(root+name, size) })
}

func (m *model) read(name string) {
	mount, plain := m.paths(name)
	got, err := os.ReadFile(mount)
	want, err2 := os.ReadFile(plain)
	m.compare(fmt.Sprintf("read %s, %d bytes", name, len(want)), err, err2)
	m.equal("read "+name, got, want)
}

func (m *model) equal(what string, got, want []byte) {
	m.t.Helper()
	if !bytes.Equal(got, want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		m.t.Errorf("%s: %d bytes here, %d on a disk; they differ at %d", what, len(got), len(want), at)
	}
}

// rename is rename(2): what Frame.io cannot rename (EXDEV, EPERM) or not now (EBUSY) stays as it is.
func (m *model) rename(from, to string, flags uint) {
	mount, plain := m.paths("")
	err := unix.Renameat2(unix.AT_FDCWD, mount+from, unix.AT_FDCWD, mount+to, flags)
	what := fmt.Sprintf("rename %s to %s", from, to)
	if flags != 0 {
		what += " if that is free"
	}
	if n := number(err); n == syscall.EXDEV || n == syscall.EPERM || n == syscall.EBUSY {
		m.log("%s is refused: %v", what, n)
		if strings.HasSuffix(from, "n") {
			m.read(from)
			m.read(to)
		}
		return
	}
	for range 200 { // a folder that is to be replaced, as in rmdir
		if number(err) != syscall.ENOTEMPTY {
			break
		}
		if left, err := os.ReadDir(plain + to); err != nil || len(left) > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
		err = os.Rename(mount+from, mount+to)
	}
	m.compare(what, err, unix.Renameat2(unix.AT_FDCWD, plain+from, unix.AT_FDCWD, plain+to, flags))
}

// rmdir may be refused for as long as a file that was renamed out of the folder is still being moved on Frame.io.
func (m *model) rmdir(name string) {
	mount, plain := m.paths(name)
	err, err2 := syscall.Rmdir(mount), syscall.Rmdir(plain)
	for range 200 {
		if number(err) != syscall.ENOTEMPTY || err2 != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
		err = syscall.Rmdir(mount)
	}
	m.compare("rmdir "+name, err, err2)
}

// opens opens a file, to be used later.
func (m *model) opens() {
	if len(m.open) >= 8 {
		return
	}
	name := m.file()
	flags := []int{os.O_RDONLY, os.O_RDONLY, os.O_RDWR, os.O_RDWR, os.O_RDWR | os.O_CREATE, os.O_RDWR | os.O_APPEND, os.O_WRONLY | os.O_TRUNC}[m.rand.IntN(7)]
	mount, plain := m.paths(name)
	f, err := os.OpenFile(mount, flags, 0o644)
	g, err2 := os.OpenFile(plain, flags, 0o644)
	m.compare(fmt.Sprintf("open %s flags %#x", name, flags), err, err2)
	if err == nil && err2 == nil {
		m.open = append(m.open, pair{fmt.Sprintf("%s (%#x, %d)", name, flags, m.did), f, g, flags == os.O_RDONLY})
	}
}

func (m *model) close() {
	if len(m.open) == 0 {
		return
	}
	i := m.rand.IntN(len(m.open))
	p := m.open[i]
	m.open = append(m.open[:i], m.open[i+1:]...)
	m.compare("close "+p.name, p.mount.Close(), p.plain.Close())
}

// use does something with an open file, whatever has become of its name.
func (m *model) use() {
	if len(m.open) == 0 {
		return
	}
	p := m.open[m.rand.IntN(len(m.open))]
	pair := func(what string, do func(f *os.File) error) { m.compare(what, do(p.mount), do(p.plain)) }
	switch m.rand.IntN(9) {
	case 0, 1:
		b, off := m.bytes(), int64(m.rand.IntN(60000))
		pair(fmt.Sprintf("pwrite %s at %d, %d bytes", p.name, off, len(b)), func(f *os.File) error {
			_, err := syscall.Pwrite(int(f.Fd()), b, off)
			return err
		})
	case 2:
		size := int64(m.rand.IntN(50000))
		pair(fmt.Sprintf("ftruncate %s to %d", p.name, size), func(f *os.File) error { return syscall.Ftruncate(int(f.Fd()), size) })
	case 3:
		pair("fsync "+p.name, func(f *os.File) error { return f.Sync() })
	case 4:
		mode, off, n := uint32(m.rand.IntN(2)*unix.FALLOC_FL_KEEP_SIZE), int64(m.rand.IntN(50000)), int64(1+m.rand.IntN(20000))
		pair(fmt.Sprintf("fallocate %s mode %d at %d, %d bytes", p.name, mode, off, n), func(f *os.File) error {
			return unix.Fallocate(int(f.Fd()), mode, off, n)
		})
	case 5:
		var here, there unix.Stat_t
		m.compare("fstat "+p.name, unix.Fstat(int(p.mount.Fd()), &here), unix.Fstat(int(p.plain.Fd()), &there))
		folder := there.Mode&unix.S_IFMT == unix.S_IFDIR
		if !folder && (here.Size != there.Size && (!m.passes || !p.reads) || here.Nlink != there.Nlink) {
			m.t.Errorf("fstat %s: size %d and %d links here, %d and %d on a disk", p.name, here.Size, here.Nlink, there.Size, there.Nlink)
		}
	default:
		all := func(f *os.File) ([]byte, error) {
			b := make([]byte, 200_000)
			n, err := syscall.Pread(int(f.Fd()), b, 0)
			return b[:max(0, n)], err
		}
		got, err := all(p.mount)
		want, err2 := all(p.plain)
		m.compare(fmt.Sprintf("pread %s, %d bytes", p.name, len(want)), err, err2)
		if !m.passes || !p.reads {
			m.equal("pread "+p.name, got, want)
		}
	}
}

// attr sets a mode and a time.
func (m *model) attr() {
	name, mode := m.anything(), []os.FileMode{0o600, 0o644, 0o664, 0o755}[m.rand.IntN(4)]
	if !strings.Contains(name, ".") {
		mode |= 0o700
	}
	when := time.Date(2020, 1, 1+m.rand.IntN(300), 1, 2, 3, 0, time.UTC)
	m.both(fmt.Sprintf("chmod %s %o", name, mode), func(root string) error { return os.Chmod(root+name, mode) })
	if strings.Contains(name, ".") { // a folder's time is that of its last change
		m.both(fmt.Sprintf("utimes %s %s", name, when.Format("01-02")), func(root string) error { return os.Chtimes(root+name, when, when) })
	}
}

// list compares one folder's names.
func (m *model) list() {
	name := []string{"", "", "d1", "d2", "d1/s"}[m.rand.IntN(5)]
	names := func(root string) (string, error) {
		list, err := os.ReadDir(root)
		text := ""
		for _, e := range list {
			text += " " + e.Name()
		}
		return text, err
	}
	mount, plain := m.paths(name)
	got, err := names(mount)
	want, err2 := names(plain)
	m.compare("list "+name, err, err2)
	if got != want {
		m.t.Errorf("list %s:%s here,%s on a disk", name, got, want)
	}
}
