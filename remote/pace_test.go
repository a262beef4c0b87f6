package remote_test

import (
	"fmt"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
	"github.com/frameiofs/frameiofs/sim"
)

// Until Frame.io has answered, the pace is the published one; then it is what the headers tell, which may be that there is no limit.
func TestPaceIsWhatFrameioTells(t *testing.T) {
	for _, c := range []struct {
		limits        bool
		before, after map[string]float64
	}{
		{true, map[string]float64{"v2": 5, "v4": 3}, map[string]float64{"v2": 5, "v4": 3}},
		{false, map[string]float64{"v2": 5, "v4": 3}, map[string]float64{"v2": 0, "v4": 0}},
	} {
		t.Run(fmt.Sprint("limits ", c.limits), func(t *testing.T) {
			onBothWires(t, sim.Config{NoLimits: !c.limits, Seed: "empty"}, func(t *testing.T, r *rig) {
				root := r.project()
				pace := r.client.(interface{ Pace(remote.ID) remote.Pace })
				if got := pace.Pace(root.Account).Folders; got != c.before[r.wire] {
					t.Errorf("limits %v: %v folders a second before the first, want %v", c.limits, got, c.before[r.wire])
				}
				if _, err := r.CreateFolder(t.Context(), root, "a"); err != nil {
					t.Fatal(err)
				}
				if got := pace.Pace(root.Account).Folders; got != c.after[r.wire] {
					t.Errorf("limits %v: %v folders a second, want %v", c.limits, got, c.after[r.wire])
				}
			})
		})
	}
}
