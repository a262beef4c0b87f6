package remote_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/sim"
)

// calls gives how often the API and the media host were asked since the log was cleared.
func (r *rig) calls() (api, media int) {
	r.srv.Log().Quiet(5 * time.Second)
	for _, e := range r.srv.Log().Entries(0) {
		switch e.Host {
		case "api":
			api++
		case "media":
			media++
		}
	}
	return api, media
}

func TestReadingCostsAsFewCallsAsItCan(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		root := r.project()
		data := film(1, 5000)
		file := r.put(root, "a.mp4", data).Ref
		for _, step := range []struct {
			name   string
			do     func()
			v2, v4 int // calls of the API
			media  int
		}{
			{"list", func() { r.list(root) }, 1, 1, 0},
			{"prepare", func() {
				if err := r.Prepare(t.Context(), file); err != nil {
					t.Error(err)
				}
			}, 0, 1, 0}, // V2 told the link in the listing
			{"read", func() {
				if !bytes.Equal(r.read(file, 100, 200), data[100:300]) {
					t.Error("other bytes")
				}
			}, 0, 0, 1},
			{"prepare again", func() { r.Prepare(t.Context(), file) }, 0, 0, 0},
		} {
			r.srv.Log().Clear()
			step.do()
			api, media := r.calls()
			want := step.v4
			if r.wire == "v2" {
				want = step.v2
			}
			if api != want || media != step.media {
				t.Errorf("%s: %d calls and %d GETs, want %d and %d", step.name, api, media, want, step.media)
			}
		}
	})
}

func TestAListedLinkThatIsRefusedIsRenewed(t *testing.T) {
	onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
		root := r.project()
		data := film(1, 5000)
		file := r.put(root, "a.mp4", data).Ref
		r.list(root)
		if err := r.Prepare(t.Context(), file); err != nil {
			t.Error(err)
		}
		if err := r.srv.World().ExpireURLs(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.read(file, 0, -1), data) {
			t.Error("other bytes")
		}
	})
}

func TestReadersGetTheirBytesWhateverHappens(t *testing.T) {
	for _, fault := range []string{
		"429@api%3", "503@api%3", "reset@api%4", "403@media%7", "expired@media%7", "503@media%4", "reset@media%3", "truncate@media%3", "429@media%5",
	} {
		t.Run(strings.NewReplacer("@", " ", "%", " ").Replace(fault), func(t *testing.T) {
			onBothWires(t, sim.Config{NoLimits: true, Seed: "empty"}, func(t *testing.T, r *rig) {
				root := r.project()
				var files []remote.Ref
				var data [][]byte
				for i := range 4 {
					data = append(data, film(byte(i), 200_000))
					files = append(files, r.put(root, fmt.Sprint(i, ".mp4"), data[i]).Ref)
				}
				r.fault(fault)
				var wg sync.WaitGroup
				for i := range 12 {
					wg.Go(func() {
						f, off := i%4, int64(i)*10_000
						r.Prepare(t.Context(), files[f]) // best effort
						if got := r.read(files[f], off, 60_000); !bytes.Equal(got, data[f][off:off+60_000]) {
							t.Errorf("file %d at %d: %d other bytes", f, off, len(got))
						}
					})
				}
				wg.Wait()
			})
		})
	}
}
