package v2

import (
	"fmt"
	"sync"
	"time"

	"github.com/frameiofs/frameiofs/remote"
)

// link answers the signed address of a file's bytes, or why there is none to use. It is there before the bytes are
// (spec: frameio-v2.md §6).
func (a *asset) link() (remote.Link, error) {
	switch {
	case a.Watermarked:
		// What is served then is made for this reader: neither its size nor its bytes are the file's.
		return remote.Link{}, fmt.Errorf("%w: it is watermarked for every viewer", remote.ErrDownload)
	case !a.Completed.Set:
		return remote.Link{}, remote.ErrIncomplete
	case a.Original == "":
		return remote.Link{}, remote.ErrDownload
	}
	return remote.Link{URL: a.Original, Size: int64(a.Size)}, nil
}

// maxListed bounds how many links of listed files are remembered: 4 MB or less.
const maxListed = 4096

// listed remembers the links that come with every listing (spec: frameio-v2.md §3.2), so that reading a file that was
// listed costs no call. The zero listed is empty.
type listed struct {
	mu    sync.Mutex // guards what follows
	links map[remote.ID]listedLink
	order [maxListed]remote.ID // a ring: whom the next one replaces stands at next
	next  int
}

type listedLink struct {
	remote.Link
	at time.Time
}

// note remembers the links of a page's files, and of the newest files of its stacks.
func (l *listed) note(page []asset, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.links == nil {
		l.links = make(map[remote.ID]listedLink)
	}
	for i := range page {
		a := &page[i]
		if a.Cover != nil {
			a = a.Cover
		}
		if a.typ() != "file" || a.gone() {
			continue
		}
		if link, err := a.link(); err == nil {
			l.put(a.ID, listedLink{link, at})
		}
	}
}

func (l *listed) put(id remote.ID, link listedLink) {
	if _, known := l.links[id]; !known {
		delete(l.links, l.order[l.next])
		l.order[l.next] = id
		l.next = (l.next + 1) % maxListed
	}
	l.links[id] = link
}

// take answers a file's link if it is still good, and forgets it: whoever comes again wants a newer one.
func (l *listed) take(id remote.ID, now time.Time, until func(url string, got time.Time) time.Time) (remote.Link, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	link, ok := l.links[id]
	if !ok {
		return remote.Link{}, false
	}
	l.links[id] = listedLink{} // it keeps its place in the ring
	return link.Link, link.URL != "" && now.Before(until(link.URL, link.at))
}
