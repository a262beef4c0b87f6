package fs_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/spool"
)

// settling is a mount whose tree has been told that a file has settled, or is about to be, while the spool does not know that yet, until
// goOn is closed. The tree is told once more then.
func settling(t *testing.T, r *rig, path string, before bool, open func(path string)) (m *mounted, at string, goOn chan struct{}) {
	t.Helper()
	reached, goOn := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	m = r.mount(mountWith{settle: 300 * time.Millisecond, spool: func(c *spool.Config) {
		settled := c.Settled
		c.Settled = func(in spool.Info, it remote.Item, data string) error {
			first := once.CompareAndSwap(false, true)
			wait := func() {
				close(reached)
				<-goOn
			}
			if first && before {
				wait()
			}
			if before {
				time.Sleep(20 * time.Millisecond) // the disk is slow
			}
			err := settled(in, it, data)
			if first && !before {
				wait()
				err = errors.Join(err, errors.New("tell it once more"))
			}
			return err
		}
	}})
	at = filepath.Join(m.project, path)
	check(t, "write", os.WriteFile(at, noise(1, 5000), 0o644))
	open(at)
	<-reached
	return m, at, goOn
}

// What is set on a file between the moment the tree was told that it has settled and the moment the spool forgets it, stays.
func TestWhatIsSetWhileAFileSettlesStays(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		m, path, goOn := settling(t, newRig(t, api), "film.mov", false, func(string) {})
		when := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
		check(t, "chmod", os.Chmod(path, 0o600))
		check(t, "utimes", os.Chtimes(path, when, when))
		as := func(text string) {
			t.Helper()
			fi, err := os.Stat(path)
			check(t, "stat", err)
			if fi.Mode() != 0o600 || !fi.ModTime().Equal(when) {
				t.Errorf("%s it has the mode %v and the time %v", text, fi.Mode(), fi.ModTime())
			}
		}
		as("at once")
		close(goOn)
		m.settle()
		m.stop()
		m = m.rig.mount(mountWith{state: m.state})
		path = filepath.Join(m.project, "film.mov")
		as("after a restart")
	})
}

// Who opens a file for writing at that moment, or right before it, while somebody reads it past us, gets it: the kernel is told to look once
// more only when that leads to another inode, because it does so but once; and who waits for the file does not keep it from settling.
func TestAFileThatSettlesOpensForWriting(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		for _, before := range []bool{false, true} {
			var reader *os.File
			m, path, goOn := settling(t, newRig(t, api), "film.mov", before, func(path string) {
				f, err := os.Open(path)
				check(t, "open", err)
				reader = f
			})
			time.AfterFunc(200*time.Millisecond, func() { close(goOn) })
			begun := time.Now()
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			check(t, "open for writing", err)
			if waited := time.Since(begun); waited > 20*time.Second {
				t.Errorf("open waited for %v", waited)
			}
			_, err = f.WriteAt(noise(2, 100), 0)
			check(t, "write", err)
			check(t, "close", f.Close())
			m.settle()
			want := append(noise(2, 100), noise(1, 5000)[100:]...)
			if got := m.body(head(m.there()["film.mov"])); string(got) != string(want) {
				t.Error("Frame.io has other bytes")
			}
			check(t, "close", reader.Close())
		}
	})
}
