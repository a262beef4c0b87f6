package intent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// The versions of a stack go one by one, and where the last stands alone for a moment it is not shown, nor left if the deletion was cut off.
func TestWhatIsLeftOfADeletedStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		stack, other := f.put(remote.Stack, "home", "film"), f.put(remote.File, "home", "other")
		last := f.put(remote.File, "home", "film")
		stack.Content = last.ID
		r := newRig(t, f)
		r.must(r.Remove(t.Context(), stack, home))
		r.want(r.list(home), "other")
		f.mu.Lock()
		delete(f.nodes, stack.ID) // the deletion was sent, and got that far, before this machine went down
		f.mu.Unlock()
		r.must(r.Close())
		r.open()
		r.want(r.list(home), "other")
		r.run()
		time.Sleep(time.Minute)
		r.drain()
		r.want(f.tree(), "/"+other.Name)
	})
}
