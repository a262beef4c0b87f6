package intent

import (
	"context"
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

// lateMaker answers late that a folder was made.
type lateMaker struct {
	*fake
	late time.Duration
}

func (l lateMaker) CreateFolder(ctx context.Context, parent remote.Ref, name string) (remote.Item, error) {
	it, err := l.fake.CreateFolder(ctx, parent, name)
	time.Sleep(l.late)
	return it, err
}

// A folder whose making is waited for may be on Frame.io before its answer is here. It is not shown by the id that it has there: when the
// wait is over it goes by a pending one, and would be there twice.
func TestAFolderThatIsWaitedForIsNotListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f, func(c *Config) { c.Remote, c.Patience = lateMaker{f, time.Second}, 200*time.Millisecond })
		r.run()
		listed := make(chan []string)
		go func() {
			time.Sleep(100 * time.Millisecond)
			listed <- r.list(home)
		}()
		a := r.mkdir(home, "a")
		r.want(<-listed)
		if !a.ID.Pending() {
			t.Errorf("made as %s", a.ID)
		}
		r.want(r.list(home), "a/")
		r.drain()
		r.want(r.list(home), "a/")
		r.want(f.tree(), "/a/")
	})
}
