package spool

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func stocking(n int) func(*Config) { return func(c *Config) { c.Stock = n } }

// inYoung lists what lies where young entries have their bytes.
func (r *rig) inYoung() (keys []Key) {
	r.t.Helper()
	list, err := os.ReadDir(filepath.Join(r.cfg.Dir, young))
	r.must(err)
	for _, d := range list {
		keys = append(keys, Key(d.Name()))
	}
	return keys
}

// Files for bytes are made ahead, while nobody makes any, and then taken.
func TestFilesAreMadeAhead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake(), stocking(3))
		time.Sleep(stockQuiet / 2)
		synctest.Wait()
		if n := len(r.inYoung()); n != 0 {
			t.Fatalf("%d files were made while files may still be made", n)
		}
		time.Sleep(stockQuiet)
		synctest.Wait()
		ahead := r.inYoung()
		if len(ahead) != 3 {
			t.Fatalf("%d files were made ahead, not 3", len(ahead))
		}
		for _, name := range []string{"a", "b", "c", "d"} {
			e := r.file(name, "bytes of "+name)
			if got := slices.Contains(ahead, e.Key()); got != (name != "d") {
				t.Errorf("%s was made of what was made ahead: %v", name, got)
			}
		}
		if n := len(r.inYoung()); n != 4 {
			t.Fatalf("four files, %d in the folder", n)
		}
		time.Sleep(2 * stockQuiet)
		synctest.Wait()
		if n := len(r.inYoung()); n != 7 {
			t.Fatalf("four files and three ahead, %d in the folder", n)
		}
		r.start()
		r.finish()
		told := slices.Sorted(slices.Values(r.told())) // they go side by side
		if want := []string{"a = bytes of a", "b = bytes of b", "c = bytes of c", "d = bytes of d"}; !slices.Equal(told, want) {
			t.Errorf("on Frame.io: %q", told)
		}
	})
}

// While somebody writes, or something is sent, none is made.
func TestFilesAreMadeAheadAtLeisure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		f.delay = time.Minute
		r := newRig(t, f, stocking(3), func(c *Config) { c.Settle = stockQuiet / 2 }).start()
		e := r.create("film")
		h := r.opened(e, true)
		r.put(h, 0, long)
		for _, when := range []string{"written", "sent"} {
			time.Sleep(5 * stockQuiet)
			synctest.Wait()
			if n := len(r.inYoung()); n != 1 {
				t.Errorf("while a film is %s there are %d files", when, n)
			}
			if when == "written" {
				r.shut(h)
				r.reach(e, Uploading)
			}
		}
		r.finish()
		time.Sleep(5 * stockQuiet)
		synctest.Wait()
		if n := len(r.inYoung()); n != 3 {
			t.Errorf("when it is there %d were made", n)
		}
	})
}

// An empty file is as old as its making, not as the file that its bytes would be in.
func TestAFileMadeAheadIsNew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake(), stocking(1))
		time.Sleep(2 * stockQuiet)
		synctest.Wait()
		path := filepath.Join(r.cfg.Dir, young, string(r.inYoung()[0]))
		old := time.Now().Add(-24 * time.Hour)
		r.must(os.Chtimes(path, old, old))
		e := r.create("empty")
		st, err := os.Stat(path)
		r.must(err)
		if e.dataPath() != path || st.ModTime().Before(old.Add(time.Hour)) {
			t.Errorf("the new file is of %v", st.ModTime())
		}
		e.Discard()
	})
}

// What was made ahead is gone after a Close, and after a death it is removed by the next start.
func TestNothingIsLeftOfFilesMadeAhead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, newFake(), stocking(5))
		time.Sleep(2 * stockQuiet)
		synctest.Wait()
		copied := filepath.Join(memDir(t), "copy")
		r.must(copyTree(copied, r.cfg.Dir))
		r.must(r.Close())
		if left := r.inYoung(); len(left) != 0 {
			t.Errorf("after Close there are still %d", len(left))
		}
		dead := rigAt(t, newFake(), copied)
		if left := dead.inYoung(); len(left) != 0 {
			t.Errorf("after the next start there are still %d", len(left))
		}
		if all := dead.All(); len(all) != 0 {
			t.Errorf("they became entries: %v", all)
		}
	})
}
