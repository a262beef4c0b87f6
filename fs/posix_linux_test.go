package fs_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/posixtest"
)

// notPosix are the tests of go-fuse's own suite that do not pass here, and why.
var notPosix = map[string]string{
	"FcntlFlockLocksFile": "locks are the kernel's own, of a process as POSIX has them; the suite wants them of a descriptor",
	"Link":                "on Frame.io a file has one place",
	"LinkUnlinkRename":    "on Frame.io a file has one place",
	"OpenSymlinkRace":     "Frame.io has no symbolic links",
	"SetattrSymlink":      "Frame.io has no symbolic links",
	"SymlinkReadlink":     "Frame.io has no symbolic links",
}

// TestPosix runs go-fuse's suite, each test in a folder of its own. Those in notPosix run in a process of their own, because
// they must fail: the list would otherwise outlive its reasons.
func TestPosix(t *testing.T) {
	if name := os.Getenv("POSIX_TEST"); name != "" {
		posixtest.All[name](t, os.Getenv("POSIX_DIR"))
		return
	}
	for name := range notPosix {
		if posixtest.All[name] == nil {
			t.Errorf("the suite has no test %s any more: strike it from notPosix", name)
		}
	}
	wires(t, func(t *testing.T, api string) {
		// One counts the descriptors of this process, which is also the mount's: nothing else may be going on.
		const alone = "FdLeak"
		r := newRig(t, api)
		m := r.mount(mountWith{settle: time.Hour})
		t.Run(alone, func(t *testing.T) { posixtest.All[alone](t, m.project) })
		m.stop()
		m = r.mount(mountWith{fs: withXAttr})
		for name, test := range posixtest.All {
			if name == alone {
				continue
			}
			t.Run(name, func(t *testing.T) {
				dir, err := os.MkdirTemp(m.project, name)
				check(t, "make folder", err)
				if why, ok := notPosix[name]; ok {
					refused(t, name, dir, why)
					return
				}
				test(t, dir)
				if t.Skipped() {
					t.Errorf("%s skips itself and is not in notPosix", name)
				}
			})
		}
		m.settle()
	})
}

// refused runs a test that must not pass.
func refused(t *testing.T, name, dir, why string) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestPosix$", "-test.v")
	cmd.Env = append(os.Environ(), "POSIX_TEST="+name, "POSIX_DIR="+dir)
	out, err := cmd.CombinedOutput()
	if err == nil && !bytes.Contains(out, []byte("--- SKIP")) {
		t.Errorf("%s passes now, so it is not true any more that %s: strike it from notPosix\n%s", name, why, out)
	}
	if !bytes.Contains(out, []byte("--- FAIL")) && !bytes.Contains(out, []byte("--- SKIP")) {
		t.Errorf("%s did not run: %v\n%s", name, err, out)
	}
}
