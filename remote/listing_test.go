package remote_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/link"
	"github.com/frameiofs/frameiofs/sim/world"
)

// listings are the ways in which Frame.io may list a folder (spec: frameio-v4.md §3.1, §13.3).
func listings() map[string]world.Behaviour {
	out := map[string]world.Behaviour{"uncounted": {NoTotal: true}}
	for _, order := range []world.ListOrder{world.ListByName, world.ListByCreated, world.ListRandom} {
		for _, cursor := range []world.Cursor{world.CursorOffset, world.CursorKeyset} {
			out[fmt.Sprintf("by %s, %s", order, cursor)] = world.Behaviour{ListOrder: order, Cursor: cursor}
		}
	}
	return out
}

func TestALongListingTellsEachThingOnce(t *testing.T) {
	for name, b := range listings() {
		t.Run(name, func(t *testing.T) {
			onBothWires(t, sim.Config{NoLimits: true, Seed: "many:3210", Behaviour: b}, func(t *testing.T, r *rig) {
				folder := r.list(r.project())[0].Ref
				there := r.list(folder)
				if len(there) != 3210 {
					t.Fatalf("saw %d, want 3210", len(there))
				}
				if r.wire == "v2" || !b.NoTotal { // uncounted, nothing tells that a list of offsets has changed
					changing(t, r, folder, there)
				}
			})
		})
	}
}

// changing lists a folder while somebody else deletes and adds.
func changing(t *testing.T, r *rig, folder remote.Ref, there []remote.Item) {
	other := r.dial(r.srv.URL(), r.srv.Token("full"))
	gone := map[remote.ID]bool{}
	for _, i := range []int{3, 700, 3200} {
		gone[there[i].ID] = true
	}
	told := map[remote.ID]bool{}
	for it, err := range r.Children(t.Context(), folder) {
		if err != nil {
			t.Fatal(err)
		}
		if told[it.ID] {
			t.Errorf("%s came twice", it.Name)
		}
		told[it.ID] = true
		if len(told) != 600 { // somewhere behind the first page
			continue
		}
		for id := range gone {
			if err := other.Delete(t.Context(), remote.Ref{Kind: remote.File, ID: id, Account: folder.Account}); err != nil {
				t.Error(err)
			}
		}
		for i := range 2 {
			if _, err := other.CreateFolder(t.Context(), folder, fmt.Sprintf("aaa %d", i)); err != nil {
				t.Error(err)
			}
		}
	}
	for _, it := range there {
		if !told[it.ID] && !gone[it.ID] {
			t.Errorf("%s was there all the time and is missing", it.Name)
		}
	}
}

// BenchmarkChildren lists 10,000 files over a line of 30 ms and 100 Mbit/s per connection.
func BenchmarkChildren(b *testing.B) {
	for _, wire := range []string{"v2", "v4"} {
		b.Run(wire, func(b *testing.B) {
			srv, err := sim.New(sim.Config{NoLimits: true, Seed: "many:10000", Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			srv.Start()
			defer srv.Close()
			r := &rig{t: b, srv: srv, wire: wire}
			r.client = r.dial(srv.URL(), srv.Token("full"))
			folder := r.list(r.project())[0].Ref
			r.list(folder) // the simulator's first rendering
			if err := srv.Link().Set(link.Config{RTT: 30 * time.Millisecond, Down: 125e6, Up: 125e6, DownEach: 12.5e6, UpEach: 12.5e6}); err != nil {
				b.Fatal(err)
			}
			r.client = r.dial(srv.URL(), srv.Token("full"))
			if _, err := r.Stat(b.Context(), folder); err != nil { // a warm connection
				b.Fatal(err)
			}
			srv.Log().Clear()
			for b.Loop() {
				if n := len(r.list(folder)); n != 10_000 {
					b.Fatalf("saw %d", n)
				}
			}
			b.ReportMetric(float64(len(srv.Log().Entries(0)))/float64(b.N), "calls/op")
		})
	}
}
