package v4

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/frameiofs/frameiofs/sim/world"
)

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// call is one well-formed request by somebody we know.
type call struct {
	asked

	wire *Wire
	r    *http.Request
	by   world.Caller
	data map[string]any // the request's data object; nil without a body
}

// parse checks the request's form and that its account is one of the caller's.
func (v *Wire) parse(r *http.Request, op operation, by world.Caller) (*call, error) {
	var wrong []problem
	if id := r.PathValue("workspace_id"); id != "" && !uuidForm.MatchString(id) {
		wrong = append(wrong, fault("/workspace_id", "Invalid format. Expected :uuid"))
	}
	asked, more := op.query.parse(r.URL.RawQuery)
	if wrong = append(wrong, more...); len(wrong) > 0 {
		return nil, &refusal{status: http.StatusUnprocessableEntity, problems: wrong}
	}
	c := &call{asked: asked, wire: v, r: r, by: by}
	if op.body != nil {
		data, err := op.body.read(r)
		if err != nil {
			return nil, err
		}
		c.data = data
	}
	if account := r.PathValue("account_id"); account != "" {
		if _, err := v.world.Account(by, c.pathID("account_id")); err != nil {
			return nil, v.translate(err)
		}
	}
	return c, nil
}

// pathID returns an identifier of the path. Adobe ids and other strings are unknown to every lookup, and so not found.
func (c *call) pathID(name string) world.ID { return canonical(c.r.PathValue(name)) }

func canonical(id string) world.ID { return world.ID(strings.ToLower(id)) }

// asset looks up an asset of one of the kinds in the account of the path. One of another account does not exist.
func (c *call) asset(id world.ID, kinds ...world.Kind) (world.Asset, error) {
	a, err := c.wire.world.Asset(c.by, id)
	if err != nil {
		return a, err
	}
	for _, k := range kinds {
		if a.Kind == k && a.AccountID == c.pathID("account_id") {
			return a, nil
		}
	}
	return world.Asset{}, notFound()
}

func (c *call) folder() (world.Asset, error) { return c.asset(c.pathID("folder_id"), world.Folder) }

func (c *call) file() (world.Asset, error) { return c.asset(c.pathID("file_id"), world.File) }

func (c *call) stack() (world.Asset, error) {
	return c.asset(c.pathID("version_stack_id"), world.VersionStack)
}

// text returns a string of the request's data object.
func (c *call) text(name string) (value string, there bool) {
	value, there = c.data[name].(string)
	return value, there
}

// need is text for what the operation cannot do without, though the published schema could.
func (c *call) need(name string) (string, error) {
	value, there := c.text(name)
	if !there {
		return "", invalid("/data/"+name, "Missing field: "+name)
	}
	return value, nil
}

// destination looks up parent_id, which must be of one of the kinds; without one it is fallback.
func (c *call) destination(fallback world.ID, kinds ...world.Kind) (world.Asset, error) {
	id := fallback
	if given, there := c.text("parent_id"); there {
		id = canonical(given)
	}
	a, err := c.asset(id, world.Folder, world.VersionStack, world.File)
	if err != nil {
		return a, err
	}
	for _, k := range kinds {
		if a.Kind == k {
			return a, nil
		}
	}
	return a, invalid("/data/parent_id", "The destination cannot hold this asset")
}

// next is the relative link to the page behind cursor. It forgets include, type, sort and page_size, as Frame.io's
// does (spec: frameio-v4.md §3.1).
func (c *call) next(cursor string) *string {
	if cursor == "" {
		return nil
	}
	link := (&url.URL{Path: c.r.URL.Path, RawQuery: "after=" + escapeCursor(cursor)}).String()
	return &link
}
