package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Killed at any moment while a checksum is awaited, or has come and is right or wrong: afterwards the file is on Frame.io with the right
// bytes on top, once, with a receipt that says so, and nothing is left here.
func TestKilledWhileAwaited(t *testing.T) {
	content := strings.Repeat("0123456789", 250)
	for _, damaged := range []bool{false, true} {
		for _, young := range []bool{true, false} {
			t.Run(fmt.Sprintf("damaged=%v, young=%v", damaged, young), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					f := newFake()
					f.delay, f.assemble, f.sums, f.late, f.partSize = 10*time.Millisecond, 100*time.Millisecond, true, time.Minute, 10_000
					if damaged {
						f.spoil = spoilOnce("1")
					}
					dir := memDir(t)
					c := &recorder{f: f, dir: dir, into: memDir(t), every: 1, t: t}
					folders := func(cfg *Config) { cfg.testOnlyFolders = !young }
					r := rigAt(t, f, dir, proving(VerifyChecksum, f), folders, func(cfg *Config) { cfg.testOnlyStep = c.take }).start()
					r.file("a", content)
					r.must(r.Wait(t.Context(), nil))
					c.take("settled")
					mend(t, r, content)
					r.end()
					if len(c.shots) < 15 {
						t.Errorf("only %d moments", len(c.shots))
					}
					seen := map[string]bool{}
					for _, s := range c.shots {
						seen[s.what] = true
						x := rigAt(t, s.f, s.dir, proving(VerifyChecksum, s.f), folders).start()
						if !mend(t, x, content) {
							t.Errorf("killed at %s", s)
						}
						x.end()
					}
					for _, what := range []string{"await", "keep bytes", "receipt", "forgo"} {
						if !seen[what] {
							t.Errorf("there was no moment %q", what)
						}
					}
					if seen["revive"] != damaged {
						t.Errorf("revived: %v", seen["revive"])
					}
				})
			})
		}
	}
}

// mend does what a person does until all is well.
func mend(t *testing.T, r *rig, content string) (ok bool) {
	t.Helper()
	for range 2 {
		r.finish()
		for _, i := range r.All() {
			if i.Stage == Held && !i.Quiet {
				r.Retry(i.Key)
			}
		}
		r.finish()
		r.must(r.WaitVerified(t.Context(), nil))
		r.Retry()
	}
	r.finish()
	r.must(r.WaitVerified(t.Context(), nil))
	tree := r.f.tree()
	if all := r.All(); len(tree) == 0 && (len(all) == 0 || all[0].Quiet && all[0].Size == 0) {
		return true // killed before the first byte
	}
	got := Receipt{}
	if len(tree) == 1 {
		got = r.receipt("a")
	}
	line := "folder-a/a = " + seen(content)
	if len(tree) != 1 || tree[0] != line && !strings.HasPrefix(tree[0], line+" | ") || strings.Count(tree[0], "|") > 1 || len(r.All()) > 0 {
		t.Errorf("Frame.io has %q, here is %+v", tree, r.All())
		return false
	}
	list, err := os.ReadDir(filepath.Join(r.cfg.Dir, verifying))
	if got.Proof != ProvenChecksum || got.Awaited || got.Damaged != "" || got.Checksum != sumOf(content) || err != nil || len(list) > 0 {
		t.Errorf("receipt %+v; left %v, %v", got, list, err)
		return false
	}
	return true
}
