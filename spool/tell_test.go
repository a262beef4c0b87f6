package spool

import (
	"fmt"
	"slices"
	"testing"

	"github.com/frameiofs/frameiofs/remote"
)

// A rename in the very moment in which an entry has settled must not be told without being done on Frame.io.
func TestRenameAsItSettles(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFake()
		var r *rig
		settled := make(chan string, 1000)
		r = newRig(t, f, func(c *Config) {
			c.testOnlyStep = func(what string) {
				if what == "move to "+uploaded {
					settled <- what
				}
			}
		}).start()
		var want []string
		for i := range 300 {
			name := fmt.Sprint("f", 1000+i)
			e := r.at(Settling, name, remote.Ref{})
			done := make(chan error)
			go func() {
				<-settled // step is held: the rename is next, or the telling
				done <- e.Retarget(Target{Parent: folderB, Name: name})
			}()
			err := <-done
			place := "folder-b/"
			if err != nil {
				place = "folder-a/"
			}
			want = append(want, place+name+" = "+seen(long))
		}
		r.finish()
		slices.Sort(want)
		r.expect(want...)
	})
}
