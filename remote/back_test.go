package remote_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/sim"
	"github.com/frameiofs/frameiofs/sim/link"
	"github.com/frameiofs/frameiofs/sim/world"
)

// backTime is how soon after a link's return something must have moved on, on a machine that has time for it.
const backTime = 3 * time.Second

// lateness measures, until the returned function is called, by how much this machine is late for an appointment, at most.
func lateness() func() time.Duration {
	stop, most := make(chan struct{}), make(chan time.Duration, 1)
	go func() {
		late := time.Duration(0)
		for {
			at := time.Now().Add(20 * time.Millisecond)
			select {
			case <-stop:
				most <- late
				return
			case <-time.After(20 * time.Millisecond):
				late = max(late, time.Since(at))
			}
		}
	}()
	return func() time.Duration { close(stop); return <-most }
}

// Whatever was under way when the line went down, and in whatever way, goes on within 3 s of its return.
func TestWorkGoesOnWhenTheLinkIsBack(t *testing.T) {
	for _, down := range []link.State{link.Cut, link.Frozen, link.Lost} {
		t.Run(string(down), func(t *testing.T) {
			onBothWires(t, sim.Config{NoLimits: true, Seed: "empty", Behaviour: world.Behaviour{PartSize: 8 << 20}}, func(t *testing.T, r *rig) {
				r.client = r.dial(r.srv.URL(), r.srv.Token("full"))
				root := r.project()
				bytes0 := film(1, 3<<20)
				film0 := r.put(root, "old.mov", bytes0)
				up, err := r.CreateFile(t.Context(), remote.NewFile{Parent: root, Name: "new.mov", Size: 8 << 20, MediaType: "video/quicktime"})
				if err != nil {
					t.Fatal(err)
				}
				// So slow that the part and the read are in the middle when it breaks; the simulator must not take it all in ahead.
				slow := link.Config{UpEach: 1 << 20, DownEach: 256 << 10, ReadAhead: 64 << 10}
				if err := r.srv.Link().Set(slow); err != nil {
					t.Fatal(err)
				}
				outcomes := make(chan string, 3)
				begin := func(what string, f func(context.Context) error) {
					go func() {
						ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
						defer cancel()
						err := f(ctx)
						outcomes <- fmt.Sprintf("%s: %v", what, err)
					}()
				}
				begin("part", func(ctx context.Context) error { return r.PutPart(ctx, up.Parts[0], bytes.NewReader(film(2, 8<<20))) })
				begin("range", func(ctx context.Context) error {
					body, err := r.OpenRange(ctx, film0.Ref, 0, -1)
					if err != nil {
						return err
					}
					defer body.Close()
					b, err := io.ReadAll(body)
					if err == nil && !bytes.Equal(b, bytes0) {
						err = fmt.Errorf("wrong bytes")
					}
					return err
				})
				time.Sleep(500 * time.Millisecond)
				slow.State = down
				if err := r.srv.Link().Set(slow); err != nil {
					t.Fatal(err)
				}
				begin("call", func(ctx context.Context) error { _, err := r.Me(ctx); return err })
				time.Sleep(4 * time.Second)
				back := time.Now()
				if err := r.srv.Link().Set(link.Config{}); err != nil {
					t.Fatal(err)
				}
				late := lateness()
				took := map[string]time.Duration{}
				for range 3 {
					got := <-outcomes
					took[got] = time.Since(back)
					if !strings.HasSuffix(got, ": <nil>") {
						t.Error(got)
					}
				}
				busy := 5 * late()
				for what, d := range took {
					if t.Logf("%s %v after the line was back", what, d.Round(time.Millisecond)); d > backTime+busy {
						t.Errorf("%s %v after the line was back; the machine was %v late at times", what, d.Round(time.Millisecond), busy/5)
					}
				}
			})
		})
	}
}
