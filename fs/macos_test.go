package fs_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/frameiofs/frameiofs/fs"
)

func TestMacOptions(t *testing.T) {
	for _, c := range []struct {
		given    string
		root     string
		readOnly bool
		want     string
	}{
		{"", "", false, "volname=Frame.io|default_permissions"},
		{"nosuid", "Trailer, v2", false, "nosuid|volname=Trailer, v2|default_permissions"},
		{"", "9:16 / social\n", true, "volname=9-16 - social|default_permissions|ro"},
		{"volname=Mine|local", "Trailer", false, "volname=Mine|local|default_permissions"},
	} {
		got := fs.MacOptions(slices.DeleteFunc(strings.Split(c.given, "|"), func(s string) bool { return s == "" }), c.root, c.readOnly)
		if strings.Join(got, "|") != c.want {
			t.Errorf("%q of %q: %q", c.given, c.root, got)
		}
		for _, no := range []string{"noappledouble", "auto_xattr", "daemon_timeout", "iosize"} {
			if slices.ContainsFunc(got, func(o string) bool { return strings.HasPrefix(o, no) }) {
				t.Errorf("%q of %q has %s", c.given, c.root, no)
			}
		}
	}
}

// Spotlight and QuickLook find their marks in the root and nowhere else; nobody else sees them.
func TestMarksOfMacOS(t *testing.T) {
	m := newRig(t, "v4").mount(mountWith{})
	for _, marked := range []bool{false, true} {
		if marked {
			m.stop()
			m = m.rig.mount(mountWith{state: m.state})
			m.fs.Mark()
		}
		for _, name := range []string{".metadata_never_index", ".ql_disablethumbnails"} {
			b, err := os.ReadFile(filepath.Join(m.dir, name))
			if there := err == nil && len(b) == 0; there != marked {
				t.Errorf("%s in the root: %q, %v", name, b, err)
			}
			if _, err := os.Stat(filepath.Join(m.project, name)); err == nil {
				t.Errorf("%s is in a project", name)
			}
			if err := os.WriteFile(filepath.Join(m.dir, name), []byte("x"), 0o644); err == nil {
				t.Errorf("%s can be written", name)
			}
		}
		list, err := os.ReadDir(m.dir)
		check(t, "list", err)
		for _, e := range list {
			if strings.HasPrefix(e.Name(), ".") {
				t.Errorf("%s is listed", e.Name())
			}
		}
	}
}

// What a desktop makes on each volume for itself is not made on Frame.io.
func TestDesktopsMakeNoFoldersOfTheirs(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api).mount(mountWith{})
		for _, name := range []string{".Trashes", ".Trash-1000", ".Spotlight-V100", ".fseventsd", ".TemporaryItems", "System Volume Information"} {
			if err := os.Mkdir(filepath.Join(m.project, name), 0o700); !errors.Is(err, syscall.EPERM) {
				t.Errorf("mkdir %s: %v", name, err)
			}
		}
		for _, name := range []string{".DS_Store", "._A001.mov", "Icon\r"} {
			check(t, "write "+name, os.WriteFile(filepath.Join(m.project, name), []byte("x"), 0o644))
		}
		m.settle()
		if there := m.there(); len(there) != 0 {
			t.Errorf("on Frame.io: %v", there)
		}
	})
}
