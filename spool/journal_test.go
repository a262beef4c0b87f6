package spool

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// afterPowerLoss starts a copy of the spool in which only the first bytes of the journal came to the disk.
func (r *rig) afterPowerLoss(of string, size int64) *rig {
	r.t.Helper()
	dir := filepath.Join(memDir(r.t), "copy")
	r.must(copyTree(dir, of))
	r.must(os.Truncate(filepath.Join(dir, journalName), size))
	return rigAt(r.t, r.f, dir, func(c *Config) { c.testOnlyBoot = "another run of the machine" })
}

// ends are where the journal may end after a loss of power: behind every line, and within it.
func (r *rig) ends(of string) (all []int64) {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(of, journalName))
	r.must(err)
	for i, c := range b {
		if c == '\n' {
			all = append(all, int64(i)-3, int64(i)+1)
		}
	}
	return all
}

// Whatever of the journal comes to the disk, bytes that were changed are not taken for those that were closed.
func TestTornJournal(t *testing.T) {
	for _, rest := range []time.Duration{0, time.Second} { // the first content is vouched for, or not
		bubble(t, func(t *testing.T) {
			r := newRig(t, newFake())
			e := r.file("a", "abc")
			time.Sleep(rest)
			h := r.opened(e, true)
			r.put(h, 0, "XYZ")
			onDisk := int64(0)
			if rest > 0 {
				if r.journal.synced < e.line {
					t.Fatal("bytes were changed before the disk knew that they are not closed any more")
				}
				st, err := os.Stat(filepath.Join(r.cfg.Dir, journalName))
				r.must(err)
				onDisk = st.Size()
			}
			r.shut(h)
			closed, err := os.Stat(filepath.Join(r.cfg.Dir, journalName))
			r.must(err)
			time.Sleep(time.Second)
			synctest.Wait()
			for _, end := range r.ends(r.cfg.Dir) {
				if end < onDisk {
					continue
				}
				p := r.afterPowerLoss(r.cfg.Dir, end)
				got := p.Find("folder-a", "a")
				switch {
				case got == nil:
					if end >= closed.Size() {
						t.Errorf("after %d bytes of the journal the file is lost", end)
					}
				case got.Info().Stage == Settling && end <= closed.Size():
					t.Errorf("after %d bytes of the journal changed bytes are taken for closed", end)
				case got.Info().Stage != Settling && got.Info().Stage != Held:
					t.Errorf("after %d bytes of the journal it is %s", end, got.Info().Stage)
				}
				p.end()
			}
			p := r.afterPowerLoss(r.cfg.Dir, r.ends(r.cfg.Dir)[len(r.ends(r.cfg.Dir))-1])
			if got := p.Find("folder-a", "a"); got == nil || got.Info().Stage != Settling {
				t.Error("a second after the close it is not taken for complete")
			}
		})
	}
}

// A rename over another file leaves one of them, whatever of the journal comes to the disk.
func TestTornRenameOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var r *rig
		var tmp *Entry
		r = newRig(t, newFake(), func(c *Config) {
			c.testOnlyStep = func(what string) {
				if what == "remove bytes" && r.journal.synced < tmp.line {
					t.Error("the bytes that were renamed over went before the new name was on the disk")
				}
			}
		})
		r.file("doc", "old")
		time.Sleep(time.Second)
		safe := r.ends(r.cfg.Dir)
		tmp = r.file("doc.new", "new")
		time.Sleep(time.Second)
		r.must(tmp.Retarget(Target{Parent: folderA, Name: "doc"}))
		copied := filepath.Join(memDir(t), "copy")
		r.must(copyTree(copied, r.cfg.Dir)) // with both files' bytes: they go later
		time.Sleep(time.Second)
		synctest.Wait()
		for _, end := range r.ends(copied) {
			if end < safe[len(safe)-1] {
				continue
			}
			p := r.afterPowerLoss(copied, end)
			got := p.Find("folder-a", "doc")
			if got == nil {
				t.Fatalf("after %d bytes of the journal there is no doc", end)
			}
			if s := p.read(p.opened(got, false)); s != "old" && s != "new" {
				t.Errorf("after %d bytes of the journal doc has %q", end, s)
			}
			p.end()
		}
		list, err := os.ReadDir(filepath.Join(r.cfg.Dir, young))
		if err != nil || len(list) != 1 {
			t.Errorf("%d files are left, %v", len(list), err)
		}
	})
}

