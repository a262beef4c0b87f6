package intent

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

func staying(c *Config) { c.Stays = func(name string) bool { return strings.HasPrefix(name, "tmp") } }

// A folder of a name that programs give for a moment costs no call, whatever is done in it, also after a restart.
func TestTemporaryFolderStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		film := f.put(remote.File, "home", "film")
		r := newRig(t, f, staying)
		r.run()
		tmp := r.mkdir(home, "tmp1")
		in := r.mkdir(tmp.Ref, "in it")
		if !tmp.ID.Pending() || !in.ID.Pending() {
			t.Errorf("they are %s and %s", tmp.ID, in.ID)
		}
		was, err := r.Relocate(t.Context(), film, home, tmp.Ref, "old")
		r.must(err)
		r.must(r.Idle(t.Context(), film.Ref))
		time.Sleep(time.Minute)
		r.halt()
		r.must(r.Close())
		r.open()
		r.run()
		r.drain()
		r.want(f.tree(), "/film")
		r.want(r.list(home), "tmp1/")
		r.want(r.list(tmp.Ref), "in it/", "old")
		for _, i := range r.Pending() {
			if !i.Stays || i.Parked || !strings.Contains(i.Reason, "stays on this machine") {
				t.Errorf("%s %q: %q", i.What, i.Name, i.Reason)
			}
		}
		if !r.Stays(tmp.Ref) || !r.Stays(in.Ref) || r.Stays(home) {
			t.Error("the journal does not know what stays")
		}
		if n := r.Totals(); n != (Totals{Stay: 3}) {
			t.Errorf("totals %+v", n)
		}
		_, err = r.Relocate(t.Context(), was, tmp.Ref, home, "film")
		r.must(err)
		r.must(r.RemoveFolder(t.Context(), in, tmp.Ref))
		r.must(r.RemoveFolder(t.Context(), tmp, home))
		time.Sleep(time.Minute)
		if len(r.Pending()) > 0 || f.count("create")+f.count("move")+f.count("delete") > 0 {
			t.Errorf("calls %q, pending %s", f.order, r.pending())
		}
	})
}

// With another name such a folder is made, with all that is to be in it.
func TestTemporaryFolderBecomesOrdinary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := newRig(t, f, staying)
		r.run()
		tmp := r.mkdir(home, "tmp1")
		in := r.mkdir(tmp.Ref, "in")
		r.drain()
		r.want(f.tree())
		waited := make(chan error, 1)
		go func() {
			for {
				if is, ok := r.Real(in.Ref); ok {
					waited <- r.Idle(context.Background(), is)
					return
				}
				time.Sleep(time.Second)
			}
		}()
		_, err := r.Relocate(t.Context(), tmp, home, home, "shots")
		r.must(err)
		r.drain()
		r.must(<-waited)
		r.want(f.tree(), "/shots/", "/shots/in/")
		if r.Stays(tmp.Ref) || r.Stays(in.Ref) {
			t.Error("what is there stays")
		}
		is, _ := r.Real(tmp.Ref)
		_, err = r.Relocate(t.Context(), remote.Item{Ref: is, Parent: home.ID, Name: "shots"}, home, home, "tmp2")
		r.must(err)
		r.drain()
		r.want(f.tree(), "/tmp2/", "/tmp2/in/") // what is there is renamed like anything
	})
}
