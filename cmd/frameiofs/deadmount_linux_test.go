package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/frameiofs/frameiofs/sim"
)

// The script runs as root in mounts of its own, where everybody may use /dev/fuse; what it is about it does as nobody.
const deadMountScript = `
set -eu
mount -t tmpfs -o mode=755 none "$TOP/dev"
mknod "$TOP/dev/fuse" c 10 229
chmod 666 "$TOP/dev/fuse"
mount --bind "$TOP/dev/fuse" /dev/fuse
cd /
as() { timeout 20 setpriv --reuid=65534 --regid=65534 --clear-groups env -u GORACE HOME="$TOP/home" "$@"; }
pid() { as "$TOP/frameiofs" status --json "$1" | sed 's/.*"pid":\([0-9]*\).*/\1/'; }
M="$TOP/home/mnt"
as "$TOP/frameiofs" mount -d "$M"
as ls "$M"
kill -9 "$(pid "$M")"
until ! as ls "$M" 2>/dev/null; do sleep 0.05; done
as "$TOP/frameiofs" mount -d "$M"
as ls "$M"
kill -9 "$(pid "$M")"
until ! as ls "$M" 2>/dev/null; do sleep 0.05; done
as "$TOP/frameiofs" unmount "$M"
! grep -q " $M " /proc/self/mountinfo
`

// A user without rights has the mount that a killed process left taken down by the next one, or by unmount. (As root, and as the user
// who runs these tests, the story killed.txt tells it.)
func TestDeadMountOfAUserIsTakenDown(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can become another user; the story killed.txt is told as this one")
		return
	}
	srv, err := sim.New(sim.Config{Dir: t.TempDir(), Seed: "empty", NoLimits: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Close() })
	top, err := os.MkdirTemp("", "frameiofs-dead-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"home", "home/mnt", "dev"} {
		if err := os.Mkdir(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(top, dir), 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(top, "frameiofs"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "sh", "-c", deadMountScript)
	cmd.Env = append(append(os.Environ(), srv.Env()...), "TOP="+top, "FRAMEIO_API=v4")
	out, err := cmd.CombinedOutput()
	for _, want := range []string{"took down the mount that a killed frameiofs left", "had been killed; cleaned up"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%v; want %q in: %s", err, want, out)
		}
	}
}
