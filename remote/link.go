package remote

import (
	"context"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Link is where the bytes of a file can be read for a while.
type Link struct {
	URL  string
	Size int64 // bytes, as Frame.io's API has it
}

// Expires reads from a signed URL until when it is good: CloudFront's Expires, or S3's X-Amz-Date plus X-Amz-Expires
// (spec: frameio-v2.md §5.4, §6). It answers zero if the URL does not tell.
func Expires(raw string) time.Time {
	u, err := url.Parse(raw)
	if err != nil {
		return time.Time{}
	}
	q := u.Query()
	if at, err := strconv.ParseInt(q.Get("Expires"), 10, 64); err == nil && at > 0 && at < 1<<40 {
		return time.Unix(at, 0).UTC()
	}
	from, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}
	}
	life, err := strconv.ParseInt(q.Get("X-Amz-Expires"), 10, 64)
	if err != nil || life < 0 || life > 10*365*24*3600 {
		return time.Time{}
	}
	return from.Add(time.Duration(life) * time.Second)
}

// links keeps the signed link of every file that is being read, so that a thousand reads cost one call.
type links struct {
	mu      sync.Mutex
	entries map[ID]*link
}

// link is one file's entry. Whoever holds busy may fetch; the others wait for it and then find the new link.
type link struct {
	busy chan struct{} // of capacity 1: a lock that a context can leave

	mu    sync.Mutex // guards what follows
	now   Link
	until time.Time // our clock; from then on it is fetched anew
	etag  string    // of the first GET; another one means other bytes
}

const (
	maxLinks   = 4096
	linkMargin = time.Minute
	// linkLife bounds a link that does not tell when it ends.
	linkLife = 30 * time.Minute
)

func (l *links) of(id ID) *link {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[id]
	if e == nil {
		if len(l.entries) >= maxLinks {
			for k := range l.entries { // any of them will do: it costs one call to have it back
				delete(l.entries, k)
				break
			}
		}
		e = &link{busy: make(chan struct{}, 1)}
		l.entries[id] = e
	}
	return e
}

func (l *links) drop(id ID, e *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries[id] == e {
		delete(l.entries, id)
	}
}

// get answers a link that is good by the clock and is not the refused one, fetching at most one at a time.
func (e *link) get(ctx context.Context, c *Conn, refused string, fetch func(context.Context) (Link, error)) (Link, error) {
	if l, ok := e.fresh(refused); ok {
		return l, nil
	}
	select {
	case e.busy <- struct{}{}:
		defer func() { <-e.busy }()
	case <-ctx.Done():
		return Link{}, ctx.Err()
	}
	if l, ok := e.fresh(refused); ok {
		return l, nil
	}
	l, err := fetch(ctx)
	if err != nil {
		return Link{}, err
	}
	u, err := c.parseLink(l.URL)
	if err != nil {
		return Link{}, err
	}
	c.pool.expect(u)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now, e.until = l, c.LinkUntil(l.URL, time.Now())
	return l, nil
}

// LinkUntil answers until when (by our clock) a signed link should be used that was got at the given time.
func (c *Conn) LinkUntil(raw string, got time.Time) time.Time {
	end := got.Add(linkLife)
	if at := Expires(raw); !at.IsZero() {
		end = at.Add(-time.Duration(c.skew.Load()))
	}
	// Near noon and midnight UTC a new link may live for seconds only (spec: frameio-v4.md §4.3): the margin shrinks with it.
	return end.Add(-min(linkMargin, max(0, end.Sub(got))/4))
}

func (e *link) fresh(refused string) (Link, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now, e.now.URL != "" && e.now.URL != refused && time.Now().Before(e.until)
}

// same reports whether tag belongs to the bytes that were read before. The first tag seen is the one.
func (e *link) same(tag string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.etag == "" {
		e.etag = tag
	}
	return tag == "" || tag == e.etag
}
