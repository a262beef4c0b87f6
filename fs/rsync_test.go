package fs_test

import (
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRsync brings a tree here and finds nothing more to do: while it leaves, when it has left, and after a remount.
func TestRsync(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		r := newRig(t, api)
		m := r.mount(mountWith{})
		src := plant(t) + "/"
		for _, how := range []string{"-a", "--inplace", "--delay-updates"} {
			bring := func(args ...string) string {
				return run(t, m.project, "rsync", append(args, "-a", how, src, strings.Trim(how, "-")+"/")...)
			}
			nothing := func(moment string) {
				t.Helper()
				if out := bring("-i"); out != "" {
					t.Errorf("rsync %s: %s there is still to do:\n%s", how, moment, out)
				}
			}
			bring()
			nothing("while it is leaving")
			m.settle()
			if sweep(t, m.project) {
				bring() // the times of folders, which end with what was removed there, as on any disk
			}
			nothing("uploaded")
			m.arrived(t, program{name: strings.Trim(how, "-")}, walk(t, src))

			changed := filepath.Join(src, "Day 1", "Sound 1.wav")
			f, err := os.OpenFile(changed, os.O_WRONLY|os.O_APPEND, 0)
			check(t, "open", err)
			_, err = f.WriteString(how)
			check(t, "append", err)
			check(t, "close", f.Close())
			if out := bring("-i"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "Sound 1.wav") {
				t.Errorf("rsync %s: after the change of one file it brings\n%s", how, out)
			}
			m.settle()
			if sweep(t, m.project) {
				bring()
			}
			m.arrived(t, program{name: strings.Trim(how, "-"), saved: []string{"Day 1/Sound 1.wav"}}, walk(t, src))
			nothing("after a version")
			m.stop()
			m = r.mount(mountWith{state: m.state})
			nothing("remounted")
		}
		orderly(t, r)
	})
}

// sweep removes the temporary folders of --delay-updates. Those out of which a file is being moved on Frame.io while rsync
// removes them are not empty yet, and rsync leaves them behind; they must be empty now. It reports whether there were
// any.
func sweep(t *testing.T, root string) (swept bool) {
	t.Helper()
	check(t, "walk", filepath.WalkDir(root, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || d.Name() != ".~tmp~" {
			return err
		}
		check(t, "remove temporary folder", os.Remove(path))
		swept = true
		return filepath.SkipDir
	}))
	return swept
}
