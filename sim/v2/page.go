package v2

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/frameiofs/frameiofs/sim/world"
)

// Page sizes (spec: frameio-v2.md §7).
const (
	defaultPage = 50
	maxPage     = 100
)

// paging reads page and page_size; nonsense counts as absent, too much is clamped.
func (c *call) paging() (page, size int) {
	q := c.r.URL.Query()
	most := c.world.Behaviour().MaxPage
	if most == 0 {
		most = maxPage
	}
	page, size = 1, min(defaultPage, most)
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 0 {
		page = min(n, 1<<31)
	}
	if n, err := strconv.Atoi(q.Get("page_size")); err == nil && n > 0 {
		size = min(n, most)
	}
	return page, size
}

// pageHeaders are how a list tells where one is in it: the body is a bare array (spec: frameio-v2.md §7).
func (c *call) pageHeaders(page, size, total int) {
	pages := (total + size - 1) / size
	h := c.rw.Header()
	h.Set("page-number", strconv.Itoa(page))
	h.Set("per-page", strconv.Itoa(size))
	h.Set("total", strconv.Itoa(total))
	h.Set("total-pages", strconv.Itoa(pages))
	var links []string
	link := func(rel string, n int) {
		u := url.URL{Scheme: "http", Host: c.r.Host, Path: c.r.URL.Path}
		q := c.r.URL.Query()
		q.Set("page", strconv.Itoa(n))
		u.RawQuery = q.Encode()
		links = append(links, fmt.Sprintf(`<%s>; rel=%q`, u.String(), rel))
	}
	link("first", 1)
	if page > 1 {
		link("prev", page-1)
	}
	if page < pages {
		link("next", page+1)
	}
	link("last", max(pages, 1))
	h.Set("link", strings.Join(links, ", "))
}

// list answers a page of something that is small enough to be had whole.
func list[T, J any](c *call, all []T, render func(T) J) error {
	page, size := c.paging()
	c.pageHeaders(page, size, len(all))
	from := min((page-1)*size, len(all))
	out := []J{}
	for _, v := range all[from:min(from+size, len(all))] {
		out = append(out, render(v))
	}
	return c.answer(out)
}

// sortFields are the fields of frameio-v2.md §3.2 that a listing can be ordered by. comment_count is always 0 here.
var sortFields = map[string]world.Field{
	"name": world.ByName, "filesize": world.BySize, "filetype": world.ByMediaType, "id": world.ByID, "label": world.ByLabel,
	"uploaded_at": world.ByCreated, "inserted_at": world.ByCreated, "comment_count": "",
}

// order reads sort: comma-chained fields, "-" for descending. An unknown field is refused, so that a client notices.
func (c *call) order() ([]world.Order, error) {
	var order []world.Order
	for _, f := range words(c.r.URL.Query()["sort"]) {
		name, desc := strings.CutPrefix(f, "-")
		field, ok := sortFields[name]
		if !ok {
			return nil, &world.Error{Kind: world.ErrInvalid, Field: "sort", Detail: "cannot sort by " + name}
		}
		if field != "" {
			order = append(order, world.Order{Field: field, Desc: desc})
		}
	}
	return order, nil
}

// includes tells whether ?include= names word.
func (c *call) includes(word string) bool {
	return slices.Contains(words(c.r.URL.Query()["include"]), word)
}

// words splits comma lists, given once or several times.
func words(values []string) (out []string) {
	for _, v := range values {
		for _, w := range strings.Split(v, ",") {
			if w = strings.TrimSpace(w); w != "" {
				out = append(out, w)
			}
		}
	}
	return out
}

func (c *call) flag(name string) bool {
	b, err := strconv.ParseBool(c.r.URL.Query().Get(name))
	return err == nil && b
}
