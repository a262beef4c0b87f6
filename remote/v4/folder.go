package v4

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"sync"

	"github.com/frameiofs/frameiofs/remote"
)

// folder lists what is in a folder. The walk through its children, the trunk, is the one that tells everything; but its
// pages come one after the other, for each tells where the next begins. So for whoever waits, helpers walk beside it through
// the lists by type, which can be sorted, from both ends; and if the trunk's limit is used up, these lists alone will do:
// they have limits of their own (spec: frameio-v4.md §3.2, §7).
func (c *Client) folder(ctx context.Context, ref remote.Ref) iter.Seq2[asset, error] {
	return func(yield func(asset, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		g := &gathering{c: c, ctx: ctx, ref: ref, yield: yield, pages: make(chan brought, 4), left: make(chan struct{}), seen: map[remote.ID]bool{}}
		defer g.running.Wait()
		defer close(g.left)
		defer cancel()
		if !g.better() || !g.typed() {
			g.trunk()
		}
	}
}

// gathering is one listing of a folder, under way. What is in it belongs to the goroutine that iterates.
type gathering struct {
	c     *Client
	ctx   context.Context
	ref   remote.Ref
	yield func(asset, error) bool
	pages chan brought
	left  chan struct{}      // closed when nobody takes pages any more
	seen  map[remote.ID]bool // what has been told

	running sync.WaitGroup
}

// walker is one walk through one list, in a goroutine of its own.
type walker struct {
	ask   ask
	tally tally
	last  bool // its last page has come
	again bool // it is the second walk through this list
	stop  context.CancelFunc
	over  bool // stopped: what still comes of it does not count
}

// brought is what a walker brings: a page, or why there is none.
type brought struct {
	by   *walker
	page page[asset]
	err  error
}

func (g *gathering) list(endpoint, name string, query url.Values) ask {
	q := size(assetPageSize)
	for k, v := range query {
		q[k] = v
	}
	return ask{op: "list folder", ref: g.ref, endpoint: endpoint, account: g.ref.Account,
		path: []string{"folders", string(g.ref.ID), name}, query: q}
}

func (g *gathering) children() ask { return g.list("folders.index", "children", nil) }

func (g *gathering) start(a ask) *walker {
	ctx, stop := context.WithCancel(g.ctx)
	w := &walker{ask: a, tally: newTally(), stop: stop}
	g.running.Go(func() {
		defer stop()
		bring := func(p page[asset], err error) bool {
			select {
			case g.pages <- brought{w, p, err}:
				return true
			case <-g.left:
				return false
			}
		}
		if err := remote.Contain(g.c.conn.Log(), "list folder", func() error {
			walk[asset](ctx, g.c, a)(bring)
			return nil
		}); err != nil {
			bring(page[asset]{}, err)
		}
	})
	return w
}

func (w *walker) end() {
	if w != nil {
		w.over = true
		w.stop()
	}
}

// finish answers what remains to be walked of w's list after its last page: nothing, or once more if the list changed.
func (g *gathering) finish(w *walker) *walker {
	if w.again || w.tally.whole() {
		return nil
	}
	next := g.start(w.ask)
	next.again = true
	return next
}

// take tells what is new on a page. It answers how much was not, and false if nobody wants more.
func (g *gathering) take(b brought) (known int, more bool) {
	count(&b.by.tally, b.page)
	b.by.last = b.page.Links.Next == ""
	for _, one := range b.page.Data {
		switch {
		case one.ID == "":
		case g.seen[one.ID]:
			known++
		default:
			g.seen[one.ID] = true
			if !g.yield(one, nil) {
				return known, false
			}
		}
	}
	return known, true
}

// better reports whether the three lists by type are to be had sooner than the children.
func (g *gathering) better() bool {
	wait := g.c.delay(g.ctx, g.children())
	return wait > 0 && g.c.delay(g.ctx, g.files("")) < wait && g.c.delay(g.ctx, g.folders()) < wait && g.c.delay(g.ctx, g.stacks()) < wait
}

func (g *gathering) files(sort string) ask {
	if sort == "" {
		return g.list("files.list", "files", nil)
	}
	return g.list("files.list", "files", url.Values{"sort": {sort}})
}

func (g *gathering) folders() ask { return g.list("folders.list", "folders", nil) }
func (g *gathering) stacks() ask  { return g.list("version_stacks.list", "version_stacks", nil) }

// typed walks the lists by type side by side. It answers false if one of them failed: then the trunk tells what is missing.
func (g *gathering) typed() (done bool) {
	walkers := map[*walker]bool{}
	for _, a := range []ask{g.files(""), g.folders(), g.stacks()} {
		walkers[g.start(a)] = true
	}
	for len(walkers) > 0 {
		b := <-g.pages
		if b.err != nil {
			for w := range walkers {
				w.end()
			}
			var e *remote.Error
			if g.ctx.Err() != nil || errors.As(b.err, &e) && e.Status == 0 && errors.Is(e, remote.ErrOffline) {
				g.yield(asset{}, b.err) // no link is no better for the trunk
				return true
			}
			return false
		}
		if _, more := g.take(b); !more {
			return true
		}
		if b.by.last {
			delete(walkers, b.by)
			if next := g.finish(b.by); next != nil {
				walkers[next] = true
			}
		}
	}
	return true
}
