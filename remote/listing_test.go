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

func TestALongListingTellsEachThingOnce(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "many:1110"}, func(t *testing.T, r *rig) {
		folder, want := r.list(r.project())[0].Ref, 1110
		cursors := []world.Cursor{world.CursorOffset, world.CursorKeyset}
		if r.wire == "v2" { // it has page numbers
			cursors = cursors[:1]
		}
		// The ways in which Frame.io may list a folder (spec: frameio-v4.md §3.1, §13.3).
		for _, order := range []world.ListOrder{world.ListByName, world.ListByCreated, world.ListRandom} {
			for _, cursor := range cursors {
				r.behave(func(b *world.Behaviour) { b.ListOrder, b.Cursor = order, cursor })
				there := r.list(folder)
				if len(there) != want {
					t.Fatalf("order %q, cursor %q: saw %d, want %d", order, cursor, len(there), want)
				}
				changing(t, r, folder, there)
				want-- // three went, two came
			}
		}
		r.behave(func(b *world.Behaviour) { b.NoTotal = true })
		if n := len(r.list(folder)); n != want {
			t.Errorf("uncounted: saw %d, want %d", n, want)
		}
	})
}

// changing lists a folder while somebody else deletes and adds.
func changing(t *testing.T, r *rig, folder remote.Ref, there []remote.Item) {
	other := r.dial(r.srv.URL(), r.srv.Token("full"))
	gone := map[remote.ID]remote.Ref{}
	for _, i := range []int{3, 700, 1090} {
		gone[there[i].ID] = there[i].Ref
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
		for _, ref := range gone {
			if err := other.Delete(t.Context(), ref); err != nil {
				t.Error(err)
			}
		}
		for i := range 2 {
			if _, err := other.CreateFolder(t.Context(), folder, fmt.Sprintf("aaa %d of %d", i, len(there))); err != nil {
				t.Error(err)
			}
		}
	}
	for _, it := range there {
		if _, went := gone[it.ID]; !told[it.ID] && !went {
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
