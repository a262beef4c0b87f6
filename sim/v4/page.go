package v4

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/frameiofs/frameiofs/sim/world"
)

// listing is the answer of every listing.
type listing struct {
	Data       any   `json:"data"`
	Links      links `json:"links"`
	TotalCount *int  `json:"total_count"` // only when asked for
}

type links struct {
	Next *string `json:"next"` // null on the last page
}

// cursor is where a page begins. Clients see it as one opaque base64 word.
type cursor struct {
	Offset int    `json:"offset,omitempty"` // so many entries in
	Key    string `json:"key,omitempty"`    // behind the entry with this key
	ID     string `json:"id,omitempty"`     // with Key: breaks ties
}

func (p cursor) encode() string {
	raw, _ := json.Marshal(p) // cannot fail: two strings and a number
	return base64.StdEncoding.EncodeToString(raw)
}

// escapeCursor escapes what would not survive a query. "=" stays, as in Frame.io's own links.
func escapeCursor(c string) string { return strings.NewReplacer("+", "%2B", "/", "%2F").Replace(c) }

// position reads the after parameter.
func (c *call) position() (cursor, error) {
	var p cursor
	if c.after == "" {
		return p, nil
	}
	raw, err := base64.StdEncoding.DecodeString(c.after)
	if err != nil || json.Unmarshal(raw, &p) != nil || p.Offset < 0 || p == (cursor{}) {
		return p, invalid("/after", "Invalid cursor")
	}
	return p, nil
}

// listAssets answers with a page of the children of parent.
func (c *call) listAssets(parent world.Asset, kinds []world.Kind) (int, any, error) {
	if err := c.mayLink(parent.ProjectID); err != nil {
		return 0, nil, err
	}
	at, err := c.position()
	if err != nil {
		return 0, nil, err
	}
	page, err := c.wire.world.List(c.by, world.Query{
		Parent: parent.ID, Kinds: kinds, Order: assetOrder(c.sort),
		Limit: c.pageSize, Offset: at.Offset, After: at.Key,
	})
	if err != nil {
		return 0, nil, err
	}
	data := make([]any, 0, len(page.Assets))
	show := c.view()
	for _, a := range page.Assets {
		one, err := show.asset(a)
		if err != nil {
			return 0, nil, err
		}
		data = append(data, one)
	}
	out := listing{Data: data}
	if page.NextOffset > 0 {
		next := cursor{Offset: page.NextOffset}
		if c.wire.world.Behaviour().Cursor == world.CursorKeyset {
			next = cursor{Key: page.NextKey}
		}
		out.Links.Next = c.next(next.encode())
	}
	if c.total && !c.wire.world.Behaviour().NoTotal {
		out.TotalCount = &page.Total
	}
	return http.StatusOK, out, nil
}

// assetOrder is the order a sort value asks for; the world's own without one.
func assetOrder(sort string) []world.Order {
	field, desc := splitSort(sort)
	fields := map[string]world.Field{
		"name": world.ByName, "created_at": world.ByCreated, "updated_at": world.ByUpdated, "file_size": world.BySize,
	}
	if fields[field] == "" {
		return nil
	}
	return []world.Order{{Field: fields[field], Desc: desc}}
}

func splitSort(sort string) (field string, desc bool) {
	if field, desc = strings.CutSuffix(sort, "_desc"); desc {
		return field, true
	}
	return strings.TrimSuffix(sort, "_asc"), false
}

// entry is one row of a listing of accounts, workspaces or projects.
type entry struct {
	id, name string
	created  time.Time
	show     func() (any, error)
}

// list answers with a page of entries, sorted by name unless asked otherwise. These listings page by keyset, as
// Frame.io's do (spec: frameio-v4.md §3.1), and so neither skip nor repeat when entries come and go.
func (c *call) list(all []entry) (int, any, error) {
	at, err := c.position()
	if err != nil {
		return 0, nil, err
	}
	field, desc := splitSort(c.sort)
	key := func(e entry) cursor {
		if field == "created_at" {
			return cursor{Key: stamp(e.created), ID: e.id}
		}
		return cursor{Key: e.name, ID: e.id}
	}
	compare := func(a, b cursor) int {
		d := cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
		if desc {
			return -d
		}
		return d
	}
	slices.SortFunc(all, func(a, b entry) int { return compare(key(a), key(b)) })
	out, rest := listing{}, all
	if c.after != "" {
		rest = slices.DeleteFunc(slices.Clone(all), func(e entry) bool { return compare(key(e), at) <= 0 })
	}
	page := rest[:min(len(rest), c.pageSize)]
	if len(page) < len(rest) {
		out.Links.Next = c.next(key(page[len(page)-1]).encode())
	}
	data := make([]any, 0, len(page))
	for _, e := range page {
		one, err := e.show()
		if err != nil {
			return 0, nil, err
		}
		data = append(data, one)
	}
	out.Data = data
	if c.total && !c.wire.world.Behaviour().NoTotal {
		n := len(all)
		out.TotalCount = &n
	}
	return http.StatusOK, out, nil
}
