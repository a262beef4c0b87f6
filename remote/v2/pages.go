package v2

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

const (
	pageSize = 100     // more may be clamped (spec: frameio-v2.md §7)
	ahead    = 24      // pages that are fetched at once for somebody who waits
	behind   = 4       // pages that are fetched at once when nobody does
	minPage  = 10      // no list is known to have smaller full pages (spec: frameio-v2.md §7)
	maxPages = 100_000 // ends a listing that would not: 10 million assets
	maxIdle  = 32      // so many pages in a row may bring nothing new: what is on them is in the trash, or hidden
)

// keyed is something a list has at most once.
type keyed interface {
	key() remote.ID
	gone() bool // in the trash
}

// page is one page of a list; pages and total are -1 if the headers do not tell.
type page[T any] struct {
	data         []T
	pages, total int
}

// list walks through a list's pages. They are offsets into a list that may change under way: what comes twice is told once,
// and if the counts say that the list changed it is walked once more for what was missed (spec: frameio-v2.md §7).
func list[T keyed](ctx context.Context, c *Client, a ask) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		seen := map[remote.ID]bool{}
		for range 2 {
			met, total, pages, idle := map[remote.ID]bool{}, -1, 0, 0
			steady := true
			for p, err := range walk[T](ctx, c, a) {
				if err != nil {
					var none T
					yield(none, err)
					return
				}
				pages++
				known := len(met)
				if p.total >= 0 {
					steady = steady && (total < 0 || total == p.total)
					total = p.total
				}
				for _, one := range p.data {
					id := one.key()
					if id == "" {
						continue
					}
					met[id] = true
					if seen[id] || one.gone() {
						continue
					}
					seen[id] = true
					if !yield(one, nil) {
						return
					}
				}
				if p.pages < 0 && len(met) == known {
					break // without headers, a page with nothing new is the end: the list may not be paged at all
				}
				if idle++; len(met) > known {
					idle = 0
				}
				if idle == maxIdle {
					var none T
					yield(none, &remote.Error{Op: a.op, Ref: a.ref, Err: fmt.Errorf("%w: the list does not end", remote.ErrNotFrameio)})
					return
				}
			}
			if pages < 2 || steady && (total < 0 || total == len(met)) {
				return
			}
		}
	}
}

// walk yields the pages of a list once through and in order. Once the first tells how many there are, the next few are
// fetched while one is being looked at.
func walk[T any](ctx context.Context, c *Client, a ask) iter.Seq2[page[T], error] {
	return func(yield func(page[T], error) bool) {
		first, err := fetch[T](ctx, c, a, 1)
		if !yield(first, err) || err != nil {
			return
		}
		if first.pages < 0 {
			walkOn(ctx, c, a, first, yield)
			return
		}
		type answer struct {
			page[T]
			err error
		}
		var fetchers sync.WaitGroup
		defer fetchers.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var queue []chan answer
		for next := 2; next <= min(first.pages, maxPages) || len(queue) > 0; {
			for ; next <= min(first.pages, maxPages) && len(queue) < abreast(ctx); next++ {
				number, ch := next, make(chan answer, 1)
				queue = append(queue, ch)
				fetchers.Go(func() {
					var got answer
					got.err = remote.Contain(c.conn.Log(), a.op, func() (err error) {
						got.page, err = fetch[T](ctx, c, a, number)
						return err
					})
					ch <- got
				})
			}
			got := <-queue[0]
			queue = queue[1:]
			if !yield(got.page, got.err) || got.err != nil {
				return
			}
		}
	}
}

// abreast is how many pages are fetched at once, now: somebody may have come to wait for them.
func abreast(ctx context.Context) int {
	if remote.PriorityOf(ctx) <= remote.Ahead {
		return ahead
	}
	return behind
}

// walkOn goes on without knowing how many pages there are, nor what size makes a page full, up to one that is shorter.
func walkOn[T any](ctx context.Context, c *Client, a ask, last page[T], yield func(page[T], error) bool) {
	full := len(last.data)
	for number := 2; full >= minPage && len(last.data) >= full; number++ {
		if number > maxPages {
			yield(last, &remote.Error{Op: a.op, Ref: a.ref, Err: fmt.Errorf("%w: the list does not end", remote.ErrNotFrameio)})
			return
		}
		var err error
		if last, err = fetch[T](ctx, c, a, number); !yield(last, err) || err != nil {
			return
		}
	}
}

func fetch[T any](ctx context.Context, c *Client, a ask, number int) (page[T], error) {
	a.method = http.MethodGet
	query := url.Values{"page": {strconv.Itoa(number)}, "page_size": {strconv.Itoa(pageSize)}}
	maps.Copy(query, a.query)
	a.query = query
	p := page[T]{}
	if number > 1 {
		p.data = make([]T, 0, pageSize)
	}
	h, err := c.do(ctx, a, &p.data)
	if err != nil {
		return p, err
	}
	if assets, ok := any(p.data).([]asset); ok {
		c.listed.note(assets, time.Now())
	}
	p.pages, p.total = header(h, "Total-Pages"), header(h, "Total")
	return p, nil
}

func header(h http.Header, key string) int {
	n, err := strconv.Atoi(h.Get(key))
	if err != nil || n < 0 {
		return -1
	}
	return n
}
