package control

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// listenDead makes a socket that stays when its listener is closed, as after kill -9.
func listenDead(path string) (net.Listener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err == nil {
		l.SetUnlinkOnClose(false)
	}
	return l, err
}

func TestRegistry(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mounts")
	if all, err := Registered(dir); err != nil || len(all) != 0 {
		t.Fatalf("before the first mount: %v, %v", all, err)
	}
	b := Registration{MountPoint: "/mnt/b", Socket: "/s/b.sock", PID: 2}
	a := Registration{MountPoint: "/mnt/a", Socket: "/s/a.sock", PID: 1}
	var drop []func() error
	for _, r := range []Registration{b, a} {
		unregister, err := Register(dir, r)
		if err != nil {
			t.Fatal(err)
		}
		drop = append(drop, unregister)
	}
	os.WriteFile(filepath.Join(dir, "torn.json"), []byte(`{"mountpoint":`), 0o600)
	os.WriteFile(filepath.Join(dir, "odd.json"), []byte(`{"mountpoint":"x","socket":"y"}`), 0o600)
	all, err := Registered(dir)
	if err != nil || len(all) != 2 || all[0] != a || all[1] != b {
		t.Fatalf("registered: got %+v, %v", all, err)
	}

	// A successor took the mount point: the old process leaves it alone.
	b2 := b
	b2.PID = 3
	if _, err := Register(dir, b2); err != nil {
		t.Fatal(err)
	}
	if err := drop[0](); err != nil {
		t.Fatal(err)
	}
	if err := drop[1](); err != nil {
		t.Fatal(err)
	}
	if all, _ := Registered(dir); len(all) != 1 || all[0] != b2 {
		t.Errorf("after both have left: got %+v, want only the successor", all)
	}
	if err := Forget(dir, b); err != nil {
		t.Fatal(err)
	}
	if all, _ := Registered(dir); len(all) != 1 {
		t.Error("Forget of the old process removed its successor")
	}
	if err := Forget(dir, b2); err != nil {
		t.Fatal(err)
	}
	if all, _ := Registered(dir); len(all) != 0 {
		t.Errorf("after Forget: %+v", all)
	}
}

func TestFind(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	mount, inner := filepath.Join(base, "mnt"), filepath.Join(base, "mnt", "Acme", "inner")
	for link, to := range map[string]string{
		"abs": mount, "rel": "mnt", "deep": "rel/Acme/inner", "loop": "loop", "up": "mnt/../mnt",
	} {
		if err := os.Symlink(to, filepath.Join(base, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(base, "mntx"), 0o700); err != nil {
		t.Fatal(err)
	}
	mounts := []Registration{{MountPoint: mount}, {MountPoint: inner}}
	for _, tt := range []struct{ path, mount, below string }{
		{"mnt", mount, ""},
		{"mnt/", mount, ""},
		{"mnt/Acme/Film/a b.mov", mount, "Acme/Film/a b.mov"},
		{"mnt/Acme/inner", inner, ""},
		{"mnt/Acme/inner/x", inner, "x"},
		{"mnt/Acme/innermost", mount, "Acme/innermost"},
		{"abs/x", mount, "x"},
		{"rel/x/y", mount, "x/y"},
		{"deep/z", inner, "z"},
		{"up/x", mount, "x"},
		{"mntx", "", ""},
		{"loop", "", ""},
		{"missing/mnt", "", ""},
		{".", "", ""},
	} {
		r, below, ok := Find(mounts, filepath.Join(base, tt.path))
		if ok != (tt.mount != "") || r.MountPoint != tt.mount || below != tt.below {
			t.Errorf("Find(%q): got %q, %q, %v; want %q, %q", tt.path, r.MountPoint, below, ok, tt.mount, tt.below)
		}
	}
}
