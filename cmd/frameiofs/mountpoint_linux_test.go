package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseMount(t *testing.T) {
	const line = `36 35 0:57 / /mnt/my\040disk\134 rw,nosuid shared:1 - fuse.frameiofs frameio rw,user_id=0`
	m, ok := parseMount(line)
	if want := (mounted{Point: `/mnt/my disk\`, Type: fuseType, Dev: "0:57", Root: "/"}); !ok || !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v, %v; want %+v", m, ok, want)
	}
	for _, bad := range []string{"", "1 2 3", "1 2 3 4 5 6", "a - b"} {
		if m, ok := parseMount(bad); ok {
			t.Errorf("parseMount(%q): got %+v", bad, m)
		}
	}
}

func TestInside(t *testing.T) {
	top := t.TempDir()
	point := filepath.Join(top, "mnt")
	for _, dir := range []string{point, filepath.Join(top, "bound"), filepath.Join(top, "mnt2")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(point, filepath.Join(top, "link")); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{
		"mnt": true, "mnt/state": true, "mnt/a/b": true, "link/state": true, "mnt2/../mnt/state": true,
		"mnt2": false, "mnt2/state": false, "state": false, "": false, "nowhere/mnt": false, "bound/state": false,
	}
	if os.Geteuid() == 0 {
		if err := unix.Mount(point, filepath.Join(top, "bound"), "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		defer unix.Unmount(filepath.Join(top, "bound"), unix.MNT_DETACH)
		want["bound/state"] = true
	} else {
		t.Log("bind mounts are not tried: only root can make them")
	}
	for path, in := range want {
		if got := inside(filepath.Join(top, path), point); got != in {
			t.Errorf("%q is inside the mount point: %v", path, got)
		}
	}
}

// A folder that was bound somewhere can be mounted upon, as in a container; a file system of its own is left alone.
func TestMountUponABoundFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can bind folders: what is known of them is tried, and no real one")
		if (mounted{Type: "ext4", Root: "/srv/frameio"}).holds() || !(mounted{Type: "ext4", Root: "/"}).holds() {
			t.Error("a folder that is bound is taken for a disk, or a disk for a folder")
		}
		return
	}
	// A file system whose root is /, wherever the temporary folder lies, and a folder of it.
	disk, bound := t.TempDir(), t.TempDir()
	if err := unix.Mount("none", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(disk, unix.MNT_DETACH)
	from := filepath.Join(disk, "frameio")
	if err := os.Mkdir(from, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(from, bound, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(bound, unix.MNT_DETACH)
	say := func(what string) { t.Error("it says", what) }
	if got, err := checkMountPoint(bound, t.TempDir(), say); err != nil || got != bound {
		t.Errorf("a bound folder: %q, %v", got, err)
	}
	if got := pointFinding(bound); got.State != stateOK {
		t.Errorf("doctor: %+v", got)
	}
	if _, err := checkMountPoint(disk, t.TempDir(), say); err == nil || !strings.Contains(err.Error(), "something else (tmpfs) is mounted there") {
		t.Errorf("a disk: %v", err)
	}
}
