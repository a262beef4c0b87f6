package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseMount(t *testing.T) {
	const line = `36 35 0:57 / /mnt/my\040disk\134 rw,nosuid shared:1 - fuse.frameiofs frameio rw,user_id=0`
	m, ok := parseMount(line)
	if want := (mounted{Point: `/mnt/my disk\`, Type: fuseType, Dev: "0:57"}); !ok || !reflect.DeepEqual(m, want) {
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
