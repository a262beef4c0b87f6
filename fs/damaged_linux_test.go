package fs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"

	"github.com/frameiofs/frameiofs/cache"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/world"
	"github.com/frameiofs/frameiofs/spool"
)

// tellsOf is what a file tells of itself, "" if nothing.
func tellsOf(path, name string) string {
	value := make([]byte, 4096)
	n, err := unix.Getxattr(path, "user.frameio."+name, value)
	if err != nil {
		return ""
	}
	return string(value[:n])
}

// A file of which Frame.io keeps a byte wrong. V2's checksum comes when the file has settled: it is here again then, parked, with the right
// bytes, in the place of the wrong ones, and is a version above them when it was retried. V4 tells none: it is read back before it settles,
// and sent again by itself.
func TestDamagedUpload(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		t.Parallel()
		r := newRig(t, api, func(c *sim.Config) {
			c.Behaviour = world.Behaviour{ChecksumAfter: world.Duration(time.Hour)}
			c.Faults = []string{"flip@upload*1"}
		})
		var m *mounted
		m = r.mount(mountWith{fs: withXAttr, spool: func(c *spool.Config) {
			client := c.Remote.(client)
			c.Verify, c.Sums, c.Read, c.List = spool.VerifyFull, false, client.OpenRange, client.Children
			if api == "v2" {
				c.Verify, c.Sums = spool.VerifyChecksum, true
			}
			c.Appeared = func(in spool.Info) {
				m.fs.Changed(in.Parent, []cache.Change{{Was: cache.Entry{Name: cache.Shown(in.Name)}}})
			}
		}})
		path := filepath.Join(m.project, "film.mov")
		content := noise(7, 300_000)
		sum := fmt.Sprintf("%016x", xxhash.Sum64(content))
		check(t, "write", os.WriteFile(path, content, 0o644))
		m.settle()
		same := func(moment string) {
			t.Helper()
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s: the mount shows other bytes (%v)", moment, err)
			}
		}
		same("settled")
		if api == "v2" {
			var is spool.Receipt
			check(t, "read receipt", json.Unmarshal([]byte(tellsOf(path, "receipt")), &is))
			if !is.Awaited || is.Checksum != sum || is.Damaged != "" {
				t.Errorf("settled: receipt %+v", is)
			}
			check(t, "tell the checksum", r.sim.World().SetBehaviour(func(b *world.Behaviour) { b.ChecksumAfter = 0 }))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			check(t, "wait", m.spool.WaitVerified(ctx, nil))
			if err := m.spool.Wait(ctx, nil); !errors.Is(err, spool.ErrParked) {
				t.Errorf("the damage is not parked: %v", err)
			}
			for i := 0; !strings.HasPrefix(tellsOf(path, "state"), "parked: ") && i < 100; i++ {
				time.Sleep(20 * time.Millisecond) // the kernel is told a little later
			}
			if state := tellsOf(path, "state"); !strings.Contains(state, "damaged") || !strings.Contains(state, sum) {
				t.Errorf("it tells %q", state)
			}
			same("parked")
			if list, err := os.ReadDir(m.project); err != nil || len(list) != 1 {
				t.Errorf("the folder has %v, %v", list, err)
			}
			if it := r.there()["film.mov"]; bytes.Equal(r.body(it.ID), content) {
				t.Error("there is no damage")
			}
			m.spool.Retry()
			m.settle()
			check(t, "wait", m.spool.WaitVerified(ctx, nil))
			same("mended")
			if it := r.there()["film.mov"]; len(it.Versions) != 2 {
				t.Errorf("Frame.io has %+v, want the damaged one below the right one", it)
			}
		}
		if !bytes.Equal(r.body(head(r.there()["film.mov"])), content) {
			t.Error("Frame.io has other bytes")
		}
		var is spool.Receipt
		check(t, "read receipt", json.Unmarshal([]byte(tellsOf(path, "receipt")), &is))
		if want := map[string]spool.Proof{"v2": spool.ProvenChecksum, "v4": spool.ProvenFull}[api]; is.Proof != want || is.Verified.IsZero() || is.Checksum != sum {
			t.Errorf("receipt %+v, want proof %s", is, want)
		}
		if got := tellsOf(path, "checksum"); got != sum {
			t.Errorf("the checksum it tells is %q, want %s", got, sum)
		}
		if n := len(r.there()); n != 1 {
			t.Errorf("Frame.io has %d files", n)
		}
	})
}

// What the upload host gets wrong is sent again, as another asset: it may have been taken for the file already. An answer without an ETag is one all
// the same.
func TestGarbledParts(t *testing.T) {
	t.Parallel()
	wires(t, func(t *testing.T, api string) {
		t.Parallel()
		r := newRig(t, api, func(c *sim.Config) {
			c.Behaviour = world.Behaviour{PartSize: 100_000, NoChecksum: true}
			c.Faults = []string{"garble@upload+4*1", "noetag@upload%2"}
		})
		m := r.mount(mountWith{fs: withXAttr})
		path := filepath.Join(m.project, "film.mov")
		content := noise(8, 450_000)
		check(t, "write", os.WriteFile(path, content, 0o644))
		m.settle()
		if !bytes.Equal(r.body(head(r.there()["film.mov"])), content) {
			t.Error("Frame.io has other bytes")
		}
		if n := len(r.there()); n != 1 {
			t.Errorf("Frame.io has %d files", n)
		}
		var is spool.Receipt
		check(t, "read receipt", json.Unmarshal([]byte(tellsOf(path, "receipt")), &is))
		if is.Proof != spool.ProvenParts || is.Parts != 5 || is.Attempts != 2 {
			t.Errorf("receipt %+v", is)
		}
	})
}
