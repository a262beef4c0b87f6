package remote_test

import (
	"bytes"
	"slices"
	"sync"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
	v2 "github.com/frameiofs/frameiofs/remote/v2"
	v4 "github.com/frameiofs/frameiofs/remote/v4"
	"github.com/frameiofs/frameiofs/sim"
)

func TestEveryRequestIsSeen(t *testing.T) {
	onBothWires(t, sim.Config{Seed: "empty"}, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		var all []remote.Seen
		cfg := remote.Config{BaseURL: r.srv.URL(), Token: remote.StaticToken(r.srv.Token("full")), Observe: func(s remote.Seen) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, s)
		}}
		var c client
		var err error
		if r.wire == "v2" {
			c, err = v2.New(cfg)
		} else {
			c, err = v4.New(cfg)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx := remote.WithPriority(t.Context(), remote.Uploads)
		data := bytes.Repeat([]byte("film"), 1000)
		u, err := c.CreateFile(ctx, remote.NewFile{Parent: r.project(), Name: "a.mov", Size: int64(len(data)), MediaType: "video/quicktime"})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.PutPart(ctx, u.Parts[0], bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		it := r.uploaded(u.File.Ref)
		body, err := c.OpenRange(t.Context(), it.Ref, 0, 4)
		if err != nil {
			t.Fatal(err)
		}
		body.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, want := range []struct {
			op     string
			status []int
			prio   remote.Priority
			header string
		}{{"create file", []int{200, 201}, remote.Uploads, "x-ratelimit-limit"}, {remote.OpSend, []int{200}, remote.Uploads, "Date"}, {remote.OpRead, []int{200, 206}, remote.Interactive, "Date"}} {
			i := slices.IndexFunc(all, func(s remote.Seen) bool { return s.Op == want.op })
			if i < 0 {
				t.Errorf("%q was not seen, of %d", want.op, len(all))
				continue
			}
			s := all[i]
			if !slices.Contains(want.status, s.Status) || s.Priority != want.prio || s.Header.Get(want.header) == "" || s.Took <= 0 || s.Host == "" || s.Err != nil {
				t.Errorf("%q: seen %+v", want.op, s)
			}
			if (s.Endpoint == "") != (want.op == remote.OpSend || want.op == remote.OpRead) {
				t.Errorf("%q: endpoint %q", want.op, s.Endpoint)
			}
		}
	})
}
