package world

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
)

// cursor is what a Page.NextKey holds: where the page ended, by number and by the ordered fields of its last child.
type cursor struct {
	Off     int
	ID      ID
	Name    string
	Created time.Time
	Updated time.Time
	Size    int64
	Type    string
	Label   string
}

// List returns a page of children. Children of a stack are its versions, newest first. A file has no children (spec:
// frameio-v2.md §3.2).
func (w *World) List(by Caller, q Query) (Page, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	see := w.see
	if q.Deleted {
		see = w.seeDead
	}
	n, err := see(by, q.Parent)
	if err != nil {
		return Page{}, err
	}
	order := q.Order
	if len(order) == 0 && n.a.Kind != VersionStack {
		order = w.defaultOrder()
	}
	all := w.children(n, order, q.Deleted)
	if len(q.Kinds) > 0 {
		all = slices.DeleteFunc(slices.Clone(all), func(a *Asset) bool { return !slices.Contains(q.Kinds, a.Kind) })
	}
	off, err := w.offset(all, order, q)
	if err != nil {
		return Page{}, err
	}
	end := len(all)
	if q.Limit > 0 && q.Limit < end-off {
		end = off + q.Limit
	}
	p := Page{Total: len(all), Assets: make([]Asset, 0, end-off)}
	for _, a := range all[off:end] {
		p.Assets = append(p.Assets, w.listed(a))
	}
	if end < len(all) {
		p.NextOffset = end
		p.NextKey = encodeCursor(end, all[end-1])
	}
	return p, nil
}

// listed fills a child as the listing knows it, which with ListLag is not always as it is.
func (w *World) listed(a *Asset) Asset {
	n := w.nodes[a.ID]
	if n.a == a {
		return w.fill(n)
	}
	past := &node{a: a, kids: n.kids}
	past.views.Store(n.views.Load())
	return w.fill(past)
}

func (w *World) defaultOrder() []Order {
	switch w.behaviour.ListOrder {
	case ListByCreated:
		return []Order{{Field: ByCreated}}
	case ListRandom:
		return []Order{{Field: ByRandom}}
	}
	return []Order{{Field: ByName}}
}

// offset is where in all the page begins.
func (w *World) offset(all []*Asset, order []Order, q Query) (int, error) {
	if q.After == "" {
		if q.Offset < 0 {
			return 0, fail(ErrInvalid, "offset", "the offset is negative")
		}
		return min(q.Offset, len(all)), nil
	}
	c, err := decodeCursor(q.After)
	if err != nil {
		return 0, fail(ErrInvalid, "after", "the cursor is not valid")
	}
	if len(order) == 0 { // a stack's own order has no key but the place
		if i := slices.IndexFunc(all, func(a *Asset) bool { return a.ID == c.ID }); i >= 0 {
			return i + 1, nil
		}
		return min(max(c.Off, 0), len(all)), nil
	}
	last := &Asset{ID: c.ID, Name: c.Name, Created: c.Created, Updated: c.Updated, Size: c.Size, MediaType: c.Type, Label: c.Label}
	i, found := slices.BinarySearchFunc(all, last, comparator(order))
	if found {
		i++
	}
	return i, nil
}

func encodeCursor(off int, a *Asset) string {
	raw, err := json.Marshal(cursor{off, a.ID, a.Name, a.Created, a.Updated, a.Size, a.MediaType, a.Label})
	if err != nil {
		panic("world: a cursor always marshals: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func decodeCursor(s string) (c cursor, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	return c, err
}

// children returns the sorted children, from the folder's memory if nothing has changed since.
func (w *World) children(n *node, order []Order, deleted bool) []*Asset {
	if w.behaviour.ListLag > 0 {
		if past := w.pastChildren(n, order); past != nil && !deleted {
			return past
		}
	}
	key := fmt.Sprint(order, deleted)
	if s, ok := n.sorted[key]; ok {
		return s
	}
	ids := n.kids
	if deleted {
		ids = slices.Concat(n.kids, n.dead)
	}
	all := make([]*Asset, len(ids))
	for i, id := range ids {
		all[i] = w.nodes[id].a
	}
	sortAssets(all, order, n.a.Versions)
	if n.sorted == nil {
		n.sorted = make(map[string][]*Asset)
	}
	n.sorted[key] = all
	return all
}

// pastChildren undoes the changes younger than ListLag, latest first; nil if there are none.
func (w *World) pastChildren(n *node, order []Order) []*Asset {
	since := w.now().Add(-time.Duration(w.behaviour.ListLag))
	was := make(map[ID]*Asset)
	for _, c := range slices.Backward(n.recent) {
		if c.at.After(since) {
			was[c.id] = c.before
		}
	}
	if len(was) == 0 {
		return nil
	}
	all := make([]*Asset, 0, len(n.kids))
	for _, id := range n.kids {
		if _, changed := was[id]; !changed {
			all = append(all, w.nodes[id].a)
		}
	}
	for _, a := range was {
		if a != nil {
			all = append(all, a)
		}
	}
	sortAssets(all, order, n.a.Versions)
	return all
}

// sortAssets sorts by order; without one, by place in versions, newest first.
func sortAssets(all []*Asset, order []Order, versions []ID) {
	if len(order) > 0 {
		slices.SortFunc(all, comparator(order))
		return
	}
	place := make(map[ID]int, len(versions))
	for i, id := range versions {
		place[id] = i + 1 // deleted versions have none and come last
	}
	slices.SortStableFunc(all, func(a, b *Asset) int { return place[b.ID] - place[a.ID] })
}

func comparator(order []Order) func(a, b *Asset) int {
	return func(a, b *Asset) int {
		for _, o := range order {
			c := compareBy(o.Field, a, b)
			if o.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	}
}

func compareBy(f Field, a, b *Asset) int {
	switch f {
	case ByName:
		return strings.Compare(a.Name, b.Name)
	case ByCreated:
		return a.Created.Compare(b.Created)
	case ByUpdated:
		return a.Updated.Compare(b.Updated)
	case BySize:
		return cmp.Compare(a.Size, b.Size)
	case ByMediaType:
		return strings.Compare(a.MediaType, b.MediaType)
	case ByLabel:
		return strings.Compare(a.Label, b.Label)
	case ByID:
		return cmp.Compare(a.ID, b.ID)
	case ByRandom:
		return cmp.Compare(xxhash.Sum64String(string(a.ID)), xxhash.Sum64String(string(b.ID)))
	}
	return 0
}