// A damaged line costs the name at most, and only that of its own file.
func TestDamagedJournal(t *testing.T) {
	for _, damage := range []string{"line", "all", "file"} {
		bubble(t, func(t *testing.T) {
			r := newRig(t, newFake())
			a := r.file("a", "abc")
			r.file("b", "def")
			time.Sleep(time.Second)
			r.end()
			r.open() // has the journal written anew
			r.end()
			path := filepath.Join(r.cfg.Dir, journalName)
			switch damage {
			case "line":
				b, err := os.ReadFile(path)
				r.must(err)
				r.must(os.WriteFile(path, bytes.ReplaceAll(b, []byte(`"name":"a"`), []byte(`"name":"x"`)), 0o600))
			case "all":
				r.must(os.WriteFile(path, bytes.Repeat([]byte("x\n"), 100), 0o600))
			case "file":
				r.must(os.Remove(path))
			}
			r.cfg.testOnlyBoot = "another run of the machine"
			r.open()
			if got := r.Find("folder-a", "b"); damage == "line" && (got == nil || got.Info().Stage == Parked) {
				t.Error("the other file lost its name")
			}
			n := 0
			for _, i := range r.All() {
				if i.Stage != Parked {
					continue
				}
				n++
				b, err := os.ReadFile(filepath.Join(r.cfg.Dir, parked, string(i.Key), dataName))
				if err != nil || string(b) != "abc" && string(b) != "def" {
					t.Errorf("%s has %q, %v", i.Name, b, err)
				}
				if i.Key == a.Key() && string(b) != "abc" {
					t.Errorf("%s has %q", i.Name, b)
				}
			}
			if want := map[string]int{"line": 1, "all": 2, "file": 2}[damage]; n != want {
				t.Errorf("%s damaged: %d files are parked, not %d", damage, n, want)
			}
			kept, err := os.ReadFile(filepath.Join(r.cfg.Dir, tornName))
			if damage == "file" && err == nil || damage != "file" && !strings.Contains(string(kept), map[string]string{"line": `"name":"x"`, "all": "x\nx\n"}[damage]) {
				t.Errorf("%s damaged: kept aside is %q, %v", damage, kept, err)
			}
		})
	}
}

// The journal does not grow for ever, and is read again as it was.
func TestJournalRenewed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake())
		kept := r.file("kept", "abc")
		time.Sleep(time.Second)
		mode := strings.Repeat("x", 200)
		for i := range 2 * compactAt / 400 {
			r.must(kept.Retarget(Target{Parent: folderA, Name: fmt.Sprint(mode, i)}))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		st, err := os.Stat(filepath.Join(r.cfg.Dir, journalName))
		if err != nil || st.Size() > 10<<10 {
			t.Errorf("the journal has %d bytes, %v", st.Size(), err)
		}
		p := r.killed(func(c *Config) { c.testOnlyBoot = "another run of the machine" })
		if got := p.Find("folder-a", fmt.Sprint(mode, 2*compactAt/400-1)); got == nil || got.Info().Stage != Settling {
			t.Error("its name or what vouches for its bytes is lost")
		}
	})
}

// A spool of the layout before has no journal, and its entries go on.
func TestOlderLayout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake())
		e := r.file("a", "abc")
		e.step.Lock()
		r.must(e.grow(drafts))
		e.step.Unlock()
		r.must(e.Sync(t.Context()))
		r.end()
		r.must(os.Remove(filepath.Join(r.cfg.Dir, journalName)))
		r.must(os.Remove(filepath.Join(r.cfg.Dir, young)))
		r.must(os.WriteFile(filepath.Join(r.cfg.Dir, "VERSION"), []byte(olderVersion), 0o600))
		r.open()
		r.start()
		r.finish()
		r.expect("folder-a/a = abc")
	})
}
