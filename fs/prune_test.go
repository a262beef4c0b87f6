package fs_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/frameiofs/frameiofs/sim"
)

// What the kernel was made to forget it finds again, and what is in use stays as it was.
func TestTheKernelForgetsWhatNobodyUses(t *testing.T) {
	wires(t, func(t *testing.T, api string) {
		m := newRig(t, api, func(c *sim.Config) { c.Seed = "folders:20x50" }).mount(mountWith{})
		list := func() (files int) {
			check(t, "walk", filepath.WalkDir(m.project, func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					_, err = d.Info()
					files++
				}
				return err
			}))
			return files
		}
		if n := list(); n != 1000 {
			t.Fatalf("lists %d files", n)
		}
		content := noise(1, 100_000)
		path := m.leave("open.bin", content)
		f, err := os.Open(path)
		check(t, "open", err)
		defer f.Close()
		fresh, err := os.Create(filepath.Join(m.project, "fresh.bin"))
		check(t, "create", err)
		defer fresh.Close()
		if n := m.fs.Nodes(); n < 1000 {
			t.Fatalf("only %d nodes", n)
		}
		until(t, "the nodes go", func() bool { m.fs.ForgetAll(); return m.fs.Nodes() < 100 })
		if !bytes.Equal(readFrom(t, f), content) {
			t.Error("an open file lost its bytes")
		}
		_, err = fmt.Fprint(fresh, "written afterwards")
		check(t, "write", err)
		check(t, "close", fresh.Close())
		if n := list(); n != 1002 {
			t.Errorf("lists %d files afterwards", n)
		}
		m.settle()
		if it, ok := m.there()["fresh.bin"]; !ok || string(m.body(it.ID)) != "written afterwards" {
			t.Error("what was written after it did not arrive")
		}
	})
}
