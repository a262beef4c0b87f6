package fs_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/frameiofs/frameiofs/fs"
)

// With allow_other what another user makes is his, folders too.
func TestWhatAnotherUserMakesIsHis(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can be another user: run the tests as root")
	}
	m := newRig(t, "v4").mount(mountWith{fs: func(c *fs.Config) { c.AllowOther = true }})
	all := filepath.Join(m.project, "all")
	check(t, "mkdir", os.Mkdir(all, 0o777))
	check(t, "chmod", os.Chmod(all, 0o777))
	for dir := m.dir; dir != "/"; dir = filepath.Dir(dir) {
		if st, err := os.Stat(dir); err != nil || st.Mode().Perm()&0o001 == 0 {
			check(t, "let others through", os.Chmod(dir, 0o755))
		}
	}
	cmd := inside(all, "sh", "-c", "mkdir folder && touch file folder/file")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4321, Gid: 8765}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("as another user: %v\n%s", err, out)
	}
	for _, name := range []string{"folder", "file", "folder/file"} {
		st, err := os.Stat(filepath.Join(all, name))
		check(t, "stat", err)
		if sys := st.Sys().(*syscall.Stat_t); sys.Uid != 4321 || sys.Gid != 8765 {
			t.Errorf("%s belongs to %d:%d", name, sys.Uid, sys.Gid)
		}
	}
}

// What cannot be on Frame.io is told as what it is, not as want of room.
func TestNoFileIsLargerThanFrameioTakes(t *testing.T) {
	m := newRig(t, "v4").mount(mountWith{})
	path := filepath.Join(m.project, "a.bin")
	check(t, "write", os.WriteFile(path, []byte("a"), 0o644))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	check(t, "open", err)
	defer f.Close()
	for what, err := range map[string]error{
		"truncate":  os.Truncate(path, 5<<40+1),
		"ftruncate": f.Truncate(5<<40 + 1),
		"fallocate": syscall.Fallocate(int(f.Fd()), 0, 1<<62, 1),
	} {
		if !errors.Is(err, syscall.EFBIG) {
			t.Errorf("%s: %v", what, err)
		}
	}
	st, err := f.Stat()
	check(t, "stat", err)
	if st.Size() != 1 {
		t.Errorf("the file has %d bytes", st.Size())
	}
}
